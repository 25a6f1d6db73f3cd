export type SqlRow = Record<string, unknown>
export type SqlQuery = (sql: string, values?: readonly unknown[]) => Promise<SqlRow[]>

/** A PostgreSQL that several processes share. All of it throws `STATE_UNREACHABLE`, `STATE_READ_ONLY`, `STATE_UNFIT`, `DISK_FULL`. */
export interface SqlDatabase extends AsyncDisposable {
  /** For people: without the password. */
  readonly name: string
  /** One statement that only reads; asked again when the connection was lost. */
  readonly read: SqlQuery
  /**
   * All or nothing, and nothing when `work` returns undefined. Done again from its beginning when it met another change, or when the connection was lost and it did not come about; when that
   * happened at its very end, the database is asked whether it did.
   */
  change<T>(work: (query: SqlQuery) => Promise<T | undefined>): Promise<T | undefined>
  /** Rows of statements, one after the other, `pageRows` at a time, all as they were when it began. */
  pages(statements: readonly string[], pageRows: number): AsyncIterable<SqlRow[]>
  /**
   * Hears what is said on a channel, by `pg_notify`, from when it resolves until it is disposed; until then whoever wants to be alone there is refused.
   * @throws {MuttrError} `HOME_IN_USE` when somebody is there who wants to be alone, or when we do and are not.
   */
  join(o: {
    channel: string
    /** @param message undefined when something may have been missed. */
    heard: (message: string | undefined) => void
    alone: boolean
    /** Others see it in {@link listeners}. */
    says: string
  }): Promise<AsyncDisposable>
  /** What those who joined say, whichever channel; undefined of a program that said nothing yet. */
  listeners(): Promise<(string | undefined)[]>
}

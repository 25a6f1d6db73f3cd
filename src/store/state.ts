export type Change =
  | { type: 'put'; table: string; key: string; value: Uint8Array }
  /** The whole write fails, with nothing written, when the key is there already. */
  | { type: 'insert'; table: string; key: string; value: Uint8Array }
  | { type: 'delete'; table: string; key: string }
  /** Appends to a log; sequences of a log start at 1, grow by one and are never reused. */
  | { type: 'append'; log: string; entry: Uint8Array }
  /** Drops a log's entries up to and including `through`. */
  | { type: 'trim'; log: string; through: number }

/** The logs that a write appends to. */
export const appendedBy = (changes: readonly Change[]): string[] =>
  changes.flatMap(change => (change.type === 'append' ? [change.log] : []))

export type Put = Extract<Change, { type: 'put' }>

export interface Row {
  key: string
  value: Uint8Array
}
interface LogEntry {
  sequence: number
  entry: Uint8Array
}

/**
 * Small tables and append-only logs of one node: a pod's accounts and mailboxes, a client's letters and outbox.
 * Names of tables and logs are plain text of 1 to 200 characters without NUL; keys are text without NUL, at most 512 characters.
 */
export interface State extends AsyncDisposable {
  get(table: string, key: string): Promise<Uint8Array | undefined>
  /** Rows in ascending order of key (by UTF-8 bytes), or descending with `reverse`. */
  list(
    table: string,
    range?: { gte?: string; gt?: string; lt?: string; limit?: number; reverse?: boolean }
  ): Promise<Row[]>
  /**
   * All or nothing, and durable when it resolves, also against power loss. Writes apply one after the other.
   * @returns `ok` false when an `insert` met an existing key; else the sequences the appends got, in order.
   * @throws {MuttrError} `DISK_FULL`
   */
  write(changes: readonly Change[]): Promise<{ ok: boolean; sequences: number[] }>
  /** Entries after sequence `after`, ascending, at most `limit`. */
  page(log: string, after: number, limit: number): Promise<LogEntry[]>
  /**
   * Every row of every table, as they were when it began, whatever is written meanwhile. Logs are left out.
   * @throws {MuttrError} `HOME_DAMAGED`
   */
  rows(): AsyncIterable<Row & { table: string }>
  /** Calls back after each write that appended to `log`; a hint only, the reader pages from its last cursor. */
  watch(log: string, wake: () => void): Disposable
}

/** One piece of all that is in a state. */
export type Content =
  | (Row & { table: string })
  /** The last number that a log has given, whether its entry is still there or not; comes before its entries. */
  | { log: string; last: number }
  | (LogEntry & { log: string })

/** A state that can be taken whole: to be kept, or moved to another. */
export interface WholeState extends State {
  /** All there is, as it was when it began, whatever is written meanwhile. @throws {MuttrError} `HOME_DAMAGED` */
  contents(): AsyncIterable<Content>
  /**
   * Takes what another had. The state is empty before; when it is ended in between, some of it is there.
   * @throws {MuttrError} `HOME_EXISTS` when it is not empty
   */
  fill(contents: AsyncIterable<Content>): Promise<void>
}

import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Database } from '../../net/postgres/database.ts'
import type { Plan } from './plan.ts'

/** What a run found and what it took, as they stand in the files of a folder. */
export interface RunTexts {
  result: string
  cost: string
}

/** The runs of one sweep in a PostgreSQL, for workers on any number of machines. Source: docs/decisions/036-queue.md */
export interface Queue {
  /** One that nobody has, or whose worker has fallen silent; undefined when there is none just now. */
  take(): Promise<string | undefined>
  /** Says that these are still worked on. */
  keep(ids: readonly string[]): Promise<void>
  /** Others may have these at once. @param begun whether the attempt counts. */
  release(ids: readonly string[], begun: boolean): Promise<void>
  /** @throws {MuttrError} `OUTPUT_DAMAGED` when it is there already, and otherwise. */
  finish(id: string, texts: RunTexts): Promise<void>
  state(): Promise<{ done: string[]; stuck: string[] }>
  /** Undefined where there is no result yet. @throws {MuttrError} `OUTPUT_DAMAGED` */
  read(id: string): Promise<RunTexts | undefined>
}

/** A run that never ended so often is not begun again: it would end one worker after the other. */
export const triesMax = 3
/** Of one result. */
const resultBytesMax = 512 * 1024 * 1024

/** The number is ours: whoever makes the tables at the same time waits. */
const tables = `
  SELECT pg_advisory_xact_lock(7305601840417036);
  CREATE SCHEMA IF NOT EXISTS muttr_sim;
  CREATE TABLE IF NOT EXISTS muttr_sim.sweeps (
    name text PRIMARY KEY,
    plan text NOT NULL
  );
  CREATE TABLE IF NOT EXISTS muttr_sim.runs (
    sweep text NOT NULL REFERENCES muttr_sim.sweeps ON DELETE CASCADE,
    id text NOT NULL,
    place integer NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    worker text,
    leased_until timestamptz,
    result text,
    cost text,
    PRIMARY KEY (sweep, id)
  );
  CREATE INDEX IF NOT EXISTS runs_open ON muttr_sim.runs (sweep, place) WHERE result IS NULL;`

/** Makes the tables where they are not there; who may not make them can still work where they are. */
async function prepare(database: Database): Promise<void> {
  const [found] = await database.query(`SELECT to_regclass('muttr_sim.runs_open') AS there`)
  if (found?.there === null) await database.query(tables)
}

/** Sweeps by name, each with its plan.json. */
export async function listSweeps(database: Database): Promise<{ name: string; plan: string }[]> {
  await prepare(database)
  const rows = await database.query('SELECT name, plan FROM muttr_sim.sweeps ORDER BY name')
  return rows.map(({ name, plan }) => ({ name: String(name), plan: String(plan) }))
}

/** Ids of the runs that a sweep of this name has a result of; none where there is no such sweep. */
export async function doneIn(database: Database, sweep: string): Promise<string[]> {
  await prepare(database)
  const rows = await database.query(
    'SELECT id FROM muttr_sim.runs WHERE sweep = $1 AND result IS NOT NULL',
    [sweep]
  )
  return rows.map(({ id }) => String(id))
}

/**
 * Enters the sweep, unless it is there.
 * @returns the plan.json of whoever entered it first.
 */
export async function enterSweep(database: Database, plan: Plan, text: string): Promise<string> {
  await prepare(database)
  const { name } = plan.base
  const [entered] = await database.query(
    `INSERT INTO muttr_sim.sweeps VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING plan`,
    [name, text]
  )
  const first = String(entered!.plan)
  if (first === text)
    await database.query(
      `INSERT INTO muttr_sim.runs (sweep, id, place)
       SELECT $1, id, place FROM unnest($2::text[]) WITH ORDINALITY AS runs (id, place)
       ON CONFLICT DO NOTHING`,
      [name, plan.runs.map(({ id }) => id)]
    )
  return first
}

/** @param leaseMs a worker that was silent for so long has lost its runs. */
export async function openQueue(
  database: Database,
  { sweep, host, leaseMs }: { sweep: string; host: string; leaseMs: Millis }
): Promise<Queue> {
  const [drawn] = await database.query('SELECT gen_random_uuid() AS id')
  const worker = `${host} ${drawn!.id}`
  const idsOf = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => String(id))
  return {
    async take() {
      const rows = await database.query(
        `UPDATE muttr_sim.runs
         SET worker = $2, leased_until = now() + $3 * interval '1 ms', tries = tries + 1
         WHERE (sweep, id) = (
           SELECT sweep, id FROM muttr_sim.runs
           WHERE sweep = $1 AND result IS NULL AND tries < $4
             AND (leased_until IS NULL OR leased_until < now())
           ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id`,
        [sweep, worker, leaseMs, triesMax]
      )
      return idsOf(rows)[0]
    },
    async keep(ids) {
      await database.query(
        `UPDATE muttr_sim.runs SET leased_until = now() + $4 * interval '1 ms'
         WHERE sweep = $1 AND id = ANY ($3) AND worker = $2 AND result IS NULL`,
        [sweep, worker, ids, leaseMs]
      )
    },
    async release(ids, begun) {
      await database.query(
        `UPDATE muttr_sim.runs SET worker = NULL, leased_until = NULL, tries = tries - $4
         WHERE sweep = $1 AND id = ANY ($3) AND worker = $2 AND result IS NULL`,
        [sweep, worker, ids, begun ? 0 : 1]
      )
    },
    async finish(id, { result, cost }) {
      const written = await database.query(
        `UPDATE muttr_sim.runs SET result = $3, cost = $4, worker = $5, leased_until = NULL
         WHERE sweep = $1 AND id = $2 AND result IS NULL RETURNING id`,
        [sweep, id, result, cost, worker]
      )
      if (written.length > 0) return
      const [there] = await database.query(
        'SELECT result = $3 AS same, worker FROM muttr_sim.runs WHERE sweep = $1 AND id = $2',
        [sweep, id, result]
      )
      // The answer to our own statement may have been lost, or another took the run over: it is the same run.
      if (there?.same !== true) throw otherwise(id, there)
    },
    async state() {
      const rows = await database.query(
        `SELECT id, result IS NOT NULL AS done FROM muttr_sim.runs
         WHERE sweep = $1 AND (result IS NOT NULL OR (tries >= $2 AND coalesce(leased_until < now(), true)))`,
        [sweep, triesMax]
      )
      return {
        done: idsOf(rows.filter(({ done }) => done)),
        stuck: idsOf(rows.filter(({ done }) => !done))
      }
    },
    async read(id) {
      const [row] = await database.query(
        `SELECT octet_length(result) AS bytes, CASE WHEN octet_length(result) <= $3 THEN result END AS result, cost
         FROM muttr_sim.runs WHERE sweep = $1 AND id = $2 AND result IS NOT NULL`,
        [sweep, id, resultBytesMax]
      )
      if (!row) return undefined
      if (row.result === null)
        throw new MuttrError('OUTPUT_DAMAGED', `run ${id} has ${row.bytes} bytes in the queue`)
      return { result: String(row.result), cost: String(row.cost) }
    }
  }
}

const otherwise = (id: string, there: Record<string, unknown> | undefined): MuttrError =>
  there
    ? new MuttrError('OUTPUT_DAMAGED', `run ${id} came out otherwise on ${there.worker}`, {
        hint: 'The same scenario, seed, commit and Node must give the same result: one of the machines has changes that are not committed, or is broken.'
      })
    : new MuttrError('OUTPUT_DAMAGED', `run ${id} is gone from the queue`)

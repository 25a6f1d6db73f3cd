import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { MuttrError } from '../../base/errors.ts'
import { unwritable, writeFileAtomic } from '../../config/home.ts'
import { lockHome } from '../../config/lock.ts'
import type { RunCost, RunResult } from '../../sim/result.ts'
import { readScenario } from '../../sim/scenario.ts'
import { readSweep } from '../../sim/sweep.ts'
import type { Code } from './code.ts'
import { describeCode } from './code.ts'
import type { Plan } from './plan.ts'
import { makePlan, runIdOf } from './plan.ts'
import type { RunTexts } from './queue.ts'

/** Of plan.json, the runs and summary.json. A change of their shape counts it up. */
export const folderFormat = 1

/**
 * An output folder: `plan.json` says what it is for, `runs/ID.json` what a run found, `costs/ID.json` what it took; everything else is made
 * of these. Source: docs/guides/research.md
 */
export interface Folder {
  readonly path: string
  readonly plan: Plan
  readonly code: Code
  /** Ids of the runs that are there. */
  done(): Promise<Set<string>>
  /** @throws {MuttrError} `OUTPUT_DAMAGED` */
  read(id: string): Promise<RunResult>
  /** Undefined when only the result was copied here. */
  cost(id: string): Promise<RunCost | undefined>
  /** @throws {MuttrError} `OUTPUT_DAMAGED` when it is not the result of this run, by the code that the folder is for. */
  write(id: string, texts: RunTexts): Promise<void>
  /** A file made of the results. */
  writeFile(name: string, text: string): Promise<void>
}

/** One that this process may write to, until it is disposed of. */
export interface OpenFolder extends Folder, AsyncDisposable {
  /** Writes `plan.json`: from now on the folder is this experiment's. What is refused before leaves it free for another. */
  begin(): Promise<void>
}

/**
 * Makes the folder, or goes on in one that was begun for the same plan with the same code.
 * @param shard several processes may write at once, each its own shard.
 * @throws {MuttrError} `OUTPUT_EXISTS`, `HOME_IN_USE`, `DISK_FULL`, `DISK_FAILED`
 */
export async function openFolder(
  path: string,
  plan: Plan,
  code: Code,
  shard?: { index: number; count: number }
): Promise<OpenFolder> {
  const lockPath = shard ? join(path, 'shards', `${shard.index}-of-${shard.count}`) : path
  await refuseForeign(path, plan, code)
  await makeFolders(path, lockPath)
  const lock = await lockFolder(lockPath, path)
  const folder = folderAt(path, plan, code)
  return Object.assign(folder, {
    begin: () => folder.writeFile('plan.json', planText(plan, code)),
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]()
  })
}

async function lockFolder(lockPath: string, path: string): Promise<AsyncDisposable> {
  try {
    return await lockHome(lockPath)
  } catch (err) {
    if (!(err instanceof MuttrError) || err.code !== 'HOME_IN_USE') throw err
    const what = lockPath === path ? path : `this shard of ${path}`
    throw new MuttrError('HOME_IN_USE', `another process works on ${what}: ${err.message}`, {
      hint: 'Wait for it, or choose another folder with --out; several processes share one as --shard 1/2 and 2/2.',
      cause: err
    })
  }
}

/** `plan.json`. */
export function planText({ base, grid, seeds }: Plan, code: Code): string {
  const said = { format: folderFormat, code, scenario: base, grid, seeds }
  return `${JSON.stringify(said, null, 2)}\n`
}

/** `runs/ID.json` and `costs/ID.json`. */
export const runTexts = (result: RunResult, cost: RunCost, code: Code): RunTexts => ({
  result: `${JSON.stringify({ format: folderFormat, code, result })}\n`,
  cost: `${JSON.stringify(cost)}\n`
})

/** To read what was found. @throws {MuttrError} `OUTPUT_DAMAGED` */
export async function readFolder(path: string): Promise<Folder> {
  const text = await readFile(join(path, 'plan.json'), 'utf8').catch(err => {
    throw new MuttrError('OUTPUT_DAMAGED', `${path} holds no plan.json`, {
      hint: 'Name a folder that `muttr sim run` or `muttr sim sweep` wrote with --out.',
      cause: err
    })
  })
  const { plan, code } = parsePlan(text, join(path, 'plan.json'))
  return folderAt(path, plan, code)
}

const mode = 0o644

const PlanFile = z.strictObject({
  format: z.literal(folderFormat),
  code: z.strictObject({ version: z.string(), commit: z.string().nullable(), node: z.string() }),
  scenario: z.unknown(),
  grid: z.unknown(),
  seeds: z.unknown()
})

/** @param from for people: where it stands. @throws {MuttrError} `OUTPUT_DAMAGED` */
export function parsePlan(text: string, from: string): { plan: Plan; code: Code } {
  try {
    const { code, scenario, grid, seeds } = PlanFile.parse(JSON.parse(text))
    const sweep = readSweep({ grid, seeds })
    return { plan: makePlan(readScenario(scenario), sweep.grid, sweep.seeds ?? []), code }
  } catch (err) {
    throw new MuttrError('OUTPUT_DAMAGED', `${from} cannot be read`, { cause: err })
  }
}

/** What stands in a folder is neither written over nor mixed with something else. */
async function refuseForeign(path: string, plan: Plan, code: Code): Promise<void> {
  const names = await readdir(path).catch((err): string[] => {
    if (err.code === 'ENOENT') return []
    throw new MuttrError('OUTPUT_EXISTS', `${path} is not a folder`, { cause: err })
  })
  if (names.length === 0) return
  if (!names.includes('plan.json')) {
    if (names.every(isBeginning)) return
    throw new MuttrError('OUTPUT_EXISTS', `${path} holds other files`)
  }
  const file = join(path, 'plan.json')
  const wrong = otherThan(parsePlan(await readFile(file, 'utf8'), file), { plan, code })
  if (wrong !== undefined) throw new MuttrError('OUTPUT_EXISTS', `${path} ${wrong}`)
}

/** What another shard makes before its plan is there, and a process that was killed then leaves. */
const isBeginning = (name: string): boolean =>
  ['lock', 'runs', 'costs', 'shards'].includes(name) || /^plan\.json\..+\.tmp$/.test(name)

interface Begun {
  plan: Plan
  code: Code
}

/** Why one cannot go on with what was begun there. */
export function otherThan(begun: Begun, { plan, code }: Begun): string | undefined {
  const { base, grid, seeds } = begun.plan
  const [there, here] = [
    { ...base, grid, seeds },
    { ...plan.base, grid: plan.grid, seeds: plan.seeds }
  ]
  const where = firstDifference(there, here)
  if (where !== undefined) return `holds another experiment: ${base.name}, ${where}`
  if (!isDeepStrictEqual(begun.code, code))
    return `was begun with ${describeCode(begun.code)}; this is ${describeCode(code)}`
  return undefined
}

/** `hours: 8 there, 12 here`: people change a scenario and forget the folder. */
function firstDifference(there: unknown, here: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(there, here)) return undefined
  if (!isGroup(there) || !isGroup(here))
    return `${path || 'all of it'}: ${shown(there)} there, ${shown(here)} here`
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])]
  for (const name of names) {
    const found = firstDifference(there[name], here[name], path ? `${path}.${name}` : name)
    if (found !== undefined) return found
  }
  return undefined
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const shownCharsMax = 60

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text
}

async function makeFolders(path: string, lockPath: string): Promise<void> {
  try {
    for (const folder of ['runs', 'costs']) await mkdir(join(path, folder), { recursive: true })
    await mkdir(lockPath, { recursive: true })
  } catch (err) {
    throw unwritable(err, path)
  }
}

function folderAt(path: string, plan: Plan, code: Code): Folder {
  const fileOf = (what: 'runs' | 'costs', id: string) => join(path, what, `${id}.json`)
  const read = (id: string) => readFile(fileOf('runs', id), 'utf8').catch(() => '')
  const readCost = (id: string) => readFile(fileOf('costs', id), 'utf8').catch(() => undefined)
  const parse = (id: string, text: string) => parseRun(text, { id, file: fileOf('runs', id), code })
  return {
    path,
    plan,
    code,
    async done() {
      const names = await readdir(join(path, 'runs')).catch(() => [])
      const planned = new Set(plan.runs.map(({ id }) => id))
      const found = names.flatMap(name => /^([0-9a-f]{16})\.json$/.exec(name)?.[1] ?? [])
      return new Set(found.filter(id => planned.has(id)))
    },
    read: async id => parse(id, await read(id)),
    async cost(id) {
      const text = await readCost(id)
      return text === undefined ? undefined : (JSON.parse(text) as RunCost)
    },
    async write(id, texts) {
      parse(id, texts.result)
      // The result comes last: where it is, everything is.
      await writeFileAtomic(fileOf('costs', id), texts.cost, { mode })
      await writeFileAtomic(fileOf('runs', id), texts.result, { mode })
    },
    writeFile: (name, text) => writeFileAtomic(join(path, name), text, { mode })
  }
}

const Value = z.union([z.number(), z.string()])
const Row = z.array(Value)
const Texts = z.array(z.string())
const RunFile = z.strictObject({
  format: z.literal(folderFormat),
  code: z.unknown(),
  result: z.strictObject({
    scenario: z.unknown().transform(readScenario),
    scale: z.enum(['full', 'wide', 'real']),
    seed: z.int(),
    traceHash: z.string(),
    events: z.int(),
    tables: z.record(
      z.string(),
      z.strictObject({ columns: Texts, units: Texts, rows: z.array(Row) })
    ),
    figures: z.record(z.string(), z.strictObject({ value: z.number(), unit: z.string() })),
    violations: z.array(z.strictObject({ atMs: z.number(), what: z.string(), chain: Texts }))
  })
})

/** A result is taken only when it is whole, of the run that its name says, and of the code that the folder is for. */
export function parseRun(text: string, o: { id: string; file: string; code: Code }): RunResult {
  const damaged = (why: string, cause?: unknown) =>
    new MuttrError('OUTPUT_DAMAGED', `${o.file}: ${why}`, { cause })
  let run: z.infer<typeof RunFile>
  try {
    run = RunFile.parse(JSON.parse(text))
  } catch (err) {
    throw damaged('not the result of a run', err)
  }
  if (runIdOf(run.result.scenario) !== o.id) throw damaged('the result of another run')
  if (!isDeepStrictEqual(run.code, o.code)) throw damaged('the result of other code')
  return run.result
}

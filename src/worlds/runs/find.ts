import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MuttrError } from '../../base/errors.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { readScenario } from '../../sim/scenario.ts'
import { withFiles } from '../../sim/scenario-files.ts'
import { csvCharsMax } from '../../sim/sessions.ts'
import type { Grid } from '../../sim/sweep.ts'
import { readSweep } from '../../sim/sweep.ts'

/** A scenario, and the grid that its author thought of, where there is one. */
export interface Found {
  scenario: Scenario
  sweep?: { grid: Grid; seeds: number[] | undefined }
}

const own = extname(import.meta.filename)
/** `simulations` beside `src`, in the clone as in the package. */
const shelf = join(import.meta.dirname, '../../../simulations')
const fileBytesMax = 1024 * 1024

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

/** Those that come with the package, by name. */
export async function listScenarios(): Promise<Scenario[]> {
  const names = (await namesIn(shelf))
    .filter(name => name.endsWith(own) && !name.endsWith(`.d${own}`))
    .sort()
  const found = await Promise.all(names.map(name => load(join(shelf, name))))
  return found.map(({ scenario }) => scenario)
}

/**
 * @param what the name of one that comes with the package, or the path of a file: a module whose default export is a scenario (and whose
 * export `sweep` may be a grid), or JSON: a scenario, or `{ scenario, grid, seeds }`.
 * @throws {MuttrError} `SCENARIO_INVALID`
 */
export async function findScenario(what: string): Promise<Found> {
  if (!/^[a-z0-9-]+$/.test(what)) return await load(resolve(what))
  const file = join(shelf, `${what}${own}`)
  const names = await namesIn(shelf)
  if (names.includes(`${what}${own}`)) return await load(file)
  throw new MuttrError('SCENARIO_INVALID', `there is no scenario '${what}'`, {
    hint: 'See `muttr sim list`, or name a file as ./mine.ts or mine.json.'
  })
}

async function load(file: string): Promise<Found> {
  try {
    const found = extname(file) === '.json' ? await loadJson(file) : await loadModule(file)
    return { ...found, scenario: await withWhatItNames(found.scenario, file) }
  } catch (err) {
    if (!(err instanceof MuttrError)) throw err
    throw new MuttrError(err.code, `${file}: ${err.message}`, { hint: err.hint, cause: err })
  }
}

/** A path is one from the folder of the file that names it. */
async function withWhatItNames(scenario: Scenario, file: string): Promise<Scenario> {
  const read = async (named: string) => {
    const path = resolve(dirname(file), named)
    try {
      return await readText(path, csvCharsMax)
    } catch (err) {
      throw new MuttrError('SCENARIO_INVALID', `${path}: ${(err as Error).message}`, { cause: err })
    }
  }
  return readScenario(await withFiles(scenario, read))
}

async function loadModule(file: string): Promise<Found> {
  if (!['.ts', '.mts', '.js', '.mjs'].includes(extname(file)))
    throw invalid('a scenario is a .ts, .js or .json file')
  const loaded = await importFile(file)
  if (loaded.default === undefined)
    throw invalid('the module has no default export; write `export default defineScenario({ … })`')
  const scenario = readScenario(loaded.default)
  return loaded.sweep === undefined ? { scenario } : { scenario, sweep: readSweep(loaded.sweep) }
}

async function importFile(file: string): Promise<{ default?: unknown; sweep?: unknown }> {
  // Not found and found broken must not look alike, and import() tells both by the same code.
  await readText(file)
  try {
    return await import(pathToFileURL(file).href)
  } catch (err) {
    if (err instanceof MuttrError) throw err
    throw new MuttrError('SCENARIO_INVALID', `the module fails: ${(err as Error).message}`, {
      cause: err
    })
  }
}

async function loadJson(file: string): Promise<Found> {
  const value = parse(await readText(file))
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'scenario'))
    return { scenario: readScenario(value) }
  const { scenario, ...sweep } = value as { scenario: unknown }
  const base =
    typeof scenario === 'string'
      ? (await findScenario(besides(file, scenario))).scenario
      : readScenario(scenario)
  return { scenario: base, sweep: readSweep(sweep) }
}

/** A name, or a path from the file that says it. */
const besides = (file: string, what: string) =>
  /^[a-z0-9-]+$/.test(what) ? what : resolve(dirname(file), what)

/** @param bytesMax no more is read. */
async function readText(file: string, bytesMax = fileBytesMax): Promise<string> {
  const cannot = (err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${err.message}`
    throw new MuttrError('SCENARIO_INVALID', why, { cause: err })
  }
  const found = await stat(file).catch(cannot)
  if (!found.isFile()) throw invalid('not a file')
  if (found.size > bytesMax) throw invalid(`longer than ${bytesMax} bytes`)
  return await readFile(file, 'utf8').catch(cannot)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new MuttrError('SCENARIO_INVALID', `not JSON: ${(err as Error).message}`, { cause: err })
  }
}

const invalid = (message: string) => new MuttrError('SCENARIO_INVALID', message)

import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import type { Latency } from './latency.ts'
import type { Sessions } from './sessions.ts'
import { csvCharsMax, linesOf, parseSessions, readNumber } from './sessions.ts'

/** A scenario is read again for each of its runs. */
const remembered = 16
/** Each text once, however many runs of a sweep have it. */
const once = recent(remembered, text => text)

const File = z.string().min(1).max(4_096)
const Csv = z.string().min(1).max(csvCharsMax).transform(once)

/**
 * Sessions that were recorded, instead of drawn ones: a CSV file (its path, from the folder of the scenario's file), or what stands in it.
 * Before a run begins the file is read and its text takes its place, so that the run depends on what was in it.
 */
export const Trace = z.union([
  File.transform(file => ({ file, repeat: false })),
  z.strictObject({
    file: File,
    /** When it is over it begins anew, as often as the hours need. */
    repeat: z.boolean().default(false)
  }),
  z.strictObject({ csv: Csv, repeat: z.boolean().default(false) })
])

/** Rows of the matrix, inline; a file may have more. */
const inlineMax = 64
const msMax = 60_000

/**
 * Measured between as many places, from row to column; the nodes are spread over them in turn, or as a trace's column `place` says.
 * `trip` says what was measured: half of a round trip is taken for one way.
 */
const matrix = { type: z.literal('matrix'), trip: z.enum(['one-way', 'round-trip']) }
const Ms = z.array(z.array(z.number().min(0).max(msMax)).min(1).max(inlineMax))
export const Matrix = z
  .strictObject({
    ...matrix,
    ms: Ms.min(1).max(inlineMax).optional(),
    file: File.optional(),
    csv: Csv.optional()
  })
  .refine(
    ({ ms, file, csv }) => [ms, file, csv].filter(given => given !== undefined).length === 1,
    'a matrix says one of `ms` and `file`'
  )

const sourceCharsMax = 256 * 1024

/** A module that makes the seeds otherwise than they ship: its path, or its text, which takes the path's place before a run begins. */
export const VariantFile = z.union([
  File.transform(file => ({ file })),
  z.strictObject({ file: File }),
  z.strictObject({ source: z.string().min(1).max(sourceCharsMax).transform(once) })
])

type Trace = z.infer<typeof Trace>
type Matrix = z.infer<typeof Matrix>
/** What of a scenario can come from a file. */
interface Parts {
  network: { latency: Exclude<Latency, { type: 'matrix' }> | Matrix }
  population: { trace: Trace | null }
  variant: z.infer<typeof VariantFile> | null
}

/** @throws {MuttrError} `SCENARIO_INVALID` where a file is named that nobody has read. */
export function sessionsOf({ population: { trace } }: Parts): Sessions | undefined {
  if (!trace) return undefined
  if ('file' in trace) throw unread('population.trace', trace.file)
  return sessionsIn(trace.csv)
}

/** As the virtual network takes it. @throws {MuttrError} as {@link sessionsOf} */
export function latencyIn(scenario: Parts): Latency {
  const { latency } = scenario.network
  if (latency.type !== 'matrix') return latency
  const ms = matrixOf(latency)
  const places = sessionsOf(scenario)?.places
  return { type: 'matrix', ms, ...(places && { places }) }
}

function matrixOf({ ms, csv, file, trip }: Matrix): Millis[][] {
  if (file !== undefined) throw unread('network.latency', file)
  const rows = ms ?? matrixIn(csv!)
  return trip === 'one-way' ? rows : rows.map(row => row.map(value => value / 2))
}

/** A row a line, numbers only. @throws {MuttrError} `SCENARIO_INVALID` */
const parseMatrix = (csv: string): Millis[][] =>
  linesOf(csv).map((line, row) =>
    line
      .split(',')
      .map((cell, column) => readNumber(cell, `row ${row + 1}, column ${column + 1}`, msMax))
  )

/** Says in which field of a scenario what is wrong stands. */
const of =
  <T>(field: string, parse: (csv: string) => T) =>
  (csv: string): T => {
    try {
      return parse(csv)
    } catch (err) {
      if (!(err instanceof MuttrError)) throw err
      throw new MuttrError(err.code, `${field}: ${err.message}`, { hint: err.hint, cause: err })
    }
  }
const sessionsIn = recent(remembered, of('population.trace', parseSessions))
const matrixIn = recent(remembered, of('network.latency', parseMatrix))

/** What the files say that contradicts the scenario; undefined while one is not read yet. */
export function contradictionInFiles(
  s: Parts & {
    nodes: number
    hours: number
    population: { sessionHours: unknown; lifetimeHours: unknown; daily: unknown }
  }
): string | undefined {
  const { latency } = s.network
  const { trace } = s.population
  const size = latency.type === 'matrix' && !latency.file ? matrixOf(latency) : undefined
  if (size?.some(row => row.length !== size.length))
    return `network.latency: a matrix is square, and of ${size.length} rows one has ${size.find(row => row.length !== size.length)!.length} columns`
  if (!trace) return undefined
  for (const field of ['sessionHours', 'lifetimeHours', 'daily'] as const)
    if (s.population[field] !== null)
      return `population.${field}: who comes and goes is said by population.trace already`
  if ('file' in trace) return undefined
  const { nodes, hours, places } = sessionsOf(s)!
  if (nodes.length !== s.nodes)
    return `population.trace: has ${nodes.length} nodes, and nodes says ${s.nodes}`
  if (!nodes.some(([first]) => first!.fromHours === 0))
    return 'population.trace: nobody is there at hour 0'
  if (hours < s.hours && !trace.repeat)
    return `population.trace: ends at hour ${hours}, and hours says ${s.hours}; with \`repeat\` it would begin anew`
  if (!places || latency.type !== 'matrix' || !size)
    return places && latency.type !== 'matrix'
      ? 'population.trace: places need network.latency to be a matrix'
      : undefined
  const outside = places.find(place => place >= size.length)
  return outside === undefined
    ? undefined
    : `population.trace: there is no place ${outside} in a matrix of ${size.length}, counted from 0`
}

/** @throws {MuttrError} `SCENARIO_INVALID` where it still names a file: it does not say then what runs. */
export function checkFilesRead(scenario: Parts): void {
  sessionsOf(scenario)
  latencyIn(scenario)
  variantIn(scenario)
}

/** The text of the module; undefined where seeds are as they ship. @throws {MuttrError} as {@link sessionsOf} */
export function variantIn({ variant }: Pick<Parts, 'variant'>): string | undefined {
  if (variant && 'file' in variant) throw unread('variant', variant.file)
  return variant?.source
}

/**
 * The same scenario with the text of the files in it.
 * @param read the text of a file, by its path as the scenario says it.
 */
export async function withFiles<S extends Parts>(
  scenario: S,
  read: (file: string) => Promise<string>
): Promise<S> {
  const { latency } = scenario.network
  const { trace } = scenario.population
  const out = structuredClone(scenario)
  if (latency.type === 'matrix' && latency.file !== undefined)
    out.network.latency = { type: 'matrix', trip: latency.trip, csv: await read(latency.file) }
  if (trace && 'file' in trace)
    out.population.trace = { csv: await read(trace.file), repeat: trace.repeat }
  const { variant } = scenario
  if (variant && 'file' in variant) out.variant = { source: await read(variant.file) }
  return out
}

const unread = (field: string, file: string) =>
  new MuttrError('SCENARIO_INVALID', `${field}: ${file} was not read`, {
    hint: 'A file is read where a scenario is; not in a grid, and not in code: give its text, as `csv` or `source`.'
  })

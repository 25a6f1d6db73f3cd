import { readFile } from 'node:fs/promises'
import { MuttrError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { SimReplayed, SimReplayOptions } from '../../cli/simulator.ts'
import type { Look, Seen } from '../../sim/look.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { variantIn } from '../../sim/scenario-files.ts'
import type { Note } from '../../sim/trace.ts'
import { labelOf } from '../shown/series.ts'
import { Dump } from './dump.ts'
import type { Engines } from './engines.ts'
import type { Folder } from './folder.ts'
import { readFolder } from './folder.ts'
import type { PlannedRun } from './plan.ts'
import { runOnce } from './run-once.ts'

/**
 * Runs once more from scenario and seed, to the end, since only then the hash can be compared.
 * @throws {MuttrError} as `Simulator.replay`
 */
export async function replay(
  o: SimReplayOptions,
  { engines, clock }: { engines: Engines; clock: Clock }
): Promise<SimReplayed> {
  const folder = await readFolder(o.folder)
  const { id, scenario } = await choose(folder, o.run)
  await checkVariant(scenario, o.variant)
  checkScale(scenario, o)
  const then = await folder.read(id)
  using dump = o.dump === null ? undefined : new Dump(o.dump)
  const atMs = 'atMs' in o.until ? o.until.atMs : Number.POSITIVE_INFINITY
  const events = 'events' in o.until ? o.until.events : Number.POSITIVE_INFINITY
  const before: Note[] = []
  let zeroMs: number | undefined
  let notes = 0
  let seen: Seen | undefined
  let failed: unknown
  const print = ({ atMs: noteMs, type, fields }: Note, zeroMs: number) => {
    if (noteMs - zeroMs > atMs) return
    notes++
    o.print([noteMs - zeroMs, type, ...fields])
  }
  const take = (note: Note) => {
    if (zeroMs === undefined && note.type === 'begin') {
      zeroMs = note.atMs
      for (const earlier of before.splice(0)) print(earlier, zeroMs)
    }
    if (seen) return
    if (zeroMs === undefined) before.push(note)
    else print(note, zeroMs)
  }
  const stop = new AbortController()
  const look: Look = {
    ...{ atMs, events },
    see(now) {
      seen = now
      try {
        dump?.write(now)
      } catch (err) {
        failed = err
        stop.abort()
      }
    },
    ...(o.requests && { request: take })
  }
  const running = runOnce(scenario, {
    engine: await engines.engineFor(scenario.scale),
    clock,
    signal: AbortSignal.any([o.signal, stop.signal]),
    onProgress() {},
    trace: { take },
    look
  })
  const { result } = await running.catch(err => {
    throw failed ?? err
  })
  // At the end of a run nobody asks any more whether it shall stop.
  if (failed) throw failed
  const { traceHash } = result
  const same = traceHash === then.traceHash
  return { run: id, notes, traceHash, same, events: seen?.events ?? null, dump: o.dump }
}

/** Real processes are looked into by nobody, and at the scale wide nothing is sent. @throws {MuttrError} `USAGE` */
function checkScale({ scale }: Scenario, { until, dump, requests }: SimReplayOptions): void {
  const what = [
    ...(scale === 'real' && dump !== null ? ['--dump'] : []),
    ...(scale === 'real' && 'events' in until ? ['--event'] : []),
    ...(scale !== 'full' && requests ? ['--requests'] : [])
  ]
  if (what.length > 0)
    throw new MuttrError('USAGE', `the scale ${scale} has no ${what.join(', ')}`, {
      hint: 'Run the scenario at the scale full, and replay that.'
    })
}

/** A folder may be somebody else's, and a variant is a program. */
async function checkVariant(scenario: Scenario, file: string | undefined): Promise<void> {
  const source = variantIn(scenario)
  if (source === undefined) return
  const named = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined)
  if (named === source) return
  throw new MuttrError(
    'USAGE',
    file === undefined
      ? 'the run is of a variant of the protocol, a program that the folder holds'
      : `${file} is not the variant that was run`,
    { hint: 'Name with --variant the file that was run, and that you trust.' }
  )
}

async function choose(
  { path, plan, done }: Folder,
  wanted: string | undefined
): Promise<PlannedRun> {
  const there = await done()
  const runs = plan.runs.filter(({ id }) => there.has(id))
  const fitting = wanted === undefined ? runs : runs.filter(({ id }) => id.startsWith(wanted))
  if (fitting.length === 1) return fitting[0]!
  if (runs.length === 0) throw new MuttrError('OUTPUT_DAMAGED', `${path} holds no runs yet`)
  const ids = runs.slice(0, 10).map(({ id, point, scenario }) => {
    const label = labelOf(plan.points[point]!)
    return `${id} (${label ? `${label}, ` : ''}seed ${scenario.seed})`
  })
  throw new MuttrError(
    'USAGE',
    wanted === undefined ? 'which run?' : `no single run is '${wanted}'`,
    {
      hint: `Name one with --run: ${ids.join(', ')}${runs.length > ids.length ? ', …' : ''}.`
    }
  )
}

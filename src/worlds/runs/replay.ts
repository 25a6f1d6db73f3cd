import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { MuttrError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { SimReplayed, SimReplayOptions } from '../../cli/simulator.ts'
import type { Look, Seen } from '../../sim/look.ts'
import type { Scale, Scenario } from '../../sim/scenario.ts'
import { variantIn } from '../../sim/scenario-files.ts'
import type { Note } from '../../sim/trace.ts'
import { labelOf } from '../shown/series.ts'
import { describeCode, thisCode } from './code.ts'
import { Dump } from './dump.ts'
import type { Engines } from './engines.ts'
import type { Folder } from './folder.ts'
import { readFolder } from './folder.ts'
import { hold } from './held.ts'
import { Meter } from './meter.ts'
import type { PlannedRun } from './plan.ts'
import { runOnce } from './run-once.ts'

/**
 * Runs once more from scenario and seed, to the end, since only then the hash can be compared. What it shows is held back until then: a
 * run of other code, or of changes that are in no commit, is never shown for the one of the folder.
 * @throws {MuttrError} as `Simulator.replay`
 */
export async function replay(
  o: SimReplayOptions,
  { engines, clock }: { engines: Engines; clock: Clock }
): Promise<SimReplayed> {
  const folder = await readFolder(o.folder)
  const planned = await choose(folder, o.run)
  const { id, scenario } = planned
  await checkVariant(scenario, o.variant)
  checkScale(scenario, o)
  const then = await folder.read(id)
  using dump = o.dump === null ? undefined : new Dump(o.dump)
  await using held = await hold()
  const code = await thisCode()
  const other = isDeepStrictEqual(folder.code, code)
    ? undefined
    : `${o.folder} was made with ${describeCode(folder.code)}; this is ${describeCode(code)}`
  if (other !== undefined) o.warn(`${other}. It is shown if it comes out the same.`)
  const meter = new Meter([planned], clock, 0)
  const watched = watch(o, { dump, add: note => held.add(JSON.stringify(note)) })
  const running = runOnce(scenario, {
    engine: await engines.engineFor(scenario.scale),
    clock,
    signal: AbortSignal.any([o.signal, watched.stopped]),
    onProgress: atHours => o.onProgress(meter.at(planned, atHours)),
    trace: { take: watched.take },
    look: watched.look
  })
  const { result } = await running.catch(err => {
    throw watched.stopped.reason ?? err
  })
  // At the end of a run nobody asks any more whether it shall stop.
  if (watched.stopped.aborted) throw watched.stopped.reason
  const { traceHash } = result
  if (traceHash !== then.traceHash)
    throw new MuttrError(
      'RUN_DIFFERS',
      `run ${id} came out otherwise: its trace has the hash ${traceHash} now, and ${then.traceHash} in ${o.folder}${other === undefined ? '' : `. ${other}`}`
    )
  dump?.keep()
  let notes = 0
  for await (const line of held.lines()) {
    notes++
    await o.print(JSON.parse(line))
  }
  return {
    ...{ run: id, notes, traceHash, dump: o.dump },
    same: scenario.scale === 'real' ? 'plan' : 'run',
    events: watched.seen()?.events ?? null
  }
}

type Line = [number, string, ...(string | number)[]]

/** What is asked for of a run, up to its moment. */
function watch(
  o: SimReplayOptions,
  { dump, add }: { dump: Dump | undefined; add(note: Line): void }
): { take(note: Note): void; look: Look; seen(): Seen | undefined; stopped: AbortSignal } {
  const atMs = 'atMs' in o.until ? o.until.atMs : Number.POSITIVE_INFINITY
  const events = 'events' in o.until ? o.until.events : Number.POSITIVE_INFINITY
  const before: Note[] = []
  let zeroMs: number | undefined
  let seen: Seen | undefined
  const stop = new AbortController()
  const attempt = (write: () => void) => {
    try {
      if (!stop.signal.aborted) write()
    } catch (err) {
      stop.abort(err)
    }
  }
  const show = ({ atMs: noteMs, type, fields }: Note, zeroMs: number) => {
    if (noteMs - zeroMs <= atMs) attempt(() => add([noteMs - zeroMs, type, ...fields]))
  }
  const take = (note: Note) => {
    if (zeroMs === undefined && note.type === 'begin') {
      zeroMs = note.atMs
      for (const earlier of before.splice(0)) show(earlier, zeroMs)
    }
    if (seen) return
    if (zeroMs === undefined) before.push(note)
    else show(note, zeroMs)
  }
  const look: Look = {
    ...{ atMs, events },
    see(now) {
      seen = now
      attempt(() => dump?.write(now))
    },
    ...(o.requests && { request: take })
  }
  return { take, look, seen: () => seen, stopped: stop.signal }
}

/** Real processes are looked into by nobody, and at the scale wide most requests are counted and not sent. @throws {MuttrError} `USAGE` */
function checkScale({ scale }: Scenario, { until, dump, requests }: SimReplayOptions): void {
  const what = [
    ...(scale === 'real' && dump !== null ? ['--dump'] : []),
    ...(scale === 'real' && 'events' in until ? ['--event'] : []),
    ...(scale !== 'full' && requests ? ['--requests'] : [])
  ]
  if (what.length > 0)
    throw new MuttrError('USAGE', `the scale ${scale} has no ${what.join(', ')}`, {
      hint: `Run the scenario again with --scale full, and replay that. ${insteadAt[scale]}`
    })
}

const insteadAt: Record<Scale, string> = {
  full: '',
  wide: 'A wide run counts most requests and sends none: traffic.csv and errands.csv have the counts.',
  real: 'Real processes are asked while they run: start them with `muttr net up`, and see each with `muttr status --json`.'
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

import type { Clock, Millis } from '../../base/ports.ts'
import type { Faults } from './faults.ts'
import type { Fleet } from './fleet.ts'
import type { Journal } from './journal.ts'
import type { Fault, Planned } from './plan.ts'
import { isFault } from './plan.ts'
import type { Probe } from './probe.ts'
import { pause } from './wait.ts'
import type { Workload } from './work.ts'

export interface RunParts {
  clock: Clock
  fleet: Fleet
  faults: Faults
  work: Workload
  probe: Probe
  journal: Journal
  people: readonly string[]
  /** One line for people, and what it says for programs. */
  progress(state: Progress): void
  memory: Map<string, [Millis, number][]>
}

export interface Progress {
  leftMs: Millis
  faults: number
  /** Faults that last now. */
  now: string[]
  sent: number
  shown: number
  outstanding: number
  unsent: number
  broken: number
}

const every = { look: 12_000, ask: 10_000, memory: 15_000, progress: 10_000 } as const

/** Does what the plan says when it says so, until its end or until `signal` aborts; then all faults are over, and their nodes run again. */
export async function carryOutPlan(
  parts: RunParts & { plan: readonly Planned[]; lengthMs: Millis; signal: AbortSignal }
): Promise<void> {
  const { clock, plan, lengthMs, journal, signal } = parts
  const startMs = clock.now()
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const ongoing = new Set<Fault>()
  const doFault = createTurns(parts, ongoing, until)
  const doing = new Set<Promise<void>>()
  // What nodes do is noted; what is thrown here is a mistake of the harness, and ends the run.
  const mistakes: unknown[] = []
  const mistaken = (err: unknown) => {
    mistakes.push(err)
    over.abort()
  }
  const watching = watch(parts, until, () => ({
    leftMs: Math.max(0, startMs + lengthMs - clock.now()),
    now: [...ongoing].map(nameOf)
  })).catch(mistaken)
  for (const one of plan) {
    await pause(clock, startMs + one.atMs - clock.now(), until)
    if (until.aborted) break
    const work = isFault(one) ? doFault(one) : parts.work.carryOut(one)
    const done = work.catch(mistaken).finally(() => doing.delete(done))
    doing.add(done)
  }
  await pause(clock, startMs + lengthMs - clock.now(), until)
  over.abort()
  await Promise.all(doing)
  await watching
  if (mistakes.length > 0) throw mistakes[0]
  // Who ended by itself is told of; what its people were sent is looked for all the same.
  for (const { name, running } of parts.fleet.nodes.values())
    if (!running) await parts.faults.start(name)
  for (const who of parts.people) await look(parts, who)
  journal.note({ type: 'healed' })
}

const nameOf = (fault: Fault): string =>
  'node' in fault ? `${fault.do} ${fault.node}` : `${fault.do} ${fault.nodes.length}`

/** A node suffers one fault after the other, also when starting it takes longer than was planned. */
function createTurns({ clock, faults }: RunParts, ongoing: Set<Fault>, until: AbortSignal) {
  const last = new Map<string, Promise<void>>()
  const suffer = async (fault: Fault) => {
    if (until.aborted) return
    ongoing.add(fault)
    await faults.begin(fault)
    await pause(clock, fault.forMs, until)
    await faults.end(fault)
    ongoing.delete(fault)
  }
  return ({ atMs: _, ...fault }: Fault & { atMs: Millis }): Promise<void> => {
    const name = 'node' in fault ? fault.node : ''
    const turn = (last.get(name) ?? Promise.resolve()).then(() => suffer(fault))
    last.set(name, turn)
    return turn
  }
}

/** Looks at everything again and again until it is over. */
async function watch(
  parts: RunParts,
  until: AbortSignal,
  state: () => Pick<Progress, 'leftMs' | 'now'>
): Promise<void> {
  const { clock, people, journal, progress } = parts
  const again = async (everyMs: Millis, run: () => Promise<unknown>) => {
    while (!until.aborted) {
      await pause(clock, everyMs, until)
      if (!until.aborted) await Promise.race([run(), pause(clock, 2 * everyMs, until)])
    }
  }
  await Promise.all([
    ...people.map(who => again(every.look, () => look(parts, who))),
    again(every.ask, () => askAll(parts)),
    again(every.memory, () => weigh(parts)),
    again(every.progress, async () => progress(progressOf(journal, state())))
  ])
}

export const progressOf = (
  { checks, counts, faults }: Journal,
  state: Pick<Progress, 'leftMs' | 'now'>
): Progress => ({
  ...state,
  faults: faults.sum,
  sent: checks.taken,
  shown: checks.shown,
  outstanding: checks.outstanding.length,
  unsent: counts.of('unsent'),
  broken: checks.violations.length
})

/** What one person's node says of its letters. */
export async function look({ work }: RunParts, who: string): Promise<void> {
  await work.claims(who)
  await work.inbox(who)
}

const keysMost = 512

/** Asks every node that answers for keys of letters and blobs: all that are released, and a part of the others. */
export async function askAll(
  { fleet, probe, work, journal }: RunParts,
  { all = false } = {}
): Promise<Map<string, number>> {
  const known = [...work.letters.values(), ...work.blobs.values()].flatMap(({ key }) => key ?? [])
  const { released } = journal.checks
  const others = known.filter(key => !released.has(key))
  // The newest: releases come soon after a letter, if they come.
  const keys = [...known.filter(key => released.has(key)), ...others.slice(all ? 0 : -keysMost)]
  const copies = new Map(keys.map(key => [key, 0]))
  await Promise.all(
    fleet.running.map(async node => {
      const { running } = node
      const found = await probe.ask(node, keys)
      // Of a node that was killed or wiped meanwhile nobody can say when it answered.
      if (!found || node.running !== running) return
      for (const key of found.copies) copies.set(key, (copies.get(key) ?? 0) + 1)
      journal.note({ type: 'asked', node: node.name, ...found })
    })
  )
  for (const key of journal.checks.released) copies.delete(key)
  return copies
}

export async function weigh({ fleet, memory, journal }: RunParts): Promise<void> {
  for (const [node, bytes] of await fleet.memory()) {
    const samples = memory.get(node) ?? []
    samples.push([journal.atMs, Math.round(bytes / 2 ** 20)])
    memory.set(node, samples)
  }
}

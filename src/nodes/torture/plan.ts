import type { Millis } from '../../base/ports.ts'
import type { Dice } from './dice.ts'
import { createDice } from './dice.ts'

/** What is done to nodes, each for a while. */
export type Fault =
  /** SIGKILL, as a power cut would; started again afterwards. */
  | { do: 'kill'; node: string; forMs: Millis }
  /** SIGTERM, as its operator would; started again afterwards. */
  | { do: 'stop'; node: string; forMs: Millis }
  /** SIGSTOP and SIGCONT: a lid that is closed and opened. */
  | { do: 'pause'; node: string; forMs: Millis }
  /** These nodes and the others do not reach each other: bytes stay on the way (`hold`), or connections break (`cut`). */
  | { do: 'split'; nodes: readonly string[]; how: 'hold' | 'cut'; forMs: Millis }
  /** A bad line: so much later each way, and no more bytes a second than this. */
  | { do: 'slow'; node: string; delayMs: Millis; bytesPerSecond: number; forMs: Millis }
  /** Nothing more can be written to any file. */
  | { do: 'disk-full'; node: string; forMs: Millis }
  /** Killed, and what it kept for others is gone when it starts again. */
  | { do: 'wipe'; node: string; forMs: Millis }

/** What people do meanwhile. Letters and blobs are numbered; a number that was not sent or put yet is passed over. */
export type Work =
  | { do: 'send'; letter: number; from: string; to: string; bodyBytes: number }
  | { do: 'read'; who: string }
  | { do: 'retract'; letter: number }
  | { do: 'put'; blob: number; node: string; sizeBytes: number }
  | { do: 'get'; blob: number; node: string }

/** `atMs` counts from the moment at which all nodes are up. */
export type Planned = { readonly atMs: Millis } & (Fault | Work)

export interface Members {
  pods: readonly string[]
  people: readonly string[]
  seeds: readonly string[]
}

export interface PlanOptions {
  seed: string
  lengthMs: Millis
  members: Members
  /** Which faults there are; those that this machine cannot make are left out. */
  faults: readonly Fault['do'][]
}

/** R and W of the torture's network. */
export const replicas = 8
export const quorum = 5
/** The share of nodes that may be killed, stopped or full at once; the rest can still make a quorum of the usual eight nodes. */
const outMost = 1 / 3
/** Between wipes, so that neighbours have the time to notice and to make new copies. */
const wipeEveryMs = 5 * 60_000
const every = {
  fault: 5_000,
  send: 1_500,
  read: 2_500,
  retract: 30_000,
  put: 6_000,
  get: 4_000
} as const

/** All that will happen, by time. The same options make the same plan. */
export function makePlan(options: PlanOptions): Planned[] {
  const { seed, lengthMs } = options
  // Dice of their own: a change in one part leaves the others as they were.
  const faults = planFaults(options, createDice(`${seed} faults`))
  const work = planWork(options, createDice(`${seed} work`))
  return [...faults, ...work].filter(({ atMs }) => atMs < lengthMs).sort((a, b) => a.atMs - b.atMs)
}

function planFaults({ lengthMs, members, faults }: PlanOptions, dice: Dice): Planned[] {
  const nodes = [...members.pods, ...members.people, ...members.seeds]
  const busyUntil = new Map<string, Millis>()
  let splitUntil = 0
  let wipedMs = 0
  const planned: Planned[] = []
  for (let atMs = dice.waitMs(every.fault); atMs < lengthMs; atMs += dice.waitMs(every.fault)) {
    const kind = dice.pick(faults)
    const forMs = Math.min(length(kind, dice), lengthMs - atMs)
    const free = nodes.filter(node => (busyUntil.get(node) ?? 0) <= atMs)
    const out = nodes.length - free.length
    if (kind === 'split') {
      if (splitUntil > atMs) continue
      splitUntil = atMs + forMs
      const side = dice.shuffled(nodes).slice(0, dice.between(1, Math.floor(nodes.length / 2)))
      planned.push({ atMs, do: kind, nodes: side, how: dice.pick(['hold', 'cut']), forMs })
      continue
    }
    if (kind === 'wipe' && (atMs - wipedMs < wipeEveryMs || members.seeds.length === 0)) continue
    const node = dice.pick(kind === 'wipe' ? members.seeds : nodes)
    if (out + 1 > nodes.length * outMost || !free.includes(node)) continue
    busyUntil.set(node, atMs + forMs + recoverMs)
    if (kind === 'wipe') wipedMs = atMs
    planned.push(
      kind === 'slow'
        ? { atMs, do: kind, node, ...badLine(dice), forMs }
        : { atMs, do: kind, node, forMs }
    )
  }
  return planned
}

/** A node that was just started is left alone for a moment. */
const recoverMs = 4_000

function length(kind: Fault['do'], dice: Dice): Millis {
  switch (kind) {
    case 'kill':
    case 'stop':
    case 'wipe':
      return dice.between(200, 25_000)
    case 'pause':
      return dice.between(300, 25_000)
    case 'split':
      return dice.between(2_000, 30_000)
    case 'slow':
      return dice.between(5_000, 40_000)
    case 'disk-full':
      return dice.between(3_000, 25_000)
  }
}

const badLine = (dice: Dice) => ({
  delayMs: dice.between(30, 600),
  bytesPerSecond: dice.between(8, 256) * 1_024
})

function planWork({ lengthMs, members }: PlanOptions, dice: Dice): Planned[] {
  const { people } = members
  const nodes = [...people, ...members.seeds]
  const planned: Planned[] = []
  const times = (meanMs: Millis, make: (atMs: Millis, n: number) => Work) => {
    let n = 0
    for (let atMs = dice.waitMs(meanMs); atMs < lengthMs; atMs += dice.waitMs(meanMs))
      planned.push({ atMs, ...make(atMs, n++) })
  }
  times(every.send, (_, letter) => {
    const [from, to] = dice.shuffled(people)
    return { do: 'send', letter, from: from!, to: to!, bodyBytes: bodySize(dice) }
  })
  times(every.read, () => ({ do: 'read', who: dice.pick(people) }))
  // One of those sent in the last half minute or so: some of them read already, some on their way.
  times(every.retract, atMs => {
    const letter = Math.floor(atMs / every.send) - dice.between(0, 20)
    return { do: 'retract', letter: Math.max(0, letter) }
  })
  times(every.put, (_, blob) => ({
    do: 'put',
    blob,
    node: dice.pick(nodes),
    sizeBytes: dice.between(1, dice.pick([1_000, 16_384, 262_144]))
  }))
  times(every.get, atMs => ({
    do: 'get',
    blob: dice.between(0, Math.floor(atMs / every.put)),
    node: dice.pick(nodes)
  }))
  return planned
}

/** Most letters are short. */
const bodySize = (dice: Dice): number => dice.between(80, dice.pick([300, 300, 3_000, 40_000]))

export const isFault = (one: Planned): one is Planned & Fault =>
  ['kill', 'stop', 'pause', 'split', 'slow', 'disk-full', 'wipe'].includes(one.do)

import type { Millis } from '../../base/ports.ts'
import type { Happened, Violation } from './history.ts'
import { invariants } from './history.ts'
import type { Planned } from './plan.ts'
import { quorum } from './plan.ts'
import type { Progress } from './run.ts'

/** What a run comes to; printed as a table, and as one JSON object. */
export interface Summary {
  readonly seed: string
  readonly minutes: number
  readonly nodes: number
  /** Not to the end, because it was asked to stop. */
  readonly stoppedAtMs: Millis | null
  readonly faults: Record<string, number>
  /** Faults that this machine cannot make. */
  readonly leftOut: readonly string[]
  readonly letters: {
    readonly sent: number
    readonly shown: number
    readonly withdrawn: number
    /** By code. */
    readonly unsent: Record<string, number>
  }
  readonly blobs: {
    readonly put: number
    /** Of these, acknowledged by fewer than W nodes, by somebody who took the network for a small one. */
    readonly few: number
    readonly unput: number
    readonly got: number
  }
  /** Of letters and blobs not released: how many of them have so many copies at the end. */
  readonly copies: Record<string, number>
  readonly released: number
  readonly questions: number
  readonly settledMs: Millis | null
  readonly memory: readonly NodeMemory[]
  readonly violations: readonly Violation[]
}

interface NodeMemory {
  readonly node: string
  /** Resident, in MiB, by ms since the start. A start of the node begins anew. */
  readonly samples: readonly (readonly [atMs: Millis, mebibytes: number])[]
}

const seconds = (ms: Millis): string => `${(ms / 1_000).toFixed(1).padStart(7)} s`

/** `kill node=bob forMs=1200`: one line for people. */
export const inWords = (it: Planned | Happened): string => {
  const { atMs, ...rest } = it
  const flat = 'fault' in rest ? { ...rest, ...rest.fault } : rest
  const fields = Object.entries(flat).flatMap(([name, value]) =>
    name === 'type' || name === 'do' || name === 'fault' ? [] : [`${name}=${short(value)}`]
  )
  const what = 'do' in flat ? ('type' in flat ? `${flat.type}: ${flat.do}` : flat.do) : flat.type
  return `${seconds(atMs)}  ${[what, ...fields].join(' ')}`
}

const short = (value: unknown): string => {
  const shown = Array.isArray(value) ? value.map(short).join(',') : String(value)
  return /^[0-9a-f]{64}$/.test(shown) ? shown.slice(0, 8) : shown
}

/** A broken invariant with all that led to it. */
export const violationText = (v: Violation): string =>
  [
    `BROKEN after ${seconds(v.atMs).trim()}: ${v.what}`,
    `  ${v.invariant}: ${invariants[v.invariant]}. What happened before:`,
    ...v.because.map(one => `  ${inWords(one)}`)
  ].join('\n')

export function summaryText(s: Summary): string {
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ') || 'none'
  const { letters, blobs } = s
  const rows: [string, string][] = [
    ['faults', list(s.faults) + (s.leftOut.length > 0 ? `; not here: ${s.leftOut}` : '')],
    ['letters', `${letters.sent} sent, ${letters.shown} shown, ${letters.withdrawn} withdrawn`],
    ['not sent', list(letters.unsent)],
    [
      'blobs',
      `${blobs.put} put (${blobs.few} with fewer than ${quorum} copies), ${blobs.unput} refused, ${blobs.got} fetched`
    ],
    [
      'copies at the end',
      list(Object.fromEntries(Object.entries(s.copies).map(([n, c]) => [`with ${n}`, c])))
    ],
    ['released', `${s.released} keys; ${s.questions} questions to single nodes`],
    ['quiet again', s.settledMs === null ? 'never' : `after ${seconds(s.settledMs).trim()}`],
    ...s.memory.map((m): [string, string] => [`memory ${m.node}`, memoryText(m)])
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const verdict =
    s.violations.length === 0
      ? `No invariant was broken (seed ${s.seed}).`
      : `${s.violations.length} broken (seed ${s.seed}): ${[...new Set(s.violations.map(v => v.invariant))].join(', ')}`
  return [...rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`), '', verdict].join('\n')
}

/** First, middle and last sample, and the highest. */
function memoryText({ samples }: NodeMemory): string {
  if (samples.length === 0) return 'not known'
  const at = (share: number) => samples[Math.round(share * (samples.length - 1))]![1]
  const most = Math.max(...samples.map(([, mebibytes]) => mebibytes))
  return `${at(0)} → ${at(0.5)} → ${at(1)} MiB, at most ${most}`
}

/** `3:20 left  14 faults (now: kill bob)  120 letters sent, 101 shown, 9 on their way  2 not sent  0 broken` */
export function progressText(p: Progress): string {
  const left = `${Math.floor(p.leftMs / 60_000)}:${String(Math.floor(p.leftMs / 1_000) % 60).padStart(2, '0')}`
  const now = p.now.length > 0 ? ` (now: ${p.now.join(', ')})` : ''
  return [
    `${left} left`,
    `${p.faults} faults${now}`,
    `${p.sent} letters sent, ${p.shown} shown, ${p.outstanding} on their way`,
    `${p.unsent} not sent`,
    `${p.broken} broken`
  ].join('  ')
}

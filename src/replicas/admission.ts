import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'

/** What moves the price of a fresh put. Source: docs/protocol/admission.md */
export interface Pressure {
  /** How many nodes are thought to be nearer to the key than we are; 0 where we are one of the R nearest that we know. */
  readonly nearer: number
  /** R */
  readonly replicas: number
  readonly usedBytes: number
  readonly capBytes: number
  /** What the asker, with its whole subnet, wrote here lately, in bytes a second. */
  readonly askerRate: number
  /** The same of everybody. */
  readonly allRate: number
}

/** From this share of the cap on, the price grows, to the highest at the cap. */
const pressedFrom = 0.5
/** One asker that would fill what is free in less than this pays more; all together may be quicker. */
const askerFillsMs: Millis = 3_600_000
const allFillMs: Millis = 10 * 60_000

const bounded = (factor: number): number =>
  Math.min(limits.priceFactorMax, Math.max(1, Number.isNaN(factor) ? 1 : factor))

/** 1 up to twice as far as the R nearest are expected: those that stand in for a holder that is away. Then as much more as it is farther. */
const farFactor = (nearer: number, replicas: number): number => bounded(nearer / (2 * replicas))

/** 1 while at least half is free; then it grows with every percent by as much, to 1,000 at the cap. */
function fullFactor(usedBytes: number, capBytes: number): number {
  const over = (usedBytes / capBytes - pressedFrom) / (1 - pressedFrom)
  return bounded(limits.priceFactorMax ** Math.min(1, Math.max(0, over)))
}

/** How much too soon what is free would be written full at this rate. */
function rushFactor(bytesPerSecond: number, freeBytes: number, fillsMs: Millis): number {
  if (bytesPerSecond <= 0) return 1
  return bounded((bytesPerSecond * fillsMs) / 1_000 / Math.max(1, freeBytes))
}

/** The product of what distance, fullness and haste make of it: a whole number from 1 to 1,000. */
export function priceFactor(p: Pressure): number {
  const freeBytes = p.capBytes - p.usedBytes
  const rush = Math.max(
    rushFactor(p.askerRate, freeBytes, askerFillsMs),
    rushFactor(p.allRate, freeBytes, allFillMs)
  )
  const far = farFactor(p.nearer, p.replicas)
  return Math.round(bounded(far * fullFactor(p.usedBytes, p.capBytes) * rush))
}

/** Bytes a second over about the last ten minutes: each byte weighs less the longer ago it came. */
export class RecentRate {
  #bytes = 0
  #atMs: Millis

  constructor(nowMs: Millis) {
    this.#atMs = nowMs
  }

  add(bytes: number, nowMs: Millis): void {
    this.#fade(nowMs)
    this.#bytes += bytes
  }

  perSecond(nowMs: Millis): number {
    this.#fade(nowMs)
    return this.#bytes / (rateSpanMs / 1_000)
  }

  #fade(nowMs: Millis): void {
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#bytes *= Math.exp(-passedMs / rateSpanMs)
    this.#atMs = Math.max(this.#atMs, nowMs)
  }
}

const rateSpanMs: Millis = 10 * 60_000

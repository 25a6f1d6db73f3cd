import type { Millis } from '../../base/ports.ts'
import type { Violation } from '../../sim/result.ts'

/** A blob that was acknowledged. */
export interface RealBlob {
  readonly blob: number
  readonly key: string
  readonly hash: string
  readonly sizeBytes: number
  readonly expiryMs: Millis
  lost: boolean
  readonly history: string[]
}

/** What is kept of the way a blob went. */
const historyMax = 64

/**
 * The blobs of the workload, and who has them as far as was seen: processes are asked at each row, and right before they are killed. The
 * judgement of `Holdings`: what was acknowledged is somewhere, with a seed that is online or will come back, until it expires.
 */
export class RealBlobs {
  readonly violations: Violation[] = []
  readonly #blobs = new Map<number, RealBlob>()
  lost = 0

  acknowledged(blob: Omit<RealBlob, 'lost' | 'history'>, by: number, atMs: Millis): void {
    const history = [`${atMs}: node ${by} was told that it is stored`]
    this.#blobs.set(blob.blob, { ...blob, lost: false, history })
  }

  /** Undefined where it was never acknowledged. */
  get(blob: number): RealBlob | undefined {
    return this.#blobs.get(blob)
  }

  /** Acknowledged, not expired; what is lost is among them. */
  living(nowMs: Millis): RealBlob[] {
    for (const [number, { expiryMs }] of this.#blobs)
      if (expiryMs <= nowMs) this.#blobs.delete(number)
    return [...this.#blobs.values()]
  }

  /** @param holders of each, online or away, by number of the node. */
  judge(living: readonly RealBlob[], holders: readonly number[][], atMs: Millis): void {
    for (const [i, blob] of living.entries()) {
      if (blob.lost) continue
      blob.history.push(`${atMs}: copies are with ${holders[i]!.join(', ') || 'nobody'}`)
      if (blob.history.length > historyMax) blob.history.shift()
      if (holders[i]!.length > 0) continue
      blob.lost = true
      this.lost += 1
      const name = blob.key.slice(0, 16)
      const what = `the blob ${name} was acknowledged, and no copy of it is left`
      this.violations.push({ atMs, what, chain: [...blob.history] })
    }
  }

  /** What a get gave. */
  compare({ key, hash, history }: RealBlob, given: string, by: number, atMs: Millis): void {
    if (given === hash) return
    const what = `node ${by} got other bytes for the blob ${key.slice(0, 16)} than were put`
    this.violations.push({ atMs, what, chain: [...history] })
  }
}

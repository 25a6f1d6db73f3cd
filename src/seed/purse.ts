import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Postage } from '../wire/stamp.ts'
import { endOf, issuedAt, stampPrice } from '../wire/stamp.ts'
import type { Core } from './core.ts'

interface StampProgress {
  /** In floor prices: 1, or what a pressed seed asked for. */
  readonly factor: number
  /** How many hashes it takes on average. */
  readonly hashes: number
  /** How likely it would be over by now, 0 to 1. */
  readonly share: number
}

export interface PurseOptions {
  /** The dearest stamp to make at a seed's word, in floor prices; what takes some ten seconds of one core unless told. */
  factorMax?: number
  /** Told now and then while a stamp takes long. */
  onStamp?(progress: StampProgress): void
}

/** The stamps of one put. */
export interface Purse extends Disposable {
  /** The highest factor any seed asked for, be it paid or not. */
  readonly asked: number
  /** @returns a stamp worth `factor`, the one that is there when it is. @throws {MuttrError} `STAMP_TOO_LOW` beyond what may be spent, `CANCELLED` */
  worth(factor: number): Promise<Uint8Array>
}

/** One for all: an error made for each put would cost it a stack trace. */
const noMore = new MuttrError('CANCELLED', 'no more stamps are needed')

/**
 * Makes stamps as they are needed, one after the other: a dearer one serves all who ask for less.
 * @param o.stamp one that is there already, worth the floor.
 */
export function createPurse(
  core: Pick<Core, 'stamper' | 'clock'>,
  o: Postage & { stamp?: Uint8Array | undefined },
  { signal, onStamp, factorMax }: PurseOptions & { signal: AbortSignal }
): Purse {
  const { stamper, clock } = core
  const over = new AbortController()
  const life = AbortSignal.any([signal, over.signal])
  let best = o.stamp && { frame: o.stamp, factor: 1 }
  let last: Promise<unknown> = Promise.resolve()
  let asked = 1

  async function make(factor: number): Promise<Uint8Array> {
    if (best && best.factor >= factor) return best.frame
    const issuedMs = issuedAt(clock.now())
    const { key, lengthBytes } = o
    const job = { key, lengthBytes, issuedMs, expiryMs: endOf(o, issuedMs), factor }
    const floor = stampPrice(job)
    const most = factorMax ?? Math.max(1, Math.floor(limits.stampHashesDefaultMax / floor))
    if (factor > most)
      throw new MuttrError(
        'STAMP_TOO_LOW',
        `a seed asks for ${factor} times the usual work, more than ${most} times`
      )
    const onProgress = (share: number) => onStamp?.({ factor, hashes: floor * factor, share })
    const frame = await stamper.make(job, { signal: life, onProgress })
    best = { frame, factor }
    return frame
  }

  return {
    get asked() {
      return asked
    },
    async worth(factor) {
      asked = Math.max(asked, factor)
      if (best && best.factor >= factor) return best.frame
      const turn = last.then(() => make(factor))
      last = turn.catch(() => undefined)
      return turn
    },
    [Symbol.dispose]: () => over.abort(noMore)
  }
}

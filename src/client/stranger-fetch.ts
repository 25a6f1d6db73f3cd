import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Contact, Failure } from '../base/ports.ts'
import type { Dht, GetResult } from '../seed/dht.ts'
import { failureOf } from './failure.ts'

/**
 * How letters of people who are no contacts are fetched. Who writes such a letter may have chosen where it is stored, and would see by
 * the fetch where its reader is, and when. Source: docs/decisions/028-via.md
 */
export type StrangersBy =
  /** Through the pod that announced the letter, and not at all while that does not work. */
  | 'relayed'
  /** Through that pod while it works, else directly. */
  | 'relayed-first'
  | 'direct'

export interface StrangerFetch {
  /** @throws {MuttrError} `RELAY_UNREACHABLE`, `RELAY_REFUSED`, or as {@link Dht.get} */
  get(pod: string, key: Uint8Array): Promise<GetResult>
  /** The pods through which the last attempt failed, and how. */
  readonly problems: readonly { pod: string; problem: Failure }[]
}

interface Parts {
  dht: Pick<Dht, 'get'>
  /** Of a pod that knows whose device we are, where to ask through it. */
  relay(pod: string): Promise<Contact>
  by: StrangersBy
  life: AbortSignal
}

/** It is the relay that fails, and not the letter that is not there. */
export const isOfRelay = (code: ErrorCode | undefined): boolean =>
  code === 'RELAY_UNREACHABLE' || code === 'RELAY_REFUSED'

export function createStrangerFetch({ dht, relay, by, life }: Parts): StrangerFetch {
  const problems = new Map<string, Failure>()

  async function relayed(pod: string, key: Uint8Array): Promise<GetResult> {
    const via = await relay(pod).catch(err => {
      throw noWay(err)
    })
    return dht.get(key, { signal: life, via })
  }

  return {
    get problems() {
      return [...problems].map(([pod, problem]) => ({ pod, problem }))
    },
    async get(pod, key) {
      if (by === 'direct') return dht.get(key, { signal: life })
      try {
        const found = await relayed(pod, key)
        problems.delete(pod)
        return found
      } catch (err) {
        if (!isOfRelay(codeOf(err))) throw err
        problems.set(pod, failureOf(err))
        if (by === 'relayed') throw err
        return dht.get(key, { signal: life })
      }
    }
  }
}

/** Whatever keeps us from the pod: it must not be taken for something about the letter, which would then be given up. */
function noWay(err: unknown): unknown {
  if (!(err instanceof MuttrError) || err.code === 'CANCELLED' || isOfRelay(err.code)) return err
  const code = err.kind === 'network' ? 'RELAY_UNREACHABLE' : 'RELAY_REFUSED'
  return new MuttrError(code, err.message, { hint: err.hint, cause: err })
}

import { sha256, toHex } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import { podBlind } from '../../src/client/blind/pod-blind.ts'
import { podTokens } from '../../src/client/blind/pod-tokens.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { QueueRequest, QueueState } from '../../src/wire/federation.ts'
import type { FakePod } from './fake-pod.ts'

export type OnNews = Parameters<PodLink['listen']>[2] & {}

/** The notices for other pods that a fake pod has. */
export interface FakeQueue {
  /** `off` knows no such request; `hold` keeps them until it is told; `on` passes them on before it answers. */
  mode: 'off' | 'hold' | 'on'
  /** By SHA-256 of the sealed bytes, hex. */
  readonly kept: Map<string, { request: QueueRequest; state: QueueState }>
  /** Who listens for news. */
  readonly hearers: Set<OnNews>
  /** Given to the pod so often. */
  given: number
  /** Passes on what it holds, and tells who listens. @param lie puts another word in the place of the true one */
  passOn(lie?: (state: QueueState) => QueueState): Promise<void>
  /** @param isKnown throws when the pod is away; whether the one who asks has said who they are. */
  link(isKnown: () => boolean): PodLink['queue']
}

export function fakeQueue(others: ReadonlyMap<string, FakePod>, clock: Clock): FakeQueue {
  const queue: FakeQueue = {
    mode: 'off',
    kept: new Map(),
    hearers: new Set(),
    given: 0,
    async passOn(lie = state => state) {
      for (const [key, one] of queue.kept) {
        if (one.state.type !== 'queued') continue
        const { hostname, notice } = one.request
        const link = await others.get(hostname)!.link()
        const { atMs, signature, podPeer } = await link.submit(notice)
        one.state = lie({ type: 'accepted', atMs, signature, peer: podPeer })
        const news = [{ hash: new Uint8Array(Buffer.from(key, 'hex')), state: one.state }]
        for (const hear of queue.hearers) hear(news)
      }
    },
    link: isKnown => ({
      async give(request) {
        if (!isKnown()) throw new MuttrError('IDENTIFY_FIRST', 'who?')
        if (queue.mode === 'off') throw new MuttrError('METHOD_UNKNOWN', 'what?')
        queue.given++
        const state = { type: 'queued' as const, failures: 0, nextMs: clock.now(), code: null }
        queue.kept.set(toHex(sha256(request.notice)), { request, state })
        // So fast that the word of it comes before the answer.
        if (queue.mode === 'on') await queue.passOn()
        return { atMs: clock.now() }
      },
      async states(hashes) {
        isKnown()
        return hashes.map(hash => queue.kept.get(toHex(hash))?.state ?? { type: 'unknown' })
      },
      async done(hashes) {
        isKnown()
        for (const hash of hashes) queue.kept.delete(toHex(hash))
      },
      async papers(hostname) {
        isKnown()
        return (await others.get(hostname)!.link()).pod.papers
      }
    })
  }
  return queue
}

const unknown = async (method: string): Promise<never> => {
  throw new MuttrError('METHOD_UNKNOWN', method)
}
/** A pod that passes no requests on, and gives no tokens. */
export const noBlind = { blind: podBlind(unknown), tokens: podTokens(unknown) }

import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { QueueRequest, QueueState } from '../wire/federation.ts'
import * as wire from '../wire/federation.ts'
import { helloAnswer, nothing } from '../wire/pod.ts'
import { podMethods } from '../wire/pod-methods.ts'
import type { PodPapers } from '../wire/proof.ts'

/** What one asks of one's own pod about notices for others. Needs an identified link. Source: docs/protocol/federation.md */
export interface PodQueue {
  /** From then on the pod tries to pass it on. @throws `LIMIT_EXCEEDED`, `POD_UNKNOWN`, `POD_CHANGED`, `FEDERATION_REFUSED`, `DISK_FULL`, … */
  give(request: QueueRequest): Promise<{ atMs: Millis }>
  /** What became of notices, by the SHA-256 of their sealed bytes; nothing of it is checked. */
  states(hashes: readonly Uint8Array[]): Promise<readonly QueueState[]>
  /** What became of them is written down here: the pod may forget it. */
  done(hashes: readonly Uint8Array[]): Promise<void>
  /** What another pod showed of itself there; nothing of it is checked. */
  papers(hostname: string): Promise<PodPapers>
}

export const podQueue = (
  ask: (method: string, payload: Uint8Array) => Promise<Uint8Array>
): PodQueue => ({
  give: async request =>
    wire.queueAnswer.decode(await ask(podMethods.queue, wire.queueRequest.encode(request))),
  async states(hashes) {
    const frame = await ask(podMethods.queueStates, wire.queueHashes.encode({ hashes }))
    const { states } = wire.queueStates.decode(frame)
    if (states.length !== hashes.length)
      throw new MuttrError('WIRE_MALFORMED', 'states of other notices')
    return states
  },
  async done(hashes) {
    nothing.decode(await ask(podMethods.queueDone, wire.queueHashes.encode({ hashes })))
  },
  papers: async hostname =>
    helloAnswer.decode(await ask(podMethods.queuePapers, wire.queuePapers.encode({ hostname })))
})

import { blindAnswer, blindPass } from '../../wire/blind.ts'
import { queuePapers } from '../../wire/federation.ts'
import { helloAnswer } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { PodPapers } from '../../wire/proof.ts'

/** What one asks of one's own pod as a relay. Needs an identified link. Source: docs/protocol/blind.md */
export interface PodBlind {
  /** Has a sealed request passed on. @returns the answer, sealed. @throws `POD_UNKNOWN`, `POD_UNREACHABLE`, `FEDERATION_REFUSED`, `LIMIT_EXCEEDED`, … */
  pass(hostname: string, sealed: Uint8Array): Promise<Uint8Array>
  /** What another pod showed of itself to the relay; nothing of it is checked. */
  papers(hostname: string): Promise<PodPapers>
}

export const podBlind = (
  ask: (method: string, payload: Uint8Array) => Promise<Uint8Array>
): PodBlind => ({
  async pass(hostname, sealed) {
    const frame = await ask(podMethods.blind, blindPass.encode({ hostname, sealed }))
    return blindAnswer.decode(frame).sealed
  },
  papers: async hostname =>
    helloAnswer.decode(await ask(podMethods.blindPapers, queuePapers.encode({ hostname })))
})

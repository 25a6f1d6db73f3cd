import type { Millis, Session } from '../base/ports.ts'
import { moveAnswer, movedAnswer, moveRequest } from '../wire/move.ts'
import { aliasRequest } from '../wire/pod.ts'
import type { Identity } from './identify.ts'
import type { Answers, Desk } from './session.ts'

/** People who leave an alias for another, and who ask where they went. Source: docs/protocol/moving.md#at-the-former-pod */
export const moveAnswers = ({
  session,
  desk,
  identity,
  self
}: {
  session: Session
  desk: Pick<Desk, 'moves' | 'gates' | 'crypto'>
  identity(nowMs: Millis): Identity | undefined
  self(nowMs: Millis): Identity
}): Answers => ({
  async moved(payload, nowMs) {
    const { name } = aliasRequest.decode(payload)
    desk.gates.lookup(session.peer, identity(nowMs)?.account, nowMs)
    return movedAnswer.encode((await desk.moves.find(name, nowMs)) ?? null)
  },
  async move(payload, nowMs) {
    const { account, certificate: bytes } = self(nowMs)
    const { move: frame } = moveRequest.decode(payload)
    desk.gates.register(account, nowMs)
    const certificate = await desk.crypto.readCertificate(bytes)
    const signature = await desk.moves.take({ account, certificate, frame, nowMs })
    return moveAnswer.encode({ signature })
  }
})

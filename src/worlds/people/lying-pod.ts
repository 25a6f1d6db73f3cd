import { toHex } from '../../base/bytes.ts'
import type { Clock, Millis, Network, PeerKeys, Session } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { announcedBytes, decodeNotice, encodeNotice, noticeInfo } from '../../wire/notice.ts'
import * as wire from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'

export type Lie = NonNullable<NonNullable<Scenario['people']>['pods']['lying']>['behaviour']

const hourMs: Millis = 3_600_000
const withheldMs: Millis = 24 * hourMs
const replayMs: Millis = hourMs
/** Notices that are shown again and again. */
const replayedMax = 1_000

interface Parts {
  network: Pick<Network, 'accept'>
  lie: Lie
  clock: Clock
  crypto: Crypto
  keys: PeerKeys
  hpke: { publicKey: Uint8Array; secret: Uint8Array }
}

type Answer = Parameters<Session['serve']>[0]
/** Hands a notice to the honest pod within. */
type Pass = (notice: Uint8Array) => Promise<unknown>

/** A pod's network, through which it lies: it signs that it took every notice, and does with it as it likes. */
export function lyingNetwork(parts: Parts): Pick<Network, 'accept'> {
  const { network, clock, keys } = parts
  const treat = treatmentOf(parts)
  const submitted = async (payload: Uint8Array, answer: Answer, signal: AbortSignal) => {
    const { notice } = wire.submit.decode(payload)
    const pass: Pass = given =>
      answer(podMethods.submit, wire.submit.encode({ notice: given }), signal)
    await treat(notice, given => pass(given).catch(() => undefined))
    const atMs = clock.now()
    const signature = keys.sign(announcedBytes(notice, atMs))
    return wire.submitAnswer.encode({ atMs, signature })
  }
  const lying = (session: Session): Session => ({
    peer: session.peer,
    closed: session.closed,
    request: (...args) => session.request(...args),
    serve: answer =>
      session.serve((method, payload, signal) =>
        method === podMethods.submit
          ? submitted(payload, answer, signal)
          : answer(method, payload, signal)
      ),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]()
  })
  return { accept: (protocol, take) => network.accept(protocol, session => take(lying(session))) }
}

function treatmentOf({ lie, clock, crypto, hpke }: Parts) {
  switch (lie) {
    case 'drop':
      return async () => {}
    case 'withhold':
      return async (notice: Uint8Array, pass: Pass) => {
        clock.after(withheldMs, () => void pass(notice))
      }
    case 'replay':
      return replaying(clock)
    case 'misdeliver':
      return misdelivering(crypto, hpke)
  }
}

function replaying(clock: Clock) {
  const known: [Uint8Array, Pass][] = []
  const again = () => {
    clock.after(replayMs, again)
    for (const [notice, pass] of known) void pass(notice)
  }
  clock.after(replayMs, again)
  return async (notice: Uint8Array, pass: Pass) => {
    if (known.length < replayedMax) known.push([notice, pass])
    await pass(notice)
  }
}

/** To the last address that is not the right one; the first notice of all goes nowhere. */
function misdelivering(crypto: Crypto, { publicKey, secret }: Parts['hpke']) {
  const addresses = new Map<string, Uint8Array>()
  return async (notice: Uint8Array, pass: Pass) => {
    const body = decodeNotice(await crypto.hpkeOpen(secret, noticeInfo, notice))
    const own = toHex(body.address)
    const wrong = [...addresses].findLast(([address]) => address !== own)
    addresses.delete(own)
    addresses.set(own, body.address)
    if (!wrong) return
    const given = encodeNotice({ ...body, address: wrong[1] })
    await pass(await crypto.hpkeSeal(publicKey, noticeInfo, given))
  }
}

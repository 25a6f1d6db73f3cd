import { fromHex } from '../../src/base/bytes.ts'
import type { Session } from '../../src/base/ports.ts'
import { makeSecrets, sealLetter, sealSlip } from '../../src/client/compose.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Device } from '../../src/keys/device.ts'
import { makeDevice, makeStatement } from '../../src/keys/device.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import type { Letter } from '../../src/wire/letter.ts'
import * as wire from '../../src/wire/pod.ts'
import { plainLetter } from './letters.ts'
import { makeNode } from './net-nodes.ts'
import type { Whole } from './whole-node.ts'

const soon = { timeoutMs: 30_000 }
const dayMs = 86_400_000
export const bytesOf = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
export const inTenDays = (): number => expiryAt(clock.now() + 10 * dayMs)

/** Somebody with a key, a node and a pod of their own choice, who keeps to no rule but those that are checked. */
export interface Mallory {
  person: Person
  node: Node
  device: Device
  /** To the pod, not identified. */
  link: PodLink
}
type Self = Pick<Mallory, 'person' | 'node' | 'device'>

export async function makeMallory(name: string, pod: Whole): Promise<Mallory> {
  const person = await makePerson({ name, nowMs: clock.now() })
  const node = await makeNode({ mode: 'client' })
  const device = makeDevice(random.bytes(32))
  const at = { contact: pod.network.contact(), clock, hostname: pod.itsPod!.hostname }
  return { person, node, device, link: await openPodLink({ network: node, ...at }) }
}

export const statementOf = (
  { person, node, device }: Self,
  { hostname = 'one.test', peer = node.self }: { hostname?: string; peer?: string } = {}
): Promise<Uint8Array> =>
  makeStatement(person, {
    deviceKey: device.publicKey,
    peer,
    pod: hostname,
    nowMs: clock.now(),
    untilMs: clock.now() + 30 * dayMs
  })

export const openRaw = ({ node }: Pick<Mallory, 'node'>, to: Whole): Promise<Session> =>
  node.open(to.network.contact(), wire.podProtocol, soon)

export async function challenged(session: Session): Promise<Uint8Array> {
  const frame = await session.request('challenge', wire.nothing.encode(), soon)
  return wire.challengeAnswer.decode(frame).nonce
}

/** An identification as a device makes it, with whatever is to be wrong about it. */
export function identification(
  { person, node, device }: Self,
  pod: Whole,
  o: { nonce: Uint8Array; statement: Uint8Array; hostname?: string; timeMs?: number }
): Uint8Array {
  const { statement, nonce, timeMs = clock.now(), hostname = 'one.test' } = o
  const signed = { hostname, pod: pod.network.self, self: node.self, nonce, timeMs, statement }
  const answer = device.sign(wire.identifyBytes(signed))
  return wire.identify.encode({ certificate: person.certificate.bytes, statement, timeMs, answer })
}

export interface Crafted {
  letter?: Partial<Letter>
  by?: Person
  slipBy?: Person
  slipTo?: Person
  /** The slip's blob key. */
  about?: Uint8Array
  alias?: string
  id?: Uint8Array
  /** In place of the sealed letter. */
  sealed?: (bob: Person) => Promise<Uint8Array>
  to?: Person
}

/** A letter as mallory would write it who does not use our client, its blob and its slip. */
export async function craftLetter(
  mallory: Person,
  bob: Person,
  o: Crafted
): Promise<{ blob: Blob; slip: Uint8Array }> {
  const { by = mallory, to = bob, id = random.bytes(32) } = o
  const nowMs = clock.now()
  const sender = { fingerprint: bytesOf(by.certificate.fingerprint), alias: 'mallory@one.test' }
  const reader = bytesOf(bob.certificate.fingerprint)
  const letter = plainLetter({
    id,
    thread: id,
    sender,
    recipients: [{ fingerprint: reader, alias: 'bob@one.test' }],
    sentMs: nowMs,
    certificate: by.certificate.bytes,
    ...o.letter
  })
  const until = inTenDays()
  const about = { expiryMs: until, retract: random.bytes(32), accept: null }
  const blob = o.sealed
    ? makeBlob(await o.sealed(bob), about)
    : await sealLetter({
        letter,
        secrets: makeSecrets(random),
        from: by,
        to: to.certificate,
        expiryMs: until,
        nowMs
      })
  const slip = await sealSlip({
    from: o.slipBy ?? by,
    alias: o.alias ?? letter.sender.alias,
    to: (o.slipTo ?? bob).certificate,
    letter: letter.id,
    key: o.about ?? blob.key,
    nowMs
  })
  return { blob, slip }
}

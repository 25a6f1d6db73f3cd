import assert from 'node:assert/strict'
import * as openpgp from 'openpgp'
import { limits } from '../../src/base/limits.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson, makePerson } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import * as wire from '../../src/wire/pod.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { dayMs, personNamed, podWorld } from '../support/pod-world.ts'

const options = { timeoutMs: 5_000 }
const olga = { kind: 'operator', name: 'olga' } as const

const sessionOf = (world: PodWorld, host: PodHost, { keys }: TestDevice) =>
  world.network
    .at(keys.self)
    .open({ peer: host.keys.self, addresses: [] }, wire.podProtocol, options)

/** The key's certificate with so many more signatures by somebody else on its first User ID. */
async function flooded(person: Person, alias: string, count: number, nowMs: number) {
  const mallory = await makePerson({ name: 'mallory', nowMs: nowMs - dayMs })
  const { bytes } = person.certificate
  const about = { certificate: person.certificate, alias, nowMs, lifeMs: dayMs }
  const key = await openpgp.readKey({ binaryKey: (await certify(mallory, about)).bytes })
  const user = key.users.find(({ otherCertifications }) => otherCertifications.length > 0)!
  const [one] = user.otherCertifications
  user.otherCertifications = Array.from({ length: count }, () => one!)
  return { clean: bytes, bytes: key.write() }
}

const signaturesOf = async (bytes: Uint8Array): Promise<number> =>
  (await openpgp.readKey({ binaryKey: bytes }))
    .toPacketList()
    .filter(packet => packet instanceof openpgp.SignaturePacket).length

describe('keys that a pod is shown', () => {
  it('with ten thousand signatures are refused unread, and with some hundred too many before they are verified', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const nowMs = world.clock.now()
    const many = await flooded(alice.person, 'alice@one.test', 10_000, nowMs)
    assert.ok(many.bytes.byteLength > 1_000_000)
    await assert.rejects(readCertificate(many.bytes), { code: 'KEY_INVALID', message: /size/ })
    const session = await sessionOf(world, host, alice)
    const some = await flooded(alice.person, 'alice@one.test', 260, nowMs)
    assert.ok(some.bytes.byteLength < limits.certificateBytesMax)
    for (const bytes of [some.bytes, new Uint8Array(limits.certificateBytesMax).fill(0x99)]) {
      const link = await alice.enter(host)
      const certificate = { ...alice.person.certificate, bytes }
      await assert.rejects(link.register('alice', certificate), { code: 'KEY_INVALID' })
    }
    const fields = [many.bytes, await alice.statement(host.hostname), nowMs, new Uint8Array(64)]
    await session.request('challenge', wire.nothing.encode(), options)
    const frame = encodeCbor(fields)
    await assert.rejects(session.request('identify', frame, options), {
      code: /WIRE_TOO_LARGE|WIRE_MALFORMED/
    } as never)
    assert.equal(host.pod.usage().accounts, 0)
    // Who flooded it has not locked its owner out.
    const link = await alice.enter(host)
    await link.register('alice', alice.person.certificate)
  })

  it('never become unreadable by what a pod adds, and can always be taken back', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    const own = await signaturesOf(alice.person.certificate.bytes)
    const room = limits.certificateSignaturesMax - own
    const nowMs = world.clock.now()
    for (const [count, isTaken] of [
      [room, false],
      [room - 1, true]
    ] as const) {
      const { bytes } = await flooded(alice.person, 'alice@one.test', count, nowMs)
      const certificate = { ...(await readCertificate(bytes)) }
      const registered = link.register('alice', certificate)
      if (isTaken) await registered
      else await assert.rejects(registered, { code: 'KEY_INVALID' })
    }
    const shown = await link.lookup('alice')
    assert.equal(await signaturesOf(shown.certificate.bytes), limits.certificateSignaturesMax)
    world.clock.advance(2_000)
    await host.pod.office.revokeAlias(olga, 'alice', { reason: 'flooded' })
    await assert.rejects(link.lookup('alice'), { code: 'ALIAS_REVOKED' })
  })

  it('that have expired take no alias, and those that were revoked are not let in', async () => {
    await using world = podWorld()
    const host = await world.host()
    const nowMs = world.clock.now()
    const made = await openpgp.generateKey({
      userIDs: [{ name: 'Old' }, { email: 'old@one.test' }],
      date: new Date(nowMs - 2 * dayMs),
      keyExpirationTime: 86_400,
      format: 'binary'
    })
    const old = await world.device(await importPerson(made.privateKey))
    const expired = await old
      .enter(host)
      .then(link => link.register('old', old.person.certificate))
      .catch(err => err)
    assert.ok(['KEY_INVALID', 'STATEMENT_INVALID'].includes(expired?.code), `${expired}`)

    const alice = await world.device(await personNamed('alice'))
    await (await alice.enter(host)).register('alice', alice.person.certificate)
    const revoked = await revoke(alice.person, 'compromised', nowMs)
    const statement = await alice.statement(host.hostname)
    const shown = { device: alice.device, statement, certificate: revoked, nowMs }
    const thief = await alice.open(host)
    await assert.rejects(thief.identify(shown), { code: 'IDENTIFY_REFUSED' })
    assert.deepEqual(host.pod.usage().aliases, 1)
  })

  it('come in any number, and are registered so many at a time', async () => {
    await using world = podWorld()
    const host = await world.host({ limits: { registrationsInAll: { burst: 3, everyMs: 60_000 } } })
    const codes: string[] = []
    for (let i = 0; i < 5; i++) {
      const device = await world.device(await personNamed(`flood${i}`))
      const link = await device.enter(host)
      codes.push(
        await link.register(`flood${i}`, device.person.certificate).then(
          () => 'taken',
          err => err.code
        )
      )
    }
    assert.deepEqual(codes, ['taken', 'taken', 'taken', 'LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'])
    world.clock.advance(60_000)
    const device = await world.device(await personNamed('flood4'))
    await (await device.enter(host)).register('flood4', device.person.certificate)
  })
})

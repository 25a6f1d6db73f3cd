import assert from 'node:assert/strict'
import type { Hono } from 'hono'
import { concatBytes } from '../../src/base/bytes.ts'
import { directoryRoom } from '../../src/https/directory.ts'
import type { DoorEnv } from '../../src/https/door.ts'
import { createDoor } from '../../src/https/door.ts'
import { httpsLimits } from '../../src/https/limits.ts'
import { createTurnstile } from '../../src/https/turnstile.ts'
import { armorCertificate, keyOf, readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification } from '../../src/keys/certify.ts'
import { packet, tags, walkPackets } from '../../src/keys/packets.ts'
import { addAlias, makePerson } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { offersIn } from '../../src/keys/sign.ts'
import { addSubkey } from '../../src/keys/subkeys.ts'
import { withdrawalOf } from '../../src/keys/withdraw.ts'
import { podRecord } from '../../src/wire/pod.ts'
import { decodeWellKnown } from '../../src/wire/well-known.ts'
import { wkdHash } from '../../src/wire/wkd.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { dayMs, personNamed, podWorld } from '../support/pod-world.ts'

const silent = { debug() {}, info() {}, warn() {} }
const address = '/ip4/192.0.2.7/tcp/4420/p2p/12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj'

describe('the directory for everybody', () => {
  let world: PodWorld
  let host: PodHost
  let door: Hono<DoorEnv>

  beforeEach(async () => {
    world = podWorld()
    host = await world.host({ offers: ['thin'] })
    door = doorOf(host)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const doorOf = ({ pod }: PodHost, isOpen = false) =>
    createDoor({
      rooms: [directoryRoom({ pod, addresses: () => [address], isOpen, clock: world.clock })],
      turnstile: createTurnstile({ isBehindProxy: false, groupLocal: false, clock: world.clock }),
      log: silent
    })
  const env = { incoming: { headers: {}, socket: { remoteAddress: '127.0.0.1' } } }
  const get = async (path: string) => await door.request(path, {}, env)
  const bytesOf = async (path: string): Promise<Uint8Array> => {
    const answer = await get(path)
    assert.equal(answer.status, 200, path)
    return new Uint8Array(await answer.arrayBuffer())
  }
  const keyAt = async (path: string) => await readCertificate(await bytesOf(path))
  const lookup = (op: string, search: string) =>
    `/pks/lookup?op=${op}&options=mr&search=${encodeURIComponent(search)}`
  const hu = (name: string) => `/.well-known/openpgpkey/hu/${wkdHash(name)}?l=${name}`

  async function register(name: string, ...aliases: string[]) {
    const device = await world.device(await personNamed(name, [name, ...aliases]))
    const link = await device.enter(host)
    for (const alias of [name, ...aliases]) await link.register(alias, device.person.certificate)
    return { link, person: device.person }
  }

  it('says who and where the pod is, as it says it on its own channel', async () => {
    const { hello, addresses } = decodeWellKnown(await bytesOf('/.well-known/muttr'))
    assert.deepEqual(addresses, [address])
    assert.equal(podRecord.decode(hello.record).hostname, 'one.test')
    assert.deepEqual(await offersIn(hello.signature), ['thin'])
    const { fingerprint } = host.person.certificate
    assert.equal((await readCertificate(hello.certificate)).fingerprint, fingerprint)
    const shown = await keyAt('/.well-known/muttr/certificate.asc')
    assert.equal(shown.fingerprint, fingerprint)
  })

  it('is a Web Key Directory by both ways: one User ID, certified by the pod', async () => {
    const { person } = await register('alice', 'alice.work')
    const advanced = hu('alice').replace('/hu/', '/one.test/hu/')
    for (const path of [hu('alice'), hu('Alice'), advanced]) {
      const key = await keyAt(path)
      assert.equal(key.fingerprint, person.certificate.fingerprint)
      assert.deepEqual(key.userIds, ['alice <alice@one.test>'])
      const by = host.person.certificate
      await checkCertification(key, { alias: 'alice@one.test', by, nowMs: world.clock.now() })
    }
    assert.equal((await keyAt(hu('alice.work'))).userIds[0], 'alice.work <alice.work@one.test>')
    for (const way of ['', '/one.test'])
      assert.equal((await get(`/.well-known/openpgpkey${way}/policy`)).status, 200)
    assert.equal((await get(hu('alice').replace('/hu/', '/two.test/hu/'))).status, 404)
  })

  it('is a key server: by address, key id and fingerprint, all aliases of a key in one', async () => {
    const { person } = await register('alice', 'alice.work')
    await register('bob')
    const { fingerprint } = person.certificate
    for (const search of [`0x${fingerprint}`, `0x${fingerprint.slice(-16).toUpperCase()}`]) {
      const key = await keyAt(lookup('get', search))
      assert.equal(key.fingerprint, fingerprint)
      assert.deepEqual(key.userIds, ['alice <alice@one.test>', 'alice.work <alice.work@one.test>'])
    }
    for (const search of ['alice@one.test', '<alice@one.test>', '=alice <alice@one.test>'])
      assert.deepEqual((await keyAt(lookup('get', search))).userIds, ['alice <alice@one.test>'])
    const index = await (await get(lookup('index', `0x${fingerprint}`))).text()
    const [info, pub, ...uids] = index.trim().split('\n')
    assert.equal(info, 'info:1:1')
    assert.match(pub!, new RegExp(`^pub:${fingerprint.toUpperCase()}:22::\\d+::$`))
    assert.deepEqual(
      uids.map(uid => uid.split(':')[1]),
      ['alice%40one.test', 'alice.work%40one.test']
    )
    assert.equal((await get(lookup('vindex', 'alice@one.test'))).status, 200)
    const pod = await keyAt(lookup('get', `0x${host.person.certificate.fingerprint}`))
    assert.deepEqual(pod.userIds, ['one.test'])
  })

  it('shows that the pod has taken its word back, until the name is free again', async () => {
    const { person } = await register('alice', 'alice.work')
    const by = host.person.certificate
    const about = { alias: 'alice@one.test', by }
    const olga = { kind: 'operator', name: 'olga' } as const
    await host.pod.office.revokeAlias(olga, 'alice', { reason: 'not who they say' })
    const { fingerprint } = person.certificate
    for (const path of [
      hu('alice'),
      lookup('get', 'alice@one.test'),
      lookup('get', `0x${fingerprint}`)
    ])
      assert.equal((await withdrawalOf(await keyAt(path), about))?.reason, 'not who they say', path)
    const key = await keyAt(lookup('get', `0x${fingerprint}`))
    const { untilMs } = await checkCertification(key, {
      ...{ alias: 'alice.work@one.test', by },
      nowMs: world.clock.now()
    })
    assert.ok(untilMs > world.clock.now())
    await host.pod.office.freeAlias(olga, 'alice')
    for (const path of [hu('alice'), lookup('get', 'alice@one.test')])
      assert.equal((await get(path)).status, 404)
  })

  it('answers the same for all that it does not show', async () => {
    const { link } = await register('alice', 'gone')
    await link.unregister('gone')
    const other = (await personNamed('nobody')).certificate.fingerprint
    const asked = [
      ...[hu('gone'), hu('never'), hu('postmaster')],
      ...[
        'gone@one.test',
        'never@one.test',
        'alice@two.test',
        'alice',
        '@',
        '',
        `0x${other}`,
        '0x12345678'
      ].map(search => lookup('get', search)),
      lookup('index', 'ali@one.test')
    ]
    const answers = await Promise.all(
      asked.map(async path => {
        const { status, headers } = await get(path)
        return { status, headers: [...headers], body: await (await get(path)).text() }
      })
    )
    assert.equal(answers[0]?.status, 404)
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    world.clock.advance(366 * dayMs)
    assert.equal((await get(hu('alice'))).status, 404)
  })

  it('takes what an owner signed anew, where it is open, and nothing of others', async () => {
    door = doorOf(host, true)
    const { person } = await register('alice', 'alice.work')
    const send = async (bytes: Uint8Array): Promise<number> => {
      const body = new URLSearchParams({ keytext: armorCertificate({ bytes }) }).toString()
      return (await door.request('/pks/add', { method: 'POST', body }, env)).status
    }
    const before = await bytesOf(hu('alice'))
    const nowMs = world.clock.now()
    const stranger = await makePerson({ name: 'stranger', nowMs })
    const { certificate } = person
    const signed = await certify(stranger, {
      certificate,
      alias: 'alice@one.test',
      nowMs,
      lifeMs: dayMs
    })
    assert.equal(await send(signed.bytes), 200)
    assert.deepEqual(await bytesOf(hu('alice')), before)

    const renewed = await addSubkey(person, nowMs + 1_000)
    assert.equal(await send(renewed.certificate.bytes), 200)
    for (const name of ['alice', 'alice.work']) {
      const shown = await keyAt(hu(name))
      assert.equal(shown.subkeys.length, 2)
      assert.equal(shown.userIds.length, 1)
    }
    const other = await addAlias(stranger, 'alice@one.test', nowMs)
    assert.equal(await send(other.certificate.bytes), 404)
    assert.deepEqual((await keyAt(hu('alice'))).fingerprint, certificate.fingerprint)

    assert.equal(await send((await revoke(renewed, 'retired', nowMs + 2_000)).bytes), 200)
    assert.equal((await keyAt(hu('alice'))).revoked, true)
  })

  it('is not flooded: a key with 10,000 signatures is refused before one is checked, and keys at a rate', async () => {
    door = doorOf(host, true)
    const { person } = await register('alice')
    const [, , signature] = walkPackets(person.certificate.bytes, 512)
    assert.equal(signature?.tag, tags.signature)
    const one = packet(tags.signature, new Uint8Array(20))
    const from = { incoming: { headers: {}, socket: { remoteAddress: '198.51.100.7' } } }
    const send = (text: string) => door.request('/pks/add', { method: 'POST', body: text }, from)
    const flooded = (count: number): string => {
      const more = Array.from({ length: count }, () => one)
      const bytes = concatBytes(person.certificate.bytes, ...more)
      return new URLSearchParams({ keytext: armorCertificate({ bytes }) }).toString()
    }
    assert.equal((await send(flooded(10_000))).status, 413)
    assert.equal((await send(flooded(300))).status, 400)
    const bad = new URLSearchParams({ keytext: 'no key' }).toString()
    const statuses: number[] = []
    for (let i = 0; i < httpsLimits.keysPerSubnet.burst; i++)
      statuses.push((await send(bad)).status)
    assert.equal(statuses[0], 400)
    assert.equal(statuses.at(-1), 429)
  })

  it('takes no keys, and knows no other requests', async () => {
    const added = await door.request('/pks/add', { method: 'POST', body: 'keytext=x' }, env)
    assert.equal(added.status, 403)
    for (const path of ['/', '/pks/lookup', '/pks/lookup?op=stats', '/.well-known/openpgpkey/hu/x'])
      assert.equal((await get(path)).status, 404, path)
  })

  it('shows nobody’s signatures but the key’s own and the pod’s, however many there are', async () => {
    const nowMs = world.clock.now()
    const flo = await addAlias(await makePerson({ name: 'flo', nowMs }), 'flo@one.test', nowMs)
    let { certificate } = flo
    for (let i = 0; i < 8; i++) {
      const stranger = await makePerson({ name: `stranger ${i}`, nowMs })
      const alias = 'flo@one.test'
      certificate = await certify(stranger, { certificate, alias, nowMs, lifeMs: dayMs })
    }
    const link = await (await world.device(flo)).enter(host)
    await link.register('flo', certificate)
    const shown = await keyAt(hu('flo'))
    const [user] = (await keyOf(shown)).users
    assert.equal(user?.otherCertifications.length, 1)
  })

  it('finds those who came before there was an index', async () => {
    await register('alice')
    const rows = await Promise.all(['hashes', 'keys'].map(table => host.state.list(table)))
    await host.state.write([
      ...rows.flatMap((all, i) =>
        all.map(({ key }) => ({ type: 'delete' as const, table: ['hashes', 'keys'][i]!, key }))
      ),
      { type: 'delete', table: 'pod', key: 'indexed' }
    ])
    assert.equal((await get(hu('alice'))).status, 404)
    await host.restart()
    door = doorOf(host)
    const { fingerprint } = await keyAt(hu('alice'))
    assert.equal((await keyAt(lookup('get', `0x${fingerprint}`))).fingerprint, fingerprint)
  })
})

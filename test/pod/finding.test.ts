import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import { findPod } from '../../src/pod/finding.ts'
import { helloAnswer } from '../../src/wire/pod.ts'
import { encodePodTxt } from '../../src/wire/pod-dns.ts'
import { encodeWellKnown } from '../../src/wire/well-known.ts'
import type { Lookups } from '../support/fake-lookups.ts'
import { fakeLookups } from '../support/fake-lookups.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { podWorld } from '../support/pod-world.ts'

const hostname = 'one.pods'
const forever = new AbortController().signal
const failed = new MuttrError('PEER_UNREACHABLE', 'SERVFAIL')
const service = { host: 'a.one.pods', port: 4420 }

describe('finding a pod by its hostname', () => {
  let world: PodWorld
  let host: PodHost
  let said: Lookups
  let fingerprint: string
  let page: Uint8Array
  let txt: string

  beforeEach(async () => {
    world = podWorld()
    host = await world.host({ hostname })
    said = fakeLookups()
    fingerprint = host.person.certificate.fingerprint
    page = await pageOf(host)
    txt = encodePodTxt({ peer: host.keys.self, fingerprint })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const places = (peer: string) => [
    `/ip4/198.51.100.7/tcp/4420/p2p/${peer}`,
    `/ip4/10.0.0.7/tcp/4420/p2p/${peer}`
  ]
  const pageOf = async ({ pod, keys }: PodHost) => {
    const hello = helloAnswer.decode(await pod.hello())
    return new Uint8Array(Buffer.from(encodeWellKnown({ hello, addresses: places(keys.self) })))
  }
  const find = (pinned?: string, name = hostname, allowLocal = false) =>
    findPod(
      { hostname: name, pinned },
      { ...said, clock: world.clock, crypto: openPgp, allowLocal },
      forever
    )

  it('takes where from the DNS and who from HTTPS', async () => {
    Object.assign(said, { services: [service], page })
    assert.deepEqual(await find(), {
      ...{ hostname, fingerprint, by: 'https', offersThin: false },
      addresses: ['/dns/a.one.pods/tcp/4420']
    })
    assert.deepEqual(said.asked, [
      `SRV _muttr._tcp.${hostname}`,
      `GET https://${hostname}/.well-known/muttr`
    ])
  })

  it('takes both from HTTPS where the DNS has no service, but no private address of a stranger', async () => {
    said.page = page
    const [outside] = places(host.keys.self)
    assert.deepEqual((await find()).addresses, [outside])
    assert.deepEqual((await find(undefined, hostname, true)).addresses, places(host.keys.self))
  })

  it('follows no stranger into its own house, by number or by name', async () => {
    const hello = helloAnswer.decode(await host.pod.hello())
    const at = (where: string) => `${where}/tcp/4420/p2p/${host.keys.self}`
    const out = ['/ip4/198.51.100.7', '/ip6/2001:503:ba3e::2:30', '/dns4/a.one.pods'].map(at)
    const inside = ['/ip4/0.0.0.0', '/ip6/::1', '/ip6/::ffff:10.0.0.1', '/dns4/localhost'].map(at)
    const names = ['/dns/router.local', '/dns6/intranet', '/dns4/127.0.0.1'].map(at)
    const show = (addresses: string[]) =>
      new Uint8Array(Buffer.from(encodeWellKnown({ hello, addresses })))
    said.page = show([...out, ...inside])
    assert.deepEqual((await find()).addresses, out)
    said.page = show([...names, at('/dnsaddr/a.one.pods'), '/unix/run/pod'])
    assert.deepEqual((await find()).addresses, [])
    said.services = ['localhost', '10.0.0.5', 'a.one.pods'].map(name => ({ host: name, port: 1 }))
    assert.deepEqual((await find()).addresses, ['/dns/a.one.pods/tcp/1'])
  })

  it('takes both from the plain DNS only where there is surely no HTTPS, and says so', async () => {
    Object.assign(said, { services: [service], texts: ['v=spf1 -all', txt] })
    assert.deepEqual(await find(), {
      ...{ hostname, fingerprint, by: 'dns' },
      addresses: ['/dns/a.one.pods/tcp/4420']
    })
  })

  it('asks nobody who a pod is whose key is known', async () => {
    Object.assign(said, { services: [service], page, texts: [txt] })
    assert.equal((await find(fingerprint)).by, 'pin')
    assert.deepEqual(said.asked, [`SRV _muttr._tcp.${hostname}`])
  })

  it('says POD_CHANGED where another key is shown than the known one', async () => {
    said.page = page
    assert.equal((await find(fingerprint)).by, 'pin')
    await assert.rejects(find('ab'.repeat(20)), { code: 'POD_CHANGED' })
  })

  it('never goes on to a weaker source when one is silent or fails', async () => {
    const unheard: [Partial<Lookups>, number][] = [
      [{ services: failed, page, texts: [txt] }, 1],
      [{ services: [service], page: failed, texts: [txt] }, 2],
      [{ services: [service], page: new MuttrError('PEER_TIMEOUT', 'no answer'), texts: [txt] }, 2],
      [{ services: [service], page: undefined, texts: failed }, 3]
    ]
    for (const [answers, asked] of unheard) {
      said = Object.assign(fakeLookups(), answers)
      await assert.rejects(find(), { code: 'POD_UNREACHABLE' })
      assert.equal(said.asked.length, asked)
    }
  })

  it('waits so long for all of it, and no longer than its caller', async () => {
    for (const silent of [
      { services: 'silent' },
      { services: [service], page: 'silent' }
    ] as const) {
      said = Object.assign(fakeLookups(), silent)
      const finding = find()
      await asked(silent.services === 'silent' ? 1 : 2)
      world.clock.advance(15_000)
      await assert.rejects(finding, { code: 'POD_UNREACHABLE' })
    }
    const caller = new AbortController()
    said.services = 'silent'
    const parts = { ...said, clock: world.clock, crypto: openPgp, allowLocal: false }
    const finding = findPod({ hostname, pinned: undefined }, parts, caller.signal)
    caller.abort()
    await assert.rejects(finding, { code: 'CANCELLED' })
  })
  const asked = async (count: number) => {
    while (said.asked.length < count) await new Promise(resolve => setImmediate(resolve))
  }

  it('is unknown where nothing is published, or only half', async () => {
    await assert.rejects(find(), { code: 'POD_UNKNOWN' })
    said.services = [service]
    await assert.rejects(find(), { code: 'POD_UNKNOWN' })
    Object.assign(said, { services: [], texts: [txt] })
    await assert.rejects(find(), { code: 'POD_UNKNOWN' })
  })

  it('asks about no name that is not in the DNS', async () => {
    Object.assign(said, { services: [service], page })
    for (const name of ['localhost', 'pod', 'one.test', 'a.onion', 'router.local', 'x.invalid'])
      await assert.rejects(find(undefined, name), { code: 'POD_UNKNOWN' })
    assert.deepEqual(said.asked, [])
  })

  it('believes no page that is another’s, forged, or no page', async () => {
    const other = await world.host({ hostname: 'two.pods' })
    const { hello, addresses } = {
      hello: helloAnswer.decode(await host.pod.hello()),
      addresses: []
    }
    const forged = encodeWellKnown({
      hello: { ...hello, signature: hello.signature.map(b => b ^ 1) },
      addresses
    })
    const pages: [Uint8Array, RegExp][] = [
      [await pageOf(other), /POD_CHANGED/],
      [new Uint8Array(Buffer.from(forged)), /SIGNATURE_INVALID/],
      [new Uint8Array(Buffer.from('<html>')), /WIRE_MALFORMED/],
      [new Uint8Array(Buffer.from('{"muttr":1,"hello":"AAAA","addresses":[]}')), /WIRE_MALFORMED/],
      [new Uint8Array(200_000), /WIRE_TOO_LARGE/]
    ]
    for (const [shown, code] of pages) {
      Object.assign(said, { services: [service], page: shown, texts: [txt] })
      await assert.rejects(find(), err => code.test((err as MuttrError).code))
    }
  })

  it('believes no DNS that names two keys', async () => {
    const other = encodePodTxt({ peer: host.keys.self, fingerprint: 'cd'.repeat(20) })
    Object.assign(said, { services: [service], texts: [txt, other] })
    await assert.rejects(find(), { code: 'POD_CHANGED' })
  })
})

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { SignedNames } from '../../src/base/lookups.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createSignedNames } from '../../src/net/signed-names.ts'
import { findPod } from '../../src/pod/finding.ts'
import { fakeLookups } from '../support/fake-lookups.ts'
import type { SignedZones, Zone } from '../support/signed-zones.ts'
import { signedZones } from '../support/signed-zones.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const forever = new AbortController().signal
const peer = '12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj'
const [own, other] = ['ab'.repeat(20), 'cd'.repeat(20)]

const podZone = (name: string, more: Partial<Zone> = {}): Zone => ({
  name,
  records: [
    `_muttr._tcp.${name}. 60 IN SRV 0 0 4420 a.${name}.`,
    `_muttr._tcp.${name}. 60 IN TXT "v=muttr1; id=${peer}; fp=${own}"`
  ],
  ...more
})
/** More than fits a datagram. */
const large = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
  letter => `_muttr._tcp.large.pods. 60 IN TXT "${letter.repeat(250)}"`
)
const rewrite = (zone: string) => zone.replaceAll(own, other)
const unsign = (zone: string) =>
  zone
    .split('\n')
    .filter(line => !/\sRRSIG\s+TXT\s/.test(line))
    .join('\n')

describe('names that their zone has signed', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let zones: SignedZones
  let signed: SignedNames
  before(async function () {
    this.timeout(60_000)
    folder = await temporaryFolder()
    zones = await signedZones(join(folder.path, 'dns'), [
      { name: '' },
      { name: 'pods' },
      podZone('one.pods'),
      podZone('plain.pods', { signed: 'no' }),
      podZone('forged.pods', { forged: rewrite }),
      podZone('bare.pods', { forged: unsign }),
      podZone('stripped.pods', { signed: 'stripped' }),
      podZone('expired.pods', { signed: 'expired' }),
      podZone('silent.pods', { silent: true }),
      { name: 'empty.pods' },
      podZone('large.pods', { records: [...podZone('large.pods').records!, ...large] }),
      podZone('changing.pods')
    ])
    signed = createSignedNames({ random, resolver: zones.resolver })
  })
  after(async () => {
    await zones?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const find = (hostname: string, more: { pinned?: string; wasSigned?: boolean } = {}) =>
    findPod(
      { hostname, pinned: undefined, ...more },
      { ...fakeLookups(), signed, clock, crypto: openPgp, allowLocal: false },
      forever
    )

  it('say who a pod is, and so much is shown of it', async () => {
    assert.deepEqual(await find('one.pods'), {
      ...{ hostname: 'one.pods', fingerprint: own, by: 'dnssec' },
      addresses: ['/dns/a.one.pods/tcp/4420']
    })
    assert.equal((await find('plain.pods')).by, 'dns')
    assert.equal((await find('large.pods')).by, 'dnssec')
    assert.equal((await find('one.pods', { pinned: own, wasSigned: true })).by, 'pin')
  })

  it('are not believed when somebody else wrote them, took the signatures off, or they are over', async () => {
    for (const hostname of ['forged.pods', 'bare.pods', 'stripped.pods', 'expired.pods'])
      await assert.rejects(find(hostname), { code: 'DNS_BOGUS' }, hostname)
  }).timeout(60_000)

  it('say that there is nothing, proved, and nothing of names that nobody answers for', async () => {
    const none = await signed.texts('_muttr._tcp.empty.pods', forever)
    assert.deepEqual(none, { found: [], isSigned: true })
    assert.equal((await signed.texts('_muttr._tcp.none.plain.pods', forever)).isSigned, false)
    await assert.rejects(find('empty.pods'), { code: 'POD_UNKNOWN' })
    await assert.rejects(find('silent.pods'), { code: 'POD_UNREACHABLE' })
  }).timeout(60_000)

  it('do not become names that nobody signed', async () => {
    const known = { pinned: own, wasSigned: true }
    assert.equal((await find('changing.pods', known)).by, 'pin')
    // The zone above is made to say that it never was signed.
    await zones.change(podZone('changing.pods', { signed: 'no' }))
    await zones.change({ name: 'pods' })
    assert.equal((await find('changing.pods')).by, 'dns')
    await assert.rejects(find('changing.pods', known), { code: 'DNS_BOGUS' })
  }).timeout(60_000)

  it('are asked for in vain where there is no resolver, or one that says anything', async () => {
    const mute = createSocket('udp4').bind(0, '127.0.0.1')
    await once(mute, 'listening')
    const resolver = { host: '127.0.0.1', port: (mute.address() as AddressInfo).port }
    const said: Buffer[] = []
    mute.on('message', (bytes, { port }) => {
      said.push(bytes)
      const wrongId = Buffer.from(bytes)
      wrongId.writeUInt16BE((bytes.readUInt16BE(0) + 1) & 0xffff, 0)
      wrongId.writeUInt16BE(0x81a0, 2)
      for (const lie of [wrongId, bytes, Buffer.alloc(3), Buffer.alloc(600, 0xc0)])
        mute.send(lie, port, '127.0.0.1')
    })
    const names = createSignedNames({ random, resolver })
    await assert.rejects(names.texts('one.pods', forever), { code: 'PEER_TIMEOUT' })
    assert.equal(said.length, 2)
    await assert.rejects(names.texts('one.pods', AbortSignal.abort()), { code: 'CANCELLED' })
    mute.close()
    await once(mute, 'close')
    await assert.rejects(names.texts('one.pods', forever), { code: 'PEER_UNREACHABLE' })
  }).timeout(30_000)
})

import assert from 'node:assert/strict'
import { createPodPins } from '../../src/client/pod-pins.ts'
import { createPodTrust } from '../../src/client/pod-trust.ts'
import { directoryRoom } from '../../src/https/directory.ts'
import { createDoor } from '../../src/https/door.ts'
import { createTurnstile } from '../../src/https/turnstile.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { armorCertificate, readCertificate } from '../../src/keys/certificate.ts'
import { certify, checkCertification } from '../../src/keys/certify.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import { packet, tags, walkPackets } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import type { FoundBy } from '../../src/pod/finding.ts'
import { readPapers } from '../../src/pod/greet.ts'
import { memoryState } from '../../src/store/memory.ts'
import { helloAnswer } from '../../src/wire/pod.ts'
import { openPgpTools } from '../support/openpgp-tools.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { dayMs, hourMs, podWorld } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const
const silent = { debug() {}, info() {}, warn() {} }

describe('a pod of a domain vouches for the pod of a subdomain', () => {
  let world: PodWorld
  let parent: PodHost
  let child: PodHost

  beforeEach(async () => {
    world = podWorld()
    parent = await world.host({ hostname: 'one.test' })
    child = await world.host({ hostname: 'eu.one.test' })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const armored = ({ person }: { person: Person }) => armorCertificate(person.certificate)
  const given = async (lifeMs = 30 * dayMs) =>
    (await parent.pod.office.certify(olga, armored(child), { lifeMs })).certificates
  const shown = async (host = child): Promise<Certificate> =>
    readCertificate(helloAnswer.decode(await host.pod.hello()).certificate)
  const stranger = (name: string) => makePerson({ name, nowMs: world.clock.now() - hourMs })

  /** How a client that knows these trusts the child. */
  const trust = (
    known: Record<string, Certificate>,
    { found = {}, hostname = 'eu.one.test' }: { found?: Record<string, FoundBy>; hostname?: string }
  ) =>
    createPodTrust({
      ...{ clock: world.clock, crypto: openPgp, isNamed: name => found[name] === undefined },
      foundBy: name => found[name] ?? null,
      certificateOf: async name => known[name]
    })(hostname)

  it('shows the word wherever it shows its certificate, at all processes, until it ends', async () => {
    assert.equal(await child.pod.office.parent(), null)
    const { fingerprint } = parent.person.certificate
    const view = await child.pod.office.setParent(olga, await given())
    assert.deepEqual(
      [view.hostname, view.fingerprint, view.untilMs],
      ['one.test', fingerprint, world.clock.now() + 30 * dayMs]
    )
    const beside = await world.host({ hostname: 'eu.one.test', state: child.state, beside: child })
    await child.restart()
    const about = { alias: 'eu.one.test', by: parent.person.certificate }
    const isGood = async (certificate: Certificate) =>
      checkCertification(certificate, { ...about, nowMs: world.clock.now() })
    for (const host of [child, beside]) await isGood(await shown(host))
    assert.deepEqual(await beside.pod.office.parent(), view)

    const door = createDoor({
      rooms: [directoryRoom({ ...child, addresses: () => [], isOpen: false, clock: world.clock })],
      turnstile: createTurnstile({ isBehindProxy: false, groupLocal: false, clock: world.clock }),
      log: silent
    })
    const env = { incoming: { headers: {}, socket: { remoteAddress: '127.0.0.1' } } }
    for (const path of [
      '/.well-known/muttr/certificate.asc',
      '/pks/lookup?op=get&search=eu.one.test'
    ]) {
      const answer = await door.request(path, {}, env)
      await isGood(await readCertificate(new Uint8Array(await answer.arrayBuffer())))
    }
    const isPlain = async (host: PodHost) =>
      assert.deepEqual((await shown(host)).bytes, child.person.certificate.bytes)
    await beside.pod.office.removeParent(olga)
    for (const host of [child, beside]) await isPlain(host)
    await assert.rejects(child.pod.office.removeParent(olga), { code: 'USAGE' })
    await child.pod.office.setParent(olga, await given(dayMs))
    await isGood(await shown())
    world.clock.advance(dayMs)
    await isPlain(child)
    const deeds = (await child.pod.office.audit()).map(({ action, subject }) => [action, subject])
    assert.deepEqual(deeds[0], ['pod.parent', 'one.test'])
    const [noted] = await parent.pod.office.audit()
    assert.deepEqual([noted?.action, noted?.subject], ['pod.certify', 'eu.one.test'])
  })

  it('certifies nothing but the pod of a strict subdomain', async () => {
    const refused = { code: 'KEY_INVALID' }
    const { office } = parent.pod
    for (const name of ['one.test', 'two.test', 'eu.two.test', 'xone.test', '.one.test', 'test']) {
      const key = armorCertificate((await stranger(name)).certificate)
      await assert.rejects(office.certify(olga, key), refused, name)
    }
    await assert.rejects(office.certify(olga, armored(parent)), refused)
    const revoked = await revoke(await stranger('eu.one.test'), 'retired', world.clock.now())
    await assert.rejects(office.certify(olga, armorCertificate(revoked)), refused)
    await assert.rejects(office.certify(olga, 'no key'), refused)
    for (const lifeMs of [0, -dayMs, 4 * 365 * dayMs, Number.NaN])
      await assert.rejects(office.certify(olga, armored(child), { lifeMs }), { code: 'USAGE' })
    assert.deepEqual(await office.audit(), [])
  })

  it('takes a word for its own key alone, by a pod above, that holds', async () => {
    const nowMs = world.clock.now()
    const { office } = child.pod
    const other = { person: await stranger('eu.one.test') }
    const wordBy = async (by: Person, certificate = child.person.certificate) =>
      armorCertificate(
        await certify(by, { certificate, alias: 'eu.one.test', nowMs, lifeMs: hourMs })
      )
    const [sibling, equal, impostor] = await Promise.all(
      ['us.one.test', 'eu.one.test', 'one.test'].map(stranger)
    )
    const good = await given(hourMs)
    const refuse = async (code: string, ...blocks: string[]) =>
      assert.rejects(office.setParent(olga, blocks.join('')), { code })
    await refuse(
      'KEY_INVALID',
      await wordBy(parent.person, other.person.certificate),
      armored(parent)
    )
    await refuse('KEY_INVALID', await wordBy(sibling!), armored({ person: sibling! }))
    await refuse('KEY_INVALID', await wordBy(equal!), armored({ person: equal! }))
    await refuse('SIGNATURE_INVALID', armored(child), armored(parent))
    await refuse('SIGNATURE_INVALID', await wordBy(parent.person), armored({ person: impostor! }))
    const revoked = armorCertificate(await revoke(parent.person, 'compromised', nowMs))
    await refuse('SIGNATURE_INVALID', await wordBy(parent.person), revoked)
    for (const blocks of [[], [armored(child)], [good, good], ['x', good]])
      await refuse('KEY_INVALID', ...blocks)
    await refuse('KEY_INVALID', flooded(child.person.certificate, 1_000), armored(parent))
    world.clock.advance(hourMs)
    await refuse('SIGNATURE_INVALID', good)
    assert.equal(await office.parent(), null)
    assert.deepEqual((await shown()).bytes, child.person.certificate.bytes)
  })

  it('carries the word and nothing else that strangers signed', async () => {
    const nowMs = world.clock.now()
    const more = { certificate: child.person.certificate, alias: 'eu.one.test', nowMs }
    const signed = await certify(await stranger('two.test'), { ...more, lifeMs: dayMs })
    const { certificates } = await parent.pod.office.certify(olga, armorCertificate(signed))
    await child.pod.office.setParent(olga, certificates)
    const signatures = ({ bytes }: Certificate) =>
      walkPackets(bytes, 512).filter(({ tag }) => tag === tags.signature).length
    assert.equal(signatures(await shown()), signatures(child.person.certificate) + 1)
  })

  it('is believed by who knows the pod above by more than the plain DNS', async () => {
    await child.pod.office.setParent(olga, await given())
    const eu = await shown()
    const by = parent.person.certificate
    const both = { 'eu.one.test': eu, 'one.test': by }
    const dns: Record<string, FoundBy> = { 'eu.one.test': 'dns' }
    assert.equal(await trust(both, { found: dns }), 'chain')
    assert.equal(await trust(both, { found: { ...dns, 'one.test': 'https' } }), 'chain')
    assert.equal(await trust(both, { found: { ...dns, 'one.test': 'dns' } }), 'dns')
    assert.equal(await trust(both, { found: { ...dns, 'one.test': 'move' } }), 'dns')
    assert.equal(await trust({ 'eu.one.test': eu }, { found: dns }), 'dns')
    assert.equal(await trust({ 'one.test': by }, { found: dns }), null)
    assert.equal(await trust({ ...both, 'eu.one.test': child.person.certificate }, {}), 'file')
    const impostor = (await stranger('one.test')).certificate
    assert.equal(await trust({ ...both, 'one.test': impostor }, { found: dns }), 'dns')
    const revoked = await revoke(parent.person, 'compromised', world.clock.now())
    assert.equal(await trust({ ...both, 'one.test': revoked }, { found: dns }), 'dns')
    // The word is about one name: not about another, nor a name below or beside.
    for (const hostname of ['us.one.test', 'x.eu.one.test', 'one.test', 'eu.two.test']) {
      const known = { 'one.test': by, 'two.test': by, [hostname]: eu }
      assert.equal(await trust(known, { hostname, found: { [hostname]: 'https' } }), 'https')
    }
    world.clock.advance(30 * dayMs)
    assert.equal(await trust(both, { found: dns }), 'dns')
  })

  it('is believed no more once the pod above has shown its own key revoked', async () => {
    const nowMs = world.clock.now()
    const certificate = parent.person.certificate
    const state = memoryState()
    const kept = () => createPodPins({ state, crypto: openPgp, log: silent })
    const known = kept()
    await known.pin('one.test', certificate)
    const meet = async (shown: Certificate, fingerprint: string) => {
      const none = new Uint8Array(1)
      const papers = { record: none, signature: none, certificate: shown.bytes }
      const pinned = { pinned: { fingerprint }, onRevoked: known.revoked }
      const about = { hostname: 'one.test', peer: 'p', clock: world.clock, crypto: openPgp }
      await assert.rejects(readPapers(papers, { ...about, ...pinned }), { code: 'POD_CHANGED' })
    }
    const isRevoked = async () => (await kept().of('one.test'))?.revoked
    const foreign = await revoke(await stranger('one.test'), 'retired', nowMs)
    await meet(foreign, certificate.fingerprint)
    await meet(foreign, foreign.fingerprint)
    assert.equal(await isRevoked(), false)
    await meet(await revoke(parent.person, 'compromised', nowMs), certificate.fingerprint)
    await known.pin('one.test', certificate)
    assert.equal(await isRevoked(), true)
  })

  it('is shown by gpg as a good signature', async () => {
    await using tools = await openPgpTools()
    await tools.gpg('--import', await tools.write('both.asc', await given()))
    const { fingerprint } = child.person.certificate
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', fingerprint)
    assert.match(stdout.toString(), /^sig:!:.*:one\.test:10x/m)
  })
})

/** A certificate with signatures behind it that nobody made. */
function flooded({ bytes }: Certificate, count: number): string {
  const junk = Array.from({ length: count }, () => packet(tags.signature, new Uint8Array(40)))
  return armorCertificate({ bytes: new Uint8Array(Buffer.concat([bytes, ...junk])) })
}

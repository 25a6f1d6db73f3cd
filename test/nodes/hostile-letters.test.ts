import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import { limits } from '../../src/base/limits.ts'
import type { Session } from '../../src/base/ports.ts'
import { sealNotice } from '../../src/client/compose.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import { packet, tags } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, makePerson } from '../../src/keys/person.ts'
import type { Answer } from '../../src/net/channel/channel.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt } from '../../src/wire/blob.ts'
import { announcedBytes } from '../../src/wire/notice.ts'
import * as wire from '../../src/wire/pod.ts'
import type { Crafted, Mallory } from '../support/mallory.ts'
import {
  bytesOf,
  challenged,
  craftLetter,
  identification,
  inTenDays,
  makeMallory,
  openRaw,
  statementOf
} from '../support/mallory.ts'
import { compressed, encryptedTo } from '../support/sealing.ts'
import { putFrame, storedIn } from '../support/stamps.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const soon = { timeoutMs: 30_000 }
const dayMs = 86_400_000
/** Checks others' signatures, whoever it is itself. */
const keys = peerKeys(await makePeerKey())

describe('people and pods among liars', () => {
  let folder: string
  let pod: Whole
  let crooked: Whole
  let bob: Whole
  let mallory: Mallory
  /** What the second pod answers in place of the truth. */
  let lie: ((method: string, payload: Uint8Array, truth: Answer) => Promise<Uint8Array>) | undefined
  const heard: MuttrEvent[] = []
  let wake = Promise.withResolvers<void>()
  const over = new AbortController()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-lies-'))
    const parameters = { replicas: 8, quorum: 5 }
    const network = { name: 'lies', description: '', seeds: [], pods: [], parameters }
    pod = await wholeNode({ folder, name: 'one', network, hostname: 'one.test' })
    crooked = await wholeNode({
      folder,
      name: 'two',
      network,
      hostname: 'two.test',
      through: node => ({
        accept: (protocol, take) => node.accept(protocol, session => take(bent(session)))
      })
    })
    const pods = [pod, crooked].map(({ network: node, person, itsPod }) => ({
      hostname: itsPod!.hostname,
      addresses: node.contact().addresses.map(address => `${address}/p2p/${node.self}`),
      fingerprint: person!.certificate.fingerprint
    }))
    bob = await wholeNode({ folder, name: 'bob', network: { ...network, pods } })
    await bob.client.register('bob@one.test')
    mallory = await makeMallory('mallory', pod)
    void listen()
  })
  after(async () => {
    over.abort()
    await mallory?.link[Symbol.asyncDispose]()
    await mallory?.node[Symbol.asyncDispose]()
    for (const node of [bob, crooked, pod]) await node?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** A session on which the pod's true answers pass by {@link lie}. */
  const bent = (session: Session): Session => ({
    ...session,
    serve: truth =>
      session.serve((method, payload, signal) =>
        lie ? lie(method, payload, truth) : truth(method, payload, signal)
      )
  })

  async function listen(): Promise<void> {
    for await (const event of bob.client.events(over.signal)) {
      heard.push(event)
      wake.resolve()
      wake = Promise.withResolvers()
    }
  }

  async function seen<T extends MuttrEvent['type']>(
    type: T,
    fits: (event: Extract<MuttrEvent, { type: T }>) => boolean
  ): Promise<Extract<MuttrEvent, { type: T }>> {
    for (;;) {
      for (const event of heard)
        if (event.type === type && fits(event as never)) return event as never
      await wake.promise
    }
  }

  describe('a pod', () => {
    const usage = () => {
      const { sessions: _, ...rest } = pod.itsPod!.usage()
      return rest
    }

    it('takes an identification once, here, now, and from its own peer and person', async () => {
      const session = await openRaw(mallory, pod)
      const refused = async (frame: Uint8Array, code: ErrorCode, on = session) =>
        assert.rejects(on.request('identify', frame, soon), { code })
      const statement = await statementOf(mallory)
      const { node, device } = mallory
      const fresh = async (o: Partial<Parameters<typeof identification>[2]> = {}, who = mallory) =>
        identification(who, pod, { nonce: await challenged(session), statement, ...o })

      await refused(await fresh({ nonce: random.bytes(32) }), 'IDENTIFY_REFUSED')
      await refused(await fresh({ timeMs: clock.now() - 600_000 }), 'CLOCK_WRONG')
      await refused(await fresh({ hostname: 'two.test' }), 'IDENTIFY_REFUSED')
      const foreign = await statementOf(mallory, { hostname: 'two.test' })
      await refused(await fresh({ statement: foreign }), 'IDENTIFY_REFUSED')
      const others = await statementOf(mallory, { peer: bob.network.self })
      await refused(await fresh({ statement: others }), 'IDENTIFY_REFUSED')
      const asBob = { person: bob.person!, node, device, link: mallory.link }
      await refused(await fresh({}, asBob), 'STATEMENT_INVALID')
      const bent = statement.with(-1, statement.at(-1)! ^ 1)
      await refused(await fresh({ statement: bent }), 'STATEMENT_INVALID')

      const good = await fresh()
      await session.request('identify', good, soon)
      await refused(good, 'IDENTIFY_REFUSED') // again on the same session
      const second = await openRaw(mallory, pod)
      await refused(good, 'IDENTIFY_REFUSED', second)
      await challenged(second)
      await refused(good, 'IDENTIFY_REFUSED', second)
      await assert.rejects(second.request('listen', wire.cursor.encode({ sequence: 0 }), soon), {
        code: 'IDENTIFY_FIRST'
      })
      for (const one of [session, second]) await one[Symbol.asyncDispose]()
    })

    it('gives no alias that is taken, malformed, kept for itself or mistaken for another', async () => {
      const before = usage()
      const nowMs = clock.now()
      const statement = await statementOf(mallory)
      const { link, device, person } = mallory
      await link.identify({ device, statement, certificate: person.certificate, nowMs })
      const session = await openRaw(mallory, pod)
      const nonce = await challenged(session)
      await session.request('identify', identification(mallory, pod, { nonce, statement }), soon)
      const register = async (name: string, as: string, code: ErrorCode) => {
        const { certificate } = await addAlias(person, `${as}@one.test`, nowMs)
        const frame = wire.register.encode({
          name,
          certificate: certificate.bytes,
          invite: null,
          note: null
        })
        await assert.rejects(session.request('register', frame, soon), { code }, name)
      }
      await register('bob', 'bob', 'ALIAS_TAKEN')
      await register('BOB', 'bob', 'ALIAS_TAKEN')
      await register('b0b', 'b0b', 'ALIAS_CONFUSABLE')
      await register('postmaster', 'postmaster', 'ALIAS_RESERVED')
      await register('p0stmaster', 'p0stmaster', 'ALIAS_CONFUSABLE')
      await register('bob@one.test', 'bob', 'ALIAS_TAKEN')
      await register('bob@two.test', 'bob', 'ALIAS_UNKNOWN')
      for (const name of [
        '.x',
        'x.',
        'a..b',
        'a b',
        'bób',
        'bob@',
        '@one.test',
        '\u202ebob',
        '../etc'
      ])
        await register(name, 'x', 'ALIAS_INVALID')
      await register('trudy', 'x', 'KEY_INVALID')
      const notOurs = {
        name: 'trudy',
        certificate: bob.person!.certificate.bytes,
        invite: null,
        note: null
      }
      await assert.rejects(session.request('register', wire.register.encode(notOurs), soon), {
        code: 'KEY_INVALID'
      })
      assert.deepEqual(usage(), before)
      await session[Symbol.asyncDispose]()
    })

    it('says the same of a notice for nobody as of one for somebody', async () => {
      const { intro, hpkeKey } = await mallory.link.lookup('bob')
      const session = await openRaw(mallory, pod)
      const answers: Uint8Array[] = []
      const counts: number[] = []
      for (const address of [intro, random.bytes(32), new Uint8Array(32), random.bytes(32)]) {
        const about = { address, key: random.bytes(32), sizeBytes: 1_024, expiryMs: inTenDays() }
        const notice = await sealNotice({ ...about, slip: random.bytes(1_024) }, hpkeKey)
        const frame = await session.request('submit', wire.submit.encode({ notice }), soon)
        const { atMs, signature } = wire.submitAnswer.decode(frame)
        assert(keys.verify(pod.network.self, announcedBytes(notice, atMs), signature))
        answers.push(frame)
        counts.push(pod.itsPod!.usage().notices)
        const again = await session.request('submit', wire.submit.encode({ notice }), soon)
        assert.equal(again.byteLength, frame.byteLength)
      }
      assert.equal(new Set(answers.map(frame => frame.byteLength)).size, 1)
      assert(
        counts.slice(1).every(count => count <= counts[0]!),
        `${counts}`
      )
      const old = { key: random.bytes(32), sizeBytes: 9, expiryMs: expiryAt(clock.now() - dayMs) }
      for (const address of [intro, random.bytes(32)]) {
        const notice = await sealNotice({ ...old, address, slip: random.bytes(9) }, hpkeKey)
        const asked = session.request('submit', wire.submit.encode({ notice }), soon)
        await assert.rejects(asked, { code: 'BLOB_EXPIRED' })
      }
      await session[Symbol.asyncDispose]()
    })
  })

  describe('a reader', () => {
    const craft = (o: Crafted) => craftLetter(mallory.person, bob.person!, o)

    /** Stores the blob in the network and has bob's own pod announce it. */
    async function post({ blob, slip }: { blob: Blob; slip: Uint8Array }): Promise<void> {
      const put = putFrame(blob, clock.now())
      storedIn(await mallory.node.request(pod.network.contact(), 'put', put, soon))
      const { intro, hpkeKey } = await mallory.link.lookup('bob')
      const { key, sealed, header } = blob
      const about = { key, sizeBytes: sealed.byteLength, expiryMs: header.expiryMs, slip }
      await mallory.link.submit(await sealNotice({ address: intro, ...about }, hpkeKey))
    }

    const bomb = async (to: Person): Promise<Uint8Array> => {
      const literal = packet(
        tags.literal,
        Buffer.concat([Buffer.from('b\0\0\0\0\0'), Buffer.alloc(64 * 2 ** 20)])
      )
      return encryptedTo(to.certificate, compressed(literal), { atMs: clock.now() })
    }
    const sealedTo = (copies: number) => (to: Person) =>
      encryptedTo(to.certificate, random.bytes(200), { copies, atMs: clock.now() })

    it('refuses what is not what it says, keeps none of it, and reads on', async () => {
      const [trudy, carol] = await Promise.all(
        ['trudy', 'carol'].map(name => makePerson({ name, nowMs: clock.now() }))
      )
      const partyOf = (who: Person, alias: string) => ({
        fingerprint: bytesOf(who.certificate.fingerprint),
        alias
      })
      const asTrudy = {
        sender: partyOf(trudy!, 'trudy@one.test'),
        certificate: trudy!.certificate.bytes
      }
      const cases: [what: string, crafted: Crafted, code: ErrorCode][] = [
        ['signed by another than its sender', { letter: asTrudy, slipBy: trudy! }, 'LETTER_FORGED'],
        ['with a slip of another', { slipBy: trudy! }, 'LETTER_FORGED'],
        [
          'with the key of another',
          { letter: { ...asTrudy, certificate: mallory.person.certificate.bytes }, slipBy: trudy! },
          'LETTER_FORGED'
        ],
        [
          'written to another reader',
          { letter: { recipients: [partyOf(carol!, 'carol@one.test')] } },
          'LETTER_FORGED'
        ],
        ['sealed to another reader', { to: carol! }, 'SEAL_REFUSED'],
        ['with a slip sealed to another', { slipTo: carol! }, 'SEAL_REFUSED'],
        ['with a slip about another blob', { about: random.bytes(32) }, 'LETTER_FORGED'],
        ['under an alias that is none', { alias: 'Bob@one.test' }, 'NOTICE_INVALID'],
        ['with another sender than its slip', { alias: 'trudy@one.test' }, 'LETTER_FORGED'],
        ['for five readers', { sealed: sealedTo(limits.sealedRecipientsMax + 1) }, 'SEAL_REFUSED'],
        ['that is noise when opened', { sealed: sealedTo(1) }, 'SEAL_REFUSED'],
        ['that is noise', { sealed: async () => random.bytes(1_024) }, 'SEAL_REFUSED'],
        ['that grows a thousandfold', { sealed: bomb }, 'SEAL_REFUSED']
      ]
      for (const [what, crafted, code] of cases) {
        const made = await craft(crafted)
        await post(made)
        const refusal = await seen('refused', e => e.key === toHex(made.blob.key))
        assert.equal(refusal.code, code, what)
      }
      // Whose clock is wrong is not known: it waits, and is no letter meanwhile.
      const early = await craft({ letter: { sentMs: clock.now() + dayMs } })
      await post(early)
      const delayed = await seen('delayed', e => e.key === toHex(early.blob.key))
      assert.equal(delayed.code, 'CLOCK_WRONG')
      assert.deepEqual(await bob.client.inbox(), [])
      assert.deepEqual(await bob.client.contacts(), [])
      const good = await craft({})
      await post(good)
      await seen('opened', e => e.from === 'mallory@one.test')
      const inbox = await bob.client.inbox()
      assert.deepEqual(
        inbox.map(({ key, from }) => [key, from.verified, from.certifiedByPod]),
        [[toHex(good.blob.key), false, false]]
      )
    })

    it('shows a letter once, however often and in however many blobs it comes', async () => {
      const before = (await bob.client.inbox()).length
      const id = random.bytes(32)
      const [one, two] = [await craft({ id }), await craft({ id })]
      for (const made of [one, one, two, two, one]) await post(made)
      const last = await craft({})
      await post(last)
      await seen('fetched', e => e.key === toHex(last.blob.key))
      await seen('fetched', e => e.key === toHex(two.blob.key))
      const isOver = () => heard.filter(e => e.type === 'opened').length >= 4
      while (!isOver()) await wake.promise
      const ids = (await bob.client.inbox()).map(letter => letter.id)
      assert.equal(ids.filter(other => other === toHex(id)).length, 1)
      assert.equal(ids.length, before + 2)
    })
  })

  describe('a client', () => {
    it('believes no pod that answers about another alias, or with what it did not sign', async () => {
      const contacts = await bob.client.contacts()
      const trudy = await makeMallory('trudy', pod)
      // Somebody else's true answer at the same pod, and the true answer with a bit flipped.
      const at = { contact: crooked.network.contact(), clock, hostname: 'two.test' }
      await using link = await openPodLink({ network: trudy.node, ...at })
      const nowMs = clock.now()
      const statement = await statementOf(trudy, { hostname: 'two.test' })
      await link.identify({ ...trudy, statement, certificate: trudy.person.certificate, nowMs })
      const named = await addAlias(trudy.person, 'trudy@two.test', nowMs)
      await link.register('trudy', named.certificate)
      const ask = (truth: Answer, name: string) =>
        truth('lookup', wire.aliasRequest.encode({ name }), over.signal)

      lie = (method, payload, truth) =>
        method === 'lookup' ? ask(truth, 'trudy') : truth(method, payload, over.signal)
      const invalid = { code: 'SIGNATURE_INVALID' }
      await assert.rejects(bob.client.lookup('carol@two.test'), invalid)
      lie = async (method, payload, truth) => {
        const answer = await truth(method, payload, over.signal)
        if (method !== 'lookup') return answer
        const said = wire.lookupAnswer.decode(answer)
        const at = said.answer.byteLength - 40
        return wire.lookupAnswer.encode({
          ...said,
          answer: said.answer.with(at, said.answer[at]! ^ 1)
        })
      }
      await assert.rejects(bob.client.lookup('trudy@two.test'), invalid)
      lie = async method => {
        throw Object.assign(new Error(method), { code: 'ALIAS_UNKNOWN' })
      }
      await assert.rejects(bob.client.lookup('trudy@two.test'))
      assert.deepEqual(await bob.client.contacts(), contacts)
      lie = undefined
      const found = await bob.client.lookup('trudy@two.test')
      assert.equal(found.fingerprint, trudy.person.certificate.fingerprint)
      await trudy.link[Symbol.asyncDispose]()
      await trudy.node[Symbol.asyncDispose]()
    })

    it('takes no receipt that its pod did not sign', async () => {
      const forge = async (method: string, payload: Uint8Array, truth: Answer) => {
        const answer = await truth(method, payload, over.signal)
        if (method !== 'submit') return answer
        const { atMs, signature } = wire.submitAnswer.decode(answer)
        return wire.submitAnswer.encode({ atMs: atMs + 1, signature })
      }
      lie = forge
      const sent = await bob.client.send({ to: 'trudy@two.test', body: 'Hello' })
      lie = undefined
      assert.equal(sent.state, 'stored')
      assert.equal(sent.announced, null)
      assert.equal(sent.waiting?.code, 'SIGNATURE_INVALID')
    })
  })
})

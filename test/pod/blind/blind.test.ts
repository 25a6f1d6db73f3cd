import assert from 'node:assert/strict'

import type { ErrorCode } from '../../../src/base/errors.ts'
import { MuttrError } from '../../../src/base/errors.ts'
import type { Session } from '../../../src/base/ports.ts'
import { createAsking } from '../../../src/client/blind/asking.ts'
import type { PodBlind } from '../../../src/client/blind/pod-blind.ts'
import { sealRequest } from '../../../src/keys/blind.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import * as wire from '../../../src/wire/blind.ts'
import { makeBlob } from '../../../src/wire/blob.ts'
import { aliasRequest, helloAnswer, podProtocol } from '../../../src/wire/pod.ts'
import { podMethods } from '../../../src/wire/pod-methods.ts'
import { successionRequest } from '../../../src/wire/succession.ts'
import { fakeDht } from '../../support/fake-dht.ts'
import type { NeighbourOptions, Neighbours } from '../../support/federation-world.ts'
import { neighbours, olga, until } from '../../support/federation-world.ts'
import { hourMs, personNamed, random } from '../../support/pod-world.ts'

const signal = new AbortController().signal
const minuteMs = 60_000

/** Alice at `one.test`, who asks `two.test` blindly. */
async function asker(o: NeighbourOptions = {}) {
  const all = await neighbours(o)
  const dht = fakeDht(all.world.clock)
  all.two.pod.fetchAhead(dht)
  const { pin } = (await personNamed('two.test', [])).certificate
  const asking = createAsking({
    ...{ clock: all.world.clock, random, crypto: openPgp, keys: all.alice.keys },
    own: () => ['one.test'],
    identified: async () => all.link,
    fingerprintOf: async () => pin,
    met: async () => undefined
  })
  return { all, dht, asking, questions: () => asking.questions('two.test', signal) }
}

const sealed = async (
  { two, world }: Neighbours,
  {
    atMs = world.clock.now(),
    method = 'lookup',
    payload = aliasRequest.encode({ name: 'bob' })
  } = {}
) => {
  const plain = wire.encodeBlindRequest({ atMs, size: 'medium', method, payload })
  return await sealRequest(two.hpkeKey, plain)
}

/** A session of somebody that nobody knows. */
async function stranger(all: Neighbours, to = all.two, self?: string): Promise<Session> {
  const at = all.world.network.at(self ?? peerKeys(await makePeerKey()).self)
  return await at.open({ peer: to.keys.self, addresses: [] }, podProtocol, { timeoutMs: 1_000 })
}
const open = async (session: Session, request: Uint8Array) => {
  const frame = wire.blindOpen.encode({ sealed: request })
  const answer = await session.request(podMethods.blindOpen, frame, { timeoutMs: 1_000 })
  return wire.blindAnswer.decode(answer).sealed
}

describe('a pod that is asked through another', () => {
  it('shows whose an alias is, takes notices, fetches blobs and shows tombstones', async () => {
    const { all, dht, asking, questions } = await asker()
    await using _all = all
    const two = await questions()
    assert.equal((await two.lookup('bob@two.test')).certificate.pin, all.bob.person.certificate.pin)
    assert.equal(await two.successor('bob@two.test', all.bob.person.certificate.fingerprint), null)

    const { sealed: notice } = await all.seal()
    const receipt = await two.submit(notice)
    assert.equal(receipt.podPeer, all.two.keys.self)
    await all.box.has(1)

    const secret = random.bytes(32)
    const expiryMs = all.world.clock.now() + 24 * hourMs
    const blob = makeBlob(random.bytes(256 * 1_024), {
      ...{ expiryMs, accept: null },
      retract: new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(secret)))
    })
    await dht.put(blob)
    const got = await asking.ask('two.test', 'get', wire.blindGet.encode({ key: blob.key }), {
      ...{ size: 'large', signal }
    })
    assert.deepEqual(wire.blindBlob.decode(got).sealed, blob.sealed)
    const missing = wire.blindGet.encode({ key: random.bytes(32) })
    await assert.rejects(asking.ask('two.test', 'get', missing, { size: 'large', signal }), {
      code: 'BLOB_UNKNOWN'
    })
  })

  it('says within the seal what it refuses, and what it does not know', async () => {
    const { all, asking, questions } = await asker()
    await using _all = all
    await assert.rejects((await questions()).lookup('nobody@two.test'), { code: 'ALIAS_UNKNOWN' })
    const ask = (method: string) => asking.ask('two.test', method, new Uint8Array(), { signal })
    await assert.rejects(ask('hello'), { code: 'METHOD_UNKNOWN' })
    await assert.rejects(ask('toString'), { code: 'METHOD_UNKNOWN' })
    await assert.rejects(ask('lookup'), { code: 'WIRE_MALFORMED' })
  })

  it('answers a request once, and none of another time', async () => {
    const { all } = await asker()
    await using _all = all
    await using session = await stranger(all)
    const { sealed: request, open: read } = await sealed(all)
    assert('payload' in wire.decodeBlindAnswer(read(await open(session, request))))
    await assert.rejects(open(session, request), { code: 'BLIND_INVALID' })

    const old = await sealed(all, { atMs: all.world.clock.now() - 6 * minuteMs })
    const answer = wire.decodeBlindAnswer(old.open(await open(session, old.sealed)))
    assert.deepEqual(answer, { code: 'CLOCK_WRONG' })
    // When what was seen is forgotten, its time is over.
    all.world.clock.advance(11 * minuteMs)
    const again = wire.decodeBlindAnswer(read(await open(session, request)))
    assert.deepEqual(again, { code: 'CLOCK_WRONG' })
  })

  it('refuses what is cut, of another size, or sealed to another pod', async () => {
    const { all } = await asker()
    await using _all = all
    await using session = await stranger(all)
    const { sealed: request } = await sealed(all)
    const foreign = request.slice().fill(0, 0, 32)
    await assert.rejects(open(session, foreign), { code: 'BLIND_INVALID' })
    for (const size of [0, 32, 4_095, 4_097])
      await assert.rejects(
        session.request(podMethods.blindOpen, cbor(new Uint8Array(size)), { timeoutMs: 1_000 }),
        { kind: 'refused' },
        `${size}`
      )
    const toOne = await sealRequest(all.one.hpkeKey, new Uint8Array(4_048))
    await assert.rejects(open(session, toOne.sealed), { code: 'BLIND_INVALID' })
  })

  it('answers those alone with whom it has to do', async () => {
    for (const policy of ['list', 'closed'] as const) {
      const { all, questions } = await asker({ policies: ['open', policy] })
      await using _all = all
      await assert.rejects(
        questions().then(two => two.lookup('bob')),
        { code: 'FEDERATION_REFUSED' }
      )
      if (policy === 'closed') continue
      await all.two.pod.peers!.allow(olga, 'one.test')
      assert(await (await questions()).lookup('bob'))
      await using session = await stranger(all)
      const { sealed: request } = await sealed(all)
      await assert.rejects(open(session, request), { code: 'FEDERATION_REFUSED' })
    }
  })

  it('bounds what one relay asks, whoever is behind it', async () => {
    const limitsOfTwo = { blindPerRelay: { burst: 3, everyMs: hourMs } }
    const { all, questions } = await asker({ limitsOfTwo })
    await using _all = all
    const two = await questions()
    for (let i = 0; i < 3; i++) await two.lookup('bob')
    await assert.rejects(two.lookup('bob'), { code: 'LIMIT_EXCEEDED' })
  })
})

describe('a stranger that asks in seals', () => {
  const answered = async (all: Neighbours, session: Session, method?: string) => {
    const payload =
      method === 'succession'
        ? successionRequest.encode({ name: 'bob', fingerprint: 'a'.repeat(64) })
        : undefined
    const { sealed: request, open: read } = await sealed(all, {
      ...(method && { method }),
      ...(payload && { payload })
    })
    return wire.decodeBlindAnswer(read(await open(session, request)))
  }

  it('looks up no more than openly', async () => {
    const limitsOfTwo = { lookupsPerPeer: { burst: 1, everyMs: hourMs } }
    const { all, questions } = await asker({ limitsOfTwo })
    await using _all = all
    await using session = await stranger(all)
    assert('payload' in (await answered(all, session)))
    for (const method of ['lookup', 'moved', 'succession'])
      assert.deepEqual(await answered(all, session, method), { code: 'LIMIT_EXCEEDED' })
    // A pod asks for all of its people.
    const two = await questions()
    for (let i = 0; i < 2; i++) assert(await two.lookup('bob'))
  })

  it('is counted by its network, and takes nothing from the people of the pod', async () => {
    const rate = { burst: 2, everyMs: hourMs }
    const limitsOfTwo = { blindPerRelay: rate, blindInAll: { ...rate, burst: 3 } }
    const strangers = new Set<string>()
    const subnetOf = (peer: string) => (strangers.has(peer) ? '192.0.2' : undefined)
    const { all } = await asker({ limitsOfTwo, subnetOf })
    await using _all = all
    const ask = async () => {
      const { self } = peerKeys(await makePeerKey())
      strangers.add(self)
      await using session = await stranger(all, all.two, self)
      return await answered(all, session)
    }
    for (let i = 0; i < 2; i++) assert('payload' in (await ask()))
    await assert.rejects(ask(), { code: 'LIMIT_EXCEEDED' })
    await using other = await stranger(all)
    assert('payload' in (await answered(all, other)))
    const receiving = await all.bob.enter(all.two)
    assert(await receiving.blind.papers('one.test'))
  })
})

const cbor = (body: Uint8Array): Uint8Array => {
  const head = new Uint8Array([0x81, 0x59, body.byteLength >> 8, body.byteLength & 255])
  return new Uint8Array(Buffer.concat([head, body]))
}

describe('a relay that lies', () => {
  /** Alice's relay, with something in its place. */
  async function liar(lie: (honest: PodBlind) => Partial<PodBlind>) {
    const made = await asker()
    const { pin } = (await personNamed('two.test', [])).certificate
    const honest = made.all.link.blind
    const asking = createAsking({
      ...{ clock: made.all.world.clock, random, crypto: openPgp, keys: made.all.alice.keys },
      own: () => ['one.test'],
      identified: async () => ({ ...made.all.link, blind: { ...honest, ...lie(honest) } }),
      fingerprintOf: async () => pin,
      met: async () => undefined
    })
    const lookup = async () => (await asking.questions('two.test', signal)).lookup('bob')
    return { ...made, lookup }
  }

  it('about the key of the other pod is found out before anything is sealed to it', async () => {
    let passed = 0
    const { all, lookup } = await liar(honest => ({
      papers: async () => helloAnswer.decode(await all.one.pod.hello()),
      async pass(...asked) {
        passed += 1
        return await honest.pass(...asked)
      }
    }))
    await using _all = all
    await assert.rejects(lookup(), { code: 'RELAY_REFUSED' })
    assert.equal(passed, 0)
  })

  it('gives the answer to another request, or one of its own: neither opens', async () => {
    let kept: Uint8Array | undefined
    const { all, lookup } = await liar(honest => ({
      async pass(hostname, request) {
        const answer = await honest.pass(hostname, request)
        kept ??= answer
        return kept
      }
    }))
    await using _all = all
    assert(await lookup())
    await assert.rejects(lookup(), { code: 'BLIND_INVALID' })
    for (const made of [random.bytes(16_384), new Uint8Array(4_096), new Uint8Array(278_528)]) {
      kept = made
      await assert.rejects(lookup(), { code: 'BLIND_INVALID' })
    }
  })

  it('about the other pod is not believed, and is named as what fails', async () => {
    const codes = [
      'METHOD_UNKNOWN',
      'ALIAS_UNKNOWN',
      'KEY_REVOKED',
      'POD_CHANGED',
      'INTERNAL'
    ] as const
    for (const method of ['pass', 'papers']) {
      let code: ErrorCode
      const refuse = () => Promise.reject(new MuttrError(code, 'of the relay'))
      const { all, lookup } = await liar(() => ({ [method]: refuse }))
      await using _all = all
      for (code of codes) await assert.rejects(lookup(), { code: 'RELAY_REFUSED' }, code)
    }
  })

  it('says of itself what it will not do, and that it reaches nobody', async () => {
    let code: ErrorCode
    const refuse = () => Promise.reject(new MuttrError(code, 'of the relay'))
    const { all, lookup } = await liar(() => ({ pass: refuse }))
    await using _all = all
    for (code of ['LIMIT_EXCEEDED', 'ACCOUNT_SUSPENDED', 'POD_UNREACHABLE'] as const)
      await assert.rejects(lookup(), { code })
  })
})

describe('a pod that passes requests on', () => {
  it('does so for people with an alias here, as long as they may', async () => {
    const { all, questions } = await asker()
    await using _all = all
    const carol = await all.world.device(await personNamed('carol'))
    const link = await carol.open(all.one)
    const { sealed: request } = await sealed(all)
    await assert.rejects(link.blind.pass('two.test', request), { code: 'IDENTIFY_FIRST' })
    const entered = await carol.enter(all.one)
    await assert.rejects(entered.blind.pass('two.test', request), { code: 'ALIAS_MISSING' })

    await (await questions()).lookup('bob')
    await all.one.pod.office.suspend(olga, 'alice', { reason: 'spam' })
    await assert.rejects((await questions()).lookup('bob'), { code: 'ACCOUNT_SUSPENDED' })
  })

  it('to pods that are others, that it knows or finds, and that are there', async () => {
    const { all } = await asker()
    await using _all = all
    const pass = async (hostname: string) =>
      all.link.blind.pass(hostname, (await sealed(all)).sealed)
    await assert.rejects(pass('one.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(pass('TWO.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(pass('three.test'), { code: 'POD_UNKNOWN' })
    await all.world.network.unplug(all.two.keys.self)
    await assert.rejects(pass('two.test'), { code: 'POD_UNREACHABLE' })
    all.world.network.plug(all.two.keys.self)
    // It is not dialled for everybody who asks.
    await assert.rejects(pass('two.test'), { code: 'POD_UNREACHABLE' })
    all.world.clock.advance(15_000)
    assert((await pass('two.test')).byteLength > 0)
    await all.one.pod.peers!.block(olga, 'two.test')
    await assert.rejects(pass('two.test'), { code: 'FEDERATION_REFUSED' })
  })

  it('so many of an account, by rate and at a time', async () => {
    const limits = {
      blindPerAccount: { burst: 6, everyMs: hourMs },
      blindAtOncePerAccountMax: 2
    }
    const { all, questions } = await asker({ limits })
    await using _all = all
    const two = await questions() // its papers are the first
    const all3 = await Promise.allSettled([1, 2, 3].map(() => two.lookup('bob')))
    assert.equal(all3.filter(({ status }) => status === 'fulfilled').length, 2)
    for (let i = 0; i < 2; i++) await two.lookup('bob')
    await assert.rejects(two.lookup('bob'), { code: 'LIMIT_EXCEEDED' })
  })

  it('says of a pod that knows nothing of this that it is too old', async () => {
    const { all } = await asker()
    await using _all = all
    const papers = await all.two.pod.hello()
    const keys = all.two.keys.self
    await all.world.network.unplug(keys)
    all.world.network.plug(keys)
    all.world.network.at(keys).accept(podProtocol, session =>
      session.serve(async method => {
        if (method === 'hello') return papers
        if (method === 'introduce') return new Uint8Array([0x80])
        throw new MuttrError('METHOD_UNKNOWN', method)
      })
    )
    const { sealed: request } = await sealed(all)
    await assert.rejects(all.link.blind.pass('two.test', request), { code: 'POD_TOO_OLD' })
  })

  it('keeps one link to the other, for notices and requests alike', async () => {
    const { all, questions } = await asker()
    await using _all = all
    const sessions = all.two.pod.usage().sessions
    const two = await questions()
    await Promise.all([1, 2, 3].map(() => two.lookup('bob')))
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    assert.equal(all.two.pod.usage().sessions, sessions + 1)
  })
})

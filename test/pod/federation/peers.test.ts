import assert from 'node:assert/strict'
import { sha256 } from '../../../src/base/bytes.ts'
import type { Session } from '../../../src/base/ports.ts'
import { signDetached } from '../../../src/keys/sign.ts'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import { transfer, transferAnswer } from '../../../src/wire/federation.ts'
import type { HelloAnswer } from '../../../src/wire/pod.ts'
import {
  challengeAnswer,
  helloAnswer,
  identify,
  identifyBytes,
  nothing,
  podProtocol,
  podRecord,
  podRecordLabel
} from '../../../src/wire/pod.ts'
import { podMethods } from '../../../src/wire/pod-methods.ts'
import type { Neighbours } from '../../support/federation-world.ts'
import { neighbours, olga, until } from '../../support/federation-world.ts'
import type { PodHost, TestDevice } from '../../support/pod-world.ts'
import { hourMs, personNamed, random } from '../../support/pod-world.ts'

const peerOf = (all: Neighbours, hostname = 'two.test') =>
  all.one.pod.peers!.view().peers.find(peer => peer.hostname === hostname)

/** Somebody with a peer key of its own, and what it says on `/muttr/pod/1`. */
async function somebody(all: Neighbours) {
  const keys = peerKeys(await makePeerKey())
  const at = all.world.network.at(keys.self)
  const open = (peer: string) => at.open({ peer, addresses: [] }, podProtocol, { timeoutMs: 1_000 })
  const papers = async (hostname: string, person = 'mallory'): Promise<HelloAnswer> => {
    const signer = await personNamed(person, [])
    const nowMs = all.world.clock.now()
    const record = podRecord.encode({
      hostname,
      peers: [keys.self],
      hpkeKey: all.two.hpkeKey,
      policy: 'open',
      escrow: false,
      udp: null,
      former: [],
      sequence: nowMs,
      issuedMs: nowMs
    })
    const signature = await signDetached(signer, podRecordLabel, record, nowMs)
    return { record, signature, certificate: signer.certificate.bytes }
  }
  return { keys, at, open, papers }
}

const ask = (session: Session, method: string, payload: Uint8Array) =>
  session.request(method, payload, { timeoutMs: 1_000 })

/** A session over which a device has identified, to ask what links do not. */
async function identified(
  all: Neighbours,
  { person, device, keys, statement }: TestDevice,
  at: PodHost
) {
  const contact = { peer: at.keys.self, addresses: [] }
  const session = await all.world.network
    .at(keys.self)
    .open(contact, podProtocol, { timeoutMs: 1_000 })
  const { nonce } = challengeAnswer.decode(await ask(session, 'challenge', nothing.encode()))
  const said = {
    ...{ hostname: at.hostname, pod: at.keys.self, self: keys.self, nonce },
    ...{ timeMs: all.world.clock.now(), statement: await statement(at.hostname) }
  }
  const answer = device.sign(identifyBytes(said))
  const certificate = person.certificate.bytes
  await ask(session, 'identify', identify.encode({ ...said, certificate, answer }))
  return session
}

/** What became of one notice in a transfer. */
async function transferred(session: Session, sealed: Uint8Array): Promise<string> {
  const answer = await ask(session, podMethods.transfer, transfer.encode({ notices: [sealed] }))
  const [result] = transferAnswer.decode(answer).results
  return typeof result === 'string' ? result : 'signed'
}

describe('another pod', () => {
  it('is pinned when it is first met: with another key later nothing is passed on, and the operator sees it', async () => {
    await using all = await neighbours()
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    const { pin } = (await personNamed('two.test', [])).certificate
    assert.equal(peerOf(all)?.pin, pin)

    const { keys, at, papers } = await somebody(all)
    const shown = helloAnswer.encode(await papers('two.test'))
    at.accept(podProtocol, session =>
      session.serve(async method => (method === 'hello' ? shown : nothing.encode()))
    )
    await all.world.network.unplug(all.two.keys.self)
    all.world.move('two.test', keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => peerOf(all)?.code === 'POD_CHANGED')
    const state = await all.stateOf(sealed)
    assert(state.type === 'queued' && state.code === 'POD_CHANGED')
    assert.equal(peerOf(all)?.queued, 1)

    // The operator has asked by another way: it is so.
    const { fingerprint } = (await personNamed('mallory', [])).certificate
    await all.one.pod.peers!.allow(olga, 'two.test', fingerprint)
    await until(() => peerOf(all)?.code !== 'POD_CHANGED')
    assert.equal(peerOf(all)?.standing, 'allowed')
  })

  it('that the sender knows by another key than it shows is not given the notice', async () => {
    await using all = await neighbours()
    const early = await all.seal()
    await all.give(early, 'two.test', random.bytes(32))
    await until(() => all.news.length === 1)
    assert.deepEqual(all.news[0]!.state, { type: 'refused', code: 'POD_CHANGED' })
    // Now it is known here, too.
    const late = await all.seal()
    await assert.rejects(all.give(late, 'two.test', random.bytes(32)), { code: 'POD_CHANGED' })
    const { pin } = (await personNamed('two.test', [])).certificate
    await all.give(late, 'two.test', new Uint8Array(Buffer.from(pin, 'hex')))
    await until(() => all.news.length === 2)
    assert.equal(all.news[1]!.state.type, 'accepted')
  })

  for (const [how, answer] of [
    ['signs for another notice', (keys: ReturnType<typeof peerKeys>) => [keys.sign(sha256())]],
    ['answers more than it was asked', () => [new Uint8Array(64), new Uint8Array(64)]],
    ['takes no more', () => ['LIMIT_EXCEEDED' as const]],
    ['breaks', () => ['INTERNAL' as const]]
  ] as const)
    it(`that ${how} is not believed, and the notice stays`, async () => {
      await using all = await neighbours()
      const { keys, at, papers } = await somebody(all)
      const shown = helloAnswer.encode(await papers('liar.test'))
      let asked = 0
      at.accept(podProtocol, session =>
        session.serve(async method => {
          if (method === 'hello') return shown
          if (method !== podMethods.transfer) return nothing.encode()
          asked++
          return transferAnswer.encode({ atMs: all.world.clock.now(), results: answer(keys) })
        })
      )
      all.world.move('liar.test', keys.self)
      const sealed = await all.seal()
      await all.give(sealed, 'liar.test')
      await until(() => peerOf(all, 'liar.test')?.failures === 1)
      assert.equal((await all.stateOf(sealed)).type, 'queued')
      all.world.clock.advance(6 * hourMs)
      await until(() => peerOf(all, 'liar.test')?.failures === 2)
      assert.equal(asked, 2)
      assert.deepEqual(all.news, [])
    })

  it('cannot take another’s name: neither a pinned one nor one that is somewhere else', async () => {
    await using all = await neighbours()
    const mallory = await somebody(all)
    const session = await mallory.open(all.one.keys.self)
    const introduce = async (hostname: string) =>
      ask(session, podMethods.introduce, helloAnswer.encode(await mallory.papers(hostname)))
    // Not met yet: it is looked for where it is.
    await assert.rejects(introduce('two.test'), { code: 'POD_CHANGED' })
    assert.equal(peerOf(all)?.pin, (await personNamed('two.test', [])).certificate.pin)
    await assert.rejects(introduce('two.test'), { code: 'POD_CHANGED' })
    await assert.rejects(introduce('nowhere.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(introduce('one.test'), { code: 'POD_CHANGED' })
    const hello = await (await mallory.open(all.two.keys.self)).request('hello', nothing.encode(), {
      timeoutMs: 1_000
    })
    // The true papers, from another peer.
    await assert.rejects(ask(session, podMethods.introduce, hello), { code: 'POD_CHANGED' })
  })

  for (const code of ['POD_UNREACHABLE', 'POD_UNKNOWN'] as const)
    it(`that is known is found by its record, is given notices and may introduce itself while others say ${code}`, async () => {
      await using all = await neighbours()
      await assert.rejects(
        async () => {
          all.world.hush('three.test', code)
          await all.give(await all.seal(), 'three.test')
        },
        { code }
      )
      await all.give(await all.seal())
      await until(() => all.news.length === 1)
      all.world.hush('two.test', code)
      await all.world.network.unplug(all.two.keys.self)
      const late = await all.seal()
      await all.give(late)
      await until(() => peerOf(all)?.failures === 1)
      assert.equal((await all.stateOf(late)).type, 'queued')
      all.world.network.plug(all.two.keys.self)
      all.world.clock.advance(6 * hourMs)
      await until(() => all.news.length === 2)
      assert.equal(all.news[1]!.state.type, 'accepted')

      const hello = await (await somebody(all))
        .open(all.two.keys.self)
        .then(session => ask(session, 'hello', nothing.encode()))
      const seenMs = all.world.clock.now() + hourMs
      all.world.clock.advance(hourMs)
      const own = await all.world.network
        .at(all.two.keys.self)
        .open({ peer: all.one.keys.self, addresses: [] }, podProtocol, { timeoutMs: 1_000 })
      await ask(own, podMethods.introduce, hello)
      assert.equal(peerOf(all)?.seenMs, seenMs)
    })

  it('is blocked: nothing is taken from it, and nothing goes to it', async () => {
    await using all = await neighbours()
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    await all.two.pod.peers!.block(olga, 'one.test')
    const refused = await all.seal()
    await all.give(refused)
    await until(() => all.news.length === 2)
    assert.deepEqual(all.news[1]!.state, { type: 'refused', code: 'FEDERATION_REFUSED' })

    await all.two.pod.peers!.allow(olga, 'one.test')
    await all.give(await all.seal())
    await until(() => all.news.length === 3)
    assert.equal(all.news[2]!.state.type, 'accepted')

    await all.one.pod.peers!.block(olga, 'two.test')
    await assert.rejects(async () => all.give(await all.seal()), { code: 'FEDERATION_REFUSED' })
    await all.one.restart()
    await all.enter()
    assert.equal(peerOf(all)?.standing, 'blocked')
    await assert.rejects(async () => all.give(await all.seal()), { code: 'FEDERATION_REFUSED' })
  })

  it('is on the list of a pod that takes notices from listed pods alone; a seed is on none', async () => {
    await using all = await neighbours({ policies: ['open', 'list'] })
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => all.news.length === 1)
    assert.deepEqual(all.news[0]!.state, { type: 'refused', code: 'FEDERATION_REFUSED' })
    const direct = await all.alice.open(all.two)
    await assert.rejects(direct.submit(sealed.sealed), { code: 'FEDERATION_REFUSED' })
    const own = await all.bob.enter(all.two)
    await own.submit(sealed.sealed)

    await all.two.pod.peers!.allow(olga, 'one.test')
    await all.give(await all.seal())
    await until(() => all.news.length === 2)
    assert.equal(all.news[1]!.state.type, 'accepted')
  })

  it('that cannot find out now who asks has not refused for good: the introduction is tried again', async () => {
    const few = { burst: 1, everyMs: 3 * hourMs }
    await using all = await neighbours({
      policies: ['open', 'list'],
      limitsOfTwo: { identifiesPerPeer: few }
    })
    await all.two.pod.peers!.allow(olga, 'one.test')
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    await all.world.network.unplug(all.two.keys.self)
    all.world.network.plug(all.two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    await until(() => peerOf(all)?.code === 'LIMIT_EXCEEDED' || all.news.length === 2)
    assert.equal((await all.stateOf(sealed)).type, 'queued')
    all.world.clock.advance(3 * hourMs)
    await until(() => all.news.length === 2)
    assert.equal(all.news[1]!.state.type, 'accepted')
  })

  for (const policy of ['list', 'closed'] as const)
    it(`does not come in at one with ${policy} as somebody who identified with a fresh key`, async () => {
      await using all = await neighbours({ policies: ['open', policy] })
      const { sealed } = await all.seal()
      const mallory = await all.world.device(await personNamed('mallory'))
      const refused = { code: 'FEDERATION_REFUSED' }
      await assert.rejects((await mallory.enter(all.two)).submit(sealed), refused)
      const hers = await identified(all, mallory, all.two)
      assert.equal(await transferred(hers, sealed), 'FEDERATION_REFUSED')
      const bobs = await identified(all, all.bob, all.two)
      assert.equal(await transferred(bobs, sealed), 'signed')
    })

  it('is not what a suspended account becomes by a transfer', async () => {
    await using all = await neighbours()
    const { sealed } = await all.seal()
    const bobs = await identified(all, all.bob, all.two)
    await all.two.pod.office.suspend(olga, 'bob', { reason: 'spam' })
    assert.equal(await transferred(bobs, sealed), 'ACCOUNT_SUSPENDED')
    await all.two.pod.office.resume(olga, 'bob')
    assert.equal(await transferred(bobs, sealed), 'signed')
  })

  it('has nothing to do with a closed one', async () => {
    await using all = await neighbours({ policies: ['closed', 'closed'] })
    const sealed = await all.seal()
    await assert.rejects(all.give(sealed), { code: 'FEDERATION_REFUSED' })
    const direct = await all.alice.open(all.two)
    await assert.rejects(direct.submit(sealed.sealed), { code: 'FEDERATION_REFUSED' })
    await (await all.bob.enter(all.two)).submit(sealed.sealed)
  })

  it('gets so much and no more, whatever its peers are called, and takes nothing from others', async () => {
    const few = { burst: 3, everyMs: 1_000 }
    await using all = await neighbours({ limitsOfTwo: { noticesPerPod: few } })
    const given = await Promise.all(Array.from({ length: 5 }, () => all.seal()))
    await all.world.network.unplug(all.two.keys.self)
    for (const sealed of given) await all.give(sealed)
    all.world.network.plug(all.two.keys.self)
    all.world.clock.advance(6 * hourMs)
    await until(() => all.news.length === 3)
    await until(() => peerOf(all)?.code === 'LIMIT_EXCEEDED')
    const direct = await all.alice.open(all.two)
    await direct.submit((await all.seal()).sealed)
    all.world.clock.advance(10 * 60_000)
    await until(() => all.news.length === 5)
    assert(all.news.every(({ state }) => state.type === 'accepted'))
  })

  it('that takes no more for one address still takes what others send', async () => {
    const few = { burst: 1, everyMs: 6 * hourMs }
    await using all = await neighbours({ limitsOfTwo: { noticesPerAddress: few } })
    const carol = await all.world.device(await personNamed('carol'))
    const carols = await carol.enter(all.two)
    await carols.register('carol', carol.person.certificate)
    const { intro } = await carols.lookup('carol')
    const dave = await all.world.device(await personNamed('dave'))
    const daves = await dave.enter(all.one)
    await daves.register('dave', dave.person.certificate)
    for (let i = 0; i < 300; i++) await all.give(await all.seal())
    await until(() => peerOf(all)?.code === 'LIMIT_EXCEEDED')
    const { sealed, notice } = await all.seal({ address: intro })
    const { expiryMs } = notice
    await daves.queue.give({ notice: sealed, hostname: 'two.test', pin: null, expiryMs })
    all.world.clock.advance(10 * 60_000)
    await until(async () => (await daves.queue.states([sha256(sealed)]))[0]!.type === 'accepted')
    assert(all.one.pod.usage().queued > 256)
  })

  it('that nobody knows may transfer as any seed does', async () => {
    await using all = await neighbours()
    const stranger = await somebody(all)
    const session = await stranger.open(all.two.keys.self)
    const good = (await all.seal()).sealed
    const frame = transfer.encode({ notices: [good, random.bytes(1_200), good] })
    const answer = await ask(session, podMethods.transfer, frame)
    const { results } = transferAnswer.decode(answer)
    assert.deepEqual(
      results.map(result => (typeof result === 'string' ? result : 'signed')),
      ['signed', 'NOTICE_INVALID', 'signed']
    )
    await all.box.has(1)
    // One that was pushed and acknowledged is forgotten: the same again may come again, and readers know it by its key.
    assert.equal(all.box.keys().length, 1)
  })

  it('gives way when too many are remembered, unless the operator spoke of it', async () => {
    await using all = await neighbours({ limits: { peersMax: 2 } })
    await all.one.pod.peers!.allow(olga, 'friend.test')
    await all.give(await all.seal())
    await until(() => all.news.length === 1)
    const other = await all.world.host({ hostname: 'three.test', federation: 'open' })
    const sealed = await all.seal()
    await all.give(sealed, 'three.test')
    await until(() => all.news.length === 2)
    assert.deepEqual(all.news[1]!.state, { type: 'refused', code: 'NOTICE_INVALID' })
    assert.deepEqual(
      all.one.pod.peers!.view().peers.map(({ hostname }) => hostname),
      ['friend.test', other.hostname]
    )
    await all.one.restart()
    assert.equal(all.one.pod.peers!.view().peers.length, 2)
  })
})

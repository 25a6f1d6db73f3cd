import assert from 'node:assert/strict'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import { Friends } from '../../../src/pod/federation/friends.ts'
import type { PodSummary } from '../../../src/wire/gossip.ts'
import {
  gossip,
  gossipKnownMax,
  gossipSummariesMax,
  podSummary,
  signedSummary,
  summaryBytes
} from '../../../src/wire/gossip.ts'
import { helloAnswer, podProtocol } from '../../../src/wire/pod.ts'
import { neighbours, olga, turn, until } from '../../support/federation-world.ts'
import type { PodHost, PodWorld } from '../../support/pod-world.ts'
import { hourMs, podWorld } from '../../support/pod-world.ts'

const minuteMs = 60_000

/** Three pods that have met nobody yet. */
async function three(): Promise<{ world: PodWorld; hosts: [PodHost, PodHost, PodHost] }> {
  const world = podWorld()
  const host = (hostname: string) => world.host({ hostname, federation: 'open', isAlone: true })
  return { world, hosts: [await host('one.test'), await host('two.test'), await host('six.test')] }
}

const friendOf = (at: PodHost, hostname: string) =>
  at.pod.peers!.view().peers.find(peer => peer.hostname === hostname)?.friend

const presence = (at: PodHost, hostname: string) => friendOf(at, hostname)?.presence

/** Each calls the other a friend, and has heard of it. */
async function befriend(a: PodHost, b: PodHost): Promise<void> {
  await a.pod.peers!.allow(olga, b.hostname)
  await b.pod.peers!.allow(olga, a.hostname)
  await until(() => presence(a, b.hostname) === 'here' && presence(b, a.hostname) === 'here')
}

/** So much time passes, in steps in which nobody loses patience: it stands still while a pod meets another, however slow the machine is at signatures. */
async function pass(world: PodWorld, byMs: number): Promise<void> {
  for (let leftMs = byMs; leftMs > 0; leftMs -= 20_000) {
    world.clock.advance(20_000)
    for (let i = 0; i < 4; i++) await turn()
    await until(() => !world.isMeeting())
  }
}

/** Time passes until a friend is heard again. */
async function aRound(world: PodWorld, at: PodHost, hostname: string): Promise<void> {
  const before = friendOf(at, hostname)?.saidMs ?? 0
  while ((friendOf(at, hostname)?.saidMs ?? 0) <= before) await pass(world, minuteMs)
}

describe('pods that call each other friends', () => {
  it('tell each other what they are', async () => {
    const { world, hosts } = await three()
    await using _ = world
    const [one, two, six] = hosts
    await befriend(one, two)
    assert.deepEqual(friendOf(one, 'two.test'), {
      ...{ presence: 'here', saidMs: friendOf(one, 'two.test')?.saidMs, version: '1.2.3' },
      ...{ policy: 'open', federation: 'open', load: 0, capabilities: ['thin', 'udp'] }
    })
    await six.pod.peers!.allow(olga, 'one.test')
    await until(() => one.pod.peers!.view().peers.some(peer => peer.hostname === 'six.test'))
    // Who is no friend of ours is told nothing, and not heard.
    assert.equal(friendOf(one, 'six.test'), null)
    assert.equal(friendOf(six, 'one.test'), null)
  })

  it('see who leaves in order, who falls silent, and who is back', async () => {
    const { world, hosts } = await three()
    await using _ = world
    const [one, two, six] = hosts
    await befriend(one, two)
    await befriend(one, six)
    await two.restart()
    await until(() => presence(one, 'two.test') === 'here')
    await world.network.unplug(six.keys.self)
    await pass(world, 50 * minuteMs)
    await aRound(world, one, 'two.test')
    assert.equal(presence(one, 'two.test'), 'here')
    assert.equal(presence(one, 'six.test'), 'silent')
    world.network.plug(six.keys.self)
    await aRound(world, one, 'six.test')
    assert.equal(presence(one, 'six.test'), 'here')
    await two.pod[Symbol.asyncDispose]()
    await until(() => presence(one, 'two.test') === 'leaving')
  })

  it('hear of each other through others, and try at once what waits', async () => {
    await using all = await neighbours()
    const { one, two, world } = all
    const six = await world.host({ hostname: 'six.test', federation: 'open' })
    await befriend(one, six)
    await befriend(two, six)
    // Two does not call one its friend: it tells it nothing itself.
    await one.pod.peers!.allow(olga, 'two.test')
    const first = await all.seal()
    await all.give(first)
    await until(async () => (await all.stateOf(first)).type === 'accepted')
    await aRound(world, one, 'two.test')

    await world.network.unplug(two.keys.self)
    const sealed = await all.seal()
    await all.give(sealed)
    const isFarOff = async () => {
      const state = await all.stateOf(sealed)
      return state.type === 'queued' && state.nextMs > world.clock.now() + hourMs
    }
    while (!(await isFarOff()) || presence(one, 'two.test') !== 'silent')
      await pass(world, 10 * minuteMs)
    assert.equal(presence(one, 'two.test'), 'silent')
    world.network.plug(two.keys.self)
    await two.pod.peers!.allow(olga, 'six.test')
    await until(async () => (await all.stateOf(sealed)).type === 'accepted')
    assert.equal(presence(one, 'two.test'), 'here')
  })

  it('find one whose name leads nowhere by where it said that it is', async () => {
    const { world, hosts } = await three()
    await using _ = world
    const [one, two, six] = hosts
    await befriend(one, two)
    await befriend(two, six)
    await befriend(one, six)
    world.move('six.test', 'nobody')
    await one.pod.peers!.allow(olga, 'six.test')
    await aRound(world, one, 'six.test')
  })

  it('forget whom they block', async () => {
    const { world, hosts } = await three()
    await using _ = world
    const [one, two] = hosts
    await befriend(one, two)
    await one.pod.peers!.block(olga, 'two.test')
    assert.equal(friendOf(one, 'two.test'), null)
    world.clock.advance(15 * minuteMs)
    const at = world.network.at(two.keys.self)
    const session = await at.open({ peer: one.keys.self, addresses: [] }, podProtocol, {
      timeoutMs: 1_000
    })
    const ask = (method: string, frame: Uint8Array) =>
      session.request(method, frame, { timeoutMs: 1_000 })
    await ask('introduce', await two.pod.hello())
    const frame = gossip.encode({ summaries: [], known: [] })
    await assert.rejects(ask('gossip', frame), { code: 'FEDERATION_REFUSED' })
  })
})

describe('what is said of a friend', () => {
  const nowMs = Date.UTC(2026, 0, 1)
  const pin = 'ab'.repeat(32)
  const said: PodSummary = {
    ...{ hostname: 'two.test', pin: new Uint8Array(32).fill(0xab), atMs: nowMs, state: 'here' },
    ...{ version: '1.2.3', policy: 'open', federation: 'open', load: 0 },
    ...{ capabilities: [], where: [] }
  }
  async function stage() {
    const [two, mallory] = [peerKeys(await makePeerKey()), peerKeys(await makePeerKey())]
    const friends = new Friends(two)
    const sign = (given: Partial<PodSummary> = {}, by = two, as = by.self) => {
      const summary = podSummary.encode({ ...said, ...given })
      return signedSummary.encode({ summary, peer: as, signature: by.sign(summaryBytes(summary)) })
    }
    const take = (frame: Uint8Array, atMs = nowMs) =>
      friends.take(frame, {
        nowMs: atMs,
        faceOf: async name => (name === 'two.test' ? { pin, peers: [two.self] } : undefined)
      })
    return { two, mallory, friends, sign, take }
  }

  it('is believed of its own peers alone, under its own pin', async () => {
    const { two, mallory, friends, sign, take } = await stage()
    assert.equal(await take(sign({}, mallory)), undefined)
    assert.equal(await take(sign({}, mallory, two.self)), undefined)
    assert.equal(await take(sign({ pin: new Uint8Array(32) })), undefined)
    assert.equal(await take(sign({ hostname: 'six.test' })), undefined)
    assert.equal(friends.of('two.test'), undefined)
    assert.deepEqual(await take(sign()), { hostname: 'two.test', isChange: true })
  })

  it('is not taken again, older, of the future or long after', async () => {
    const { friends, sign, take } = await stage()
    assert.equal(await take(sign({ atMs: nowMs + 6 * minuteMs })), undefined)
    assert.equal(await take(sign({ atMs: nowMs - 3 * hourMs })), undefined)
    assert(await take(sign()))
    assert.equal(await take(sign()), undefined)
    assert.equal(await take(sign({ atMs: nowMs - 1, state: 'leaving' })), undefined)
    assert.deepEqual(await take(sign({ atMs: nowMs + 1 })), {
      ...{ hostname: 'two.test', isChange: false }
    })
    assert.equal(friends.of('two.test')?.atMs, nowMs + 1)
    assert.equal((await take(sign({ atMs: nowMs + 2, state: 'leaving' })))?.isChange, true)
  })

  it('is taken at a friend’s rate, however many pass it on', async () => {
    const { sign, take } = await stage()
    let taken = 0
    for (let i = 0; i < 100; i++) if (await take(sign({ atMs: nowMs + i }))) taken++
    assert.equal(taken, 6)
    assert(await take(sign({ atMs: nowMs + minuteMs }), nowMs + minuteMs))
  })

  it('is heard whatever others make up in its name', async () => {
    const { mallory, two, sign, take } = await stage()
    for (let i = 0; i < 20; i++) assert.equal(await take(sign({}, mallory, two.self)), undefined)
    assert(await take(sign()))
  })

  it('is passed on to who asks about it, and not to itself', async () => {
    const { friends, sign, take } = await stage()
    const frame = sign()
    await take(frame)
    const ask = [
      { hostname: 'two.test', atMs: 0 },
      { hostname: 'six.test', atMs: 0 }
    ]
    assert.deepEqual(friends.newer(ask, 'one.test', nowMs), [frame])
    assert.deepEqual(friends.newer(ask, 'two.test', nowMs), [])
    const knows = [{ hostname: 'two.test', atMs: nowMs }]
    assert.deepEqual(friends.newer(knows, 'one.test', nowMs), [])
    assert.deepEqual(friends.newer(ask, 'one.test', nowMs + 3 * hourMs), [])
    friends.keep(new Set())
    assert.deepEqual(friends.newer(ask, 'one.test', nowMs), [])
  })

  it('is bounded', async () => {
    const { sign } = await stage()
    const capabilities = Array.from({ length: 17 }, (_, i) => `${i}`)
    assert.throws(() => podSummary.decode(podSummary.encode({ ...said, capabilities })), {
      code: 'WIRE_MALFORMED'
    })
    const where = Array.from({ length: 4 }, () => 'x'.repeat(400))
    assert.throws(() => podSummary.decode(podSummary.encode({ ...said, where })))
    const many = Array.from({ length: gossipSummariesMax + 1 }, () => sign())
    assert.throws(() => gossip.decode(gossip.encode({ summaries: many, known: [] })))
    const known = Array.from({ length: gossipKnownMax + 1 }, (_, i) => ({
      ...{ hostname: `${i}.test`, atMs: 0 }
    }))
    assert.throws(() => gossip.decode(gossip.encode({ summaries: [], known })))
  })

  it('by a friend that lies of another, or floods, is not believed and not answered', async () => {
    const { world, hosts } = await three()
    await using _ = world
    const [one, two, six] = hosts
    await befriend(one, two)
    await befriend(one, six)
    const at = world.network.at(two.keys.self)
    const contact = { peer: one.keys.self, addresses: [] }
    const session = await at.open(contact, podProtocol, { timeoutMs: 1_000 })
    const ask = (method: string, frame: Uint8Array) =>
      session.request(method, frame, { timeoutMs: 1_000 })
    const frame = gossip.encode({ summaries: [], known: [] })
    await assert.rejects(ask('gossip', frame), { code: 'FEDERATION_REFUSED' })
    await ask('introduce', await two.pod.hello())
    const lie = podSummary.encode({
      ...{ ...said, hostname: 'six.test', atMs: world.clock.now() + 1, state: 'leaving' },
      pin: new Uint8Array(Buffer.from(six.person.certificate.pin, 'hex'))
    })
    const signature = two.keys.sign(summaryBytes(lie))
    const lies = [two.keys.self, six.keys.self].map(peer =>
      signedSummary.encode({ summary: lie, peer, signature })
    )
    const answer = gossip.decode(
      await ask(
        'gossip',
        gossip.encode({ summaries: lies, known: [{ hostname: 'six.test', atMs: 0 }] })
      )
    )
    assert.equal(presence(one, 'six.test'), 'here')
    // Its own word first, then what six has said.
    const [own, other] = answer.summaries.map(f =>
      podSummary.decode(signedSummary.decode(f).summary)
    )
    assert.deepEqual([own?.hostname, other?.hostname], ['one.test', 'six.test'])
    assert.deepEqual(
      answer.known.map(({ hostname }) => hostname),
      ['six.test']
    )
    await assert.rejects(ask('gossip', new Uint8Array(10)), { code: 'WIRE_MALFORMED' })
    let refused = 0
    for (let i = 0; i < 40; i++)
      await ask('gossip', frame).catch(err => (refused += Number(err.code === 'LIMIT_EXCEEDED')))
    assert(refused >= 20, `${refused}`)
    assert(helloAnswer.decode(await ask('hello', new Uint8Array([0x80]))).record)
  })
})

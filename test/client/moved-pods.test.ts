import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { FoundPods } from '../../src/client/found-pods.ts'
import { openFoundPods } from '../../src/client/found-pods.ts'
import type { PodsParts } from '../../src/client/pods.ts'
import { createPods } from '../../src/client/pods.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import { makeDevice } from '../../src/keys/device.ts'
import type { PodPlace } from '../../src/pod/place.ts'
import { memoryState } from '../../src/store/memory.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { makeRecord } from '../../src/wire/record.ts'
import { encodeWhereabouts } from '../../src/wire/records/whereabouts.ts'
import { dice, person, quiet } from '../support/client-world.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fakeDht } from '../support/fake-dht.ts'
import { fakePod } from '../support/fake-pod.ts'
import { ed25519Author } from '../support/record-authors.ts'

const hostname = 'one.test'
const old = '/ip4/127.0.0.1/tcp/1'
const now = '/ip4/127.0.0.1/tcp/2'
const signal = new AbortController().signal

describe('a pod whose known addresses do not answer', () => {
  const author = ed25519Author(1)
  const peer = peerOfKey(author.author.bytes)
  const clock = fakeClock()
  let dht: ReturnType<typeof fakeDht>
  let state: ReturnType<typeof memoryState>
  let pod: Awaited<ReturnType<typeof fakePod>>
  /** What answers, by address. */
  let there: Map<string, string>
  let dialled: string[]
  let fingerprint: string

  beforeEach(async () => {
    dht = fakeDht(clock)
    state = memoryState()
    pod = await fakePod({
      ...{ hostname, clock, random: dice, others: new Map() },
      person: await person(hostname)
    })
    fingerprint = pod.person.certificate.fingerprint
    there = new Map([[old, peer]])
    dialled = []
  })

  /** As a node does it: an address with `/p2p/` is answered by that peer or by nobody. */
  const network: PodsParts['network'] = {
    self: 'alice',
    open: () => Promise.reject(new MuttrError('PEER_UNREACHABLE', 'there is no wire here')),
    async dial(text) {
      dialled.push(text)
      const [address, wanted] = text.split('/p2p/') as [string, string?]
      const who = there.get(address)
      if (who === undefined || (wanted !== undefined && wanted !== who))
        throw new MuttrError('PEER_UNREACHABLE', address)
      return { peer: who, addresses: [address] }
    }
  }

  const podsWith = (place: Partial<PodPlace> = {}, found?: FoundPods, allowLocal?: boolean) =>
    createPods({
      network,
      dht,
      state,
      clock,
      random: dice,
      log: quiet,
      crypto: openPgp,
      self: {
        certificate: () => null,
        registrations: () => [] as const
      } as unknown as PodsParts['self'],
      device: makeDevice(dice.bytes(32)),
      places: found ? [] : [{ hostname, addresses: [`${old}/p2p/${peer}`], fingerprint, ...place }],
      ...(found && { found }),
      ...(allowLocal !== undefined && { allowLocal }),
      async openLink({ contact, pinned }) {
        const link = await pod.link()
        if (pinned && pinned.fingerprint !== link.pod.certificate.fingerprint)
          throw new MuttrError('POD_CHANGED', 'another key')
        return { ...link, pod: { ...link.pod, contact } }
      },
      emit: () => undefined,
      onNotices: async () => undefined,
      onIdentified: async () => undefined,
      onNews: () => undefined,
      onUp: () => undefined,
      onStanding: () => undefined
    })

  async function say(
    what: { hostname?: string; fingerprint?: string; address?: string; sequence?: number } = {},
    by = author
  ): Promise<Uint8Array> {
    const body = encodeWhereabouts(peerOfKey(by.author.bytes), {
      hostname: what.hostname ?? hostname,
      addresses: [what.address ?? now],
      fingerprint: what.fingerprint ?? fingerprint,
      hpkeKey: new Uint8Array(32)
    })!
    const statement = { kind: 'pod', author: by.author, sequence: what.sequence ?? 1, body }
    const { frame } = await makeRecord(statement, by.sign)
    await dht.putRecord(frame)
    return frame
  }
  const move = () => {
    there = new Map([[now, peer]])
  }
  const unreachable = { code: 'POD_UNREACHABLE' }

  it('is dialled where its record says, and not asked about while it answers', async () => {
    await say()
    await using pods = podsWith()
    await pods.link(hostname, signal)
    assert.deepEqual(dialled, [`${old}/p2p/${peer}`])
    move()
    await using later = podsWith()
    const link = await later.link(hostname, signal)
    assert.deepEqual(link.pod.contact, { peer, addresses: [now] })
    assert.equal(dialled.at(-1), `${now}/p2p/${peer}`)
  })

  it('is found by the peer it was, where the network file names none', async () => {
    const bare = { addresses: [old] }
    await say()
    move()
    await using early = podsWith(bare)
    await assert.rejects(early.link(hostname, signal), unreachable)
    there.set(old, peer)
    await using met = podsWith(bare)
    await met.link(hostname, signal)
    assert.equal(await met.peerOf(hostname), peer)
    move()
    await using later = podsWith(bare)
    await later.link(hostname, signal)
  })

  it('is not moved into private networks, unless it was known to be in one, or the network lives there', async () => {
    const named = '/dns/pod.one.pods/tcp/1'
    const inside = ['/ip4/192.168.1.9/tcp/631', '/ip6/64:ff9b::c0a8:109/tcp/1', '/dnsaddr/one.pods']
    for (const [i, address] of inside.entries()) {
      dialled = []
      await say({ address, sequence: i + 1 })
      there = new Map([[address, peer]])
      await using pods = podsWith({ addresses: [`${named}/p2p/${peer}`] })
      await assert.rejects(pods.link(hostname, signal), unreachable)
      assert.deepEqual(dialled, [`${named}/p2p/${peer}`])
    }
    await say({ sequence: inside.length + 1 })
    move()
    await using near = podsWith()
    await near.link(hostname, signal)
    await using told = podsWith({ addresses: [`${named}/p2p/${peer}`] }, undefined, true)
    await told.link(hostname, signal)
    assert.equal(dialled.at(-1), `${now}/p2p/${peer}`)
    const out = '/ip4/198.41.0.4/tcp/1'
    await say({ address: out, sequence: inside.length + 2 })
    there = new Map([[out, peer]])
    await using moved = podsWith({ addresses: [`${named}/p2p/${peer}`] })
    await moved.link(hostname, signal)
  })

  it('is moved only when it was pinned before', async () => {
    await say()
    move()
    await using pods = podsWith({ fingerprint: undefined })
    await assert.rejects(pods.link(hostname, signal), unreachable)
    assert.equal(dialled.length, 1)
  })

  it('is found where its record says, also when that has another hostname: what it shows there decides', async () => {
    await say({ hostname: 'two.test' })
    move()
    await using pods = podsWith()
    await pods.link(hostname, signal)
    assert(dialled.at(-1)?.startsWith(now))
  })

  it('is not moved by a record of another certificate or peer, or without any', async () => {
    move()
    const stranger = ed25519Author(2)
    for (const tell of [
      async () => undefined,
      () => say({ fingerprint: '00'.repeat(20), sequence: 2 }),
      () => say({}, stranger)
    ]) {
      await tell()
      await using pods = podsWith()
      await assert.rejects(pods.link(hostname, signal), unreachable)
    }
    assert(!dialled.some(address => address.startsWith(now)))
  })

  it('is not moved back by an older record than the last one believed', async () => {
    const older = await say({ sequence: 1, address: old })
    await say({ sequence: 2 })
    move()
    await using pods = podsWith()
    await pods.link(hostname, signal)
    dht.records.set([...dht.records.keys()][0]!, older)
    dialled = []
    await using later = podsWith()
    await assert.rejects(later.link(hostname, signal), unreachable)
    assert.equal(dialled.length, 1)
  })

  it('is refused when it shows another key there, and no record is asked for when it does so here', async () => {
    await say()
    move()
    pod.person = await person('impostor.test')
    await using pods = podsWith()
    await assert.rejects(pods.link(hostname, signal), { code: 'POD_CHANGED' })
    there = new Map([[old, peer]])
    dialled = []
    await using later = podsWith()
    await assert.rejects(later.link(hostname, signal), { code: 'POD_CHANGED' })
    assert.equal(dialled.length, 1)
  })

  it('is down when the DHT cannot be asked, or sends rubbish', async () => {
    const frame = await say()
    move()
    dht.recordFails = 'NETWORK_EMPTY'
    await using pods = podsWith()
    await assert.rejects(pods.link(hostname, signal), unreachable)
    dht.recordFails = null
    const [key] = [...dht.records.keys()]
    dht.records.set(key!, frame.subarray(0, 40))
    await using later = podsWith()
    await assert.rejects(later.link(hostname, signal), unreachable)
  })

  it('is found by its hostname once the person names it, and again when it moved', async () => {
    let at = old
    const searches: (string | undefined)[] = []
    const found = await openFoundPods({
      ...{ state, log: quiet, allowLocal: true },
      async findPod({ pinned }) {
        searches.push(pinned)
        return { hostname, addresses: [at], fingerprint, by: pinned ? 'pin' : 'https' }
      }
    })
    const { signal } = new AbortController()
    await using pods = podsWith({}, found)
    await assert.rejects(async () => pods.link(hostname, signal), { code: 'POD_UNKNOWN' })
    assert.deepEqual(searches, [])
    await pods.know(hostname, signal)
    await pods.know(hostname, signal)
    await (await pods.link(hostname, signal))[Symbol.asyncDispose]()
    assert.deepEqual([searches, dialled, pods.foundBy(hostname)], [[undefined], [old], 'https'])

    at = '/ip4/192.0.2.77/tcp/4420'
    there = new Map([[at, peer]])
    await using later = podsWith({}, found)
    await (await later.link(hostname, signal))[Symbol.asyncDispose]()
    assert.deepEqual(searches, [undefined, fingerprint])
    assert.deepEqual(dialled.slice(1), [old, at])
    assert.equal(later.foundBy(hostname), 'https')
  })

  it('is kept for the word of who moved there once they are there, until another is published', async () => {
    let published: string | undefined
    const found = await openFoundPods({
      ...{ state, log: quiet, allowLocal: true },
      async findPod({ pinned }) {
        if (!published) throw new MuttrError('POD_UNKNOWN', 'nothing is published')
        assert.equal(pinned, undefined)
        return { hostname, addresses: [now], fingerprint: published, by: 'https' }
      }
    })
    await using pods = podsWith({}, found)
    const said = { fingerprint, peer, addresses: [old] }
    const introduced = await pods.introduce(hostname, said, signal)
    assert.equal((await introduced.questions(signal)).pod.certificate.fingerprint, fingerprint)
    assert.deepEqual(dialled, [`${old}/p2p/${peer}`])
    await assert.rejects(async () => pods.link(hostname, signal), { code: 'POD_UNKNOWN' })
    assert.deepEqual(
      [pods.foundBy(hostname), await pods.certificateOf(hostname)],
      [null, undefined]
    )
    await introduced.keep()
    await pods.link(hostname, signal)
    assert.equal(pods.foundBy(hostname), 'move')
    await pods.know(hostname, signal)
    assert.equal(pods.foundBy(hostname), 'move')

    pod.person = await person('published.test')
    published = pod.person.certificate.fingerprint
    there = new Map([[now, peer]])
    await pods.know(hostname, signal)
    const { certificate } = (await pods.link(hostname, signal)).pod
    assert.deepEqual([certificate.fingerprint, pods.foundBy(hostname)], [published, 'https'])
    const changed = { code: 'POD_CHANGED' }
    await assert.rejects(pods.introduce(hostname, said, signal), changed)
  })
})

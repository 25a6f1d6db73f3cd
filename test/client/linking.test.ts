import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { concatBytes } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { LinkStep } from '../../src/client/client.ts'
import { joinDevice } from '../../src/client/linking/join.ts'
import { inParts } from '../../src/client/linking/parts.ts'
import { Linking } from '../../src/client/linking/session.ts'
import { proveLink } from '../../src/keys/linking.ts'
import { isRelayed } from '../../src/net/addresses.ts'
import type { Node } from '../../src/net/node.ts'
import type { LinkCode } from '../../src/wire/link.ts'
import {
  decodeChallenge,
  encodeKnock,
  encodeLinkWord,
  linkMethods,
  linkProtocol,
  makeLinkCode,
  readLinkCode
} from '../../src/wire/link.ts'
import type { DeviceCard } from '../../src/wire/sync.ts'
import { dice, quiet } from '../support/client-world.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { makeNode } from '../support/net-nodes.ts'
import { alone } from '../support/own-devices.ts'
import { connectionsTo, placeAt } from '../support/relayed.ts'

const goods = randomBytes(700_000)
const never = new AbortController().signal
const timeoutMs = 30_000

interface Host {
  node: Node
  clock: FakeClock
  linking: Linking
  /** Every device that was taken in. */
  cards: DeviceCard[]
  /** What was asked for. */
  wanted: boolean[]
}

/** A device that is there, with the clock in the test's hand. */
async function makeHost(
  changes: Partial<ConstructorParameters<typeof Linking>[0]> = {}
): Promise<Host> {
  const node = await makeNode()
  const clock = fakeClock()
  const cards: DeviceCard[] = []
  const wanted: boolean[] = []
  async function* pieces(onRows: (rows: number) => void) {
    for (let at = 0; at < goods.length; at += 50_000) {
      yield new Uint8Array(goods.subarray(at, at + 50_000))
      onRows(at / 50_000 + 1)
    }
  }
  const linking = new Linking({
    network: node,
    addresses: () => node.contact().addresses,
    goods: async ({ history, onRows }) => {
      wanted.push(history)
      return pieces(onRows)
    },
    ...{ expect: alone, linked: async card => void cards.push(card) },
    ...{ clock, random: dice, log: quiet, life: never },
    ...changes
  })
  return { node, clock, linking, cards, wanted }
}

/** A code that is shown, and the steps after it. */
async function begin({ linking }: Host, options: Parameters<Linking['open']>[0] = {}) {
  const steps = (await linking.open(options))[Symbol.asyncIterator]()
  const { value } = await steps.next()
  assert(value?.type === 'code')
  return { code: readLinkCode(value.code), steps, untilMs: value.untilMs }
}

const cardOf = ({ self }: Node, name = 'laptop'): DeviceCard => ({
  deviceKey: new Uint8Array(32).fill(6),
  sealKey: new Uint8Array(32).fill(7),
  ...{ peer: self, name, sinceMs: 1 }
})

const join = (
  network: Node,
  code: LinkCode,
  changes: Partial<Parameters<typeof joinDevice>[0]> = {}
) => joinDevice({ network, code, card: cardOf(network), history: true, signal: never, ...changes })

const wrong = (code: LinkCode): LinkCode => ({ ...code, secret: new Uint8Array(16) })

async function rest(steps: AsyncIterator<LinkStep>): Promise<LinkStep[]> {
  const all: LinkStep[] = []
  for (let next = await steps.next(); !next.done; next = await steps.next()) all.push(next.value)
  return all
}

describe('linking a device', () => {
  let host: Host
  let guest: Node
  const made: Node[] = []
  const client = async () => {
    const node = await makeNode({ mode: 'client' })
    made.push(node)
    return node
  }
  beforeEach(async () => {
    host = await makeHost()
    guest = await client()
  })
  afterEach(async () => {
    await Promise.all([host.node, ...made.splice(0)].map(node => node[Symbol.asyncDispose]()))
  })

  it('gives everything to who has the code, and takes it in when that is on its disk', async () => {
    const { code, steps } = await begin(host)
    await using letIn = await join(guest, code)
    const all = concatBytes(...(await Array.fromAsync(letIn.stream)))
    assert(Buffer.from(all).equals(goods))
    assert.deepEqual(host.cards, [])
    await letIn.done()
    assert.deepEqual(host.cards, [cardOf(guest)])
    const seen = await rest(steps)
    assert.deepEqual(
      seen.filter(({ type }) => type !== 'sent').map(({ type }) => type),
      ['came', 'linked']
    )
    const sent = seen.findLast(step => step.type === 'sent')
    assert(sent?.type === 'sent' && sent.rows === 14 && sent.bytes > goods.length)
    assert.deepEqual(host.wanted.at(-1), true)
  })

  it('gives letters only when both devices want that', async () => {
    for (const [theirs, ours] of [
      [true, false],
      [false, true]
    ] as const) {
      const { code } = await begin(host, { history: theirs })
      await using letIn = await join(guest, code, { history: ours })
      await Array.fromAsync(letIn.stream)
      assert.equal(host.wanted.at(-1), false)
      await letIn.done()
    }
  })

  it('refuses whoever comes while nobody is waited for, before anything is computed', async () => {
    const code = { at: host.node.contact(), secret: new Uint8Array(16) }
    await assert.rejects(join(guest, code), { code: 'LINK_REFUSED' })
    const begun = await begin(host)
    await using letIn = await join(guest, begun.code)
    await Array.fromAsync(letIn.stream)
    await letIn.done()
    await assert.rejects(join(await client(), begun.code), { code: 'LINK_REFUSED' })
  })

  it('lets a second one with the same code in no more, however far the first is', async () => {
    const { code } = await begin(host)
    await using letIn = await join(guest, code)
    await assert.rejects(join(await client(), code), { code: 'LINK_REFUSED' })
    await Array.fromAsync(letIn.stream)
    await letIn.done()
    assert.equal(host.cards.length, 1)
  })

  it('ends after three wrong codes, and says so', async () => {
    const { code, steps } = await begin(host)
    for (let i = 0; i < 3; i++)
      await assert.rejects(join(guest, wrong(code)), { code: 'LINK_REFUSED' })
    await assert.rejects(join(guest, code), { code: 'LINK_REFUSED' })
    const left = []
    for (let i = 0; i < 3; i++) left.push((await steps.next()).value)
    assert.deepEqual(
      left,
      [2, 1, 0].map(left => ({ type: 'refused', left }))
    )
    await assert.rejects(steps.next(), { code: 'LINK_REFUSED' })
    assert.deepEqual(host.cards, [])
    const again = await begin(host)
    await using letIn = await join(guest, again.code)
    await Array.fromAsync(letIn.stream)
    await letIn.done()
  })

  it('lets the right one in after a wrong one', async () => {
    const { code } = await begin(host)
    await assert.rejects(join(guest, wrong(code)), { code: 'LINK_REFUSED' })
    await using letIn = await join(guest, code)
    assert.equal(concatBytes(...(await Array.fromAsync(letIn.stream))).length, goods.length)
  })

  it('takes no proof that was made for another challenge, peer or device', async () => {
    const { code } = await begin(host)
    const how = { timeoutMs, signal: never }
    const say = async (change: (nonce: Uint8Array) => Parameters<typeof encodeKnock>[0]) => {
      await using session = await guest.open(code.at, linkProtocol, how)
      const nonce = decodeChallenge(await session.request(linkMethods.hello, encodeLinkWord(), how))
      await session.request(linkMethods.prove, encodeKnock(change(nonce)), how)
    }
    const said = { card: cardOf(guest), history: true }
    const other = await client()
    const terms = (nonce: Uint8Array) => ({ secret: code.secret, nonce, host: host.node.self })
    const replayed = proveLink(said, terms(new Uint8Array(16)))
    await assert.rejects(
      say(() => ({ ...said, proof: replayed })),
      { code: 'LINK_REFUSED' }
    )
    const lent = { ...said, card: cardOf(other) }
    await assert.rejects(
      say(nonce => ({ ...lent, proof: proveLink(lent, terms(nonce)) })),
      {
        code: 'LINK_REFUSED'
      }
    )
    const changed = (nonce: Uint8Array) => ({
      ...{ card: cardOf(guest, 'tablet'), history: true },
      proof: proveLink(said, terms(nonce))
    })
    await assert.rejects(say(changed), { code: 'LINK_REFUSED' })
    assert.deepEqual(host.cards, [])
  })

  it('hears nothing out of its order, and nothing large', async () => {
    const { code } = await begin(host)
    const how = { timeoutMs, signal: never }
    const word = encodeLinkWord()
    const sayings: [method: string, payload: Uint8Array, code: string][] = [
      [linkMethods.next, word, 'LINK_REFUSED'],
      [linkMethods.done, word, 'LINK_REFUSED'],
      [linkMethods.prove, word, 'WIRE_MALFORMED'],
      [linkMethods.prove, new Uint8Array(300_000), 'WIRE_TOO_LARGE'],
      [linkMethods.hello, new Uint8Array(300_000), 'WIRE_TOO_LARGE'],
      ['put', word, 'METHOD_UNKNOWN']
    ]
    for (const [method, payload, refusal] of sayings) {
      await using session = await guest.open(code.at, linkProtocol, how)
      await assert.rejects(session.request(method, payload, how), { code: refusal })
      await session.closed
    }
    await using letIn = await join(guest, code)
    await assert.rejects(letIn.done(), { code: 'WIRE_MALFORMED' })
    assert.deepEqual(host.cards, [])
  })

  it('drops who says nothing, and of a crowd who has been there longest', async () => {
    const { code } = await begin(host)
    const how = { timeoutMs, signal: never }
    const slow = await guest.open(code.at, linkProtocol, how)
    await slow.request(linkMethods.hello, encodeLinkWord(), how)
    host.clock.advance(31_000)
    await slow.closed
    const crowd = []
    for (let i = 0; i < 9; i++) {
      const one = await (await client()).open(code.at, linkProtocol, how)
      await one.request(linkMethods.hello, encodeLinkWord(), how)
      crowd.push(one)
    }
    await crowd[0]!.closed
    await using letIn = await join(guest, code)
    await Array.fromAsync(letIn.stream)
    await letIn.done()
    assert.equal(host.cards.length, 1)
  })

  it('ends when the time is over, when its signal aborts, when its reader goes, and with the node', async () => {
    const { code, steps, untilMs } = await begin(host)
    assert.equal(untilMs - host.clock.now(), 600_000)
    await assert.rejects(host.linking.open(), { code: 'LIMIT_EXCEEDED' })
    host.clock.advance(600_000)
    await assert.rejects(steps.next(), { code: 'PEER_TIMEOUT' })
    await assert.rejects(join(guest, code), { code: 'LINK_REFUSED' })
    const stop = new AbortController()
    const second = await begin(host, { signal: stop.signal })
    stop.abort()
    await assert.rejects(second.steps.next(), { code: 'CANCELLED' })
    await assert.rejects(join(guest, second.code), { code: 'LINK_REFUSED' })
    const third = await begin(host)
    await third.steps.return?.()
    await assert.rejects(join(guest, third.code), { code: 'LINK_REFUSED' })
    await begin(host)
    const life = new AbortController()
    const stopping = await makeHost({ life: life.signal })
    made.push(stopping.node)
    const last = await begin(stopping)
    life.abort()
    await assert.rejects(last.steps.next(), { code: 'CANCELLED' })
  })

  it('says on both sides that the line was cut in its midst', async () => {
    const { code, steps } = await begin(host)
    const letIn = await join(guest, code)
    const stream = letIn.stream[Symbol.asyncIterator]()
    await stream.next()
    await guest[Symbol.asyncDispose]()
    await assert.rejects(rest(steps), { code: 'PEER_CLOSED' })
    const again = await begin(host)
    const other = await client()
    const second = await join(other, again.code)
    const pieces = second.stream[Symbol.asyncIterator]()
    await pieces.next()
    await host.node[Symbol.asyncDispose]()
    const drain = async () => {
      while (!(await pieces.next()).done);
    }
    await assert.rejects(drain(), (err: MuttrError) => /muttr device link/.test(err.hint))
  })

  it('gives up a device that takes nothing more', async () => {
    const { code, steps } = await begin(host)
    await using letIn = await join(guest, code)
    await letIn.stream[Symbol.asyncIterator]().next()
    host.clock.advance(120_000)
    await assert.rejects(rest(steps), { code: 'PEER_TIMEOUT' })
    assert.deepEqual(host.cards, [])
  })

  it('tells both when something cannot be given, or not be written down', async () => {
    const broken = await makeHost({
      async goods() {
        async function* pieces() {
          yield new Uint8Array(300_000)
          throw new MuttrError('HOME_DAMAGED', 'a row is damaged')
        }
        return pieces()
      }
    })
    made.push(broken.node)
    const { code, steps } = await begin(broken)
    await using letIn = await join(guest, code)
    await assert.rejects(Array.fromAsync(letIn.stream), { code: 'HOME_DAMAGED' })
    await assert.rejects(rest(steps), { code: 'HOME_DAMAGED' })
    const full = await makeHost({
      async linked() {
        throw new MuttrError('DISK_FULL', 'no room')
      }
    })
    made.push(full.node)
    const second = await begin(full)
    await using home = await join(guest, second.code)
    await Array.fromAsync(home.stream)
    await assert.rejects(home.done(), { code: 'DISK_FULL' })
    await assert.rejects(rest(second.steps), { code: 'DISK_FULL' })
  })

  it('is refused at once where nobody could come, or nothing can be given', async () => {
    const nowhere = await makeHost({ addresses: () => [] })
    made.push(nowhere.node)
    await assert.rejects(nowhere.linking.open(), { code: 'PEER_UNREACHABLE' })
    const locked = await makeHost({
      async goods() {
        throw new MuttrError('VAULT_LOCKED', 'the vault is locked')
      }
    })
    made.push(locked.node)
    await assert.rejects(locked.linking.open(), { code: 'VAULT_LOCKED' })
  })

  it('goes through a relay where the device that is there cannot be dialled', async () => {
    const relay = await makeNode({ relay: true })
    made.push(relay)
    const { addresses } = await placeAt(host.node, relay)
    const { code } = await begin(host)
    const hidden = { ...code, at: { ...code.at, addresses } }
    assert.deepEqual(readLinkCode(makeLinkCode(hidden)), hidden)
    await using letIn = await join(guest, hidden)
    assert.equal(concatBytes(...(await Array.fromAsync(letIn.stream))).length, goods.length)
    await letIn.done()
    assert.equal(host.cards.length, 1)
    assert.deepEqual(
      connectionsTo(guest, host.node.self).map(({ remoteAddr }) => isRelayed(remoteAddr)),
      [true]
    )
  })

  it('tells what helps when the other device cannot be dialled, or is another', async () => {
    const { code } = await begin(host)
    const away = { ...code, at: { ...code.at, addresses: ['/ip4/127.0.0.1/tcp/1'] } }
    const failed = (err: MuttrError) =>
      err.code === 'PEER_UNREACHABLE' && /muttr backup/.test(err.hint)
    await assert.rejects(join(guest, away), failed)
    const other = await client()
    const stranger = { ...code, at: { ...code.at, peer: other.self } }
    await assert.rejects(join(guest, stranger), failed)
  })
})

describe('a stream in parts', () => {
  it('is cut where pieces end, as full as it can be, and says which part is the last', async () => {
    async function* pieces() {
      for (const size of [3, 3, 3, 10, 1]) yield new Uint8Array(size)
    }
    const sizes: number[] = []
    const parts = await Array.fromAsync(inParts(pieces(), 10, size => sizes.push(size)))
    assert.deepEqual(sizes, [9, 10, 1])
    assert.deepEqual(
      parts.map(({ last, part }) => [last, part.length]),
      [
        [false, 9],
        [false, 10],
        [true, 1]
      ]
    )
    const none = await Array.fromAsync(inParts((async function* () {})(), 10, () => undefined))
    assert.deepEqual(none, [{ last: true, part: new Uint8Array(0) }])
  })
})

import assert from 'node:assert/strict'
import { concatBytes } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { inParts } from '../../src/client/linking/parts.ts'
import { isRelayed } from '../../src/net/addresses.ts'
import type { Node } from '../../src/net/node.ts'
import { makeLinkCode, readLinkCode } from '../../src/wire/link.ts'
import type { Host } from '../support/linking.ts'
import { begin, cardOf, Devices, goods, join, makeHost, rest } from '../support/linking.ts'
import { makeNode } from '../support/net-nodes.ts'
import { connectionsTo, placeAt } from '../support/relayed.ts'

describe('linking a device', () => {
  let devices: Devices
  let host: Host
  let guest: Node
  beforeEach(async () => {
    devices = await Devices.make()
    host = devices.host
    guest = devices.guest
  })
  afterEach(() => devices[Symbol.asyncDispose]())

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
    devices.made.push(stopping.node)
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
    const other = await devices.client()
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
    devices.made.push(broken.node)
    const { code, steps } = await begin(broken)
    await using letIn = await join(guest, code)
    await assert.rejects(Array.fromAsync(letIn.stream), { code: 'HOME_DAMAGED' })
    await assert.rejects(rest(steps), { code: 'HOME_DAMAGED' })
    const full = await makeHost({
      async linked() {
        throw new MuttrError('DISK_FULL', 'no room')
      }
    })
    devices.made.push(full.node)
    const second = await begin(full)
    await using home = await join(guest, second.code)
    await Array.fromAsync(home.stream)
    await assert.rejects(home.done(), { code: 'DISK_FULL' })
    await assert.rejects(rest(second.steps), { code: 'DISK_FULL' })
  })

  it('is refused at once where nobody could come, or nothing can be given', async () => {
    const nowhere = await makeHost({ addresses: () => [] })
    devices.made.push(nowhere.node)
    await assert.rejects(nowhere.linking.open(), { code: 'PEER_UNREACHABLE' })
    const locked = await makeHost({
      async goods() {
        throw new MuttrError('VAULT_LOCKED', 'the vault is locked')
      }
    })
    devices.made.push(locked.node)
    await assert.rejects(locked.linking.open(), { code: 'VAULT_LOCKED' })
  })

  it('goes through a relay where the device that is there cannot be dialled', async () => {
    const relay = await makeNode({ relay: true })
    devices.made.push(relay)
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
    const other = await devices.client()
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

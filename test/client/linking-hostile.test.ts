import assert from 'node:assert/strict'
import { concatBytes } from '../../src/base/bytes.ts'
import { proveLink } from '../../src/keys/linking.ts'
import type { Node } from '../../src/net/node.ts'
import {
  decodeChallenge,
  encodeKnock,
  encodeLinkWord,
  linkMethods,
  linkProtocol
} from '../../src/wire/link.ts'
import type { Host } from '../support/linking.ts'
import { begin, cardOf, Devices, goods, join, never, timeoutMs, wrong } from '../support/linking.ts'

describe('strangers where a device is linked', () => {
  let devices: Devices
  let host: Host
  let guest: Node
  beforeEach(async () => {
    devices = await Devices.make()
    host = devices.host
    guest = devices.guest
  })
  afterEach(() => devices[Symbol.asyncDispose]())

  it('refuses whoever comes while nobody is waited for, before anything is computed', async () => {
    const code = { at: host.node.contact(), secret: new Uint8Array(16) }
    await assert.rejects(join(guest, code), { code: 'LINK_REFUSED' })
    const begun = await begin(host)
    await using letIn = await join(guest, begun.code)
    await Array.fromAsync(letIn.stream)
    await letIn.done()
    await assert.rejects(join(await devices.client(), begun.code), { code: 'LINK_REFUSED' })
  })

  it('lets a second one with the same code in no more, however far the first is', async () => {
    const { code } = await begin(host)
    await using letIn = await join(guest, code)
    await assert.rejects(join(await devices.client(), code), { code: 'LINK_REFUSED' })
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
    const other = await devices.client()
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
      const one = await (await devices.client()).open(code.at, linkProtocol, how)
      await one.request(linkMethods.hello, encodeLinkWord(), how)
      crowd.push(one)
    }
    await crowd[0]!.closed
    await using letIn = await join(guest, code)
    await Array.fromAsync(letIn.stream)
    await letIn.done()
    assert.equal(host.cards.length, 1)
  })
})

import assert from 'node:assert/strict'
import { toHex } from '../../../src/base/bytes.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { createAsking } from '../../../src/client/blind/asking.ts'
import { addressOf, signKeyDeed } from '../../../src/keys/address-key.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { makeDevice } from '../../../src/keys/device.ts'
import { tables } from '../../../src/pod/rows.ts'
import { blindOpen } from '../../../src/wire/blind.ts'
import type { KeyDeed } from '../../../src/wire/key-address.ts'
import * as wire from '../../../src/wire/key-address.ts'
import { readEntry } from '../../../src/wire/notice.ts'
import type { NeighbourOptions } from '../../support/federation-world.ts'
import { neighbours } from '../../support/federation-world.ts'
import { inEachStore } from '../../support/pod-stores.ts'
import {
  dayMs,
  hourMs,
  noticeFor,
  personNamed,
  random,
  sealNotice
} from '../../support/pod-world.ts'
import { renamedHost } from '../../support/renamed-pod.ts'

const signal = new AbortController().signal
const lifeMs = 60 * dayMs

/** Somebody of `one.test` who has an address at `two.test` that no account there has. */
async function holder(o: NeighbourOptions = {}) {
  const all = await neighbours(o)
  const { clock } = all.world
  const { pin } = (await personNamed('two.test', [])).certificate
  const asking = createAsking({
    ...{ clock, random, crypto: openPgp, keys: all.alice.keys },
    own: () => ['one.test'],
    identified: async () => all.link,
    fingerprintOf: async () => pin,
    met: async () => undefined
  })
  const seed = random.bytes(32)
  const signed = (deed: KeyDeed, number: number, by: Uint8Array = seed, pod = 'two.test') =>
    signKeyDeed(by, deed, { pod, nowMs: clock.now(), number })
  const ask = (method: string, payload: Uint8Array) =>
    asking.ask('two.test', method, payload, { signal })
  return {
    ...{ all, seed, clock, signed, ask, asking },
    async make(by: Uint8Array = seed, life = lifeMs) {
      const request = signed('make', clock.now() + life, by)
      const frame = (paid: { issuer: string; token: Uint8Array }) =>
        wire.keyMake.encode({ request, ...paid })
      return wire.keyMade.decode(await asking.askPaid('two.test', 'key-make', frame, { signal }))
        .untilMs
    },
    poll: async (through = 0, by: Uint8Array = seed) =>
      wire.keyPage.decode(
        await ask('key-poll', wire.keyRequest.encode(signed('poll', through, by)))
      ),
    drop: (by: Uint8Array = seed) => ask('key-drop', wire.keyRequest.encode(signed('drop', 0, by))),
    /** Somebody tells the pod of a letter. @returns the letter's key. */
    async send(by: Uint8Array = seed) {
      const notice = noticeFor(addressOf(by), clock.now())
      await using sender = await all.bob.open(all.two)
      await sender.submit(await sealNotice(all.two.hpkeKey, notice))
      return toHex(notice.key)
    },
    rows: async () => (await all.two.state.list(tables.keyAddresses)).length
  }
}

const keysOf = ({ entries }: wire.KeyPage): string[] =>
  entries.map(entry => toHex(readEntry(entry).key))
const refusal = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => 'taken',
    err => codeOf(err)
  )

/** What whoever holds the key of an address relies on, whatever the pod keeps it in. */
inEachStore('an address of a key', ({ open }) => {
  it('is made, polled page by page, acknowledged and dropped', async () => {
    await using state = await open()
    const one = await holder({ stateOfTwo: state })
    await using _all = one.all
    assert.equal(await one.make(), one.clock.now() + lifeMs)
    assert.deepEqual(await one.poll(), {
      ...{ untilMs: one.clock.now() + lifeMs, through: 0, more: false, entries: [] }
    })
    const sent: string[] = []
    for (let i = 0; i < 7; i++) sent.push(await one.send())
    await one.all.two.restart()
    const first = await one.poll()
    assert.deepEqual([keysOf(first), first.more], [sent.slice(0, 3), true])
    // Nothing is gone before it is acknowledged, however often it is asked for.
    assert.deepEqual(keysOf(await one.poll()), sent.slice(0, 3))
    const second = await one.poll(first.through)
    const third = await one.poll(second.through)
    assert.deepEqual([...keysOf(second), ...keysOf(third)], sent.slice(3))
    assert.deepEqual([second.more, third.more], [true, false])
    assert.deepEqual(keysOf(await one.poll(third.through)), [])
    assert.equal(one.all.two.pod.usage().notices, 0)
    assert.deepEqual(await state.list(tables.seen), [])

    await one.send()
    await one.drop()
    await one.drop()
    assert.equal(await refusal(one.poll()), 'ADDRESS_UNKNOWN')
    assert.equal(one.all.two.pod.usage().notices, 0)
    assert.equal(await one.rows(), 0)
    // What comes afterwards is answered as ever, and kept nowhere.
    await one.send()
    assert.equal(one.all.two.pod.usage().notices, 0)
  })

  it('ends by itself with all that waits there, unless it is renewed', async () => {
    await using state = await open()
    const one = await holder({ stateOfTwo: state })
    await using _all = one.all
    const other = random.bytes(32)
    await one.make(one.seed, 10 * dayMs)
    await one.make(other, 400 * dayMs)
    const [kept] = [await one.send(other), await one.send()]
    one.clock.advance(5 * dayMs)
    // A shorter word, as one that came late, takes nothing away.
    assert.equal(await one.make(other, dayMs), one.clock.now() - 5 * dayMs + lifeMs)
    one.clock.advance(5 * dayMs - hourMs)
    await one.all.enter()
    const key = await one.send(other)
    one.clock.advance(2 * hourMs)
    await one.all.two.pod.sweep()
    assert.equal(await refusal(one.poll()), 'ADDRESS_UNKNOWN')
    assert.deepEqual(keysOf(await one.poll(0, other)), [key], 'what has not expired')
    assert.notEqual(kept, key)
    assert.equal(await one.rows(), 1)
    assert.deepEqual(
      (await state.list(tables.boxes)).filter(({ key: box }) => box.startsWith('key-')).length,
      1
    )
  })
})

describe('who asks for an address of a key', () => {
  it('signs with it, for this pod, now; for nobody else and nothing else', async () => {
    const one = await holder()
    await using _all = one.all
    await one.make()
    await one.send()
    const mallory = random.bytes(32)
    const { key } = one.signed('poll', 0)
    const cases: [string, wire.KeyRequest, string][] = [
      ['by another key', { ...one.signed('poll', 0, mallory), key }, 'SIGNATURE_INVALID'],
      ['for another pod', one.signed('poll', 0, one.seed, 'one.test'), 'SIGNATURE_INVALID'],
      ['what drops', one.signed('drop', 0), 'SIGNATURE_INVALID'],
      ['another number', { ...one.signed('poll', 0), number: 9 }, 'SIGNATURE_INVALID']
    ]
    for (const [what, request, code] of cases)
      assert.equal(await refusal(one.ask('key-poll', wire.keyRequest.encode(request))), code, what)
    const poll = one.signed('poll', 0)
    one.clock.advance(6 * 60_000)
    assert.equal(
      await refusal(one.ask('key-poll', wire.keyRequest.encode(poll))),
      'CLOCK_WRONG',
      'an old one'
    )
    assert.equal(await refusal(one.poll(0, mallory)), 'ADDRESS_UNKNOWN')
    assert.equal(await refusal(one.ask('key-poll', new Uint8Array(7))), 'WIRE_MALFORMED')
    // None of them took anything away.
    assert.equal((await one.poll()).entries.length, 1)
  })

  it('is not heard twice when a relay shows the request again, or another pod’s', async () => {
    const one = await holder()
    await using _all = one.all
    await one.make()
    const seen: Uint8Array[] = []
    const { blind } = one.all.link
    const pass = blind.pass.bind(blind)
    blind.pass = async (hostname, sealed) => {
      seen.push(sealed)
      return pass(hostname, sealed)
    }
    await one.poll()
    const relay = await one.all.bob.open(one.all.two)
    await assert.rejects(relay.blind.pass('two.test', seen[0]!))
    blind.pass = async (_, sealed) => {
      const answer = await pass('two.test', sealed)
      return answer.with(40, answer[40]! ^ 1)
    }
    assert.equal(await refusal(one.poll()), 'BLIND_INVALID')
    // An answer to another request does not open either.
    let first: Uint8Array | undefined
    blind.pass = async (_, sealed) => {
      const answer = await pass('two.test', sealed)
      first ??= answer
      return first
    }
    await one.poll()
    assert.equal(await refusal(one.poll()), 'BLIND_INVALID')
    assert.equal(blindOpen.encode({ sealed: seen[0]! }).byteLength, 4_100)
  })

  it('pays for it with a token that is good for one key, and for one pod', async () => {
    const one = await holder()
    await using _all = one.all
    const tokens: { issuer: string; token: Uint8Array }[] = []
    const frame = (by: Uint8Array) => (paid: (typeof tokens)[number]) => {
      tokens.push(paid)
      const request = one.signed('make', one.clock.now() + lifeMs, by)
      return wire.keyMake.encode({ request, ...paid })
    }
    await one.asking.askPaid('two.test', 'key-make', frame(one.seed), { signal })
    const other = random.bytes(32)
    const again = (by: Uint8Array, paid = tokens[0]!) =>
      refusal(
        one.ask(
          'key-make',
          wire.keyMake.encode({
            request: one.signed('make', one.clock.now() + lifeMs, by),
            ...paid
          })
        )
      )
    assert.equal(await again(one.seed), 'taken', 'the answer may have been lost')
    assert.equal(await again(other), 'TOKEN_SPENT')
    const forged = { issuer: 'one.test', token: tokens[0]!.token.with(300, 1) }
    assert.equal(await again(other, forged), 'TOKEN_INVALID')
    assert.equal(await again(other, { ...tokens[0]!, issuer: 'two.test' }), 'TOKEN_INVALID')
    assert.equal(await one.rows(), 1)
  })

  it('gets no more of them than the pod keeps for one other pod, and no more often', async () => {
    const few = await holder({ limitsOfTwo: { keyAddressesPerPodMax: 2 } })
    await using _few = few.all
    const seeds = Array.from({ length: 3 }, () => random.bytes(32))
    for (const seed of seeds.slice(0, 2)) await few.make(seed)
    assert.equal(await refusal(few.make(seeds[2])), 'LIMIT_EXCEEDED')
    await few.make(seeds[0])
    await few.all.two.restart()
    await few.all.enter()
    assert.equal(await refusal(few.make(seeds[2])), 'LIMIT_EXCEEDED', 'counted anew')
    await few.drop(seeds[0])
    await few.make(seeds[2])

    const rare = await holder({
      limitsOfTwo: { keyAddressesPerPod: { burst: 1, everyMs: hourMs }, keyAddressesMax: 5 }
    })
    await using _rare = rare.all
    await rare.make()
    assert.equal(await refusal(rare.make(random.bytes(32))), 'LIMIT_EXCEEDED')
  })

  it('has so many notices kept, of all keys together so many, which take no room from accounts', async () => {
    const one = await holder({ limitsOfTwo: { noticesPerKeyMax: 2, noticesOfKeysMax: 3 } })
    await using _all = one.all
    const other = random.bytes(32)
    await one.make()
    await one.make(other)
    const sent = [await one.send(), await one.send(), await one.send()]
    assert.deepEqual(keysOf(await one.poll()), sent.slice(0, 2))
    const more = [await one.send(other), await one.send(other)]
    assert.deepEqual(keysOf(await one.poll(0, other)), more.slice(0, 1))
    assert.equal(one.all.two.pod.usage().notices, 3)
    const forBob = await one.all.seal()
    await one.all.give(forBob)
    await one.all.box.has(1)
    // What was full has room again when it was read.
    const { through } = await one.poll()
    assert.deepEqual(keysOf(await one.poll(through)), [])
    const last = await one.send(other)
    assert.deepEqual(keysOf(await one.poll(0, other)), [more[0], last])
  })

  it('is heard under each name that the pod had, and pays for it by that', async () => {
    const one = await holder()
    await using _all = one.all
    await one.make()
    const sent = await one.send()
    const { world, two } = one.all
    const host = await renamedHost(world, two, { hostname: 'new.test', federation: 'open' })
    world.move('two.test', host.keys.self)
    await two.pod[Symbol.asyncDispose]()
    assert.deepEqual(keysOf(await one.poll()), [sent])
    one.clock.advance(hourMs)
    await one.all.enter()
    assert.equal(await one.make(), one.clock.now() + lifeMs)
    await one.drop()
    assert.equal(await refusal(one.poll()), 'ADDRESS_UNKNOWN')
  })

  it('is not the account that makes the same address its own', async () => {
    const one = await holder()
    await using _all = one.all
    await one.make()
    const address = addressOf(one.seed)
    const bob = await one.all.bob.enter(one.all.two)
    const set = [{ address, policy: 'pull' as const, untilMs: null, uses: null }]
    await bob.addresses.change({ set, drop: [] })
    const key = await one.send()
    assert.deepEqual(keysOf(await one.poll()), [key])
    assert.deepEqual(await bob.addresses.all(), [])
    const { publicKey } = makeDevice(one.seed)
    const rows = await one.all.two.state.list(tables.keyAddresses)
    assert.deepEqual(
      rows.map(row => row.key),
      [toHex(wire.keyAddress(publicKey))]
    )
  })
})

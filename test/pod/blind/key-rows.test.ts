import assert from 'node:assert/strict'
import { toHex } from '../../../src/base/bytes.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { addressOf } from '../../../src/keys/address-key.ts'
import { makeDevice } from '../../../src/keys/device.ts'
import { createAddresses } from '../../../src/pod/addresses/addresses.ts'
import { openKeyAddresses } from '../../../src/pod/addresses/keyed.ts'
import { keyOf } from '../../../src/pod/addresses/rows.ts'
import { type PodLimits, podLimits } from '../../../src/pod/limits.ts'
import { Mailbox } from '../../../src/pod/mailbox.ts'
import { tables } from '../../../src/pod/rows.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { State } from '../../../src/store/state.ts'
import { readEntry } from '../../../src/wire/notice.ts'
import { inEachStore } from '../../support/pod-stores.ts'
import { dayMs, noticeFor, random } from '../../support/pod-world.ts'

const nowMs = Date.UTC(2026, 5, 1)

/** One process of a pod. */
async function processOf(state: State, bounds: Partial<PodLimits> = {}) {
  const limits = { ...podLimits, ...bounds }
  const addresses = createAddresses({ state, perOwnerMax: 100 })
  const mailbox = await Mailbox.open({ state, limits, addresses })
  const keyed = await openKeyAddresses({ state, mailbox, limits })
  const make = (key: Uint8Array, issuer = 'one.test') =>
    keyed.make({ key, untilMs: nowMs + 50 * dayMs, issuer }, nowMs)
  const send = async (address: Uint8Array): Promise<string> => {
    const notice = noticeFor(address, nowMs)
    await mailbox.deliver(notice, nowMs)
    return toHex(notice.key)
  }
  const poll = async (key: Uint8Array, through = 0) => {
    const page = await keyed.poll(key, through, nowMs)
    return { ...page, keys: page.entries.map(entry => toHex(readEntry(entry).key)) }
  }
  return { state, mailbox, keyed, make, send, poll }
}
type Process = Awaited<ReturnType<typeof processOf>>

function pair() {
  const seed = random.bytes(32)
  return { key: makeDevice(seed).publicKey, address: addressOf(seed) }
}
/** How many of so many fresh ones are made. */
const madeOf = async (pod: Process, tries: number, issuer?: string): Promise<number> => {
  let made = 0
  for (let i = 0; i < tries; i++)
    made += await pod.make(pair().key, issuer).then(
      () => 1,
      () => 0
    )
  return made
}
const rowsOf = async (state: State, address: Uint8Array): Promise<[boolean, boolean]> => [
  (await state.get(tables.addresses, toHex(address))) !== undefined,
  (await state.get(tables.keyAddresses, toHex(address))) !== undefined
]

inEachStore('what a pod keeps of an address of a key', ({ open }) => {
  it('is counted once, however often it is dropped at once', async () => {
    await using state = await open()
    const pod = await processOf(state, { keyAddressesPerPodMax: 5, keyAddressesMax: 5 })
    const all = Array.from({ length: 5 }, pair)
    for (const { key } of all) await pod.make(key)
    await assert.rejects(pod.make(pair().key), { code: 'LIMIT_EXCEEDED' })
    await Promise.all(Array.from({ length: 50 }, () => pod.keyed.drop(all[0]!.key)))
    assert.equal(await madeOf(pod, 5), 1)
  })

  it('is one of so many in all processes of the pod, made and dropped at once at each of them', async () => {
    await using state = await open()
    const bounds = { keyAddressesPerPodMax: 6, keyAddressesMax: 9 }
    const pods = [await processOf(state, bounds), await processOf(state, bounds)]
    const made: Uint8Array[] = []
    const makeAll = async (issuer: string, tries: number): Promise<void> => {
      const asked = Array.from({ length: tries }, async (_, i) => {
        const { key } = pair()
        await pods[i % 2]!.make(key, issuer)
        made.push(key)
      })
      for (const end of await Promise.allSettled(asked))
        if (end.status === 'rejected') assert.equal(codeOf(end.reason), 'LIMIT_EXCEEDED')
    }
    const there = async (): Promise<number> => (await state.list(tables.keyAddresses)).length
    await makeAll('one.test', 12)
    assert.equal(await there(), 6)
    await makeAll('two.test', 12)
    assert.equal(await there(), 9)
    // What one drops the other may make at once; both drop the same, and keep another.
    const [first, second] = made
    await Promise.all(pods.flatMap(pod => [pod.keyed.drop(first!), pod.make(second!)]))
    assert.equal(await there(), 8)
    await makeAll('one.test', 4)
    assert.equal(await there(), 9)
    // Nothing drifts, and nothing is kept for those who have none.
    await Promise.all(made.map((key, i) => pods[i % 2]!.keyed.drop(key)))
    await pods[0]!.keyed.recount()
    for (const table of [tables.keyCounts, tables.keyTurns])
      assert.deepEqual(await state.list(table), [])
    await makeAll('one.test', 12)
    assert.equal(await there(), 6)
  })

  it('is made and dropped also after a process wrote late what others had changed often meanwhile', async () => {
    await using state = await open()
    const held = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    // Between its reading and its write the machine stands still.
    const write: State['write'] = async changes => {
      reached.resolve()
      await held.promise
      return await state.write(changes)
    }
    const two = await processOf(state)
    const bounded = await processOf(state, { keyAddressesMax: 25 })
    const { key } = pair()
    await two.make(key)
    const made = (await processOf({ ...state, write })).make(pair().key)
    await reached.promise
    for (let i = 0; i < 20; i++) await two.make(pair().key)
    held.resolve()
    await made
    assert.equal(await madeOf(two, 3), 3)
    await two.keyed.drop(key)
    await two.keyed.recount()
    assert.equal(await madeOf(bounded, 3), 1)
  })

  it('is counted right again where an older program made or dropped some', async () => {
    await using state = await open()
    const pod = await processOf(state, { keyAddressesPerPodMax: 3, keyAddressesMax: 3 })
    const all = Array.from({ length: 3 }, pair)
    for (const { key } of all) await pod.make(key)
    const [gone] = all
    await state.write([
      { type: 'delete', table: tables.keyAddresses, key: toHex(gone!.address) },
      { type: 'delete', table: tables.addresses, key: toHex(gone!.address) }
    ])
    assert.equal(await madeOf(pod, 1), 0)
    await pod.keyed.recount()
    assert.equal(await madeOf(pod, 3), 1)
  })

  it('is there as a whole or not at all, when it is renewed and dropped at once, by two processes too', async () => {
    await using state = await open()
    const [one, two] = [await processOf(state), await processOf(state)]
    for (let i = 0; i < 25; i++) {
      const { key, address } = pair()
      await one.make(key)
      const other = i % 2 ? one : two
      const both = [() => one.make(key), () => other.keyed.drop(key)]
      if (i % 4 > 1) both.reverse()
      await Promise.all(both.map(work => work()))
      const [isFound, isCounted] = await rowsOf(state, address)
      assert.equal(isFound, isCounted)
      await two.make(key)
      assert.deepEqual((await one.poll(key)).keys, [])
    }
  })

  it('that stands without the other is made whole by its holder, and dropped when nobody comes', async () => {
    await using state = await open()
    const pod = await processOf(state)
    const [kept, left] = [pair(), pair()]
    for (const { key, address } of [kept, left]) {
      await pod.make(key)
      await state.write([{ type: 'delete', table: tables.keyAddresses, key: toHex(address) }])
      await pod.send(address)
    }
    await assert.rejects(pod.poll(kept.key), { code: 'ADDRESS_UNKNOWN' })
    await pod.make(kept.key)
    assert.equal((await pod.poll(kept.key)).keys.length, 1)
    const boxes = (await state.list(tables.boxes)).map(({ key }) => key)
    const gone: boolean[] = []
    for (const box of boxes) gone.push(await pod.keyed.isGone(box))
    assert.equal(gone.length, 2)
    assert.deepEqual(
      gone,
      boxes.map(box => toHex(keyOf(box)) === toHex(left.key))
    )
    assert.deepEqual(await rowsOf(state, left.address), [false, false])
    assert.deepEqual(await rowsOf(state, kept.address), [true, true])
  })
})

describe('what a holder of a key acknowledges', () => {
  it('is what they saw, also when the pod came back from a backup', async () => {
    const { key, address } = pair()
    const before = await processOf(memoryState())
    await before.make(key)
    for (let i = 0; i < 3; i++) await before.send(address)
    const { through } = await before.poll(key)
    const after = await processOf(memoryState())
    await after.make(key)
    const sent = [await after.send(address), await after.send(address), await after.send(address)]
    assert.deepEqual((await after.poll(key, through)).keys, sent)
    const page = await after.poll(key)
    assert.deepEqual((await after.poll(key, page.through)).keys, [])
    assert.equal(after.mailbox.usage().notices, 0)
  })

  it('is no more than what is left, by whichever of their devices', async () => {
    const pod = await processOf(memoryState())
    const { key, address } = pair()
    await pod.make(key)
    const sent: string[] = []
    for (let i = 0; i < 5; i++) sent.push(await pod.send(address))
    const first = await pod.poll(key)
    const second = await pod.poll(key, first.through)
    // The other device is a page behind.
    assert.deepEqual((await pod.poll(key, first.through)).keys, sent.slice(3))
    assert.deepEqual((await pod.poll(key, first.through + 1)).keys, sent.slice(3))
    assert.deepEqual((await pod.poll(key, Number.MAX_SAFE_INTEGER)).keys, sent.slice(3))
    assert.deepEqual((await pod.poll(key, second.through)).keys, [])
  })
})

describe('the people of one pod', () => {
  const bounds = { noticesPerKeyMax: 8, noticesOfKeysPerPodMax: 12, noticesOfKeysMax: 40 }

  it('take no room at addresses of keys from those of another, also after a start', async () => {
    const state = memoryState()
    let pod = await processOf(state, bounds)
    const [greedy, more, honest] = [pair(), pair(), pair()]
    await pod.make(honest.key)
    for (const { key } of [greedy, more]) await pod.make(key, 'evil.test')
    for (const { address } of [greedy, more]) for (let i = 0; i < 10; i++) await pod.send(address)
    assert.equal(pod.mailbox.usage().notices, 12)
    pod = await processOf(state, bounds)
    await pod.send(more.address)
    assert.equal(pod.mailbox.usage().notices, 12)
    const sent = await pod.send(honest.address)
    assert.deepEqual((await pod.poll(honest.key)).keys, [sent])
    // What was taken has room again, and what was dropped.
    const { through } = await pod.poll(greedy.key)
    await pod.poll(greedy.key, through)
    for (let i = 0; i < 5; i++) await pod.send(more.address)
    assert.equal(pod.mailbox.usage().notices, 13)
    await pod.keyed.drop(more.key)
    for (let i = 0; i < 5; i++) await pod.send(greedy.address)
    assert.equal((await pod.mailbox.usageOf(`key-${toHex(greedy.key)}`)).notices, 8)
  })
})

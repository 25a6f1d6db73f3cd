import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import { createAddresses } from '../../src/pod/addresses/addresses.ts'
import { addressRow, ofAccount, openRow } from '../../src/pod/addresses/rows.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import { podLimits } from '../../src/pod/limits.ts'
import { Mailbox } from '../../src/pod/mailbox.ts'
import { mailLog, ordered, tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import { readEntry } from '../../src/wire/notice.ts'
import { dayMs, hourMs, noticeFor, random } from '../support/pod-world.ts'

const nowMs = Date.UTC(2026, 0, 1)
const account = 'a'.repeat(64)
const [laptop, phone] = ['11', '22']

const mailboxOf = (state: State, limits: PodLimits = podLimits): Promise<Mailbox> => {
  const addresses = createAddresses({ state, perOwnerMax: limits.addressesPerAccountMax })
  return Mailbox.open({ state, limits, addresses })
}

async function open(
  o: { state?: State; limits?: Partial<PodLimits>; addressDays?: number } = {}
): Promise<{ mailbox: Mailbox; state: State; address: Uint8Array }> {
  const state = o.state ?? memoryState()
  const address = random.bytes(32)
  const value = openRow(account, nowMs + (o.addressDays ?? 400) * dayMs)
  await state.write([{ type: 'put', table: tables.addresses, key: toHex(address), value }])
  const limits = { ...podLimits, ...o.limits }
  return { mailbox: await mailboxOf(state, limits), state, address }
}

const meet = (mailbox: Mailbox, device: string, atMs = nowMs, untilMs = atMs + 80 * dayMs) =>
  mailbox.meet(account, device, { peer: 'peer', untilMs, nowMs: atMs })

const sequences = async (mailbox: Mailbox, after = 0, atMs = nowMs): Promise<number[]> =>
  (await mailbox.page(account, after, 100, atMs)).entries.map(e => e.sequence)

describe('a mailbox', () => {
  it('keeps a notice as it came, and when it was taken', async () => {
    const { mailbox, address } = await open()
    const notice = noticeFor(address, nowMs)
    await mailbox.deliver(notice, nowMs)
    const { entries, through } = await mailbox.page(account, 0, 100, nowMs)
    assert.equal(through, 1)
    assert.deepEqual(entries.map(readEntry), [{ ...notice, sequence: 1, takenMs: nowMs }])
  })

  it('keeps the same notice once, also when it comes many times at once', async () => {
    const { mailbox, address } = await open()
    const notice = noticeFor(address, nowMs)
    await Promise.all(Array.from({ length: 20 }, () => mailbox.deliver(notice, nowMs)))
    await mailbox.deliver(notice, nowMs + hourMs)
    assert.deepEqual(await sequences(mailbox), [1])
    assert.equal(mailbox.usage().notices, 1)
  })

  it('keeps the same notice once, when two processes take it at the same time', async () => {
    const { mailbox, state, address } = await open()
    const other = await mailboxOf(state)
    const notice = noticeFor(address, nowMs)
    await Promise.all([mailbox.deliver(notice, nowMs), other.deliver(notice, nowMs)])
    assert.deepEqual(await sequences(mailbox), [1])
  })

  it("does not let a stranger's slip take the place of the sender's", async () => {
    const { mailbox, address } = await open()
    const real = noticeFor(address, nowMs)
    await mailbox.deliver({ ...real, slip: random.bytes(900) }, nowMs)
    await mailbox.deliver(real, nowMs)
    assert.deepEqual(await sequences(mailbox), [1, 2])
  })

  it('keeps what comes at once in one order, with the head at the last', async () => {
    const { mailbox, state, address } = await open()
    const other = await mailboxOf(state)
    const notices = Array.from({ length: 60 }, () => noticeFor(address, nowMs))
    await Promise.all(notices.map((n, i) => (i % 2 ? mailbox : other).deliver(n, nowMs)))
    assert.equal((await sequences(mailbox)).length, 60)
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    assert.ok((await mailbox.position(account, laptop, 0)).head <= 61)
  })

  it('drops a notice when every device acknowledged it, and not before', async () => {
    const { mailbox, state, address } = await open()
    await meet(mailbox, laptop)
    await meet(mailbox, phone)
    for (let i = 0; i < 3; i++) await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    await mailbox.acknowledge(account, laptop, 3, nowMs)
    assert.deepEqual(await mailbox.position(account, laptop, 0), { from: 3, head: 3 })
    assert.deepEqual(await mailbox.position(account, phone, 0), { from: 0, head: 3 })
    assert.deepEqual(await sequences(mailbox), [1, 2, 3])
    await mailbox.acknowledge(account, phone, 2, nowMs)
    assert.deepEqual(await sequences(mailbox), [3])
    await mailbox.acknowledge(account, phone, 1, nowMs) // never back
    assert.deepEqual(await mailbox.position(account, phone, 0), { from: 2, head: 3 })
    await mailbox.acknowledge(account, phone, 3, nowMs)
    assert.deepEqual(mailbox.usage(), { notices: 0, bytes: 0 })
    assert.deepEqual(await state.list(tables.seen), [])
  })

  it('does not wait for a device whose statement ended', async () => {
    const { mailbox, address } = await open()
    await meet(mailbox, laptop)
    await meet(mailbox, phone, nowMs, nowMs + dayMs)
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    await mailbox.acknowledge(account, laptop, 1, nowMs + dayMs)
    assert.equal(mailbox.usage().notices, 0)
  })

  it('acknowledges no more than there is, and nothing for a device it does not know', async () => {
    const { mailbox, address } = await open()
    await meet(mailbox, laptop)
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    await mailbox.acknowledge(account, phone, 1, nowMs)
    assert.equal(mailbox.usage().notices, 1)
    await mailbox.acknowledge(account, laptop, Number.MAX_SAFE_INTEGER, nowMs)
    assert.deepEqual(await mailbox.position(account, laptop, 0), { from: 1, head: 1 })
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    assert.deepEqual(await sequences(mailbox, 1), [2])
  })

  it("starts where the device says it is, unless the pod's mailbox is another", async () => {
    const { mailbox, address } = await open()
    await meet(mailbox, laptop)
    for (let i = 0; i < 3; i++) await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    assert.deepEqual(await mailbox.position(account, laptop, 2), { from: 2, head: 3 })
    assert.deepEqual(await mailbox.position(account, laptop, 77), { from: 0, head: 3 })
  })

  it('shows nothing that has expired, and drops it when swept', async () => {
    const { mailbox, state, address } = await open()
    const soon = { expiryMs: nowMs + hourMs }
    await mailbox.deliver(noticeFor(address, nowMs, soon), nowMs)
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    await mailbox.deliver(noticeFor(address, nowMs, soon), nowMs)
    assert.deepEqual(await sequences(mailbox, 0, nowMs + hourMs), [2])
    assert.equal(await mailbox.sweep(account, nowMs + hourMs), 1)
    assert.equal(await mailbox.sweep(account, nowMs + 11 * dayMs), 2)
    assert.deepEqual(mailbox.usage(), { notices: 0, bytes: 0 })
    assert.deepEqual(await state.page(mailLog(account), 0, 10), [])
    assert.deepEqual(await state.list(tables.seen), [])
  })

  it('refuses what has expired or would live too long, whoever it is for', async () => {
    const { mailbox, address } = await open()
    for (const to of [address, random.bytes(32)])
      for (const expiryMs of [nowMs, nowMs - hourMs, nowMs + 101 * dayMs])
        await assert.rejects(mailbox.deliver(noticeFor(to, nowMs, { expiryMs }), nowMs), {
          code: 'BLOB_EXPIRED'
        })
    assert.equal(mailbox.usage().notices, 0)
  })

  it('takes nothing for an address that has had its time', async () => {
    const { mailbox, address } = await open({ addressDays: 1 })
    await mailbox.deliver(noticeFor(address, nowMs), nowMs + dayMs - 1)
    await mailbox.deliver(noticeFor(address, nowMs), nowMs + dayMs)
    assert.equal(mailbox.usage().notices, 1)
  })

  it('holds its limits per account and in all, in notices and in bytes', async () => {
    const full = { code: 'LIMIT_EXCEEDED' }
    const ofAccount = [{ noticesPerAccountMax: 2 }, { noticeBytesPerAccountMax: 2_500 }]
    const ofPod = [{ noticesMax: 2 }, { noticeBytesMax: 2_600 }]
    for (const limits of [...ofAccount, ...ofPod]) {
      const { mailbox, state, address } = await open({ limits })
      const nobodys = new Uint8Array(32).fill(9)
      const notices = Array.from({ length: 5 }, () => noticeFor(address, nowMs))
      const results = await Promise.allSettled(notices.map(n => mailbox.deliver(n, nowMs)))
      const again = await mailboxOf(state, { ...podLimits, ...limits })
      assert.equal(again.usage().notices, 2)
      // Whether an address is anybody's does not show, neither when its mailbox is full nor when the pod is.
      const isPod = ofPod.some(bound => bound === limits)
      assert.equal(results.filter(r => r.status === 'fulfilled').length, isPod ? 2 : 5)
      for (const to of [address, nobodys]) {
        const delivered = again.deliver(noticeFor(to, nowMs), nowMs)
        if (isPod) await assert.rejects(delivered, full)
        else await delivered
      }
      assert.equal(again.usage().notices, 2)
      await meet(again, laptop)
      await again.acknowledge(account, laptop, 2, nowMs)
      await again.deliver(noticeFor(address, nowMs), nowMs)
    }
  })

  it('holds the limit of devices, and lets one go that was away for long', async () => {
    const { mailbox } = await open({ limits: { devicesPerAccountMax: 2 } })
    await meet(mailbox, laptop)
    await meet(mailbox, phone, nowMs + dayMs)
    await meet(mailbox, laptop, nowMs + dayMs)
    await assert.rejects(meet(mailbox, '33', nowMs + dayMs), { code: 'LIMIT_EXCEEDED' })
    await meet(mailbox, laptop, nowMs + 31 * dayMs)
    await meet(mailbox, '33', nowMs + 31 * dayMs)
    await assert.rejects(meet(mailbox, phone, nowMs + 31 * dayMs), { code: 'LIMIT_EXCEEDED' })
  })

  it('writes as often, and keeps as little as nothing, for an address nobody has', async () => {
    const inner = memoryState()
    const calls: string[] = []
    const state = new Proxy(inner, {
      get(target, name: keyof State) {
        const member = target[name] as (...args: unknown[]) => unknown
        return (...args: unknown[]) => {
          if (name === 'get') calls.push('get')
          if (name === 'write') calls.push(`write ${(args[0] as unknown[]).length}`)
          return member.apply(target, args)
        }
      }
    })
    const { mailbox, address } = await open({ state })
    const work = async (to: Uint8Array): Promise<string[]> => {
      calls.length = 0
      const notice = noticeFor(to, nowMs)
      await mailbox.deliver(notice, nowMs)
      await mailbox.deliver(notice, nowMs)
      return [...calls]
    }
    assert.deepEqual(await work(random.bytes(32)), await work(address))
    for (let i = 0; i < 2_000; i++) await mailbox.deliver(noticeFor(random.bytes(32), nowMs), nowMs)
    assert.ok((await inner.list(tables.nobody)).length <= 2 * 1_024 + 1)
    assert.equal(mailbox.usage().notices, 1)
  })

  it('counts the letters of an address also where a row of the count is missing', async () => {
    const { mailbox, state } = await open()
    const address = random.bytes(32)
    const value = addressRow.encode({
      ...{ owner: ofAccount(account), policy: 'pull', untilMs: nowMs + dayMs, uses: 5 }
    })
    const strayKey = `${toHex(address)}/${ordered(1)}`
    await state.write([
      { type: 'put', table: tables.addresses, key: toHex(address), value },
      { type: 'put', table: tables.addressUses, key: strayKey, value: random.bytes(32) }
    ])
    for (let i = 0; i < 6; i++) await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    assert.equal(mailbox.usage().notices, 4)
    assert.equal((await state.list(tables.addressUses)).length, 5)
  })

  it('holds nothing at an address that is pulled from by the time it is kept', async () => {
    const state = memoryState()
    const addresses = createAddresses({ state, perOwnerMax: 1 })
    const address = random.bytes(32)
    const set = (policy: 'ask' | 'pull') =>
      addresses.change(
        ofAccount(account),
        { set: [{ address, policy, untilMs: null, uses: null }], drop: [] },
        nowMs
      )
    await set('ask')
    let isFirst = true
    const mailbox = await Mailbox.open({
      ...{ state, limits: podLimits },
      addresses: {
        ...addresses,
        async find(...asked) {
          const row = await addresses.find(...asked)
          if (isFirst) {
            isFirst = false
            await set('pull')
            await mailbox.handOver(account, toHex(address))
          }
          return row
        }
      }
    })
    await mailbox.deliver(noticeFor(address, nowMs), nowMs)
    assert.deepEqual(await sequences(mailbox), [1])
  })

  it('gives up on a notice whose rows are always taken by others', async () => {
    const { state, address } = await open()
    let attempts = 0
    const contested: State = {
      ...state,
      async write(changes) {
        if (!changes.some(({ type }) => type === 'insert')) return await state.write(changes)
        // Else one that never gives up would keep this process from saying so.
        assert.ok(++attempts < 1_000)
        return { ok: false, sequences: [] }
      }
    }
    const mailbox = await mailboxOf(contested)
    await assert.rejects(mailbox.deliver(noticeFor(address, nowMs), nowMs), {
      code: 'LIMIT_EXCEEDED'
    })
    assert.equal(mailbox.usage().notices, 0)
    await meet(mailbox, laptop)
  })

  it('loses nothing and repeats nothing acknowledged, whatever the order of things', async () => {
    const step = fc.oneof(
      fc.constant({ do: 'deliver' } as const),
      fc.record({
        do: fc.constant('acknowledge' as const),
        device: fc.constantFrom(laptop, phone),
        through: fc.nat({ max: 12 })
      }),
      fc.constant({ do: 'sweep' } as const),
      fc.constant({ do: 'reopen' } as const)
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const { state, address, ...opened } = await open()
        let { mailbox } = opened
        const cursors = new Map([
          [laptop, 0],
          [phone, 0]
        ])
        for (const device of cursors.keys()) await meet(mailbox, device)
        let head = 0
        for (const s of steps) {
          if (s.do === 'deliver') {
            await mailbox.deliver(noticeFor(address, nowMs), nowMs)
            head += 1
          } else if (s.do === 'acknowledge') {
            await mailbox.acknowledge(account, s.device, s.through, nowMs)
            cursors.set(s.device, Math.max(cursors.get(s.device)!, Math.min(s.through, head)))
          } else if (s.do === 'sweep') await mailbox.sweep(account, nowMs)
          else mailbox = await mailboxOf(state)
        }
        for (const [device, cursor] of cursors) {
          const { from } = await mailbox.position(account, device, 0)
          assert.equal(from, cursor)
          const owed = Array.from({ length: head - cursor }, (_, i) => cursor + 1 + i)
          assert.deepEqual(await sequences(mailbox, from), owed)
        }
        assert.equal(mailbox.usage().notices, head - Math.min(...cursors.values()))
      }),
      { numRuns: 60 }
    )
  })
})

import assert from 'node:assert/strict'
import { Outbox } from '../../src/base/outbox.ts'
import type { AddressesParts } from '../../src/client/addresses/addresses.ts'
import { Addresses } from '../../src/client/addresses/addresses.ts'
import { relationHome } from '../../src/client/addresses/home.ts'
import type { Relation } from '../../src/client/addresses/relation-rows.ts'
import { dice, quiet } from '../support/client-world.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { turn } from '../support/own-devices.ts'
import { dayMs, hourMs, minuteMs, placeAt, relationWith } from '../support/polling.ts'

type Shared = ReturnType<typeof shared>

/** What the devices of a person know, each of it at once. */
function shared(isOfKey: boolean) {
  const relations = Array.from({ length: 10 }, (_, i) =>
    relationWith(`p${i}@two.test`, placeAt('one.test', 1, isOfKey))
  )
  return { clock: fakeClock(), all: new Map(relations.map(one => [one.them, one])) }
}

/** A device of a person who has agreed with ten. */
function device({ clock, all }: Shared, isBlind: boolean, isPossible = true) {
  const life = new AbortController()
  const made: { what: 'account' | 'key'; atMs: number }[] = []
  let locked = false
  const change = async (
    { them }: Pick<Relation, 'us' | 'them'>,
    changes: Partial<Relation>
  ): Promise<Relation> => {
    const next = { ...all.get(them)!, ...changes }
    all.set(them, next)
    return next
  }
  const none = async () => undefined
  const home = relationHome({
    isBlind,
    ...{ random: dice, polls: { failing: () => new Set() } },
    accounts: {
      async place() {
        made.push({ what: 'account', atMs: clock.now() })
        return { pod: 'one.test', hpkeKey: dice.bytes(32) }
      },
      ...{ change: none, all: async () => [], ask: async () => 0 }
    },
    keyPods: {
      isPossible,
      async choose() {
        made.push({ what: 'key', atMs: clock.now() })
        const place = placeAt('three.test', 1)
        return { ...place, key: place.key! }
      }
    }
  })
  const polls = {
    there() {},
    failing: () => new Set(['three.test']),
    tried: none,
    [Symbol.asyncDispose]: none
  }
  const parts: Partial<Record<keyof AddressesParts, unknown>> = {
    relations: {
      ...{ all: () => all.values(), of: (_: string, them: string) => all.get(them), change },
      make: (relation: Relation, ours: Relation['ours']) =>
        change(relation, { ours, toldMs: null }),
      ...{ load: none, locked() {} }
    },
    ...{ home, clock, random: dice, log: quiet, emit() {}, life: life.signal },
    published: { load: none, locked() {} },
    polls: { ...polls, ...{ unlocked() {}, locked() {}, wake() {}, changed() {} } },
    register: { bring: async () => false, refresh() {} },
    ...{ tell: async () => true, contacts: { known: async () => ({}) } },
    self: {
      get locked() {
        return locked
      },
      registrations: () => [{ pod: 'one.test', alias: 'alice@one.test' }]
    },
    ...{ policyOf: () => null, rank: () => 0, outbox: new Outbox({ parallel: 4 }) }
  }
  const addresses = new Addresses(parts as AddressesParts)
  return {
    ...{ addresses, made },
    async lock(to: boolean) {
      locked = to
      if (!to) await addresses.unlocked()
    },
    async [Symbol.asyncDispose]() {
      life.abort()
      await addresses[Symbol.asyncDispose]()
    }
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await turn()
}

describe('addresses that are to live elsewhere', () => {
  it('are made anew each at another time, also when a pod is connected meanwhile, or the machine slept', async () => {
    const known = shared(false)
    await using one = device(known, true)
    await one.addresses.look()
    await settled()
    one.addresses.wake()
    await settled()
    assert(one.made.length <= 1, 'not at once because a pod is there')
    await one.lock(true)
    known.clock.advance(12 * hourMs)
    await one.lock(false)
    for (let minutes = 0; minutes < 12 * 60; minutes++) {
      one.addresses.wake()
      known.clock.advance(minuteMs)
      await settled()
    }
    const times = one.made.map(({ atMs }) => atMs)
    assert.equal(times.length, 10)
    for (const [i, atMs] of times.slice(1).entries()) assert(atMs - times[i]! >= 5 * minuteMs)
  })

  it('are not moved to and fro by two devices of which one makes them by the account', async () => {
    const known = shared(false)
    await using blind = device(known, true)
    await using usual = device(known, false)
    await using alone = device(known, true, false)
    for (let days = 0; days < 5; days++) {
      for (const { addresses } of [blind, usual, alone]) await addresses.look()
      for (let hours = 0; hours < 24; hours++) {
        known.clock.advance(hourMs)
        await settled()
      }
    }
    assert.deepEqual([blind.made.length, usual.made.length, alone.made.length], [10, 0, 0])
    assert([...known.all.values()].every(({ ours }) => ours?.key))
    // One that is lost is followed by one of its kind; the person's own word makes one as this device does.
    usual.addresses.lost(known.all.get('p1@two.test')!)
    await settled()
    await usual.addresses.renew('p2@two.test')
    assert.deepEqual(
      usual.made.map(({ what }) => what),
      ['key', 'account']
    )
    known.clock.advance(dayMs)
  })
})

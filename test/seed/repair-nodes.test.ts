import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Log } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import type { SeedNode } from '../../src/seed/seed.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { makeNode } from '../support/net-nodes.ts'
import { inlineStamper } from '../support/stamps.ts'

interface Real extends AsyncDisposable {
  network: Node
  seed: SeedNode
  store: SeedStore
}

const repair = { debounceMs: 300, standInMs: 1_000, settledMs: 2_000 }

/** Tells whoever waits of each round that a seed made. */
function createRounds() {
  let next = Promise.withResolvers<void>()
  const log: Log = {
    debug(event) {
      if (event !== 'repair round') return
      next.resolve()
      next = Promise.withResolvers()
    },
    info() {},
    warn() {}
  }
  return { log, round: () => next.promise }
}

async function startReal(log: Log, known: readonly Real[]): Promise<Real> {
  const privateKey = await makePeerKey()
  const network = await makeNode({ privateKey })
  const store = memoryStore()
  const parts = { network, clock, random, log, keys: peerKeys(privateKey), store, placeOf }
  const stamper = inlineStamper()
  const seed = createSeedNode({ ...parts, stamper, mode: 'server', repair })
  await seed.join(known.slice(0, 3).map(k => k.network.contact()))
  return {
    network,
    seed,
    store,
    async [Symbol.asyncDispose]() {
      await seed[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    }
  }
}

describe('real seeds over tcp', () => {
  it('bring the copies of those that died to others by themselves', async () => {
    await using stack = new AsyncDisposableStack()
    const { log, round } = createRounds()
    const alive: Real[] = []
    for (let i = 0; i < 12; i++) alive.push(stack.use(await startReal(log, alive)))
    const keys: Uint8Array[] = []
    for (let i = 0; i < 20; i++) {
      const expiryMs = expiryAt(clock.now() + 3_600_000 * 24)
      const blob = makeBlob(randomBytes(2_000), {
        expiryMs,
        retract: new Uint8Array(32),
        accept: null
      })
      const { settled } = await alive[i % 12]!.seed.dht.put(blob)
      await settled
      keys.push(blob.key)
    }
    for (const gone of alive.splice(0, 4)) await gone[Symbol.asyncDispose]()

    const lacking = async () => {
      let count = 0
      for (const key of keys) {
        const place = placeOfKey(key)
        const at = (r: Real) => placeOf(r.network.self)
        const near = alive.toSorted((a, b) => compareDistance(place, at(a), at(b))).slice(0, 8)
        for (const { store } of near)
          if ((await store.holding([key], clock.now()))[0] !== 'blob') count += 1
      }
      return count
    }
    const before = await lacking()
    assert(before > 0)
    const pushed = () => alive.reduce((sum, { seed }) => sum + seed.repair.status().pushed, 0)
    // A copy is there a moment before its holder's word is.
    while ((await lacking()) > 0 || pushed() < before) await round()
  })
})

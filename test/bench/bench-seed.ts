import { randomBytes } from 'node:crypto'
import type { Contact, Log, Stamper } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import type { SeedNode, SeedParts } from '../../src/seed/seed.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { levelStore } from '../../src/store/level.ts'
import type { SeedStore } from '../../src/store/store.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }
const commitment = new Uint8Array(32)
const free = { burst: 1e12, perSecond: 1e12 }

export interface BenchSeed extends AsyncDisposable {
  readonly seed: SeedNode
  readonly store: SeedStore
  contact(): Contact
}

/** A seed as it ships: tcp, noise and yamux, a database on disk, signed acknowledgements; R = 8, W = 5. Only the rates are free. */
export async function startBenchSeed(o: {
  folder: string
  stamper: Stamper
  connections: number
  parts: Partial<SeedParts>
  join: readonly Contact[]
  onDial?: () => void
}): Promise<BenchSeed> {
  await using stack = new AsyncDisposableStack()
  const privateKey = await makePeerKey()
  const store = stack.use(await levelStore(o.folder, { capBytes: 2 ** 30 }))
  const network = stack.use(
    await createNode({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mode: 'server',
      datastore: null,
      log: silent,
      limits: { connections: o.connections }
    })
  )
  network.libp2p.addEventListener('connection:open', ({ detail }) => {
    if (detail.direction === 'outbound') o.onDial?.()
  })
  const keys = peerKeys(privateKey)
  const rates = { requests: free, putBytes: free, allPutBytes: free }
  const { stamper } = o
  const parts = { stamper, network, clock, random, log: silent, keys, store, placeOf, rates }
  const seed = stack.use(createSeedNode({ ...parts, mode: 'server', ...o.parts }))
  await seed.join(o.join)
  const all = stack.move()
  return {
    seed,
    store,
    contact: () => network.contact(),
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/**
 * Puts 1 KiB that lives for a day, and waits for all its copies.
 * @returns its key, and when so many copies were acknowledged that a put says it is stored.
 */
export async function putKiB({ dht }: SeedNode): Promise<{ key: Uint8Array; safeMs: number }> {
  const expiryMs = expiryAt(clock.now() + 86_400_000)
  const blob = makeBlob(randomBytes(1024), { expiryMs, retract: commitment, accept: null })
  const { settled } = await dht.put(blob)
  const safeMs = performance.now()
  await settled
  return { key: blob.key, safeMs }
}

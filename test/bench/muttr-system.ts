import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createStamper } from '../../src/net/stamper.ts'
import type { ReachMode } from '../../src/seed/reach.ts'
import type { SeedNode } from '../../src/seed/seed.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { levelStore } from '../../src/store/level.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import type { System } from './systems.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }
const commitment = new Uint8Array(32)

/** Seeds as they ship: tcp, noise and yamux, a database on disk each, signed acknowledgements; R = 8, W = 5. */
export async function startMuttr(
  nodes: number,
  { connections = nodes + 8, reach = 'dial' }: { connections?: number; reach?: ReachMode }
): Promise<System & { addresses: string[] }> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const stamper = stack.use(createStamper({ clock }))
  const seeds: SeedNode[] = []
  const first: { peer: string; addresses: readonly string[] }[] = []
  let dials = 0
  const start = async (i: number) => {
    const privateKey = await makePeerKey()
    const store = stack.use(await levelStore(join(folder, `${i}`), { capBytes: 2 ** 30 }))
    const network = stack.use(
      await createNode({
        privateKey,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        mode: 'server',
        datastore: null,
        log: silent,
        limits: { connections }
      })
    )
    network.libp2p.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'outbound') dials++
    })
    const keys = peerKeys(privateKey)
    const free = { burst: 1e12, perSecond: 1e12 }
    const rates = { requests: free, putBytes: free, allPutBytes: free }
    const parts = { stamper, network, clock, random, log: silent, keys, store, placeOf, rates }
    const seed = stack.use(createSeedNode({ ...parts, mode: 'server', reach }))
    await seed.join(first)
    if (first.length < 10) first.push(network.contact())
    seeds[i] = seed
  }
  // The first ones in turn, so that they know each other; then some at a time, or a long round trip would be waited for 200 times.
  for (let i = 0; i < Math.min(10, nodes); i++) await start(i)
  for (let i = 10; i < nodes; i += 10)
    await Promise.all(Array.from({ length: Math.min(10, nodes - i) }, (_, n) => start(i + n)))
  // Who knows few yet looks around again, as maintenance would in time. Nobody may begin alone: its puts would cost nothing.
  for (const seed of seeds)
    for (let i = 0; seed.table.size < Math.min(20, nodes - 1); i++) {
      if (i === 10) throw new Error(`a seed knows only ${seed.table.size} others`)
      await seed.join(first)
    }
  const all = stack.move()
  return {
    async put(i) {
      const expiryMs = expiryAt(clock.now() + 86_400_000)
      const blob = makeBlob(randomBytes(1024), { expiryMs, retract: commitment, accept: null })
      const { settled } = await seeds[i]!.dht.put(blob)
      await settled
      return blob.key
    },
    async get(i, key) {
      await seeds[i]!.dht.get(key as Uint8Array)
    },
    dials: () => dials,
    addresses: first.flatMap(({ peer, addresses }) => addresses.map(a => `${a}/p2p/${peer}`)),
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

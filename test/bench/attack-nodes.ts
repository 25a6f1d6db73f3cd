import { randomBytes } from 'node:crypto'
import type { Contact, Handler, Log, Network } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createStamper } from '../../src/net/stamper.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import type { DhtParameters } from '../../src/seed/core.ts'
import type { SeedNode } from '../../src/seed/seed.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { makeHostile } from '../../src/sim/hostile.ts'
import type { Behaviour } from '../../src/sim/scenario-foes.ts'
import { behaviours } from '../../src/sim/scenario-foes.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { defences } from '../../src/worlds/full/defences.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }
type Key = Awaited<ReturnType<typeof makePeerKey>>

interface Real {
  node: Node
  seed: SeedNode
  keys: ReturnType<typeof peerKeys>
  honest: Record<string, Handler>
}

interface RealWorld extends AsyncDisposable {
  /** The share of letters put by one and fetched by another, 0 to 1. */
  letters(count: number): Promise<number>
  /** A letter whose key has 20 minted ids around it, which join before it is put. */
  eclipsed(): Promise<boolean>
}

/** Real seeds over tcp, noise and yamux on loopback, in this process; a share of them hostile. */
async function realWorld(o: {
  nodes: number
  hostile: number
  behaviour: Behaviour
  parameters: Partial<DhtParameters>
}): Promise<RealWorld> {
  await using stack = new AsyncDisposableStack()
  const stamper = stack.use(createStamper({ clock }))
  const first: Contact[] = []
  const invented = Array.from({ length: 500 }, (_, i) => ({
    peer: peerOfKey(new Uint8Array(randomBytes(32))),
    addresses: [`/ip4/127.0.1.${i % 250}/tcp/9`]
  }))

  let owner: AsyncDisposableStack = stack
  async function start(privateKey?: Key): Promise<Real> {
    const key = privateKey ?? (await makePeerKey())
    const node = owner.use(
      await createNode({
        privateKey: key,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        mode: 'server',
        datastore: null,
        log: silent,
        limits: { connections: o.nodes + 40 }
      })
    )
    const keys = peerKeys(key)
    const honest: Record<string, Handler> = {}
    const network: Network = watched(node, honest)
    const free = { burst: 1e12, perSecond: 1e12 }
    const seed = owner.use(
      createSeedNode({
        ...{ network, clock, random, keys, stamper, placeOf, mode: 'server', log: silent },
        store: memoryStore(),
        rates: { requests: free, putBytes: free, allPutBytes: free },
        parameters: o.parameters
      })
    )
    await seed.join(first)
    if (first.length < 10) first.push(node.contact())
    return { node, seed, keys, honest }
  }
  const corrupt = (some: readonly Real[], behaviour: Behaviour) => {
    const accomplices = some.map(({ node }) => node.contact())
    for (const { node, keys, honest } of some) {
      const serve = node.serve.bind(node)
      const parts = { keys, clock, placeOf, serve, honest, accomplices, gone: invented, invented }
      makeHostile(behaviour, parts)
    }
  }

  const all: Real[] = []
  for (let i = 0; i < o.nodes; i++) all.push(await start())
  const bad = Math.round(o.nodes * o.hostile)
  const good = all.slice(0, o.nodes - bad)
  corrupt(all.slice(o.nodes - bad), o.behaviour)
  const exchange = async (blob: Blob, i: number): Promise<boolean> => {
    const [writer, reader] = [good[i % good.length]!, good[(i + 5) % good.length]!]
    try {
      await (await writer.seed.dht.put(blob)).settled
      return (await reader.seed.dht.get(blob.key)).blob.sealed.length > 0
    } catch {
      return false
    }
  }

  const owned = stack.move()
  owner = owned
  return {
    async letters(count) {
      let found = 0
      for (let i = 0; i < count; i++) if (await exchange(someBlob(), i)) found += 1
      return found / count
    },
    async eclipsed() {
      const blob = someBlob()
      const nearest = all
        .map(({ keys }) => placeOf(keys.self))
        .sort((a, b) => compareDistance(placeOfKey(blob.key), a, b))[0]!
      const minted: Real[] = []
      while (minted.length < 20) {
        const key = await makePeerKey()
        const place = placeOf(peerKeys(key).self)
        if (compareDistance(placeOfKey(blob.key), place, nearest) < 0) minted.push(await start(key))
      }
      corrupt(minted, 'steer')
      for (const { seed } of good) seed.hear(minted.map(({ node }) => node.contact()))
      await Promise.all(good.map(({ seed }) => seed.dht.nearest(placeOfKey(blob.key))))
      return exchange(blob, 1)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync()
  }
}

const nodes = 30
const shares = [0.05, 0.1, 0.3, 0.5]
const lettersPerWorld = 20

/** Letters among real seeds of which a share behaves badly, for each behaviour; each round is another network. */
async function benchBehaviours(rounds: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const behaviour of behaviours)
    for (const hostile of shares) {
      const found: number[] = []
      for (let round = 0; round < rounds; round++) {
        await using world = await realWorld({ nodes, hostile, behaviour, parameters: {} })
        found.push(100 * (await world.letters(lettersPerWorld)))
      }
      const name = `${nodes} real seeds, ${Math.round(nodes * hostile)} of them ${behaviour}: found`
      rows.push({ name, unit: '%', ...summary(found) })
      console.error(`${name} ${found.join(', ')} %`)
    }
  return rows
}

/** Three of ten steer, with the defences and without: letters, then a key with 20 ids minted for it. */
async function benchEclipse(rounds: number): Promise<Row[]> {
  const found = { letters: [[], []], eclipsed: [[], []] } as Record<string, [number[], number[]]>
  for (let round = 0; round < rounds; round++)
    for (const [i, parameters] of [{}, defences.none].entries()) {
      await using world = await realWorld({ nodes, hostile: 0.3, behaviour: 'steer', parameters })
      found.letters![i]!.push(100 * (await world.letters(lettersPerWorld)))
      found.eclipsed![i]!.push((await world.eclipsed()) ? 100 : 0)
    }
  const rowOf = (name: string, [ours, plain]: [number[], number[]]): Row => ({
    name,
    unit: '%',
    ...summary(ours),
    rival: { name: 'without', ...summary(plain) }
  })
  return [
    rowOf(`${nodes} real seeds, 30 % steer: found`, found.letters!),
    rowOf('the same, 20 ids minted before the put: found', found.eclipsed!)
  ]
}

/** What happens among {@link nodes} real seeds with hostile ones among them. */
export const benchAttackNodes = async (rounds: number): Promise<Row[]> => [
  ...(await benchEclipse(rounds)),
  ...(await benchBehaviours(rounds))
]

const someBlob = (): Blob =>
  makeBlob(new Uint8Array(randomBytes(1_024)), {
    expiryMs: expiryAt(clock.now() + 86_400_000),
    retract: new Uint8Array(32),
    accept: null
  })

/** Remembers what the seed would answer, so that a liar can still tell the truth where that serves it. */
function watched(node: Node, honest: Record<string, Handler>): Network {
  return new Proxy(node, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name !== 'serve') return value.bind(target)
      return (method: string, handler: Handler) => {
        honest[method] = handler
        target.serve(method, handler)
      }
    }
  })
}

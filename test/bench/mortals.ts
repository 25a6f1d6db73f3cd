import { randomBytes } from 'node:crypto'
import { startMuttrMortals } from './muttr-mortals.ts'
import type { BittorrentNode } from './systems.ts'

/** A DHT whose nodes die and are replaced, in this process. Nodes are named by the order in which they came. */
export interface Mortals extends AsyncDisposable {
  /** Starts one more. @returns its name */
  add(): Promise<number>
  /** As `kill -9` would: its sockets close, it says no goodbye, what it stored is gone. */
  kill(name: number): Promise<void>
  /** Stores fresh bytes. @returns what `get` needs */
  put(name: number): Promise<Uint8Array>
  /** @returns false when it is not found. */
  get(name: number, key: Uint8Array): Promise<boolean>
  /** How many of the living hold each key, where that can be seen. */
  copies?(keys: readonly Uint8Array[]): Promise<number[]>
  /** Bytes and blobs that repair pushed so far. */
  repaired?(): { bytes: number; pushes: number }
}

export type MortalName = 'muttr' | 'hyperdht' | 'bittorrent-dht'

export const startMortals = (name: MortalName): Promise<Mortals> =>
  name === 'muttr' ? startMuttrMortals() : name === 'hyperdht' ? hyperdht() : bittorrentDht()

interface Hyper {
  fullyBootstrapped(): Promise<void>
  address(): { port: number }
  immutablePut(value: Uint8Array): Promise<{ hash: Uint8Array }>
  immutableGet(key: Uint8Array): Promise<unknown>
  destroy(o: { force: boolean }): Promise<void>
}

async function hyperdht(): Promise<Mortals> {
  // @ts-expect-error the package has no types
  const { default: DHT } = await import('hyperdht')
  const living = new Map<number, Hyper>()
  let born = 0
  return {
    async add() {
      const bootstrap = [...living.values()]
        .slice(0, 3)
        .map(node => ({ host: '127.0.0.1', port: node.address().port }))
      const options = { ephemeral: false, firewalled: false, bootstrap, host: '127.0.0.1' }
      const node: Hyper = new DHT(options)
      await node.fullyBootstrapped()
      living.set(born, node)
      return born++
    },
    async kill(name) {
      const node = living.get(name)!
      living.delete(name)
      await node.destroy({ force: true })
    },
    put: async name => (await living.get(name)!.immutablePut(randomBytes(1000))).hash,
    get: async (name, key) => Boolean(await living.get(name)!.immutableGet(key)),
    async [Symbol.asyncDispose]() {
      for (const node of living.values()) await node.destroy({ force: true })
    }
  }
}

async function bittorrentDht(): Promise<Mortals> {
  // @ts-expect-error the package has no types
  const { default: Client } = await import('bittorrent-dht')
  const living = new Map<number, BittorrentNode>()
  let born = 0
  const destroy = (node: BittorrentNode) =>
    new Promise<void>(resolve => node.destroy(() => resolve()))
  return {
    async add() {
      const known = [...living.values()].slice(0, 3).map(n => `127.0.0.1:${n.address().port}`)
      const bootstrap = known.length > 0 ? known : false
      const node: BittorrentNode = new Client({ maxValues: 100_000, bootstrap, host: '127.0.0.1' })
      await new Promise<void>(resolve => {
        node.listen(0, '127.0.0.1', () => (bootstrap ? node.once('ready', resolve) : resolve()))
      })
      living.set(born, node)
      return born++
    },
    async kill(name) {
      const node = living.get(name)!
      living.delete(name)
      await destroy(node)
    },
    put: name =>
      new Promise((resolve, reject) => {
        living.get(name)!.put({ v: randomBytes(999) }, (err, hash) => {
          if (err) reject(err)
          else resolve(hash)
        })
      }),
    get: (name, key) =>
      new Promise(resolve => {
        const node = living.get(name)!
        // What a node has in its own cache would answer at once and measure nothing.
        node._values.remove?.(Buffer.from(key).toString('hex'))
        node.get(Buffer.from(key), { cache: false }, (err, value) =>
          resolve(!err && Boolean(value))
        )
      }),
    async [Symbol.asyncDispose]() {
      for (const node of living.values()) await destroy(node)
    }
  }
}

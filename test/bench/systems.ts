import { randomBytes } from 'node:crypto'

/** A DHT of many nodes in this process, driven from any of them. */
export interface System extends AsyncDisposable {
  /** Stores fresh bytes through node `i`. @returns what `get` needs */
  put(i: number): Promise<unknown>
  /** Fetches through node `i`; throws when it is not found. */
  get(i: number, key: unknown): Promise<void>
  /** Connections dialled so far by all nodes, where there are connections. */
  dials?(): number
  /** Time spent so far on proofs of work, in milliseconds of the clock. */
  stampMs?(): number
  /** How long puts since the last call took until they were safe, where they end later than that. */
  safeMs?(): number[]
}

export const systemNames = [
  'muttr',
  'muttr-24',
  'muttr-24-dial',
  'hyperdht',
  'bittorrent-dht'
] as const
export type SystemName = (typeof systemNames)[number]

export async function startSystem(name: SystemName, nodes: number): Promise<System> {
  if (name === 'hyperdht') return hyperdht(nodes)
  if (name === 'bittorrent-dht') return bittorrentDht(nodes)
  const { startMuttr } = await import('./muttr-system.ts')
  if (name === 'muttr') return startMuttr(nodes, {})
  return startMuttr(nodes, { connections: 24, reach: name === 'muttr-24' ? 'forward' : 'dial' })
}

/** hyperdht 6: 20 copies, values in memory, UDP. Its values end below 1,000 bytes to fit a packet. */
async function hyperdht(nodes: number): Promise<System> {
  // @ts-expect-error the package has no types
  const { default: createTestnet } = await import('hyperdht/testnet.js')
  const testnet = await createTestnet(nodes)
  return {
    put: async i => (await testnet.nodes[i].immutablePut(randomBytes(1000))).hash,
    get: async (i, key) => {
      if (!(await testnet.nodes[i].immutableGet(key))) throw new Error('not found')
    },
    [Symbol.asyncDispose]: () => testnet.destroy()
  }
}

/** As much of it as is used here. */
export interface BittorrentNode {
  _values: { remove?: (hash: string) => void }
  listen(port: number, host: string, listening: () => void): void
  once(event: 'ready', run: () => void): void
  address(): { port: number }
  put(o: { v: Buffer }, done: (err: Error | null, hash: Buffer) => void): void
  get(key: unknown, o: object, done: (err: Error | null, value: unknown) => void): void
  destroy(done: () => void): void
}

/** bittorrent-dht 11: 20 copies, values in memory, UDP; BEP 44 allows values below 1,000 bytes. */
async function bittorrentDht(nodes: number): Promise<System> {
  // @ts-expect-error the package has no types
  const { default: Client } = await import('bittorrent-dht')
  const all: BittorrentNode[] = []
  const options = { maxValues: 100_000 }
  for (let i = 0; i < nodes; i++) {
    const bootstrap = i === 0 ? false : [`127.0.0.1:${all[0]!.address().port}`]
    const node: BittorrentNode = new Client({ ...options, bootstrap, host: '127.0.0.1' })
    await new Promise<void>(resolve => {
      node.listen(0, '127.0.0.1', () => (i === 0 ? resolve() : node.once('ready', resolve)))
    })
    all.push(node)
  }
  return {
    put: i =>
      new Promise((resolve, reject) => {
        all[i]!.put({ v: randomBytes(999) }, (err: Error | null, hash: Buffer) =>
          err ? reject(err) : resolve(hash)
        )
      }),
    get: (i, key) =>
      new Promise((resolve, reject) => {
        // A fresh cache entry would answer from this node itself, which would measure nothing.
        all[i]!._values.remove?.((key as Buffer).toString('hex'))
        all[i]!.get(key, { cache: false }, (err: Error | null, value: unknown) =>
          err || !value ? reject(err ?? new Error('not found')) : resolve()
        )
      }),
    [Symbol.asyncDispose]: async () => {
      for (const node of all) await new Promise<void>(resolve => node.destroy(() => resolve()))
    }
  }
}

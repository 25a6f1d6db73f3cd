import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contact, Stamper } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createStamper } from '../../src/net/stamper.ts'
import type { ReachMode } from '../../src/seed/reach.ts'
import type { SeedNode } from '../../src/seed/seed.ts'
import { putKiB, startBenchSeed } from './bench-seed.ts'
import type { System } from './systems.ts'

/** Many seeds in this process that know each other. */
export async function startMuttr(
  nodes: number,
  { connections = nodes + 8, reach = 'dial' }: { connections?: number; reach?: ReachMode }
): Promise<System & { addresses: string[] }> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const pool = stack.use(createStamper({ clock }))
  let stampMs = 0
  const stamper: Stamper = {
    async make(...o) {
      const startMs = performance.now()
      const frame = await pool.make(...o)
      stampMs += performance.now() - startMs
      return frame
    }
  }
  const seeds: SeedNode[] = []
  const first: Contact[] = []
  let dials = 0
  const safe: number[] = []
  const start = async (i: number) => {
    const made = stack.use(
      await startBenchSeed({
        folder: join(folder, `${i}`),
        stamper,
        connections,
        parts: { reach },
        join: first,
        onDial: () => dials++
      })
    )
    if (first.length < 10) first.push(made.contact())
    seeds[i] = made.seed
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
      const beganMs = performance.now()
      const { key, safeMs } = await putKiB(seeds[i]!)
      safe.push(safeMs - beganMs)
      return key
    },
    async get(i, key) {
      await seeds[i]!.dht.get(key as Uint8Array)
    },
    dials: () => dials,
    stampMs: () => stampMs,
    safeMs: () => safe.splice(0),
    addresses: first.flatMap(({ peer, addresses }) => addresses.map(a => `${a}/p2p/${peer}`)),
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createStamper } from '../../src/net/stamper.ts'
import { usualRepair } from '../../src/replicas/repair-parameters.ts'
import type { BenchSeed } from './bench-seed.ts'
import { putKiB, startBenchSeed } from './bench-seed.ts'
import type { Mortals } from './mortals.ts'

/** A minute of repair at home is a second here, so that it can be seen within the repair period of the bench. */
const hurried = (['debounceMs', 'standInMs', 'settledMs', 'sweepMs', 'graceMs'] as const).map(
  name => [name, usualRepair[name] / 60]
)

/** Our seeds, with repair in a hurry. */
export async function startMuttrMortals(): Promise<Mortals> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-deaths-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const stamper = stack.use(createStamper({ clock }))
  const living = new Map<number, BenchSeed>()
  stack.defer(async () => {
    for (const node of living.values()) await node[Symbol.asyncDispose]()
  })
  let born = 0
  const past = { bytes: 0, pushes: 0 }
  const note = ({ seed }: BenchSeed) => {
    const { pushed, pushedBytes } = seed.repair.status()
    past.bytes += pushedBytes
    past.pushes += pushed
  }
  const all = stack.move()
  return {
    async add() {
      const known = [...living.values()].slice(-10).map(node => node.contact())
      const made = await startBenchSeed({
        folder: join(folder, `${born}`),
        stamper,
        connections: 200,
        parts: { reach: 'dial', repair: Object.fromEntries(hurried) },
        join: known
      })
      living.set(born, made)
      return born++
    },
    async kill(name) {
      const node = living.get(name)!
      living.delete(name)
      note(node)
      await node[Symbol.asyncDispose]()
    },
    put: async name => (await putKiB(living.get(name)!.seed)).key,
    async get(name, key) {
      return living
        .get(name)!
        .seed.dht.get(key)
        .then(
          () => true,
          () => false
        )
    },
    async copies(keys) {
      const counts = keys.map(() => 0)
      for (const { store } of living.values())
        for (const [i, holding] of (await store.holding(keys, clock.now())).entries())
          if (holding === 'blob') counts[i]! += 1
      return counts
    },
    repaired() {
      const total = { ...past }
      for (const { seed } of living.values()) {
        const { pushed, pushedBytes } = seed.repair.status()
        total.bytes += pushedBytes
        total.pushes += pushed
      }
      return total
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

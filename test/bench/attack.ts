import type { DhtParameters } from '../../src/seed/core.ts'
import type { Behaviour } from '../../src/sim/scenario-foes.ts'
import { behaviours } from '../../src/sim/scenario-foes.ts'
import { defences } from '../../src/worlds/full/defences.ts'
import type { Outcome } from '../support/hostile-world.ts'
import { HostileWorld } from '../support/hostile-world.ts'
import { simBlob } from '../support/sim-seeds.ts'
import type { Row } from './table.ts'
import { quantile, summary } from './table.ts'

const nodes = 300
const shares = [0.05, 0.1, 0.2, 0.3, 0.5]
const lettersPerRound = 25
const eclipsedPerRound = 8

const percent = (share: number): number => Math.round(1_000 * share) / 10

/** The same letters in the same world, with the defences and without. */
async function both(o: { hostile: number; behaviour: Behaviour; seed: number }) {
  const run = async (parameters: Partial<DhtParameters>): Promise<Outcome> =>
    (await HostileWorld.make({ nodes, ...o, parameters })).letters(lettersPerRound)
  return { ours: await run({}), plain: await run(defences.none) }
}

type Both = Awaited<ReturnType<typeof both>>

function rowOf(name: string, unit: Row['unit'], all: Both[], read: (o: Outcome) => number): Row {
  const rival = summary(all.map(({ plain }) => read(plain)))
  const { median, p95 } = summary(all.map(({ ours }) => read(ours)))
  return { name, unit, median, p95, rival: { name: 'without', ...rival } }
}

/** What the defences cost where nobody attacks. */
async function inPeace(rounds: number): Promise<Row[]> {
  const all: Both[] = []
  for (let seed = 1; seed <= rounds; seed++)
    all.push(await both({ hostile: 0, behaviour: 'drop', seed }))
  return [
    rowOf('nobody hostile: found', '%', all, o => percent(o.found)),
    rowOf('nobody hostile: requests of a put', 'requests', all, o => o.putRequests),
    rowOf('nobody hostile: requests of a get', 'requests', all, o => o.getRequests),
    rowOf('nobody hostile: a get', 'ms', all, o => quantile(o.getMs, 0.5))
  ]
}

/** A key around which somebody has minted 20 ids: before its letter is put, or after. */
async function eclipsed(when: 'before' | 'after', rounds: number): Promise<Row> {
  const run = async (parameters: Partial<DhtParameters>, seed: number): Promise<number> => {
    let found = 0
    const world = await HostileWorld.make({
      nodes,
      hostile: 0,
      behaviour: 'drop',
      seed,
      parameters
    })
    const { sim, askers } = world
    for (let i = 0; i < eclipsedPerRound; i++) {
      const blob = simBlob(sim)
      const [writer, reader] = [askers[i % askers.length]!, askers[(i + 3) % askers.length]!]
      const put = async () => (await writer.seed.dht.put(blob)).settled
      const attempt = (work: Promise<unknown>) =>
        sim.run(
          work.then(
            () => 1,
            () => 0
          )
        )
      if (when === 'before') world.eclipse(blob.key)
      await attempt(put())
      if (when === 'after') world.eclipse(blob.key)
      found += (await attempt(reader.seed.dht.get(blob.key))) / eclipsedPerRound
    }
    return percent(found)
  }
  const [ours, plain]: [number[], number[]] = [[], []]
  for (let seed = 1; seed <= rounds; seed++) {
    ours.push(await run({}, seed))
    plain.push(await run(defences.none, seed))
  }
  const rival = { name: 'without', ...summary(plain) }
  return { name: `20 ids minted ${when} the put: found`, unit: '%', ...summary(ours), rival }
}

/**
 * Letters put by one and fetched by another in virtual networks of shipped seeds, a share of which is hostile, with the defences of
 * docs/protocol/dht.md and without. Success in percent; each round is another world.
 */
export async function benchAttack(rounds: number): Promise<Row[]> {
  const rows = await inPeace(rounds)
  for (const when of ['before', 'after'] as const) rows.push(await eclipsed(when, rounds))
  for (const { name, median, rival } of rows)
    console.error(`${name}: ${median}, without ${rival?.median}`)
  for (const behaviour of behaviours)
    for (const hostile of shares) {
      const all: Both[] = []
      for (let seed = 1; seed <= rounds; seed++) all.push(await both({ hostile, behaviour, seed }))
      const name = `${behaviour}, ${percent(hostile)} %`
      rows.push(rowOf(`${name}: found`, '%', all, o => percent(o.found)))
      rows.push(rowOf(`${name}: a get`, 'ms', all, o => quantile(o.getMs, 0.5)))
      for (const { name, median, rival } of rows.slice(-2))
        console.error(`${name}: ${median}, without ${rival?.median}`)
    }
  return rows
}

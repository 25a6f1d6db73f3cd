import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { DeathsOptions, Step } from './deaths-worker.ts'
import type { MortalName } from './mortals.ts'
import type { Row } from './table.ts'

const worker = fileURLToPath(new URL('./deaths-worker.ts', import.meta.url))
const systems: readonly MortalName[] = ['muttr', 'hyperdht', 'bittorrent-dht']
const [nodes, blobs, share, repairMs, replicas] = [50, 1_000, 0.3, 30_000, 8]

function run(options: DeathsOptions): Promise<Step[]> {
  const steps: Step[] = []
  const child = fork(worker, [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  return new Promise((resolve, reject) => {
    child.on('message', step => {
      steps.push(step as Step)
      const { round, when, found, asked, p50, copies } = step as Step
      const told = `${(found * 100).toFixed(1)} % of ${asked} found, p50 ${p50.toFixed(2)} ms`
      const held = copies === null ? '' : `, ${copies.toFixed(2)} copies`
      console.error(`${options.system}, round ${round}, ${when}: ${told}${held}`)
    })
    child.on('exit', code =>
      code === 0 ? resolve(steps) : reject(new Error(`${options.system} ended with ${code}`))
    )
  })
}

/** The chance that all of `copies` holders, anywhere among `of` nodes, are among the `dead`. */
function allDie(copies: number, dead: number, of: number): number {
  let chance = 1
  for (let i = 0; i < copies; i++) chance *= Math.max(0, dead - i) / (of - i)
  return chance
}

/**
 * Rolling deaths: the publisher goes, then the oldest 30 % die at once and are replaced, round after round. One system after the
 * other, each in a process of its own.
 */
export async function benchDeaths(rounds: number): Promise<Row[]> {
  const all = new Map<MortalName, Step[]>()
  for (const system of systems)
    all.set(system, await run({ system, nodes, blobs, rounds, share, repairMs }))
  const mine = all.get('muttr')!
  const rows: Row[] = []
  const both = (name: string, unit: Row['unit'], at: (step: Step) => number | null, i: number) => {
    const value = at(mine[i]!)
    if (value === null) return
    const row: Row = { name, unit, median: value, p95: value }
    const theirs = systems.slice(1).flatMap(rival => {
      const other = at(all.get(rival)![i]!)
      return other === null ? [] : [{ ...row, rival: { name: rival, median: other, p95: other } }]
    })
    rows.push(...(theirs.length > 0 ? theirs : [row]))
  }
  for (const [i, { round, when }] of mine.entries()) {
    const label = `deaths, round ${round}, ${when}`
    both(`${label}, found`, '%', step => step.found * 100, i)
    both(`${label}, get p50`, 'ms', step => step.p50, i)
    both(`${label}, get p95`, 'ms', step => step.p95, i)
    both(`${label}, copies`, 'copies', step => step.copies, i)
    both(`${label}, lost`, 'blobs', step => step.lost, i)
    both(
      `${label}, pushed so far`,
      'MiB',
      step => step.pushedBytes && step.pushedBytes / 2 ** 20,
      i
    )
  }
  const expected = allDie(replicas, Math.round(nodes * share), nodes) * blobs
  const name = 'deaths, expected losses a round with all copies in place'
  return [...rows, { name, unit: 'blobs', median: expected, p95: expected }]
}

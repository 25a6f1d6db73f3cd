import { setTimeout as wait } from 'node:timers/promises'
import type { MortalName } from './mortals.ts'
import { startMortals } from './mortals.ts'
import { quantile } from './table.ts'

/**
 * One DHT whose publisher goes and whose oldest nodes die, round after round; what is found and how long a get takes is told at
 * each step. Its own process, so that rivals do not share a heap.
 */
export interface DeathsOptions {
  system: MortalName
  nodes: number
  blobs: number
  rounds: number
  /** How many die at once, from 0 to 1. */
  share: number
  /** What repair is given between two rounds. */
  repairMs: number
}

export interface Step {
  round: number
  when: 'before' | 'at once' | 'repaired'
  found: number
  p50: number
  p95: number
  /** Mean copies of a blob, and blobs with none, where that can be counted. */
  copies: number | null
  lost: number | null
  pushes: number | null
  pushedBytes: number | null
}

const atOnce = 16
const options: DeathsOptions = JSON.parse(process.argv[2]!)
const { nodes, blobs, rounds, share, repairMs } = options
await using system = await startMortals(options.system)
const living: number[] = []
for (let i = 0; i < nodes; i++) living.push(await system.add())
const publisher = await system.add()
const keys: Uint8Array[] = []
await crowd(blobs, async () => {
  keys.push(await system.put(publisher))
})
await system.kill(publisher)

/** Runs `work` for each number below `count`, some at a time. */
async function crowd(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function look(round: number, when: Step['when']): Promise<void> {
  const tookMs: number[] = []
  let found = 0
  // One after the other at first, for times that nobody else's request lengthens; then all.
  for (let i = 0; i < 100; i++) {
    const startMs = performance.now()
    await system.get(living[(i * 7) % living.length]!, keys[(i * 31) % keys.length]!)
    tookMs.push(performance.now() - startMs)
  }
  await crowd(keys.length, async i => {
    if (await system.get(living[(i * 7) % living.length]!, keys[i]!)) found++
  })
  const copies = await system.copies?.(keys)
  const repaired = system.repaired?.()
  const step: Step = {
    round,
    when,
    found: found / keys.length,
    p50: quantile(tookMs, 0.5),
    p95: quantile(tookMs, 0.95),
    copies: copies ? copies.reduce((a, b) => a + b, 0) / copies.length : null,
    lost: copies ? copies.filter(n => n === 0).length : null,
    pushes: repaired?.pushes ?? null,
    pushedBytes: repaired?.bytes ?? null
  }
  process.send?.(step)
}

await look(0, 'before')
for (let round = 1; round <= rounds; round++) {
  const dead = living.splice(0, Math.round(nodes * share))
  await Promise.all(dead.map(name => system.kill(name)))
  await look(round, 'at once')
  for (let i = 0; i < dead.length; i++) living.push(await system.add())
  await wait(repairMs)
  await look(round, 'repaired')
}
process.disconnect?.()

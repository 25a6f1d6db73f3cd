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
  /** Of the values asked for. */
  found: number
  /** All, unless that took more than {@link lookMs}: a value that is gone is looked for until everybody has been waited for. */
  asked: number
  p50: number
  p95: number
  /** Mean copies of a blob, and blobs with none, where that can be counted. */
  copies: number | null
  lost: number | null
  pushes: number | null
  pushedBytes: number | null
}

const atOnce = 16
/** For the gets one after the other, and for those at once. */
const lookMs = { alone: 30_000, together: 60_000 }
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

/** Runs `work` for each number below `count`, some at a time, and begins none after `mostMs`. */
async function crowd(
  count: number,
  work: (i: number) => Promise<void>,
  mostMs = Number.POSITIVE_INFINITY
): Promise<void> {
  const endMs = performance.now() + mostMs
  let next = 0
  const worker = async () => {
    while (next < count && performance.now() < endMs) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function look(round: number, when: Step['when']): Promise<void> {
  const tookMs: number[] = []
  let [found, asked] = [0, 0]
  const endMs = performance.now() + lookMs.alone
  // One after the other at first, for times that nobody else's request lengthens; then all.
  for (let i = 0; i < 100 && performance.now() < endMs; i++) {
    const startMs = performance.now()
    await system.get(living[(i * 7) % living.length]!, keys[(i * 31) % keys.length]!)
    tookMs.push(performance.now() - startMs)
  }
  const ask = async (i: number) => {
    if (await system.get(living[(i * 7) % living.length]!, keys[i]!)) found++
    asked++
  }
  await crowd(keys.length, ask, lookMs.together)
  const copies = await system.copies?.(keys)
  const repaired = system.repaired?.()
  const step: Step = {
    round,
    when,
    found: found / asked,
    asked,
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

import type { Millis } from '../../base/ports.ts'
import type { RunParts } from './run.ts'
import { askAll, look, progressOf } from './run.ts'
import { pause } from './wait.ts'

export interface SettleOptions {
  /** In a hurry: everybody is started again at once, which tries letters that wait; and nobody waits for a sweep. */
  quick: boolean
  /** How long everything may take that is not due later. */
  patienceMs: Millis
}

/** Nobody waits longer than this, whatever is due later. */
const patienceMostMs = 20 * 60_000
const lookEveryMs = 2_000
const releasedMost = 50
/**
 * A node that comes back looks through all that it holds one to two minutes after it has joined (docs/protocol/dht.md#repair); as much again
 * is given to a busy machine.
 */
const sweepMs = 4 * 60_000

/**
 * After healing: waits until everything that was taken has come, kills all nodes once more, starts them, waits for a sweep of what they hold,
 * and asks everybody for everything.
 * @returns when it was quiet, since healing; null when it never was; and how many keys have how many copies.
 */
export async function settle(
  parts: RunParts,
  options: SettleOptions
): Promise<{ settledMs: Millis | null; copies: Record<string, number> }> {
  const { clock, journal } = parts
  const startMs = clock.now()
  if (options.quick) await restart(parts)
  const isQuiet = await untilQuiet(parts, options)
  const settledMs = isQuiet ? clock.now() - startMs : null
  if (!options.quick || !isQuiet) {
    await restart(parts)
    await untilQuiet(parts, { ...options, patienceMs: Math.min(options.patienceMs, 60_000) })
  }
  if (!options.quick) await untilSwept(parts)
  await fetchReleased(parts)
  const copies = countOf(await askAll(parts, { all: true }))
  journal.note({ type: 'end' })
  return { settledMs, copies }
}

/** Kills everybody at once, as a power cut does. */
async function restart({ fleet, faults, people, journal }: RunParts): Promise<void> {
  const names = [...fleet.nodes.keys()]
  await Promise.all(
    names.map(async node => {
      await fleet.kill(node)
      journal.note({ type: 'down', node, how: 'killed' })
    })
  )
  const others = names.filter(name => !people.includes(name))
  for (const group of [others, people])
    for (let i = 0; i < group.length; i += 3)
      await Promise.all(group.slice(i, i + 3).map(name => faults.start(name)))
  journal.note({ type: 'healed' })
}

/** Until every letter taken is shown and every blob fetched. @returns false when that took too long */
async function untilQuiet(parts: RunParts, { patienceMs }: SettleOptions): Promise<boolean> {
  const { clock, journal, work, people, progress } = parts
  const startMs = clock.now()
  let toldMs = startMs
  for (;;) {
    await Promise.race([lookAtAll(parts), pause(clock, 60_000)])
    const { outstanding, away } = journal.checks
    if (outstanding.length + away.length === 0) return true
    const due = outstanding.map(n => work.letters.get(n)?.retryAtMs ?? 0)
    const untilMs = Math.max(startMs + patienceMs, ...due.map(ms => ms + patienceMs / 2))
    const leftMs = Math.min(untilMs, startMs + patienceMostMs) - clock.now()
    if (leftMs <= 0) return false
    if (clock.now() - toldMs > 10_000) {
      toldMs = clock.now()
      progress(progressOf(journal, { leftMs, now: ['waiting for letters and blobs'] }))
    }
    // A first look after a restart comes too early for most.
    await pause(clock, people.length > 0 ? lookEveryMs : 0)
  }
}

async function lookAtAll(parts: RunParts): Promise<void> {
  const { fleet, journal, work, people } = parts
  await Promise.all(
    people.map(async who => {
      await work.read(who)
      await look(parts, who)
    })
  )
  const nodes = fleet.running.map(({ name }) => name)
  const away = journal.checks.away
  if (nodes.length > 0)
    for (const [i, blob] of away.entries()) await work.get(blob, nodes[i % nodes.length]!)
}

/** Waits for a sweep, or until no node has anything of what was released. */
async function untilSwept(parts: RunParts): Promise<void> {
  const { clock, journal, progress } = parts
  const untilMs = clock.now() + sweepMs
  for (;;) {
    await askAll(parts, { all: true })
    const leftMs = untilMs - clock.now()
    if (!journal.checks.isKept || leftMs <= 0) break
    progress(progressOf(journal, { leftMs, now: ['waiting for a sweep'] }))
    await pause(clock, 10_000)
  }
  journal.note({ type: 'swept' })
}

/** What a node has itself is one thing; what its people get through it is another. */
async function fetchReleased({ fleet, journal, work }: RunParts): Promise<void> {
  const nodes = fleet.running.map(({ name }) => name)
  const keys = [...journal.checks.released].slice(-releasedMost)
  for (const [i, key] of keys.entries()) await work.fetch(key, nodes[i % nodes.length]!)
}

/** How many keys have how many copies. */
function countOf(copies: ReadonlyMap<string, number>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const count of copies.values()) counts[count] = (counts[count] ?? 0) + 1
  return counts
}

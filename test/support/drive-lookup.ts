import assert from 'node:assert/strict'
import type { Contact, PeerId } from '../../src/base/ports.ts'
import type { Lookup } from '../../src/routing/lookup.ts'

/** What a peer does with a request: how it ends, and after how long. */
interface Fate {
  fate: string
  delayMs: number
}

/**
 * Runs a lookup to its end in virtual time. The nth peer asked meets the nth fate, over and over.
 * @param named whom an answer names, after so many were asked.
 */
export function driveLookup<F extends Fate>(
  lookup: Lookup,
  fates: readonly F[],
  named: (fate: F, asked: number) => Contact[]
): { nowMs: number; asked: PeerId[] } {
  const asked: PeerId[] = []
  const due: { atMs: number; run: () => void }[] = []
  let [nowMs, steps] = [0, 0]
  while (lookup.end(nowMs) === undefined) {
    assert(steps++ < 3_000)
    for (const { peer } of lookup.poll(nowMs)) {
      const next = fates[asked.length % fates.length]!
      asked.push(peer)
      const contacts = named(next, asked.length)
      const run = () =>
        next.fate === 'answered'
          ? lookup.answered(peer, contacts)
          : lookup[next.fate as 'failed' | 'refused'](peer)
      due.push({ atMs: nowMs + next.delayMs, run })
    }
    due.sort((a, b) => a.atMs - b.atMs)
    const wakeMs = lookup.wakeMs(nowMs)
    assert(wakeMs > nowMs || lookup.end(nowMs) !== undefined)
    if (due[0] && due[0].atMs <= wakeMs) {
      nowMs = Math.max(nowMs, due[0].atMs)
      due.shift()!.run()
    } else nowMs = wakeMs
  }
  return { nowMs, asked }
}

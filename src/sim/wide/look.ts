import type { SeenNode } from '../look.ts'
import type { Foes } from './foes.ts'
import type { Life } from './life.ts'
import type { Reach } from './reach.ts'
import type { Storage } from './storage.ts'
import type { WideTables } from './tables.ts'

interface Parts {
  life: Pick<Life, 'lives'>
  reach: Pick<Reach, 'there'>
  foes: Pick<Foes, 'isHostile'>
  storage: Pick<Storage, 'living' | 'livingCount' | 'held' | 'hi' | 'lo'>
  tables: Pick<WideTables, 'entries'>
}

const hex = (half: number): string => half.toString(16).padStart(8, '0')

/** Who lives, one after the other, as {@link SeenNode} says. */
export function* seenNodes({ life, reach, foes, storage, tables }: Parts): Generator<SeenNode> {
  const held = heldBy(storage)
  for (let node = 0; node < life.lives.length; node++) {
    if (life.lives[node] === 0) continue
    const online = reach.there[node] === 1
    yield {
      ...{ node, online, hostile: foes.isHostile(node) },
      knows: online ? [...tables.entries(node)] : [],
      holds: (held.get(node) ?? []).map(blob => hex(storage.hi[blob]!) + hex(storage.lo[blob]!))
    }
  }
}

function heldBy({ living, livingCount, held }: Parts['storage']): Map<number, number[]> {
  const by = new Map<number, number[]>()
  for (const blob of living.subarray(0, livingCount))
    for (let i = 0; i < held.count(blob); i++) {
      const node = held.holder(blob, i)
      const blobs = by.get(node)
      if (blobs) blobs.push(blob)
      else by.set(node, [blob])
    }
  return by
}

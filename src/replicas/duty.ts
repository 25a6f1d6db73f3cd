import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'

/** A peer as seen from one key. */
export interface Near {
  readonly contact: Contact
  /** The networks it counts against. */
  readonly subnets: readonly string[]
  /** Known so long that it should have what belongs to it. */
  readonly settled: boolean
}

/**
 * Why keys are gone through. A `change` is acted on by the nearest settled holder, and after a while by the next one, should the first have
 * failed; a `sweep` by the nearest and by lot; `all` by everybody, as after an absence.
 */
export type Why =
  | { readonly type: 'change'; readonly turn: 0 | 1 }
  | { readonly type: 'sweep' }
  | { readonly type: 'all' }

export interface Duty {
  /** Whom to compare with: the other holders; all R, where we are none. */
  readonly circle: readonly Contact[]
  /** We are one of the holders. */
  readonly inside: boolean
}

export interface DutyOptions {
  /** Nearest first, ourselves among them: so many that the R holders are there. */
  near: readonly Near[]
  self: Near
  /** R */
  replicas: number
  why: Why
  /** Part of a sweep's keys that a holder checks although another one is nearer. */
  share: number
  /** From 0 to 1. */
  lot: number
}

/**
 * What we have to do for a key that we hold. Only settled peers take work from us: a newcomer does not hold yet what it is the nearest to.
 * Nothing that another holder says of itself counts, and lots see to it that one that does nothing is made good.
 * @returns undefined when it is others' turn.
 */
export function dutyOf({ near, self, replicas, why, share, lot }: DutyOptions): Duty | undefined {
  const holders = holdersAmong(near, replicas)
  const inside = holders.includes(self)
  let rank = 0
  for (const peer of near) {
    if (peer === self) break
    if (peer.settled) rank += 1
  }
  const isOurs =
    why.type === 'change'
      ? rank === why.turn
      : why.type === 'all' || rank === 0 || !inside || lot < share
  if (!isOurs) return undefined
  return { circle: holders.filter(h => h !== self).map(h => h.contact), inside }
}

/** Who shall hold a key, as a put chooses: the R nearest, of one subnet not more than two as long as there are others. */
export function holdersAmong(near: readonly Near[], replicas: number): Near[] {
  const holders: Near[] = []
  const crowding: Near[] = []
  const crowd = new Map<string, number>()
  for (const peer of near) {
    if (holders.length === replicas) break
    if (peer.subnets.some(subnet => (crowd.get(subnet) ?? 0) >= limits.subnetHoldersMax)) {
      crowding.push(peer)
      continue
    }
    holders.push(peer)
    for (const subnet of peer.subnets) crowd.set(subnet, (crowd.get(subnet) ?? 0) + 1)
  }
  return [...holders, ...crowding.slice(0, replicas - holders.length)]
}

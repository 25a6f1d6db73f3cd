import type { Contact, Millis, Place } from '../base/ports.ts'
import type { Near } from '../replicas/duty.ts'
import type { Neighbours } from '../replicas/neighbours.ts'
import { densityAt } from '../routing/density.ts'
import { compareDistance, headOf } from '../routing/distance.ts'
import { rarely } from '../routing/region.ts'
import { subnetsOf } from '../routing/subnet.ts'
import type { Core } from './core.ts'
import { deadline, findNearest, isCovered, networkNodes } from './core.ts'

/** Beyond R: for those passed over, and to find our own rank. */
const moreThanR = 12
/** Places whose neighbourhood the table does not know are looked up, so many in one round. */
const lookupsMax = 64

/** Whom each key is near to, as far as we know. */
export interface RepairView {
  readonly self: Near
  /** How long lookups took so far. */
  readonly waitedMs: Millis
  /** Nearest first, ourselves among them, without those passed over; undefined where we cannot tell. */
  near(place: Place): Promise<readonly Near[] | undefined>
  /** Ids were minted around the place: those that are nearer than we are do not talk us out of a copy. */
  isCrowded(place: Place, near: readonly Near[]): boolean
}

/** For one round. */
export function createView(
  core: Core,
  neighbours: Neighbours,
  avoids: (peer: string, nowMs: Millis) => boolean
): RepairView {
  const { table, network, placeOf, clock, parameters } = core
  const { replicas } = parameters
  const nowMs = clock.now()
  const known = new Map<Contact, Near>()
  const own = network.contact()
  const self: Near = { contact: own, subnets: subnetsOf(own), settled: true }
  let [lookups, waitedMs] = [0, 0]

  function see(contact: Contact): Near {
    let near = known.get(contact)
    if (!near) {
      const settled = neighbours.isSettled(contact.peer, nowMs)
      near = { contact, subnets: subnetsOf(contact), settled }
      known.set(contact, near)
    }
    return near
  }

  function fromTable(place: Place): Near[] {
    const found = table.nearest(place, replicas + moreThanR, { spares: true })
    const near = found.filter(({ peer }) => !avoids(peer, nowMs)).map(see)
    const isFarther = (n: Near) => compareDistance(place, placeOf(n.contact.peer), table.place) > 0
    const rank = near.findIndex(isFarther)
    near.splice(rank < 0 ? near.length : rank, 0, self)
    return near
  }

  return {
    self,
    get waitedMs() {
      return waitedMs
    },
    async near(place) {
      const near = fromTable(place)
      // What is near to us we know best; what is not may have neighbours that we never heard of.
      if (near.indexOf(self) < replicas || isCovered(core, place)) return near
      if (lookups === lookupsMax) return undefined
      lookups += 1
      const startMs = clock.now()
      const operation = { ...deadline(core, {}), reason: 'repair' as const }
      await findNearest(core, place, replicas, operation).catch(() => undefined)
      waitedMs += clock.now() - startMs
      return fromTable(place)
    },
    isCrowded(place, near) {
      const nodes = networkNodes(core)
      if (nodes === undefined) return false
      const nearest = near.map(n => (n === self ? table.place : placeOf(n.contact.peer)))
      const o = { target: place, nearest, wanted: replicas, nodes, ...rarely }
      return densityAt(o) === 'crowded'
    }
  }
}

/**
 * Tells at the cost of some 32-bit comparisons which keys a change touches: those to which one of `changed` is, or was, among the R nearest.
 * A few too many, since `known` need not be all.
 */
export function createTouch(o: {
  changed: readonly Place[]
  /** Places of the peers known now, and our own. */
  known: readonly Place[]
  replicas: number
}): (place: Place) => boolean {
  const changed = Uint32Array.from(o.changed, headOf)
  const known = Uint32Array.from(o.known, headOf)
  const isAmongNearest = (distance: number, head: number): boolean => {
    let nearer = 0
    for (const peer of known)
      if ((peer ^ head) >>> 0 < distance && ++nearer === o.replicas) return false
    return true
  }
  return place => {
    const head = headOf(place)
    return changed.some(other => isAmongNearest((other ^ head) >>> 0, head))
  }
}

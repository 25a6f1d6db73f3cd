import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import type { Candidate, Candidates } from '../routing/candidates.ts'
import type { Density } from '../routing/density.ts'
import { densityAt } from '../routing/density.ts'
import {
  eldersPerShell,
  Region,
  rarely,
  regionsTimes,
  shells,
  wantedInShell
} from '../routing/region.ts'
import type { Core, deadline } from './core.ts'
import { networkNodes, walk } from './core.ts'

type Operation = ReturnType<typeof deadline>

const shareOf = ({ parameters }: Core): number =>
  (parameters.regionShare ?? regionsTimes) * parameters.replicas

/** How crowded it is around `place`, by those of `candidates` that may be its holders, nearest first. */
export function densityOf(
  core: Core,
  place: Uint8Array,
  candidates: readonly Candidate[]
): Density {
  const nodes = networkNodes(core)
  if (nodes === undefined || shareOf(core) === 0) return 'natural'
  const nearest = candidates.map(c => c.place)
  return densityAt({ target: place, nearest, wanted: core.parameters.replicas, nodes, ...rarely })
}

/**
 * Those that live around `place`, as far as its holders would reach if nobody had crowded it. Begins anew with whom we know ourselves,
 * since a former lookup may have been led astray.
 */
export async function explore(
  core: Core,
  place: Uint8Array,
  operation: Operation
): Promise<Region | undefined> {
  const nodes = networkNodes(core)
  if (nodes === undefined || shareOf(core) === 0) return undefined
  const { placeOf, random, table, network } = core
  const region = new Region({ target: place, nodes, share: shareOf(core), placeOf })
  const roll = () => random.bytes(place.length)
  const requestsMax = Math.floor(limits.regionRequestsMax / shells)
  const look = async (point: Uint8Array): Promise<void> => {
    const { candidates } = await walk(core, point, wantedInShell, {
      ...operation,
      requestsMax,
      elders: eldersPerShell,
      eldersOnly: true
    })
    const isThere = (c: Candidate) => c.state !== 'failed' && c.contact.peer !== network.self
    region.hear(candidates.all.filter(isThere).map(c => c.contact))
  }
  region.hear(table.contacts())
  await Promise.all(region.places(roll).map(look))
  return region
}

export interface Wider {
  /** Copies wanted beyond the R nearest; 0 until it is known who else is there. */
  readonly wanted: number
  /** Those nearest to the key that would hold it stand closer together than chance puts them. */
  isDue(): boolean
  /** Where that is so, gives copies to others in the region as well. Whoever refuses is not replaced; never rejects. */
  run(offer: (contact: Contact) => Promise<unknown>, onReport: () => void): Promise<void>
}

/** Region-based storing: who minted ids nearer to a key than everybody else gets its copies, but is not the only one. */
export function createWider(
  core: Core,
  place: Uint8Array,
  candidates: Candidates,
  operation: Operation
): Wider {
  let wanted = 0
  const isDue = (): boolean => {
    const there = candidates.all.filter(c => c.state !== 'failed' && c.state !== 'refused')
    return densityOf(core, place, there) === 'crowded'
  }
  return {
    get wanted() {
      return wanted
    },
    isDue,
    async run(offer, onReport) {
      if (!isDue() || operation.signal.aborted) return
      const isNew = ({ peer }: Contact) => (candidates.get(peer)?.state ?? 'heard') === 'heard'
      const region = await explore(core, place, operation).catch(() => undefined)
      const roll = () => core.random.bytes(place.length)
      const most = shareOf(core) + core.parameters.replicas
      const drawn = (region?.draw(most, roll) ?? []).filter(isNew)
      const chosen = drawn.slice(0, shareOf(core))
      core.log.info('a key is crowded: stored in its region too', { peers: chosen.length })
      wanted = chosen.length
      const offered = chosen.map(contact => offer(contact).then(onReport, () => {}))
      await Promise.all(offered)
    }
  }
}

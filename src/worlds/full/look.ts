import { toHex } from '../../base/bytes.ts'
import type { Millis, PeerId } from '../../base/ports.ts'
import type { Look, SeenNode } from '../../sim/look.ts'
import type { VirtualNetwork } from '../../sim/network.ts'
import type { World } from '../../sim/world.ts'
import type { Holdings } from './holdings.ts'
import type { Population } from './population.ts'

interface Parts {
  world: World
  net: VirtualNetwork
  population: Pick<Population, 'members' | 'numbers'>
  holdings: Pick<Holdings, 'heldBy'>
}

export interface Looking {
  /** Hour zero is now. */
  begin(): void
  /** The run is over: this is the last moment. */
  end(): void
}

/** Before the run starts. */
export function lookInto(look: Look, { world, net, population, holdings }: Parts): Looking {
  let zeroMs: Millis | undefined
  let isSeen = false
  const sinceZero = () => (zeroMs === undefined ? null : world.nowMs - zeroMs)

  const { numbers } = population
  /** A spammer has a key and no number. */
  const nameOf = (peer: PeerId) => numbers.get(peer) ?? peer

  function* nodes(): Generator<SeenNode> {
    for (const { index, seed, isHostile } of population.members) {
      const known = seed?.table.contacts().map(({ peer }) => numbers.get(peer)) ?? []
      yield {
        ...{ node: index, online: seed !== undefined, hostile: isHostile },
        knows: known.filter(number => number !== undefined),
        holds: holdings.heldBy(index).map(({ key }) => toHex(key.subarray(0, 8)))
      }
    }
  }

  function see(): true {
    if (!isSeen) {
      isSeen = true
      net.onRequest = () => {}
      look.see({ atMs: sinceZero(), events: world.events, nodes: nodes() })
    }
    return true
  }

  world.watch(nextMs => {
    const isLater = zeroMs !== undefined && nextMs - zeroMs > look.atMs
    return (isLater || world.events >= look.events) && see()
  })
  return {
    begin() {
      zeroMs = world.nowMs
      if (isSeen || !look.request) return
      net.onRequest = (from, to, method) => {
        const fields = [nameOf(from.self), nameOf(to.self), method]
        look.request?.({ atMs: world.nowMs, type: 'request', fields })
      }
    },
    end: () => void see()
  }
}

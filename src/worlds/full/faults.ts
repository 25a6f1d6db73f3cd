import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import type { VirtualNetwork } from '../../sim/network.ts'
import type { VirtualNode } from '../../sim/node.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import type { Member, Population } from './population.ts'

const hourMs: Millis = 3_600_000

/** Sets the clock for everything that goes wrong. */
export function applyFaults(o: {
  world: World
  net: VirtualNetwork
  faults: Scenario['faults']
  population: Population
}): void {
  const { world, net, faults, population } = o
  const dice = world.dice('faults')
  const parts = new Set<ReadonlySet<VirtualNode>>()
  net.apart = (a, b) => {
    for (const part of parts) if (part.has(a) !== part.has(b)) return true
    return false
  }

  const some = (all: Iterable<Member>, share: number, which: 'oldest' | 'random') =>
    someOf([...all], dice, { share, which })
  const mortals = () => [...population.members].filter(({ stays }) => !stays)

  for (const fault of faults)
    world.after(fault.atHours * hourMs, () => {
      world.note('fault', fault.type)
      if (fault.type === 'die')
        for (const member of some(mortals(), fault.share, fault.which))
          population.die(member, { replaced: fault.replaced })
      if (fault.type !== 'partition') return
      const part = new Set(some(population.members, fault.share, 'random').map(({ node }) => node))
      parts.add(part)
      world.after(net.options.noticeMs, () => {
        for (const node of net.nodes.values()) node.noticeApart()
      })
      world.after(fault.hours * hourMs, () => {
        parts.delete(part)
        world.note('healed')
      })
    })
}

/** So many of all, in an order of their own. */
export function someOf<T extends { readonly index: number }>(
  all: T[],
  dice: Dice,
  { share, which }: { share: number; which: 'oldest' | 'random' }
): T[] {
  const count = Math.round(all.length * share)
  if (which === 'oldest') return all.sort((a, b) => a.index - b.index).slice(0, count)
  return Array.from({ length: count }, () => all.splice(dice.below(all.length), 1)[0]!)
}

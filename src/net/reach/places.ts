import { multiaddr } from '@multiformats/multiaddr'
import { isRelayed, scopeOf } from '../addresses.ts'

type Kind = 'local' | 'public' | 'relayed' | 'machine'
/** Two devices of a person are mostly in one house; else one may stand behind a router. */
const first: readonly (readonly [Kind, number])[] = [
  ['local', 2],
  ['public', 1],
  ['relayed', 1]
]
const order: readonly Kind[] = ['local', 'public', 'relayed']

/** Of all the places where a node may be dialled, those that a device of the same person should try, at most `max`. */
export function bestPlaces(places: readonly string[], max: number): string[] {
  const kinds = new Map<Kind, string[]>([...order, 'machine' as const].map(kind => [kind, []]))
  for (const place of places) {
    const address = multiaddr(place)
    // Only with the name of an interface, which another machine does not have.
    if (place.startsWith('/ip6/fe80:')) continue
    kinds.get(isRelayed(address) ? 'relayed' : scopeOf(address))?.push(place)
  }
  // Shorter in a code, and there in every house.
  for (const alike of kinds.values())
    alike.sort((a, b) => Number(b.startsWith('/ip4/')) - Number(a.startsWith('/ip4/')))
  const best = first.flatMap(([kind, count]) => kinds.get(kind)!.slice(0, count))
  const others = order.flatMap(kind => kinds.get(kind)!)
  const found = [...new Set([...best, ...others])].slice(0, max)
  // Where there is nothing else, the other one is on this machine.
  return found.length > 0 ? found : kinds.get('machine')!.slice(0, max)
}

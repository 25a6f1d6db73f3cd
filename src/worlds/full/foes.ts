import type { Contact, Millis, PeerId } from '../../base/ports.ts'
import { placeOfKey } from '../../routing/distance.ts'
import { goneIn, hostileMethods, inventedIn, makeHostile } from '../../sim/hostile.ts'
import type { Places } from '../../sim/keys.ts'
import { mintedPlace } from '../../sim/keys.ts'
import type { VirtualNetwork } from '../../sim/network.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { encodePing } from '../../wire/dht.ts'
import type { Holdings } from './holdings.ts'
import type { Member, Population } from './population.ts'

const hourMs: Millis = 3_600_000
/** Who is knocked at looks whether it knows the other, and asks it. */
const knockMs: Millis = 5_000

interface Parts {
  world: World
  net: VirtualNetwork
  scenario: Scenario
  places: Places
  holdings: Holdings
}

/** Those who keep to no rule. Source: docs/decisions/034-foes-in-worlds.md */
export class Foes {
  readonly #p: Parts
  readonly #accomplices: Contact[] = []
  readonly #peers = new Set<PeerId>()
  readonly #waiting = new Set<Member>()
  #isOn: boolean
  #gone: Contact[] | undefined
  #invented: Contact[] | undefined

  constructor(parts: Parts) {
    this.#p = parts
    this.#isOn = parts.scenario.adversaries?.fromHour === null
  }

  has(peer: PeerId): boolean {
    return this.#peers.has(peer)
  }

  /** It goes online. */
  opened(member: Member): void {
    if (!member.isHostile) return
    this.#accomplices.push(member.node.contact())
    this.#peers.add(member.node.self)
    if (this.#isOn) this.#corrupt(member)
    else this.#waiting.add(member)
  }

  /** At hour zero. @param run what else happens at the hour from which on they are hostile, where that is later. */
  begin(run: (atHour: number) => void): void {
    const { world, scenario } = this.#p
    const { fromHour = null } = scenario.adversaries ?? {}
    if (fromHour === null) return
    world.after(fromHour * hourMs, () => {
      world.note('turned', this.#waiting.size)
      this.#isOn = true
      for (const member of this.#waiting) this.#corrupt(member)
      this.#waiting.clear()
      run(fromHour)
    })
  }

  /** Ids minted around `key` make themselves known to everybody; resolves when they have. */
  async eclipse(key: Uint8Array, count: number, population: Population): Promise<void> {
    const { world } = this.#p
    const dice = world.dice('minted')
    const target = placeOfKey(key)
    const minted = Array.from({ length: count }, () =>
      population.recruit(mintedPlace(target, dice.bytes(32)))
    )
    world.note('eclipsed', count)
    const knock = encodePing(null)
    const knocks = minted.flatMap(({ node }) =>
      population.online
        .filter(member => member.isServer && !member.isHostile)
        .map(other => node.request(other.node.contact(), 'ping', knock, { timeoutMs: knockMs }))
    )
    await Promise.allSettled(knocks)
    await new Promise<void>(resolve => world.after(knockMs, resolve))
  }

  #corrupt(member: Member): void {
    const { world, places, holdings, scenario } = this.#p
    const { node } = member
    const { behaviour } = scenario.adversaries!
    holdings.distrust(member.index)
    void empty(member)
    makeHostile(behaviour === 'eclipse' ? 'steer' : behaviour, {
      keys: node.keys,
      clock: world.clock,
      placeOf: places.placeOf,
      serve: (method, handler) => node.serve(method, handler),
      honest: Object.fromEntries(hostileMethods.map(method => [method, node.handler(method)])),
      accomplices: this.#accomplices,
      gone: behaviour === 'stale' ? this.#goneNodes() : [],
      invented: behaviour === 'flood' ? this.#inventedNodes() : []
    })
  }

  #goneNodes(): Contact[] {
    return (this.#gone ??= this.#dead(goneIn(this.#p.scenario.nodes)))
  }

  #inventedNodes(): Contact[] {
    return (this.#invented ??= this.#dead(inventedIn(this.#p.scenario.nodes)))
  }

  /** On the network's books, so that who asks them waits, and is counted. */
  #dead(count: number): Contact[] {
    return Array.from({ length: count }, () => {
      const node = this.#p.net.add()
      node.kill()
      return node.contact()
    })
  }
}

/** What it took while it kept to the rules; its own repair shall not bring it to others. */
async function empty({ store }: Member): Promise<void> {
  for await (const { key } of store.entries()) await store.drop(key)
}

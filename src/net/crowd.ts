import type { Connection, MultiaddrConnection } from '@libp2p/interface'
import { subnetOf } from '../routing/subnet.ts'

/** Of the connections that are wanted, how many one host and one subnet may have: so that one place cannot keep all others out. */
const hostShare = 1 / 4
const subnetShare = 1 / 2
/** A household or an office behind one address must not be shut out where few connections are kept. */
const hostLeast = 8
const subnetLeast = 16

type Address = Pick<Connection, 'remoteAddr'>

/** Which subnet a connection comes from. `groupLocal` counts loopback and private ranges as well. */
export class Subnets {
  readonly #groupLocal: boolean
  readonly #known = new WeakMap<Address, string>()

  constructor(groupLocal: boolean) {
    this.#groupLocal = groupLocal
  }

  /** @returns undefined for what is not grouped. Of a relayed connection it is the relay's. */
  of(connection: Address): string | undefined {
    let subnet = this.#known.get(connection)
    if (subnet === undefined) {
      subnet = subnetOf(`${connection.remoteAddr}/`, this.#groupLocal) ?? ''
      this.#known.set(connection, subnet)
    }
    return subnet === '' ? undefined : subnet
  }
}

/** Connections that others made to us, by host and by subnet; refuses more than one place may have. */
export class Crowd {
  readonly #subnets: Subnets
  readonly #hostMax: number
  readonly #subnetMax: number
  readonly #counts = new Map<string, number>()

  /** @param connections wanted at once. */
  constructor(connections: number, subnets: Subnets) {
    this.#subnets = subnets
    this.#hostMax = Math.max(hostLeast, Math.floor(connections * hostShare))
    this.#subnetMax = Math.max(subnetLeast, Math.floor(connections * subnetShare))
  }

  /** Counts a connection until it closes. @returns false when its host or subnet has its share. */
  enter(connection: MultiaddrConnection): boolean {
    const subnet = this.#subnets.of(connection)
    if (subnet === undefined) return true
    const host = `host ${hostOf(connection)}`
    if (this.#count(host) >= this.#hostMax || this.#count(subnet) >= this.#subnetMax) return false
    for (const name of [host, subnet]) this.#counts.set(name, this.#count(name) + 1)
    const leave = () => {
      for (const name of [host, subnet]) this.#drop(name)
    }
    if (connection.status === 'open') connection.addEventListener('close', leave, { once: true })
    else leave()
    return true
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  #drop(name: string): void {
    const left = this.#count(name) - 1
    if (left > 0) this.#counts.set(name, left)
    else this.#counts.delete(name)
  }
}

/** An IPv4 address, or the network of an IPv6 one (a /64), of which a host has more addresses than it needs. */
export function hostOf({ remoteAddr }: Address): string {
  const { value = '' } = remoteAddr.getComponents()[0] ?? {}
  return value.includes(':') ? value.split(':').slice(0, 4).join(':') : value
}

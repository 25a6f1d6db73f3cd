import { toHex } from '../../base/bytes.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { KeptAddress, WantedAddress } from '../../wire/pod-addresses.ts'
import type { Policy } from '../requests/request.ts'
import type { AddressHome } from './home.ts'
import type { Published } from './published.ts'
import type { FormerPlace, OwnPlace } from './relation-rows.ts'
import type { Relations } from './relations.ts'
import { placesOf } from './relations.ts'

export interface RegisterParts {
  home: Omit<AddressHome, 'place'>
  relations: Pick<Relations, 'all' | 'at'>
  published: Pick<Published, 'all' | 'at'>
  /** What the person said about letters of a sender. */
  policyOf: (alias: string) => Policy | null
  /** No other device of ours makes addresses. */
  isAlone: () => boolean
  clock: Clock
  life: AbortSignal
}

const dayMs = 24 * 3_600_000
/** One with less left is named anew. */
const renewBeforeMs: Millis = 200 * dayMs
/** Another device may have made what we do not know, and not have told us yet. */
const strangeMs: Millis = 14 * dayMs

/** Keeps what our pods have of our addresses as we want it: what a pod says it has is compared, and the difference asked for. */
export class Register {
  readonly #parts: RegisterParts
  /** As each pod has them, by hostname. */
  readonly #there = new Map<string, Map<string, KeptAddress>>()
  /** Since when a pod has an address that nobody here knows, by address. */
  readonly #strange = new Map<string, Millis>()

  constructor(parts: RegisterParts) {
    this.#parts = parts
  }

  /** What the pod has is looked at anew the next time. */
  refresh(pod: string): void {
    this.#there.delete(pod)
  }

  /**
   * Resolves when a pod has all that we want it to have.
   * @returns whether it had some that we gave away and know nothing of: they were lost here.
   * @throws {MuttrError} as {@link AddressHome.change}
   */
  async bring(pod: string): Promise<boolean> {
    const { home, life } = this.#parts
    const there = await this.#known(pod)
    const wanted = this.#wanted(pod)
    const set = [...wanted.values()].filter(one => this.#isNews(one, there))
    const over = [...there.values()].filter(({ address }) => !wanted.has(toHex(address)))
    const lost = over.filter(({ address }) => !this.#isOurs(address))
    const drop = over.filter(one => !lost.includes(one) || this.#isForgotten(one))
    if (set.length + drop.length === 0) return false
    const changes = { set, drop: drop.map(({ address }) => address) }
    // What the pod has is not known until it has answered.
    this.#there.delete(pod)
    await home.change(pod, changes, life)
    for (const one of set) there.set(toHex(one.address), this.#kept(one))
    for (const address of changes.drop) {
      there.delete(toHex(address))
      this.#strange.delete(toHex(address))
    }
    this.#there.set(pod, there)
    return drop.some(one => lost.includes(one))
  }

  /** What waits at addresses of senders about whom we are to be asked comes now. @returns how many notices */
  async ask(pod: string): Promise<number> {
    const { home, life } = this.#parts
    const addresses = [...this.#wanted(pod).values()].flatMap(({ address, policy }) =>
      policy === 'ask' ? [address] : []
    )
    return addresses.length === 0 ? 0 : await home.ask(pod, addresses, life)
  }

  /** What each of our addresses there has, as the pod said last. */
  async all(pod: string): Promise<KeptAddress[]> {
    this.refresh(pod)
    return [...(await this.#known(pod)).values()]
  }

  async #known(pod: string): Promise<Map<string, KeptAddress>> {
    const known = this.#there.get(pod)
    if (known) return known
    const { home, life } = this.#parts
    const all = await home.all(pod, life)
    const there = new Map(all.map(one => [toHex(one.address), one]))
    this.#there.set(pod, there)
    return there
  }

  #wanted(pod: string): Map<string, WantedAddress> {
    const { relations, published, policyOf, clock } = this.#parts
    const nowMs = clock.now()
    const wanted = new Map<string, WantedAddress>()
    const add = (one: WantedAddress) => wanted.set(toHex(one.address), one)
    for (const relation of relations.all())
      for (const place of placesOf(relation)) {
        const untilMs = isFormer(place) ? place.untilMs : null
        if (place.key !== null || place.pod !== pod || (untilMs !== null && untilMs <= nowMs))
          continue
        const policy = policyOf(relation.them) ?? 'pull'
        add({ address: place.address, policy, untilMs, uses: null })
      }
    for (const { address, untilMs, uses, pod: at } of published.all())
      if (at === pod && (untilMs === null || untilMs > nowMs))
        add({ address, policy: 'pull', untilMs, uses })
    return wanted
  }

  #isNews(one: WantedAddress, there: ReadonlyMap<string, KeptAddress>): boolean {
    const kept = there.get(toHex(one.address))
    if (!kept || kept.policy !== one.policy) return true
    // The pod was cut off before it handed that over.
    if (one.policy === 'pull' && kept.waiting > 0) return true
    if (one.untilMs !== null) return kept.untilMs > one.untilMs
    return kept.untilMs - this.#parts.clock.now() < renewBeforeMs
  }

  #isOurs(address: Uint8Array): boolean {
    const { relations, published } = this.#parts
    return relations.at(address) !== undefined || published.at(address) !== undefined
  }

  #isForgotten({ address }: KeptAddress): boolean {
    const { isAlone, clock } = this.#parts
    if (isAlone()) return true
    const key = toHex(address)
    const sinceMs = this.#strange.get(key) ?? clock.now()
    this.#strange.set(key, sinceMs)
    return sinceMs + strangeMs <= clock.now()
  }

  #kept({ address, policy, uses, untilMs }: WantedAddress): KeptAddress {
    const lastMs = this.#parts.clock.now() + 2 * renewBeforeMs
    return { address, policy, uses, untilMs: Math.min(untilMs ?? lastMs, lastMs), waiting: 0 }
  }
}

const isFormer = (place: OwnPlace | FormerPlace): place is FormerPlace => 'untilMs' in place

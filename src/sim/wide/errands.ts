import type { Foes } from './foes.ts'
import type { Requests } from './requests.ts'
import { kind } from './requests.ts'
import type { Walker } from './walk.ts'

interface Parts {
  requests: Requests
  foes: Foes
  /** For so many nodes one stands. */
  stride: number
}

/** Counts what nodes send each of which stands for others. */
export class Errands {
  readonly #p: Parts

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** @param what of {@link kind}. @param vain of them, where nobody could be dialled. */
  sent(node: number, what: number, count: number, vain = 0): void {
    const { requests, foes, stride } = this.#p
    requests.add(what, count * stride, vain * stride)
    if (foes.has(node)) requests.hostile += (count - vain) * stride
  }

  /** A lookup, and pings of whom others named in it. */
  lookedUp(node: number, what: number, of: Pick<Walker, 'requests' | 'vain' | 'pings'>): void {
    this.sent(node, what, of.requests, of.vain)
    this.sent(node, kind['ping, candidate'], of.pings, of.pings)
  }
}

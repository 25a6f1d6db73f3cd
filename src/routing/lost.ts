import type { Contact, Millis, PeerId } from '../base/ports.ts'
import { lost } from './upkeep.ts'

interface Entry {
  contact: Contact
  readonly sinceMs: Millis
  tries: number
  triedMs: Millis
}

const mostMs: Millis = 3_600_000
/** Who is away for longer is no longer thought of. */
const forgottenMs: Millis = 86_400_000
/** So long they count as nodes of the network that are away; then those who are left are a small network. */
const countedMs: Millis = 600_000

/**
 * Peers that left the table because they were silent. Some are gone for good; but where a network falls apart and grows together again it is
 * all of the other side, and nobody who is left can name them. Sans-IO. Source: docs/protocol/dht.md#the-routing-table
 */
export class Lost {
  readonly #entries = new Map<PeerId, Entry>()

  /** It left the table. */
  add(contact: Contact, nowMs: Millis): void {
    const known = this.#entries.get(contact.peer)
    this.#entries.delete(contact.peer)
    const sinceMs = known?.sinceMs ?? nowMs
    this.#entries.set(contact.peer, { contact, sinceMs, tries: known?.tries ?? 0, triedMs: nowMs })
    if (this.#entries.size > lost.most) this.#entries.delete(this.#entries.keys().next().value!)
  }

  has(peer: PeerId): boolean {
    return this.#entries.has(peer)
  }

  /** It is in the table. @returns whether it was lost: then others may be back as well, and are due a minute after their last try. */
  found(peer: PeerId): boolean {
    if (!this.#entries.delete(peer)) return false
    for (const entry of this.#entries.values()) entry.tries = 0
    return true
  }

  /** Whom to ask for a sign of life now, each less and less often. */
  due(nowMs: Millis, count: number): Contact[] {
    const due: Contact[] = []
    for (const [peer, entry] of this.#entries) {
      if (nowMs - entry.sinceMs > forgottenMs) this.#entries.delete(peer)
      else if (
        due.length < count &&
        nowMs - entry.triedMs >= Math.min(lost.firstMs * 2 ** entry.tries, mostMs)
      ) {
        entry.tries += 1
        entry.triedMs = nowMs
        due.push(entry.contact)
      }
    }
    return due
  }

  /** Those lost lately. */
  lately(nowMs: Millis): Contact[] {
    return [...this.#entries.values()]
      .filter(({ sinceMs }) => nowMs - sinceMs <= countedMs)
      .map(({ contact }) => contact)
  }
}

import type { Contact } from '../base/ports.ts'

const keyBytes = 32
const addressBytes = 6
const recordBytes = keyBytes + addressBytes
/** Contacts that share a set replace each other in turn. */
const ways = 4
const setBits = 13
const slots = ways << setBits

/**
 * Contacts of the usual kind, a key and one address of six bytes, each as one object for as long as it is remembered: the latest some 30,000.
 * A seed hears of the same peers again and again, so whoever is looked for is found by bytes that stand side by side, without an object for
 * each part of it.
 */
export class KnownContacts {
  /** The first bytes of each key. */
  readonly #heads = new Int32Array(slots)
  readonly #records = new Uint8Array(slots * recordBytes)
  readonly #contacts: (Contact | undefined)[] = new Array(slots).fill(undefined)
  #turn = 0

  /** The key stands in `a` from `i` on, the address in `b` from `j` on. */
  find(a: Uint8Array, i: number, b: Uint8Array, j: number): Contact | undefined {
    const head = headAt(a, i)
    const first = setOf(head)
    for (let slot = first; slot < first + ways; slot++)
      if (this.#heads[slot] === head && this.#isAt(slot, a, i, b, j)) return this.#contacts[slot]
    return undefined
  }

  remember(key: Uint8Array, address: Uint8Array, contact: Contact): void {
    const head = headAt(key, 0)
    this.#turn = (this.#turn + 1) % ways
    const slot = setOf(head) + this.#turn
    this.#heads[slot] = head
    this.#records.set(key, slot * recordBytes)
    this.#records.set(address, slot * recordBytes + keyBytes)
    this.#contacts[slot] = contact
  }

  #isAt(slot: number, a: Uint8Array, i: number, b: Uint8Array, j: number): boolean {
    const records = this.#records
    const at = slot * recordBytes
    for (let n = 0; n < keyBytes; n++) if (records[at + n] !== a[i + n]) return false
    for (let n = 0; n < addressBytes; n++) if (records[at + keyBytes + n] !== b[j + n]) return false
    return true
  }
}

const headAt = (key: Uint8Array, at: number): number =>
  (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!

const setOf = (head: number): number => ways * (head >>> (32 - setBits))

import type { Emit } from '../../base/events.ts'
import type { Clock } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { beforeRevocation } from '../../keys/revoke.ts'
import { isLost } from '../../keys/succession.ts'
import type { ContactRow } from '../contact-rows.ts'
import type { ContactStore } from '../contact-store.ts'
import type { Known, Signer } from '../contacts.ts'
import type { PodQuestions } from '../pod-questions.ts'
import type { Self } from '../self.ts'
import type { Following } from './follow.ts'
import { follow, formerKey, isForked, isOfBefore, lastKnown } from './follow.ts'

export interface FollowerParts {
  store: Pick<ContactStore, 'all'>
  self: Pick<Self, 'closet'>
  clock: Clock
  crypto: Crypto
  emit: Emit
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  /** @throws {MuttrError} `HOME_DAMAGED` */
  parse(bytes: Uint8Array): Promise<Certificate>
  change(known: Known, changes: Partial<ContactRow>): Promise<unknown>
  /** Pins another key under the alias. */
  move(known: Known, to: Certificate, changes: Partial<ContactRow>): Promise<unknown>
}

/** Moves a contact's pin after its owner, and stops where two claim to be that. Source: docs/protocol/succession.md#following */
export class Follower {
  readonly #parts: FollowerParts

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  /**
   * The pod shows this key. Where it is another than the pinned one and that leads to it, it is pinned now.
   * @returns whether a key that is known, pinned or from a card, names the shown one as its successor.
   * @throws {MuttrError} `VAULT_LOCKED`; as {@link PodLink.successor}
   */
  async shown(
    alias: string,
    shown: Certificate,
    { link, pinned }: { link: PodQuestions; pinned: Known | undefined }
  ): Promise<boolean> {
    const { vouched, clock, crypto } = this.#parts
    const how = { link, alias, nowMs: clock.now(), crypto }
    if (pinned?.certificate.pin === shown.pin) await this.#lookBack(pinned, how)
    else if (pinned) return await this.#follow(pinned, shown, how)
    const told = Object.hasOwn(vouched, alias) ? vouched[alias] : undefined
    if (pinned || told === undefined || told === shown.fingerprint) return false
    return (await formerKey(told, shown, how)) !== undefined
  }

  /** As {@link Contacts.signer}. */
  async signer({ certificate, row }: Known, fingerprint: string): Promise<Signer | undefined> {
    if (certificate.fingerprint === fingerprint) return { certificate, untilMs: Infinity }
    const { followed } = row
    if (!isOfBefore(followed, fingerprint, this.#parts.clock.now())) return undefined
    const from = await this.#parts.parse(followed.from)
    if (await isLost(from)) return undefined
    return { certificate: await beforeRevocation(from), untilMs: followed.atMs }
  }

  async #follow(pinned: Known, shown: Certificate, how: Following): Promise<boolean> {
    const { emit, self, parse, move } = this.#parts
    const { alias, certificate: from, row } = pinned
    const left = row.followed?.pins ?? []
    const way = await follow(from, shown, left, how)
    if (!way) {
      const before = row.followed && (await parse(row.followed.from))
      if (before && (await isForked(before, from.pin, how)))
        await this.#dispute(pinned, shown.fingerprint)
      return false
    }
    self.closet() // who has the old key elsewhere is seen with an open vault alone
    const rivals = await this.#rivals(alias, [...way.pins, shown.pin])
    for (const rival of rivals) await this.#dispute(rival, shown.fingerprint)
    if (rivals[0]) {
      await this.#dispute(pinned, rivals[0].certificate.fingerprint)
      return false
    }
    const { last, atMs, pins } = way
    const followed = {
      ...{ from: last.bytes, fromFingerprint: last.fingerprint, atMs },
      pins: [...left, ...pins].slice(-leftMax)
    }
    const fresh = { pinnedMs: how.nowMs, verified: false, changed: null, route: null }
    await move(pinned, shown, { ...fresh, followed })
    emit({ type: 'followed', alias, from: from.fingerprint, to: shown.fingerprint, atMs })
    return true
  }

  /** While letters of the key before may be under way, its owner may still say that it was somebody else's already. */
  async #lookBack(known: Known, how: Following): Promise<void> {
    const { followed, disputed } = known.row
    if (!followed || disputed || !isOfBefore(followed, followed.fromFingerprint, how.nowMs)) return
    const before = await lastKnown(await this.#parts.parse(followed.from), how)
    if (!before || !(await isLost(before))) return
    await this.#dispute(known, before.fingerprint, {
      followed: { ...followed, from: before.bytes }
    })
  }

  /** Contacts who left one of these keys too, each of which names the next, and went another way. */
  async #rivals(alias: string, way: readonly string[]): Promise<Known[]> {
    const found: Known[] = []
    for await (const other of this.#parts.store.all()) {
      const { pins = [] } = other.row.followed ?? {}
      const at = pins.findIndex(pin => way.indexOf(pin) >= 0 && pin !== way.at(-1))
      if (other.alias === alias || at < 0) continue
      const certificate = await this.#parts.parse(other.row.certificate)
      const next = way[way.indexOf(pins[at]!) + 1]
      if ((pins[at + 1] ?? certificate.pin) !== next) found.push({ ...other, certificate })
    }
    return found
  }

  async #dispute(known: Known, other: string, more: Partial<ContactRow> = {}): Promise<void> {
    if (known.row.disputed === other) return
    await this.#parts.change(known, { ...more, disputed: other })
    const { alias, certificate } = known
    this.#parts.emit({ type: 'disputed', alias, pinned: certificate.fingerprint, shown: other })
  }
}

/** Of keys that were left, so many are remembered. */
export const leftMax = 64

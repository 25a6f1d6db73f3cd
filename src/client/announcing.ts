import { sha256 } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { AddressPlace } from '../wire/address.ts'
import { sealNotice } from './compose.ts'
import type { Known } from './contacts.ts'
import type { JourneyParts } from './journey.ts'
import type { Passing } from './passing.ts'
import type { PodLink } from './pod-link.ts'
import type { PodQuestions } from './pod-questions.ts'
import type { SentRow } from './sent-rows.ts'
import { moveTo, podOf } from './sent-rows.ts'
import { within } from './waiting.ts'

type Parts = Pick<
  JourneyParts,
  | 'contacts'
  | 'addresses'
  | 'pods'
  | 'life'
  | 'crypto'
  | 'clock'
  | 'emit'
  | 'skew'
  | 'store'
  | 'log'
> & {
  passing: Passing
  /** Makes the slip of a letter that has none yet. */
  slip(row: SentRow, known: Known): Promise<void>
}

/** A sealed notice, and where it goes: to an own pod, or to the reader's. */
export interface Prepared {
  readonly notice: Uint8Array
  /** The reader's pod, or the way to it; undefined where an own pod is given the notice. */
  readonly readers: PodQuestions | undefined
  readonly own: PodLink | undefined
}

/** Which way a notice goes that an own pod was given before. */
export type Way = 'any' | 'direct'

/** The own pod usually has the receipt at once: who sends is told so. */
const shortlyMs = 2_000
const longMs: Millis = 3_600_000

/** Tells the reader's pod of a letter: through the sender's own, where there is one, else from here. Source: docs/protocol/federation.md */
export class Announcing {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Makes the notice ready while the letter is being stored. */
  async prepare(row: SentRow, known: Known, way: Way = 'any'): Promise<Prepared> {
    const { crypto } = this.#parts
    await this.#parts.slip(row, known)
    const { address, hpkeKey } = row.place ?? (await this.#intro(row))
    const { key, sizeBytes, expiryMs, slip } = row
    const body = {
      address,
      key: new Uint8Array(Buffer.from(key!, 'hex')),
      sizeBytes,
      expiryMs,
      slip: slip!
    }
    const [own, notice] = await Promise.all([
      way === 'any' ? this.#ownPod(row) : undefined,
      sealNotice(body, hpkeKey, crypto)
    ])
    return { notice, own, readers: own ? undefined : await this.#readersPod(row) }
  }

  /** @returns whether the reader's pod has signed for it; else an own pod has it. */
  async announce(row: SentRow, known: Known, prepared: Prepared): Promise<boolean> {
    const { passing, emit, log } = this.#parts
    const { own: link, notice, readers } = prepared
    if (!link) {
      await this.#submit(row, known, readers ?? (await this.#readersPod(row)), notice)
      return true
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    using _waiting = passing.expect(row.id, resolve)
    if (!(await passing.give(row, { link, notice }))) {
      await this.#submit(row, known, await this.#readersPod(row), notice)
      return true
    }
    row.waiting = null
    emit({ type: 'handed', letter: row.id, pod: link.hostname })
    const { clock, life } = this.#parts
    await within(promise, { clock, timeoutMs: shortlyMs }).catch(() => undefined)
    const way = passing.hasNews(row.id) ? await this.follow(row, life) : 'waits'
    if (way !== 'any' && way !== 'direct') return way === 'done'
    log.info('the own pod did not pass a notice on', { pod: link.hostname })
    const again = await this.prepare(row, known, way)
    await this.#submit(row, known, again.readers ?? (await this.#readersPod(row)), again.notice)
    return true
  }

  /** Looks what became of a notice that an own pod was given. @returns which way to go when nobody takes care of it. */
  async follow(row: SentRow, signal: AbortSignal): Promise<'done' | 'waits' | 'overdue' | Way> {
    const { passing } = this.#parts
    const handed = passing.of(row.id)
    if (!handed) return 'any'
    if (handed.to !== podOf(row)) {
      // They have moved since.
      await passing.forget(row.id, signal)
      return 'any'
    }
    const fate = await passing.fate(row.id, handed, signal)
    if (fate.type === 'receipt') {
      this.#announced(row, fate.announced, handed.atMs)
      await this.#parts.store.save(row)
      await passing.forget(row.id, signal)
      return 'done'
    }
    if (fate.type !== 'lost') return fate.type
    await passing.forget(row.id, signal)
    if (fate.isSealedWrong) await this.#forgetKey(row)
    return fate.again ? 'any' : 'direct'
  }

  /** Whether an own pod has had a notice for so long that the reader's must be away. */
  waitsLong(row: SentRow): boolean {
    const { passing, clock } = this.#parts
    const handed = passing.of(row.id)
    return handed !== undefined && handed.atMs + longMs <= clock.now()
  }

  async #submit(row: SentRow, known: Known, link: PodQuestions, notice: Uint8Array): Promise<void> {
    const { clock } = this.#parts
    const startMs = clock.now()
    const submit = async (by: PodQuestions, sealed: Uint8Array) => ({
      ...(await by.submit(sealed)),
      hash: sha256(sealed)
    })
    const { atMs, signature, podPeer, hash } = await submit(link, notice).catch(async err => {
      if (codeOf(err) !== 'NOTICE_INVALID') throw err
      await this.#forgetKey(row) // and ask for the new one, once
      const again = await this.prepare(row, known, 'direct')
      return submit(again.readers ?? (await this.#readersPod(row)), again.notice)
    })
    const announced = { pod: link.hostname, peer: podPeer, notice: hash, atMs, signature }
    this.#announced(row, announced, startMs)
  }

  #announced(row: SentRow, announced: NonNullable<SentRow['announced']>, startMs: number): void {
    const { clock, emit, skew, addresses } = this.#parts
    const { pod, atMs } = announced
    skew.seen(atMs)
    row.announced = announced
    // Announced anew it may have been accepted or withdrawn meanwhile.
    if (row.stage === 'stored') row.stage = 'announced'
    row.waiting = null
    emit({ type: 'announced', letter: row.id, pod, ms: clock.now() - startMs })
    addresses.announced(row)
  }

  /** A link to the own pod of the alias that the letter is from; undefined where the notice does not go that way now. */
  async #ownPod(row: SentRow): Promise<PodLink | undefined> {
    const { passing, pods, life, log } = this.#parts
    const own = passing.way(row)
    if (own === undefined) return undefined
    try {
      return await pods.identified(own, life)
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      log.info('a notice goes past the own pod', { pod: own, code: codeOf(err) })
      return undefined
    }
  }

  #readersPod(row: SentRow): Promise<PodQuestions> {
    const { pods, life } = this.#parts
    return pods.questions(podOf(row), life)
  }

  async #intro(row: SentRow): Promise<Pick<AddressPlace, 'address' | 'hpkeKey'>> {
    const { contacts, life } = this.#parts
    const { known, route } = await contacts.route(row.to, life)
    moveTo(row, known.alias)
    const { intro, hpkeKey } = route
    return { address: intro, hpkeKey }
  }

  /** The pod has another key than the one that the notice was sealed to. */
  async #forgetKey(row: SentRow): Promise<void> {
    const { contacts, addresses } = this.#parts
    await contacts.forgetRoute(row.to)
    if (!row.place) return
    await addresses.refused(row)
    row.place = null
    row.slip = null
  }
}

import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { errorCodes, MuttrError } from '../base/errors.ts'
import type { Random } from '../base/ports.ts'
import { readAlias } from '../pod/alias.ts'
import type { Draft, SentLetter, SentState } from './client.ts'
import type { CheckedDraft } from './compose.ts'
import { checkDraft, makeSecrets } from './compose.ts'
import { failureOf } from './failure.ts'
import type { Entry, JourneyParts } from './journey.ts'
import { Journey } from './journey.ts'
import type { Outbox } from './outbox.ts'
import { throwDice } from './retry.ts'
import type { SentRow, SentSecret } from './sent-rows.ts'
import { abortable } from './waiting.ts'

export interface CourierParts extends JourneyParts {
  outbox: Outbox
  random: Random
  /** A received letter's thread, and the own alias that it was written to. */
  received: (id: string) => Promise<{ thread: Uint8Array; to: string } | undefined>
}

/** The answer to a person who asks for an impossible thing just now; all other failures let the letter wait. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ALIAS_UNKNOWN',
  'ALIAS_INVALID',
  'POD_UNKNOWN',
  'POD_CHANGED',
  'KEY_CHANGED',
  'KEY_INVALID',
  'SIGNATURE_INVALID',
  'LETTER_TOO_LARGE'
])

/** The letter that one answers, and the own alias it went to or came from. */
interface Answered {
  id: Uint8Array
  thread: Uint8Array
  from: string
}

/**
 * Takes letters from the person to the network: sealed, stored at W seeds, announced to the reader's pod. What a failure leaves
 * undone is tried again, each step on its own, until the letter expires. Source: docs/protocol/letter.md#the-outbox
 */
export class Courier implements AsyncDisposable {
  readonly #parts: CourierParts
  readonly #journey: Journey
  readonly #entries = new Map<string, Entry>()
  readonly #attempts = new Set<Promise<void>>()
  /** Who waits for the first attempt of a letter: told how it failed, if it did. */
  readonly #firsts = new Map<string, (failure: unknown) => void>()
  #timer: Disposable | undefined

  constructor(parts: CourierParts) {
    this.#parts = parts
    this.#journey = new Journey(parts)
  }

  /** Takes up what a former run left. */
  async start(): Promise<void> {
    const { store, outbox, clock } = this.#parts
    for (const row of await store.pending()) {
      this.#entries.set(row.id, { row, blob: null })
      const { id, expiryMs, failures, waiting } = row
      outbox.add({ id, expiryMs, failures, dueMs: waiting?.retryAtMs ?? clock.now() })
    }
    // Tried at once, but out of turn: many short runs without a network must not make the waits long.
    this.wake()
  }

  get waiting(): number {
    return this.#parts.outbox.size
  }

  /** Something changed for the better: for one pod, or for the network as a whole. */
  wake(which: (row: SentRow) => boolean = () => true): void {
    const { outbox, clock } = this.#parts
    outbox.wake(clock.now(), id => {
      const entry = this.#entries.get(id)
      return entry !== undefined && which(entry.row)
    })
    this.#pump()
  }

  /**
   * Resolves when the letter is on the disk and was tried once, or when `signal` aborts after it is on the disk.
   * @throws {MuttrError} nothing is kept then: `VAULT_LOCKED`, `ALIAS_MISSING`, `ALIAS_UNKNOWN`, `KEY_CHANGED`, `LETTER_TOO_LARGE`,
   *   `DISK_FULL`, `CANCELLED`, …
   */
  async send(draft: Draft, signal?: AbortSignal): Promise<SentLetter> {
    const { store, outbox, clock, self, contacts, life } = this.#parts
    const journey = this.#journey
    const nowMs = clock.now()
    const checked = checkDraft(draft, nowMs)
    const parent = draft.parent === undefined ? null : await this.#parent(draft.parent)
    const from = this.#fromOf(draft, parent?.from)
    const secret = this.#secretOf(parent, checked)
    const entry: Entry = { row: this.#newRow(from, checked, nowMs), blob: null }
    const { row } = entry
    const known = await contacts.known(checked.to)
    if (known) await journey.seal(entry, await contacts.recipient(known.alias, life), secret)
    if (signal?.aborted) throw new MuttrError('CANCELLED', 'the letter was not sent')
    const writing = store.insert(row, secret, entry.blob, self.closet())
    // The disk takes its time: sign meanwhile. A slip that cannot be made now is made later, or says why it cannot.
    if (known) await journey.slip(row, known).catch(() => undefined)
    await writing
    this.#entries.set(row.id, entry)
    outbox.add({ id: row.id, expiryMs: row.expiryMs, failures: 0, dueMs: nowMs })
    await this.#firstAttempt(row, signal)
    return this.#show(row, checked.subject)
  }

  async sent(limit: number): Promise<SentLetter[]> {
    const { store, self } = this.#parts
    const closet = self.closet()
    const rows = await store.list({ limit })
    return Promise.all(
      rows.map(async row => {
        const live = this.#entries.get(row.id)?.row ?? row
        const secret = await store.secret(row.id, closet).catch(() => undefined)
        return this.#show(live, secret?.subject ?? '')
      })
    )
  }

  async #firstAttempt(row: SentRow, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.#firsts.set(row.id, resolve)
    this.#pump()
    const failure = await abortable(promise, signal).catch(() => undefined)
    const { code } = failureOf(failure)
    if (failure === undefined || row.stage !== 'draft' || !final.has(code)) return
    this.#parts.outbox.finished(row.id)
    this.#entries.delete(row.id)
    await this.#parts.store.remove(row)
    throw failure
  }

  /** Starts what is due, and sets the clock for what is due next. */
  #pump(): void {
    const { outbox, clock, life } = this.#parts
    if (life.aborted) return
    for (const { type, id } of outbox.poll(clock.now())) {
      const entry = this.#entries.get(id)
      if (!entry) outbox.finished(id)
      else if (type === 'expire') this.#expire(entry)
      else this.#try(entry)
    }
    this.#timer?.[Symbol.dispose]()
    const nextMs = outbox.nextMs()
    if (nextMs === undefined) return
    this.#timer = clock.after(Math.max(0, nextMs - clock.now()), () => this.#pump())
  }

  #try(entry: Entry): void {
    const { id } = entry.row
    const done: Promise<void> = this.#journey
      .attempt(entry)
      .then(
        () => {
          this.#parts.outbox.finished(id)
          this.#entries.delete(id)
        },
        async err => {
          await this.#failed(entry, err)
          return err
        }
      )
      .then(failure => {
        this.#attempts.delete(done)
        this.#firsts.get(id)?.(failure)
        this.#firsts.delete(id)
        this.#pump()
      })
    this.#attempts.add(done)
  }

  async #failed({ row }: Entry, err: unknown): Promise<void> {
    const { outbox, clock, random, emit, log, store, life } = this.#parts
    if (life.aborted) return
    const { code, message } = failureOf(err)
    if (code === 'INTERNAL') log.warn('an attempt to send broke', { error: `${err}` })
    const retryAtMs = outbox.failed(row.id, clock.now(), throwDice(random))
    if (retryAtMs === undefined) return
    row.waiting = { code, message, retryAtMs }
    row.failures = outbox.failures(row.id)
    const told = this.#firsts.has(row.id) && row.stage === 'draft' && final.has(code)
    if (!told) emit({ type: 'waiting', letter: row.id, code, retryAtMs })
    await store.save(row).catch(error => log.warn('not written', { error: `${error}` }))
  }

  #expire({ row }: Entry): void {
    row.stage = 'expired'
    row.waiting = null
    this.#firsts.get(row.id)?.(undefined)
    this.#firsts.delete(row.id)
    const saved = this.#parts.store.save(row)
    this.#journey.later(saved.finally(() => this.#entries.delete(row.id)))
  }

  #newRow(from: string, { to, body, expiryMs }: CheckedDraft, sentMs: number): SentRow {
    return {
      id: toHex(this.#parts.random.bytes(32)),
      from,
      to,
      sentMs,
      expiryMs,
      stage: 'draft',
      fingerprint: null,
      key: null,
      sizeBytes: body.byteLength,
      copies: [],
      wanted: 0,
      slip: null,
      announced: null,
      waiting: null,
      failures: 0
    }
  }

  /** @throws {MuttrError} `VAULT_LOCKED`, `ALIAS_MISSING`, `ALIAS_INVALID` for one that was asked for and is not ours */
  #fromOf(draft: Draft, answering: string | undefined): string {
    const wanted = draft.from === undefined ? undefined : readAlias(draft.from).full
    const from = this.#journey.ownAlias(wanted ?? answering)
    if (wanted !== undefined && wanted !== from)
      throw new MuttrError('ALIAS_INVALID', `${wanted} is not an alias of yours`, {
        hint: 'See `muttr status` for your aliases.'
      })
    return from
  }

  #secretOf(parent: Answered | null, { subject, body, mimeType }: CheckedDraft): SentSecret {
    const secrets = makeSecrets(this.#parts.random)
    const thread = parent?.thread ?? null
    return { secrets, thread, parent: parent?.id ?? null, mimeType, subject, body }
  }

  /** The letter answered: one received, or one's own. */
  async #parent(text: string): Promise<Answered> {
    const { store, self } = this.#parts
    if (!/^[0-9a-f]{64}$/.test(text)) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    const id = new Uint8Array(Buffer.from(text, 'hex'))
    const received = await this.#parts.received(text)
    if (received) return { id, thread: received.thread, from: received.to }
    const own = await store.find(text)
    if (!own) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    return { id, thread: (await store.secret(text, self.closet())).thread ?? id, from: own.from }
  }

  #show(row: SentRow, subject: string): SentLetter {
    const { id, from, to, fingerprint, sentMs, expiryMs, sizeBytes, key, wanted, waiting } = row
    return {
      id,
      from,
      to,
      fingerprint,
      subject,
      sentMs,
      expiryMs,
      sizeBytes,
      key,
      state: stateOf(row),
      copies: row.copies.map(({ holder, storedMs }) => ({ holder, storedMs })),
      wanted,
      announced: row.announced && { pod: row.announced.pod, atMs: row.announced.atMs },
      waiting: waiting && { ...waiting, hint: errorCodes[waiting.code][1] }
    }
  }

  /** Resolves when no letter is being tried or written. */
  async quiet(): Promise<void> {
    while (this.#attempts.size > 0) await Promise.all(this.#attempts)
    await this.#journey.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    for (const resolve of this.#firsts.values()) resolve(undefined)
    this.#firsts.clear()
    await this.quiet()
  }
}

const stateOf = ({ stage }: SentRow): SentState =>
  stage === 'draft' || stage === 'sealed' ? 'queued' : stage

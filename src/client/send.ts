import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { MuttrError } from '../base/errors.ts'
import type { Outbox } from '../base/outbox.ts'
import type { Random } from '../base/ports.ts'
import { throwDice } from '../base/retry.ts'
import { readAlias } from '../pod/alias.ts'
import type { Change } from '../store/state.ts'
import type { QueueNews } from '../wire/federation.ts'
import type { LetterFlags } from '../wire/letter.ts'
import type { Draft, SentLetter } from './client.ts'
import type { CheckedDraft } from './compose.ts'
import { checkDraft, makeSecrets, noFlags } from './compose.ts'
import type { ContactStore } from './contact-store.ts'
import { failureOf } from './failure.ts'
import type { Entry, JourneyParts } from './journey.ts'
import { Journey } from './journey.ts'
import type { Drafts } from './mailbox/drafts.ts'
import type { Mailbox } from './mailbox/mailbox.ts'
import type { SentRow } from './sent-rows.ts'
import { freshRow } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'
import { showSent } from './show-sent.ts'
import { ownHint } from './trust/pins.ts'
import { abortable } from './waiting.ts'

export interface CourierParts extends JourneyParts {
  outbox: Outbox
  random: Random
  /** Where a received letter belongs, and the own alias that it was written to. */
  received: Mailbox['received']
  contactStore: Pick<ContactStore, 'needed'>
  drafts: Pick<Drafts, 'drop'>
}

/** The answer to a person who asks for an impossible thing just now; all other failures let the letter wait. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ALIAS_UNKNOWN',
  'ALIAS_INVALID',
  'POD_UNKNOWN',
  'POD_CHANGED',
  'KEY_CHANGED',
  'KEY_REVOKED',
  'KEY_EXPIRED',
  'KEY_INVALID',
  'SIGNATURE_INVALID',
  'LETTER_TOO_LARGE'
])

/** A pod that passes a notice on and said nothing is asked so often. */
const askEveryMs = 30 * 60_000

/** The letter that one answers, and the own alias it went to or came from. */
interface Answered {
  parent: Uint8Array
  thread: Uint8Array
  conversation: Uint8Array
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
  readonly #attempts = new Map<string, Promise<void>>()
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
      if (row.waiting?.code === 'LETTER_HELD') continue
      this.#entries.set(row.id, { row, blob: null, stop: new AbortController() })
      const { id, expiryMs, failures, waiting } = row
      outbox.add({ id, expiryMs, failures, dueMs: waiting?.retryAtMs ?? clock.now() })
    }
    // Tried at once, but out of turn: many short runs without a network must not make the waits long.
    this.wake()
  }

  /** Lets a letter go that was held back; one that was not is left as it is. @throws {MuttrError} `LETTER_UNDER_WAY` on another device */
  async resend(row: SentRow): Promise<SentLetter> {
    const { store, outbox, clock } = this.#parts
    if (store.isElsewhere(row)) throw elsewhere(row.id)
    if (row.waiting?.code === 'LETTER_HELD') {
      row.waiting = null
      await store.save(row)
      const { id, expiryMs, failures } = row
      this.#entries.set(id, { row, blob: null, stop: new AbortController() })
      outbox.add({ id, expiryMs, failures, dueMs: clock.now() })
      await this.#firstAttempt(row, undefined)
    }
    return this.letter(row)
  }

  /** Our key is another from now on: what the old one sealed and did not sign the notice of is sealed anew. @returns what is to be written with it */
  unseal(): Change[] {
    return [...this.#entries.values()]
      .filter(({ row }) => this.#journey.isOrphan(row))
      .flatMap(entry => {
        entry.row.stage = 'draft'
        entry.blob = null
        return this.#parts.store.changes(entry.row)
      })
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
  async send(
    draft: Draft,
    signal?: AbortSignal,
    { retracts }: { retracts?: string } = {}
  ): Promise<SentLetter> {
    const { store, outbox, clock, self, contacts, life, files, passing } = this.#parts
    const journey = this.#journey
    const nowMs = clock.now()
    if (self.certificate()?.revoked)
      throw new MuttrError('KEY_REVOKED', 'your own key is revoked', ownHint)
    const drafted = checkDraft(draft, nowMs)
    const checked = { ...drafted, to: await contacts.now(drafted.to) }
    const parent = draft.parent === undefined ? null : await this.#parent(draft.parent)
    const earlier = await this.#earlier(draft.corrects ?? retracts, checked.to)
    const from = this.#fromOf(draft, parent?.from ?? earlier?.row.from)
    const said = this.#secretOf(parent ?? earlier, checked, {
      ...noFlags,
      corrects: draft.corrects === undefined ? null : earlier!.id,
      retracts: retracts === undefined ? null : earlier!.id,
      receiptRequested: draft.receipt ?? false
    })
    const secret = { ...said, attachments: draft.attachments?.length ?? 0 }
    const row = this.#newRow(from, checked, nowMs)
    const entry: Entry = { row, blob: null, stop: new AbortController() }
    await files.bind(row.id, draft.attachments ?? [])
    try {
      // Who was not asked about for long is asked first, when the letter is on the disk: a subkey may have come.
      const pinned = await contacts.known(checked.to)
      const known = pinned && (await contacts.recipient(pinned.alias, life))
      const isFresh = known !== undefined && contacts.isFresh(known)
      if (isFresh) await journey.seal(entry, known, secret)
      if (signal?.aborted) throw new MuttrError('CANCELLED', 'the letter was not sent')
      const also = await this.#parts.contactStore.needed(checked.to)
      if (draft.draft !== undefined) also.push(this.#parts.drafts.drop(draft.draft))
      const writing = store.insert({ row, secret, blob: entry.blob }, self.closet(), also)
      writing.catch(() => undefined) // thrown below; a disk that is full says so before the slip is signed
      // The disk takes its time: sign meanwhile. A slip that cannot be made now is made later, or says why it cannot.
      if (isFresh) await journey.slip(row, known).catch(() => undefined)
      await writing
    } catch (err) {
      await files.unbind(row.id)
      throw err
    }
    this.#entries.set(row.id, entry)
    outbox.add({ id: row.id, expiryMs: row.expiryMs, failures: 0, dueMs: nowMs })
    await this.#firstAttempt(row, signal)
    if (earlier) {
      earlier.row[retracts === undefined ? 'correctedBy' : 'forgetAsked'] = row.id
      await store.save(earlier.row)
    }
    return showSent(row, secret, { files: files.shown, handed: passing.of(row.id) })
  }

  /** Lets a letter go no further. Resolves when nothing is being done for it. */
  async halt(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#parts.outbox.finished(id)
    entry.stop.abort()
    if (!this.#attempts.has(id)) this.#firsts.get(id)?.(undefined)
    await this.#attempts.get(id)
    this.#entries.delete(id)
    this.#journey.later(this.#parts.passing.forget(id, this.#parts.life))
  }

  /** @throws {MuttrError} `LETTER_UNKNOWN` */
  async row(id: string): Promise<SentRow> {
    const row = isId(id) ? await this.#parts.store.find(id) : undefined
    if (!row) throw new MuttrError('LETTER_UNKNOWN', `no letter ${id} from you`)
    return row
  }

  async letter(row: SentRow): Promise<SentLetter> {
    const { store, self, files, passing } = this.#parts
    const secret = await store.secret(row.id, self.closet()).catch(() => undefined)
    return showSent(row, secret, { files: files.shown, handed: passing.of(row.id) })
  }

  async sent(limit: number): Promise<SentLetter[]> {
    const { store, self } = this.#parts
    self.closet() // a locked vault is told of also when there are no letters
    return Promise.all((await store.list({ limit })).map(row => this.letter(row)))
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
    await this.#parts.store.remove(row, this.#parts.self.closet())
    await this.#parts.files.unbind(row.id)
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
        isDone => {
          const { outbox, clock } = this.#parts
          if (!isDone) return outbox.later(id, clock.now() + askEveryMs)
          outbox.finished(id)
          this.#entries.delete(id)
        },
        async err => {
          await this.#failed(entry, err)
          return err
        }
      )
      .then(failure => {
        this.#attempts.delete(id)
        this.#firsts.get(id)?.(failure)
        this.#firsts.delete(id)
        this.#pump()
      })
    this.#attempts.set(id, done)
  }

  async #failed({ row }: Entry, err: unknown): Promise<void> {
    const { outbox, clock, random, emit, log, store, life } = this.#parts
    if (life.aborted) return
    const { code, message } = failureOf(err)
    if (code === 'INTERNAL') log.warn('an attempt to send broke', { err })
    const retryAtMs = outbox.failed(row.id, clock.now(), throwDice(random))
    if (retryAtMs === undefined) return
    row.waiting = { code, message, retryAtMs }
    row.failures = outbox.failures(row.id)
    const told = this.#firsts.has(row.id) && row.stage === 'draft' && final.has(code)
    if (!told) emit({ type: 'waiting', letter: row.id, code, retryAtMs })
    await store.save(row).catch(error => log.warn('not written', { err: error }))
  }

  #expire({ row }: Entry): void {
    row.stage = 'expired'
    row.waiting = null
    this.#firsts.get(row.id)?.(undefined)
    this.#firsts.delete(row.id)
    const { store, passing, life } = this.#parts
    const saved = store.save(row).then(() => passing.forget(row.id, life))
    this.#journey.later(saved.finally(() => this.#entries.delete(row.id)))
  }

  #newRow(from: string, { to, body, expiryMs, via }: CheckedDraft, sentMs: number): SentRow {
    const id = toHex(this.#parts.random.bytes(32))
    return freshRow({ id, from, to, sentMs, expiryMs, via, sizeBytes: body.byteLength })
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

  #secretOf(
    parent: Pick<SentSecret, 'thread' | 'conversation' | 'parent'> | null,
    { subject, body, mimeType }: CheckedDraft,
    flags: LetterFlags
  ): SentSecret {
    const secrets = makeSecrets(this.#parts.random)
    const { thread = null, conversation = null, parent: answered = null } = parent ?? {}
    const place = { thread, conversation, parent: answered }
    return { secrets, ...place, mimeType, subject, body, flags, attachments: 0 }
  }

  /** The own letter that a new one corrects or asks to forget: it went to the same reader. @throws {MuttrError} `LETTER_UNKNOWN`, `LETTER_INVALID` */
  async #earlier(text: string | undefined, to: string) {
    if (text === undefined) return null
    const { store, self, contacts } = this.#parts
    const row = await this.row(text)
    if ((await contacts.now(row.to)) !== to)
      throw new MuttrError('LETTER_INVALID', `that letter went to ${row.to}, not to ${to}`, {
        hint: 'A correction goes to the reader of the letter that it corrects.'
      })
    const id = new Uint8Array(Buffer.from(row.id, 'hex'))
    const { thread, conversation, parent } = await store.secret(row.id, self.closet())
    return { id, row, thread: thread ?? id, conversation, parent }
  }

  /** The letter answered: one received, or one's own. */
  async #parent(text: string): Promise<Answered> {
    const { store, self } = this.#parts
    if (!isId(text)) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    const id = new Uint8Array(Buffer.from(text, 'hex'))
    const received = await this.#parts.received(text)
    if (received) {
      const { thread, conversation, to } = received
      return { parent: id, thread, conversation, from: to }
    }
    const own = await store.find(text)
    if (!own) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    const { thread, conversation } = await store.secret(text, self.closet())
    const first = thread ?? id
    return { parent: id, thread: first, conversation: conversation ?? first, from: own.from }
  }

  /** An own pod tells what became of notices that it was to pass on. */
  heard(pod: string, news: readonly QueueNews[]): void {
    const { passing, outbox, clock, store } = this.#parts
    for (const letter of passing.heard(pod, news)) {
      if (this.#attempts.has(letter)) continue
      if (this.#entries.has(letter)) outbox.due(letter, clock.now())
      else
        this.#journey.later(
          store.find(letter).then(row => (row ? this.#journey.settle(row) : undefined))
        )
    }
    this.#pump()
  }

  /** As {@link Journey.announceAgain}. */
  announceAgain(row: SentRow): Promise<void> {
    return this.#journey.announceAgain(row)
  }

  /** Resolves when no letter is being tried or written. */
  async quiet(): Promise<void> {
    while (this.#attempts.size > 0) await Promise.all(this.#attempts.values())
    await this.#journey.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    for (const resolve of this.#firsts.values()) resolve(undefined)
    this.#firsts.clear()
    await this.quiet()
  }
}

/** Of a letter that has not left the device it was written on. */
export const elsewhere = (id: string): MuttrError =>
  new MuttrError('LETTER_UNDER_WAY', `another device of yours sends the letter ${id}`, {
    hint: 'Do it there.'
  })

const isId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

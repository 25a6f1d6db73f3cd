import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { codeOf, errorCodes, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Clock, Log, Random } from '../base/ports.ts'
import { readAlias } from '../pod/alias.ts'
import type { Dht, PutProgress } from '../seed/dht.ts'
import type { Blob } from '../wire/blob.ts'
import type { Letter } from '../wire/letter.ts'
import type { Draft, SentLetter, SentState } from './client.ts'
import type { CheckedDraft, Secrets } from './compose.ts'
import {
  checkDraft,
  makeSecrets,
  noFlags,
  party,
  sealLetter,
  sealNotice,
  sealSlip
} from './compose.ts'
import type { Contacts, Known } from './contacts.ts'
import type { Skew } from './doctor.ts'
import type { Outbox } from './outbox.ts'
import { failureOf } from './pod-line.ts'
import type { Pods } from './pods.ts'
import { throwDice } from './retry.ts'
import type { Self } from './self.ts'
import type { SentRow, SentSecret } from './sent-rows.ts'
import type { SentStore } from './sent-store.ts'
import { abortable } from './waiting.ts'

export interface CourierParts {
  dht: Pick<Dht, 'put'>
  pods: Pick<Pods, 'link'>
  contacts: Contacts
  self: Self
  store: SentStore
  outbox: Outbox
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
  skew: Skew
  /** The thread of a letter that was received. */
  threadOf: (id: string) => Promise<Uint8Array | undefined>
}

/** A letter on its way, while the client runs. */
interface Entry {
  readonly row: SentRow
  blob: Blob | null
}

/** The last answer to a person who asks for an impossible thing; all other failures let the letter wait. */
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

/**
 * Takes letters from the person to the network: sealed, stored at W seeds, announced to the reader's pod. What a failure leaves
 * undone is tried again, each step on its own, until the letter expires. Source: docs/protocol/letter.md#the-outbox
 */
export class Courier implements AsyncDisposable {
  readonly #parts: CourierParts
  readonly #entries = new Map<string, Entry>()
  readonly #attempts = new Map<string, Promise<unknown>>()
  /** What goes on after a letter was announced: the copies above W, rows being written. */
  readonly #after = new Set<Promise<unknown>>()
  #timer: Disposable | undefined

  constructor(parts: CourierParts) {
    this.#parts = parts
  }

  /** Takes up what a former run left. */
  async start(): Promise<void> {
    const { store, outbox, clock } = this.#parts
    for (const row of await store.pending()) {
      this.#entries.set(row.id, { row, blob: null })
      const { id, expiryMs, failures } = row
      outbox.add({ id, expiryMs, failures, dueMs: clock.now() })
    }
    this.#pump()
  }

  get waiting(): number {
    return this.#entries.size
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
   * Resolves when the letter is on the disk and was tried once.
   * @throws {MuttrError} nothing is kept then: `VAULT_LOCKED`, `ALIAS_MISSING`, `ALIAS_UNKNOWN`, `KEY_CHANGED`, `LETTER_TOO_LARGE`, …
   */
  async send(draft: Draft, signal?: AbortSignal): Promise<SentLetter> {
    const { store, outbox, clock, self, contacts } = this.#parts
    const nowMs = clock.now()
    const checked = checkDraft(draft, nowMs)
    this.#ownAlias()
    const secret = await this.#secretOf(draft, checked)
    const row = this.#newRow(checked, nowMs)
    const entry: Entry = { row, blob: null }
    const known = await contacts.known(checked.to)
    if (known)
      await this.#seal(entry, await contacts.recipient(known.alias, this.#parts.life), secret)
    signal?.throwIfAborted()
    await store.insert(row, secret, entry.blob, self.closet())
    this.#entries.set(row.id, entry)
    outbox.add({ id: row.id, expiryMs: row.expiryMs, failures: 0, dueMs: nowMs })
    await this.#firstAttempt(entry, signal)
    return this.#show(row, checked.subject)
  }

  async sent(limit: number): Promise<SentLetter[]> {
    const { store, self } = this.#parts
    const closet = self.closet()
    const rows = await store.list({ limit })
    return Promise.all(
      rows.map(async row => {
        const live = this.#entries.get(row.id)?.row ?? row
        return this.#show(live, (await store.secret(row.id, closet)).subject)
      })
    )
  }

  async #firstAttempt(entry: Entry, signal: AbortSignal | undefined): Promise<void> {
    this.#pump()
    const attempt = this.#attempts.get(entry.row.id)
    if (!attempt) return // many others are under way; this one waits its turn, safely
    const outcome = await abortable(attempt, signal).catch(() => undefined)
    if (entry.row.stage !== 'draft' || !(outcome instanceof MuttrError)) return
    if (!final.has(outcome.code)) return
    this.#parts.outbox.finished(entry.row.id)
    this.#entries.delete(entry.row.id)
    await this.#parts.store.remove(entry.row)
    throw outcome
  }

  /** Starts what is due, and sets the clock for what is due next. */
  #pump(): void {
    const { outbox, clock, life } = this.#parts
    if (life.aborted) return
    for (const { type, id } of outbox.poll(clock.now())) {
      const entry = this.#entries.get(id)
      if (!entry) outbox.finished(id)
      else if (type === 'expire') this.#expire(entry)
      else this.#start(entry)
    }
    this.#timer?.[Symbol.dispose]()
    const nextMs = outbox.nextMs()
    if (nextMs === undefined) return
    this.#timer = clock.after(Math.max(0, nextMs - clock.now()), () => this.#pump())
  }

  #start(entry: Entry): void {
    const { id } = entry.row
    const attempt = this.#attempt(entry)
      .catch(err => this.#failed(entry, err))
      .finally(() => {
        this.#attempts.delete(id)
        this.#pump()
      })
    this.#attempts.set(id, attempt)
  }

  /** One try of all that is still to be done. Storing, asking for the address and making the slip go on at once. */
  async #attempt(entry: Entry): Promise<void> {
    const { row } = entry
    const { contacts, outbox, life } = this.#parts
    const known = await contacts.recipient(row.to, life)
    if (row.stage === 'draft' || row.fingerprint !== known.certificate.fingerprint)
      await this.#sealLate(entry, known)
    const stored = row.stage === 'sealed' ? this.#store(entry) : Promise.resolve()
    const ready = this.#announcer(entry, known)
    ready.catch(() => undefined) // reported below, once the letter is stored
    await stored
    const announce = await ready
    await announce()
    outbox.finished(row.id)
    this.#entries.delete(row.id)
    await this.#parts.store.save(row)
  }

  async #seal(entry: Entry, { certificate, row: { knowsUs } }: Known, secret: SentSecret) {
    const { clock, self, emit } = this.#parts
    const { row } = entry
    const startMs = clock.now()
    const from = self.person()
    const id = new Uint8Array(Buffer.from(row.id, 'hex'))
    const letter: Letter = {
      id,
      thread: secret.thread ?? id,
      parent: secret.parent,
      sender: party({ fingerprint: from.certificate.fingerprint, alias: this.#ownAlias() }),
      recipients: [party({ fingerprint: certificate.fingerprint, alias: row.to })],
      sentMs: row.sentMs,
      mimeType: secret.mimeType,
      subject: secret.subject,
      body: secret.body,
      attachments: [],
      flags: noFlags,
      accept: secret.secrets.accept,
      certificate: knowsUs ? null : from.certificate.bytes
    }
    const { expiryMs } = row
    const { secrets } = secret
    entry.blob = await sealLetter({
      letter,
      secrets,
      from,
      to: certificate,
      expiryMs,
      nowMs: startMs
    })
    row.stage = 'sealed'
    row.fingerprint = certificate.fingerprint
    row.key = toHex(entry.blob.key)
    row.sizeBytes = entry.blob.sealed.byteLength
    row.copies = []
    row.slip = null
    emit({ type: 'sealed', letter: row.id, sizeBytes: row.sizeBytes, ms: clock.now() - startMs })
  }

  /** Seals what waited for its reader's key, or was sealed to a key that the person has replaced since. */
  async #sealLate(entry: Entry, known: Known): Promise<void> {
    const { store, self } = this.#parts
    await this.#seal(entry, known, await store.secret(entry.row.id, self.closet()))
    await store.saveSealed(entry.row, entry.blob!)
  }

  async #store(entry: Entry): Promise<void> {
    const { dht, clock, emit, life, store } = this.#parts
    const { row } = entry
    entry.blob ??= await store.blob(row.id)
    const startMs = clock.now()
    const { settled, ...progress } = await dht.put(entry.blob, { signal: life })
    this.#progress(row, progress)
    row.stage = 'stored'
    row.waiting = null
    entry.blob = null
    const { acknowledgements, needed, wanted } = progress
    const copies = acknowledgements.length
    emit({ type: 'stored', key: row.key!, copies, needed, wanted, ms: clock.now() - startMs })
    this.#later(store.save(row))
    this.#later(
      settled.then(all => {
        this.#progress(row, all)
        return store.save(row)
      })
    )
  }

  #progress(row: SentRow, { acknowledgements, wanted }: PutProgress): void {
    if (acknowledgements.length < row.copies.length) return
    row.copies = acknowledgements.map(({ holder, storedMs, signature }) => ({
      holder,
      storedMs,
      signature
    }))
    row.wanted = wanted
  }

  /** Prepares the notice while the letter is being stored. @returns what sends it off. */
  async #announcer(entry: Entry, known: Known): Promise<() => Promise<void>> {
    const { contacts, pods, clock, life } = this.#parts
    const { row } = entry
    const hostname = readAlias(row.to).hostname
    const [link] = await Promise.all([
      contacts.route(row.to, life).then(() => pods.link(hostname, life)),
      this.#slip(row, known)
    ])
    return async () => {
      const startMs = clock.now()
      let taken: Awaited<ReturnType<typeof link.submit>>
      try {
        taken = await link.submit(await this.#notice(row))
      } catch (err) {
        if (codeOf(err) !== 'NOTICE_INVALID') throw err
        await contacts.forgetRoute(row.to) // the pod has a new key; ask once
        taken = await link.submit(await this.#notice(row))
      }
      this.#parts.skew.seen(taken.atMs)
      row.announced = { pod: hostname, atMs: taken.atMs, signature: taken.signature }
      row.stage = 'announced'
      row.waiting = null
      const { emit } = this.#parts
      emit({ type: 'announced', letter: row.id, pod: hostname, ms: clock.now() - startMs })
    }
  }

  async #slip(row: SentRow, known: Known): Promise<void> {
    if (row.slip) return
    const { self, clock } = this.#parts
    row.slip = await sealSlip({
      from: self.person(),
      alias: this.#ownAlias(),
      to: known.certificate,
      letter: Buffer.from(row.id, 'hex'),
      key: Buffer.from(row.key!, 'hex'),
      nowMs: clock.now()
    })
  }

  async #notice({ to, key, sizeBytes, expiryMs, slip }: SentRow): Promise<Uint8Array> {
    const { contacts, life } = this.#parts
    const { route } = await contacts.route(to, life)
    const notice = {
      address: route.intro,
      key: new Uint8Array(Buffer.from(key!, 'hex')),
      sizeBytes,
      expiryMs,
      slip: slip!
    }
    return sealNotice(notice, route.hpkeKey)
  }

  /** @returns the failure, for the one who waits for the first attempt. */
  async #failed(entry: Entry, err: unknown): Promise<unknown> {
    const { outbox, clock, random, emit, log, store, life } = this.#parts
    const { row } = entry
    if (life.aborted) return err
    const { code, message } = failureOf(err)
    if (code === 'INTERNAL') log.warn('an attempt to send broke', { error: `${err}` })
    const retryAtMs = outbox.failed(row.id, clock.now(), throwDice(random))
    if (retryAtMs === undefined) return err
    row.waiting = { code, message, retryAtMs }
    row.failures = outbox.failures(row.id)
    if (row.stage !== 'draft' || !final.has(code))
      emit({ type: 'waiting', letter: row.id, code, retryAtMs })
    await store.save(row).catch(saving => log.warn('not written', { error: `${saving}` }))
    return err
  }

  #expire(entry: Entry): void {
    const { row } = entry
    row.stage = 'expired'
    row.waiting = null
    this.#entries.delete(row.id)
    this.#later(this.#parts.store.save(row))
  }

  #later(work: Promise<unknown>): void {
    const { log } = this.#parts
    const done: Promise<unknown> = work
      .catch(err => log.warn('not written', { error: `${err}` }))
      .finally(() => this.#after.delete(done))
    this.#after.add(done)
  }

  #ownAlias(): string {
    this.#parts.self.person()
    const [first] = this.#parts.self.registrations()
    if (!first) throw new MuttrError('ALIAS_MISSING', 'no alias to write from')
    return first.alias
  }

  #newRow({ to, body, expiryMs }: CheckedDraft, sentMs: number): SentRow {
    return {
      id: toHex(this.#parts.random.bytes(32)),
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

  async #secretOf(draft: Draft, { subject, body, mimeType }: CheckedDraft): Promise<SentSecret> {
    const { random } = this.#parts
    const secrets: Secrets = makeSecrets(random)
    const parent = draft.parent === undefined ? null : await this.#parent(draft.parent)
    const thread = parent?.thread ?? null
    return { secrets, thread, parent: parent?.id ?? null, mimeType, subject, body }
  }

  /** The letter answered: one received, or one's own. */
  async #parent(text: string): Promise<{ id: Uint8Array; thread: Uint8Array }> {
    const { store, self, threadOf } = this.#parts
    if (!/^[0-9a-f]{64}$/.test(text)) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    const id = new Uint8Array(Buffer.from(text, 'hex'))
    const received = await threadOf(text)
    if (received) return { id, thread: received }
    const own = await store.find(text)
    if (!own) throw new MuttrError('LETTER_UNKNOWN', `no letter ${text}`)
    return { id, thread: (await store.secret(text, self.closet())).thread ?? id }
  }

  #show(row: SentRow, subject: string): SentLetter {
    const { id, to, fingerprint, sentMs, expiryMs, sizeBytes, key, wanted, waiting } = row
    return {
      id,
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    await Promise.allSettled([...this.#attempts.values(), ...this.#after])
  }
}

const stateOf = ({ stage }: SentRow): SentState =>
  stage === 'draft' || stage === 'sealed' ? 'queued' : stage

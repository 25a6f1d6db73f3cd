import { equalBytes, toHex } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, PeerId, Random } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { Dht, PutProgress } from '../seed/dht.ts'
import type { Blob } from '../wire/blob.ts'
import type { Letter } from '../wire/letter.ts'
import type { Addresses } from './addresses/addresses.ts'
import { sealRelationSlip } from './addresses/sealed-slip.ts'
import type { Way } from './announcing.ts'
import { Announcing } from './announcing.ts'
import type { LetterFiles } from './attachments/letter-files.ts'
import { party, sealLetter, sealSlip } from './compose.ts'
import type { Contacts, Known } from './contacts.ts'
import type { Skew } from './doctor.ts'
import { isOutOfReach } from './moving/steps.ts'
import type { Passing } from './passing.ts'
import type { Pods } from './pods.ts'
import type { Self } from './self.ts'
import type { SentRow } from './sent-rows.ts'
import { moveTo, podOf } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'
import type { SentStore } from './sent-shape.ts'
import { stampNews } from './stamp-news.ts'
import { abortable } from './waiting.ts'

/** A letter on its way, while the client runs. */
export interface Entry {
  readonly row: SentRow
  /** At hand from sealing to storing; else on the disk. */
  blob: Blob | null
  /** Aborted when the person wants it back: it goes no further. */
  readonly stop: AbortController
}

export interface JourneyParts {
  dht: Pick<Dht, 'put'>
  /** Our own peer, when it is a seed too. */
  ourPeer: PeerId
  pods: Pick<Pods, 'questions' | 'relay' | 'identified' | 'seek'>
  passing: Passing
  contacts: Contacts
  addresses: Pick<Addresses, 'placeFor' | 'refused' | 'doubt' | 'announced'>
  random: Random
  self: Self
  store: SentStore
  clock: Clock
  log: Log
  crypto: Crypto
  emit: Emit
  life: AbortSignal
  skew: Skew
  /** What goes with a letter. */
  files: LetterFiles
  /** It lies with holders from now on. */
  onStored(row: SentRow): void
}

/** A letter that was not accepted for so long is announced at the intro address, too. */
const fallBackMs: Millis = 3 * 24 * 3_600_000
/** An attempt that failed longer ago says nothing of now: retries are closer, so this machine slept, or was off. */
const lateMs: Millis = 12 * 3_600_000

/** The steps of a letter from the person to the reader's pod. Each is written down when it is done, and done once. */
export class Journey {
  readonly #parts: JourneyParts
  /** What goes on after a letter was announced: the copies above W, rows being written. */
  readonly #after = new Set<Promise<unknown>>()
  /** Under which key of ours a letter was sealed: the notice is signed by the same, also when we took another meanwhile. */
  readonly #sealedBy = new WeakMap<SentRow, Person>()

  /** When a letter that is stored could not be announced, the last time. */
  readonly #triedMs = new WeakMap<SentRow, Millis>()

  readonly #announcing: Announcing

  constructor(parts: JourneyParts) {
    this.#parts = parts
    this.#announcing = new Announcing({ ...parts, slip: (row, known) => this.slip(row, known) })
  }

  /** The alias to write from: the one wanted when it is ours, else the oldest. @throws {MuttrError} `VAULT_LOCKED`, `ALIAS_MISSING` */
  ownAlias(wanted?: string): string {
    this.#parts.self.person()
    const own = this.#parts.self.registrations().map(({ alias }) => alias)
    const alias = own.find(one => one === wanted) ?? own[0]
    if (alias === undefined) throw new MuttrError('ALIAS_MISSING', 'no alias to write from')
    return alias
  }

  /**
   * One try of all that is still to be done. Storing, asking for the address and sealing the notice go on at once.
   * @returns whether that is all; else an own pod has the notice, and has no receipt yet.
   */
  async attempt(entry: Entry): Promise<boolean> {
    const { row } = entry
    const { contacts } = this.#parts
    const waitsLong = (): boolean => this.#announcing.waitsLong(row)
    try {
      moveTo(row, await contacts.now(row.to))
      const isDone = await this.#try(entry)
      if (isDone || !waitsLong() || !(await contacts.sought(row.to))) return isDone
    } catch (err) {
      if (!isOutOfReach(codeOf(err)) || !(await contacts.sought(row.to))) throw err
    }
    // They have moved: what was in the way was their former pod.
    moveTo(row, await contacts.now(row.to))
    return await this.#try(entry)
  }

  async #try(entry: Entry): Promise<boolean> {
    const { row } = entry
    const { log } = this.#parts
    await this.#goElsewhere(row)
    const way = await this.#announcing.follow(row, this.#until(entry))
    if (way === 'done' || way === 'waits') return way === 'done'
    if (way === 'any') return await this.#attempt(entry)
    try {
      return await this.#attempt(entry, 'direct')
    } catch (err) {
      // The own pod still has it, and is no further.
      if (way !== 'overdue' || codeOf(err) === 'CANCELLED') throw err
      log.debug('not announced past the own pod', { code: codeOf(err) })
      return false
    }
  }

  async #attempt(entry: Entry, way: Way = 'any'): Promise<boolean> {
    const { row } = entry
    const { contacts, passing, life, pods } = this.#parts
    pods.seek(podOf(row))
    const nowMs = this.#parts.clock.now()
    const early = row.stage === 'sealed' && row.sentMs > nowMs + limits.clockSkewMs
    const known =
      row.stage === 'draft' || early
        ? await contacts.reader(row.to, row.expiryMs, this.#until(entry))
        : await contacts.recipient(row.to, this.#until(entry))
    moveTo(row, known.alias)
    if (row.stage === 'draft' || early || row.fingerprint !== known.certificate.fingerprint)
      await this.#sealLate(entry, known)
    await this.#parts.files.stand(row.id)
    const stored = row.stage === 'sealed' ? this.#store(entry) : Promise.resolve()
    const announcement = this.#announcing.prepare(row, known, way)
    announcement.catch(() => undefined) // thrown below, once the letter is stored
    await stored
    const prepared = await abortable(announcement, entry.stop.signal).catch(err => {
      this.#triedMs.set(row, this.#parts.clock.now())
      throw err
    })
    if (entry.stop.signal.aborted) throw new MuttrError('CANCELLED', 'the letter is wanted back')
    const isAnnounced = await this.#announcing.announce(row, known, prepared).catch(err => {
      this.#triedMs.set(row, this.#parts.clock.now())
      throw err
    })
    await this.#parts.store.save(row)
    if (isAnnounced) this.later(passing.forget(row.id, life))
    return isAnnounced
  }

  /** Their address may be lost, or its pod, and nobody says so; or they have given another since. */
  async #goElsewhere(row: SentRow): Promise<void> {
    const { clock, addresses, self } = this.#parts
    if (!row.place || self.locked) return
    const theirs = addresses.placeFor(row)
    const isAnother = theirs !== undefined && !equalBytes(theirs.address, row.place.address)
    if (!isAnother && !this.#isOverdue(row, clock.now())) return
    await addresses.doubt(row)
    row.place = null
    row.slip = null
  }

  /** Counted since it was stored: who writes where there is no network has not tried their address. */
  #isOverdue(row: SentRow, nowMs: Millis): boolean {
    if (row.stage === 'draft' || row.stage === 'sealed') return false
    const storedMs = Math.min(nowMs, ...row.copies.map(copy => copy.storedMs))
    if (Math.max(row.sentMs, storedMs) + fallBackMs > nowMs) return false
    const handed = this.#parts.passing.of(row.id)
    if (row.announced || (handed && handed.atMs + fallBackMs <= nowMs)) return true
    return (this.#triedMs.get(row) ?? Number.NEGATIVE_INFINITY) + lateMs > nowMs
  }

  #until({ stop }: Entry): AbortSignal {
    return AbortSignal.any([this.#parts.life, stop.signal])
  }

  /** @throws {MuttrError} `VAULT_LOCKED`, `KEY_INVALID`, `LETTER_TOO_LARGE`, `LETTER_INVALID` */
  async seal(entry: Entry, known: Known, secret: SentSecret): Promise<void> {
    const { clock, self, emit, crypto } = this.#parts
    const { row } = entry
    const to = known.certificate
    const nowMs = clock.now()
    const from = self.person()
    const id = new Uint8Array(Buffer.from(row.id, 'hex'))
    const letter: Letter = {
      id,
      thread: secret.thread ?? id,
      parent: secret.parent,
      sender: party({ fingerprint: from.certificate.fingerprint, alias: row.from }),
      recipients: [party({ fingerprint: to.fingerprint, alias: row.to })],
      sentMs: Math.min(row.sentMs, nowMs), // the clock may have been set right since
      mimeType: secret.mimeType,
      subject: secret.subject,
      body: secret.body,
      attachments: await this.#parts.files.manifests(row.id),
      flags: secret.flags,
      accept: secret.secrets.accept,
      certificate: known.row.knowsUs ? null : (self.certificate() ?? from.certificate).bytes
    }
    const { secrets } = secret
    const how = { from, to, expiryMs: row.expiryMs, nowMs, crypto }
    entry.blob = await sealLetter({ letter, secrets, ...how })
    this.#sealedBy.set(row, from)
    row.stage = 'sealed'
    row.fingerprint = to.fingerprint
    row.key = toHex(entry.blob.key)
    row.header = entry.blob.headerBytes
    row.sizeBytes = entry.blob.sealed.byteLength
    row.copies = []
    row.slip = null
    row.place = null
    emit({ type: 'sealed', letter: row.id, sizeBytes: row.sizeBytes, ms: clock.now() - nowMs })
  }

  /** Says to the reader who sends; made once, so that a locked client can go on. @throws {MuttrError} `VAULT_LOCKED` */
  async slip(row: SentRow, { certificate }: Known): Promise<void> {
    if (row.slip) return
    const { self, clock, crypto, addresses, random } = this.#parts
    const from = this.#sealedBy.get(row) ?? self.person()
    this.#sealedBy.set(row, from)
    const relation = addresses.placeFor(row)
    if (relation) {
      const { fingerprint } = from.certificate
      const [letter, key] = [row.id, row.key!].map(hex => new Uint8Array(Buffer.from(hex, 'hex')))
      const slip = { fingerprint, alias: row.from, letter: letter!, key: key! }
      row.slip = sealRelationSlip(slip, relation, random)
      const { address, pod, hpkeKey } = relation
      row.place = { address, pod, hpkeKey }
      return
    }
    row.slip = await sealSlip({
      from,
      alias: row.from,
      to: certificate,
      letter: Buffer.from(row.id, 'hex'),
      key: Buffer.from(row.key!, 'hex'),
      nowMs: clock.now(),
      crypto
    })
  }

  /** A letter of which it is not known any more under which key of ours it was sealed. */
  isOrphan(row: SentRow): boolean {
    const isUnsigned = row.slip === null && (row.stage === 'sealed' || row.stage === 'stored')
    return isUnsigned && !this.#sealedBy.has(row)
  }

  /** Seals what waited for its reader's key, or was sealed to a key that the person has replaced since. */
  async #sealLate(entry: Entry, known: Known): Promise<void> {
    const { store, self } = this.#parts
    await this.seal(entry, known, await store.secret(entry.row.id, self.closet()))
    await store.saveSealed(entry.row, entry.blob!)
  }

  async #store(entry: Entry): Promise<void> {
    const { dht, clock, emit, store, skew, ourPeer, pods } = this.#parts
    const { row } = entry
    entry.blob ??= await store.blob(row.id)
    const startMs = clock.now()
    const news = stampNews({ clock, emit }, row.key!)
    const signal = this.#until(entry)
    const through = row.via === null ? {} : { via: await pods.relay(row.via, signal) }
    const how = { signal, ...through, ...news }
    const { settled, ...progress } = await dht.put(entry.blob, how)
    // A network of one is a network that is not there: nobody could fetch the letter once this machine is off.
    if (progress.acknowledgements.every(({ holder }) => holder === ourPeer))
      throw new MuttrError('NETWORK_EMPTY', 'no other seed could be reached')
    for (const { storedMs } of progress.acknowledgements) skew.seen(storedMs)
    this.#dateRightly(entry, progress)
    countCopies(row, progress)
    row.stage = 'stored'
    row.waiting = null
    entry.blob = null
    const { acknowledgements, needed, wanted } = progress
    for (const { storedMs } of acknowledgements) skew.seen(storedMs)
    const copies = acknowledgements.length
    emit({ type: 'stored', key: row.key!, copies, needed, wanted, ms: clock.now() - startMs })
    this.later(store.save(row).then(() => this.#parts.onStored(row)))
    this.later(
      settled.then(all => {
        countCopies(row, all)
        return store.save(row)
      })
    )
  }

  /**
   * Holders sign when they stored it. Where that is well before what our clock says the letter is dated in the future, and no reader would
   * take it: it is not announced, and is sealed again when the clock is right.
   * @throws {MuttrError} `CLOCK_WRONG`
   */
  #dateRightly(entry: Entry, { acknowledgements }: PutProgress): void {
    const { clock, ourPeer } = this.#parts
    const nowMs = clock.now()
    const ahead = acknowledgements
      .filter(({ holder }) => holder !== ourPeer)
      .map(({ storedMs }) => nowMs - storedMs)
      .sort((a, b) => a - b)
    const middleMs = ahead[Math.floor(ahead.length / 2)]!
    if (middleMs <= limits.clockSkewMs) return
    entry.row.stage = 'draft'
    entry.blob = null
    const minutes = Math.round(middleMs / 60_000)
    const others = `the clocks of ${ahead.length} seeds`
    throw new MuttrError(
      'CLOCK_WRONG',
      `the clock of this machine is ${minutes} minutes ahead of ${others}`
    )
  }

  /**
   * Tells the pod once more: its mailbox may have been full, which it does not say, or its disk lost. The same notice while it waits
   * is taken once; a reader who has the letter drops it.
   * @throws {MuttrError} as {@link attempt}
   */
  async announceAgain(row: SentRow): Promise<void> {
    const { contacts, passing, life } = this.#parts
    moveTo(row, await contacts.now(row.to))
    const way = await this.#announcing.follow(row, life)
    if (way === 'done' || way === 'waits') return
    const known = await contacts.recipient(row.to, life)
    if (row.fingerprint !== known.certificate.fingerprint) return
    await this.#goElsewhere(row)
    const prepared = await this.#announcing.prepare(row, known, way === 'any' ? way : 'direct')
    if (await this.#announcing.announce(row, known, prepared)) await passing.forget(row.id, life)
  }

  /** Writes down what an own pod has told about a letter that is not on its way here any more. */
  async settle(row: SentRow): Promise<void> {
    await this.#announcing.follow(row, this.#parts.life)
  }

  /** Lets work go on that nobody waits for. */
  later(work: Promise<unknown>): void {
    const { log } = this.#parts
    const done: Promise<unknown> = work
      .catch(err => log.warn('a sent letter is not written', { code: codeOf(err) }))
      .finally(() => this.#after.delete(done))
    this.#after.add(done)
  }

  /** Resolves when all of it is done. */
  async quiet(): Promise<void> {
    while (this.#after.size > 0) await Promise.all(this.#after)
  }
}

/** Acknowledgements only grow: a second put, or a late one, must not lose what was shown. */
function countCopies(row: SentRow, { acknowledgements, wanted }: PutProgress): void {
  if (acknowledgements.length < row.copies.length) return
  row.wanted = wanted
  row.copies = acknowledgements.map(({ holder, storedMs, signature }) => ({
    holder,
    storedMs,
    signature
  }))
}

import { equalBytes } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Action, Outbox } from '../base/outbox.ts'
import type { Clock, Contact, Log, Millis, PeerId, Random } from '../base/ports.ts'
import { Pump } from '../base/pump.ts'
import { retryDelayMs, throwDice } from '../base/retry.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openReceipt } from '../keys/receipt.ts'
import type { Acknowledgement, Dht, ReleaseWord } from '../seed/dht.ts'
import { encodeTombstone, mergeTombstones, readTombstone } from '../wire/tombstone.ts'
import type { Contacts } from './contacts.ts'
import { watchSchedule } from './retry.ts'
import type { Self } from './self.ts'
import type { SentRow } from './sent-rows.ts'
import type { SentStore } from './sent-shape.ts'

export interface WatchParts {
  dht: Pick<Dht, 'census' | 'release'>
  /** Our own peer, whose word about our own letter says nothing. */
  ourPeer: PeerId
  store: SentStore
  self: Self
  contacts: Pick<Contacts, 'known'>
  outbox: Outbox
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  emit: Emit
  life: AbortSignal
  /** Where to ask through a pod. */
  relay(pod: string): Promise<Contact>
  /** Tells the reader's pod once more. */
  announceAgain(row: SentRow): Promise<void>
  /** The letter was accepted or withdrawn: it goes no further. */
  onOver(row: SentRow): void
}

const copiesMax = 64
/** So long before the expiry the holders are asked once more, at the earliest twice that: afterwards nobody can tell. */
const lastLookMs: Millis = 10 * 60_000
/** A letter that nobody accepted is announced anew about once a day. */
const againMs: Millis = 20 * 3_600_000

/**
 * Looks after letters that were stored: asks their holders less and less often how they stand, gives copies where they lack, learns
 * that they were accepted, and takes them back. Source: docs/protocol/letter.md#the-watch
 */
export class Watch implements AsyncDisposable {
  readonly #parts: WatchParts
  readonly #pump: Pump

  constructor(parts: WatchParts) {
    this.#parts = parts
    const { outbox, clock, life } = parts
    this.#pump = new Pump({
      outbox,
      clock,
      life,
      act: action => this.#act(action)
    })
  }

  /** Takes up what a former run left. A short run must not ask for all of it. */
  async start(): Promise<void> {
    const { store, outbox, clock } = this.#parts
    for (const row of await store.watched()) {
      const { id, expiryMs, checks: failures } = row
      const dueMs = Math.max(row.checkMs, clock.now() + this.#firstMs())
      outbox.add({ id, expiryMs, failures, dueMs })
    }
    this.#pump.run()
  }

  /** A letter was stored, or is to be withdrawn. */
  watch({ id, expiryMs }: SentRow): void {
    const { outbox, clock } = this.#parts
    outbox.add({ id, expiryMs, failures: 0, dueMs: clock.now() + this.#firstMs() })
    this.#pump.run()
  }

  /** The reader left the alias: what the pod there has not handed over is announced where they are. */
  moved(from: string): void {
    this.#pump.also(this.#again(from))
  }

  async #again(from: string): Promise<void> {
    const { store, announceAgain, log } = this.#parts
    for (const row of await store.watched())
      if (row.to === from && row.stage === 'announced' && !row.withdrawing)
        await announceAgain(row)
          .then(() => store.save(row))
          .catch(err => log.debug('not announced again', { code: codeOf(err) }))
  }

  /** The network is back: what is to be withdrawn is tried at once. */
  async wake(): Promise<void> {
    const { store, outbox, clock } = this.#parts
    const rows = await store.watched()
    const urgent = new Set(rows.filter(isBeingWithdrawn).map(({ id }) => id))
    outbox.wake(clock.now(), id => urgent.has(id))
    this.#pump.run()
  }

  /**
   * Asks the holders now, or shows them that the letter is withdrawn.
   * @throws {MuttrError} `NETWORK_EMPTY`, `PEER_TIMEOUT`, `QUORUM_MISSED`, `CANCELLED`
   */
  async look(row: SentRow, signal: AbortSignal = this.#parts.life): Promise<void> {
    if (row.key === null) return
    if (row.withdrawing && row.stage !== 'accepted') await this.#show(row, signal)
    else await this.#ask(row, signal)
    await this.#parts.store.save(row)
  }

  /** Opens the receipt that came while the vault was locked. */
  async settle(row: SentRow): Promise<void> {
    if (row.receipt || !row.tombstone || this.#parts.self.locked) return
    const { receipt } = readTombstone(row.tombstone)
    if (!receipt || !(await this.#open(row, receipt))) return
    await this.#parts.store.save(row)
  }

  #firstMs(): Millis {
    return retryDelayMs(watchSchedule, 1, throwDice(this.#parts.random))
  }

  async #ask(row: SentRow, signal: AbortSignal): Promise<void> {
    const { dht, store, emit } = this.#parts
    const blob = isPlaced(row) ? await store.blob(row.id).catch(() => undefined) : undefined
    const way = await this.#way(row)
    const census = await dht.census(keyOf(row), { signal, ...way, ...(blob && { blob }) })
    const { atMs, answered, wanted, holders, given, tombstones } = census
    const copies = holders.length + given.length
    row.asked = { atMs, answered: answered.length, wanted, holders: copies }
    if (given.length > 0) {
      row.copies = withCopies(row.copies, given)
      emit({ type: 'mended', letter: row.id, copies })
    }
    await this.#learn(row, tombstones)
  }

  /** Holders that were not to see who stored it shall not see who asks after it. */
  async #way({ via }: SentRow): Promise<{ via?: Contact }> {
    return via === null ? {} : { via: await this.#parts.relay(via) }
  }

  async #show(row: SentRow, signal: AbortSignal): Promise<void> {
    const { dht, ourPeer, emit, onOver } = this.#parts
    const holders = row.copies.map(({ holder }) => holder)
    const how = { signal, holders, ...(await this.#way(row)) }
    const { asked, took, needed, tombstones } = await dht.release(row.tombstone!, how)
    const others = took.filter(({ holder }) => holder !== ourPeer)
    const words = withWords(row.withdrawing!.words, others)
    const everybody = new Set([...asked, ...words.map(({ holder }) => holder)])
    everybody.delete(ourPeer)
    row.withdrawing = { ...row.withdrawing!, asked: everybody.size, words }
    await this.#learn(row, tombstones)
    // More than half of those that had it, and as many as a put would need now.
    const elsewhere = holders.filter(holder => holder !== ourPeer).length
    const own = took.length - others.length
    const enough = Math.max(1, needed - own, Math.floor(elsewhere / 2) + 1)
    if (words.length < enough || !isPlaced(row)) return
    row.stage = 'withdrawn'
    row.waiting = null
    emit({ type: 'withdrawn', letter: row.id, took: words.length, asked: everybody.size })
    onOver(row)
  }

  /** Adds what holders showed to what is known. A receipt counts when it opens and the reader's key signed it. */
  async #learn(row: SentRow, frames: readonly Uint8Array[]): Promise<void> {
    const { emit, onOver, clock } = this.#parts
    const before = row.receipt
    for (const frame of frames) {
      const { key, header: _, ...shown } = readTombstone(frame)
      if (!equalBytes(key, keyOf(row))) continue
      const holds = shown.receipt !== null && !row.receipt && (await this.#open(row, shown.receipt))
      const there = row.tombstone ? readTombstone(row.tombstone) : shown
      const known = holds ? { ...there, receipt: shown.receipt, accept: shown.accept } : there
      row.tombstone = encodeTombstone(mergeTombstones(known, shown))
    }
    if (!row.tombstone) return
    const { accept, retract } = readTombstone(row.tombstone)
    if (retract) row.withdrawing ??= { sinceMs: clock.now(), asked: 0, words: [] }
    if (!accept || (row.stage === 'accepted' && before === row.receipt)) return
    row.stage = 'accepted'
    row.waiting = null
    emit({ type: 'accepted', letter: row.id, receipt: row.receipt !== null })
    onOver(row)
  }

  /** @returns whether it is the reader's word about this letter. */
  async #open(row: SentRow, sealed: Uint8Array): Promise<boolean> {
    const { self, contacts, clock, store, log, crypto } = this.#parts
    if (self.locked || row.fingerprint === null) return false
    try {
      const known = await contacts.known(row.to)
      if (known?.certificate.fingerprint !== row.fingerprint) return false
      const how = { reader: self.person(), nowMs: clock.now() }
      const opened = await openReceipt(sealed, how, crypto)
      const isIts =
        equalBytes(opened.key, keyOf(row)) && equalBytes(opened.letter, Buffer.from(row.id, 'hex'))
      if (!isIts) throw new MuttrError('SIGNATURE_INVALID', 'a receipt of another letter')
      await opened.verify(known.certificate)
      await store.keepCertificate(row.fingerprint, known.certificate.bytes)
      row.receipt = { atMs: opened.atMs, signature: opened.signature }
      return true
    } catch (err) {
      log.info('a receipt does not hold', { code: codeOf(err) })
      return false
    }
  }

  async #act({ type, id }: Action): Promise<void> {
    const work = type === 'try' ? this.#try(id) : this.#expire(id)
    await work.catch(err => this.#parts.log.warn('a watch broke', { err }))
  }

  async #try(id: string): Promise<void> {
    const { outbox, store, clock, random, log, life, self } = this.#parts
    const row = await store.find(id).catch(() => undefined)
    if (!row) return outbox.finished(id)
    await this.look(row).catch(err => {
      if (!life.aborted) log.debug('holders are not asked', { code: codeOf(err) })
    })
    if (isUnheard(row, clock.now()))
      await this.#parts.announceAgain(row).catch(err => {
        if (!life.aborted) log.debug('not announced again', { code: codeOf(err) })
      })
    if (life.aborted) return
    if (row.stage === 'accepted' && !(self.locked && hasReceipt(row))) return outbox.finished(id)
    const nowMs = clock.now()
    const dueMs = outbox.failed(id, nowMs, throwDice(random))
    if (dueMs === undefined) return
    const lastMs = row.expiryMs - Math.round(lastLookMs * (1 + throwDice(random)))
    row.checkMs = lastMs > nowMs ? Math.min(dueMs, lastMs) : dueMs
    row.checks = outbox.failures(id)
    outbox.later(id, row.checkMs)
    await store.save(row)
  }

  async #expire(id: string): Promise<void> {
    const { store } = this.#parts
    const row = await store.find(id)
    if (row && isPlaced(row)) {
      row.stage = 'expired'
      row.waiting = null
      await store.save(row)
    }
    await store.unwatch(id)
  }

  /** Resolves when nobody is being asked. */
  async quiet(): Promise<void> {
    await this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}

const keyOf = ({ key }: SentRow): Uint8Array => new Uint8Array(Buffer.from(key!, 'hex'))

const isPlaced = ({ stage }: SentRow): boolean => stage === 'stored' || stage === 'announced'
const isUnheard = ({ stage, announced, withdrawing, expiryMs }: SentRow, nowMs: Millis): boolean =>
  stage === 'announced' &&
  withdrawing === null &&
  announced!.atMs + againMs <= nowMs &&
  nowMs < expiryMs
const isBeingWithdrawn = (row: SentRow): boolean => row.withdrawing !== null && isPlaced(row)
const hasReceipt = ({ tombstone, receipt }: SentRow): boolean =>
  !receipt && tombstone !== null && readTombstone(tombstone).receipt !== null

/** With those of holders that gave their word before. */
function withCopies(
  copies: SentRow['copies'],
  given: readonly Acknowledgement[]
): SentRow['copies'] {
  const known = new Set(copies.map(({ holder }) => holder))
  const fresh = given.filter(({ holder }) => !known.has(holder))
  const made = fresh.map(({ holder, storedMs, signature }) => ({ holder, storedMs, signature }))
  return [...copies, ...made].slice(-copiesMax)
}

function withWords(
  words: readonly ReleaseWord[],
  given: readonly ReleaseWord[]
): readonly ReleaseWord[] {
  const known = new Set(words.map(({ holder }) => holder))
  return [...words, ...given.filter(({ holder }) => !known.has(holder))].slice(0, copiesMax)
}

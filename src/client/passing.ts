import { equalBytes, fromHex, sha256 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, PeerId, PeerKeys } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import { readAlias } from '../pod/alias.ts'
import { readPapers } from '../pod/greet.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, mapped, text, tuple, uint } from '../wire/cbor.ts'
import type { QueueNews, QueueState } from '../wire/federation.ts'
import { announcedHashBytes } from '../wire/notice.ts'
import type { PodLink } from './pod-link.ts'
import type { Pods } from './pods.ts'
import type { SentRow } from './sent-rows.ts'
import { podOf } from './sent-rows.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** A notice that an own pod was given, to pass it on to the reader's. */
export interface Handed {
  /** The own pod. */
  readonly pod: string
  /** The reader's. */
  readonly to: string
  /** SHA-256 of the sealed notice. */
  readonly notice: Uint8Array
  readonly atMs: Millis
}

/**
 * What is known of it: the receipt of the reader's pod, checked; that it waits; that it waits longer than one should rely on; or that nobody
 * takes care of it any more, and whether the own pod is worth another try.
 */
export type Fate =
  | { readonly type: 'receipt'; readonly announced: NonNullable<SentRow['announced']> }
  | { readonly type: 'waits' | 'overdue' }
  | { readonly type: 'lost'; readonly again: boolean; readonly isSealedWrong: boolean }

/** Whether notices go through the own pod, where one has one, or to the reader's pod. */
export type NoticesBy = 'own-pod' | 'direct'

export interface PassingParts {
  state: State
  pods: Pick<Pods, 'identified' | 'certificateOf' | 'papersOf' | 'keepPapers'>
  clock: Clock
  log: Log
  crypto: Crypto
  keys: Pick<PeerKeys, 'verify'>
  noticesBy: NoticesBy
}

/** An own pod that cannot be asked for so long is passed by. */
const awayMs: Millis = 3_600_000
/** After so long the reader's pod is tried from here, too. */
const overdueMs: Millis = 12 * 3_600_000
/** An own pod that passes nothing on is asked again after so long. */
const unableMs: Millis = 3_600_000

const row = mapped(
  tuple(
    literal(1),
    text(limits.hostnameCharsMax, 1),
    text(limits.hostnameCharsMax, 1),
    bytes(32),
    uint()
  ),
  ([, pod, to, notice, atMs]): Handed => ({ pod, to, notice, atMs })
)

/** Notices that own pods were given for others, by letter, until there is a receipt. Source: docs/protocol/federation.md#the-queue */
export class Passing {
  readonly #parts: PassingParts
  readonly #rows: Table<Handed>
  readonly #handed = new Map<string, Handed>()
  /** When an own pod last said that it has it. */
  readonly #heardMs = new Map<string, Millis>()
  /** What own pods told by themselves. */
  readonly #news = new Map<string, QueueState>()
  readonly #unable = new Map<string, Millis>()
  /** Who waits for a word about a letter. */
  readonly #waiting = new Map<string, () => void>()

  private constructor(parts: PassingParts) {
    this.#parts = parts
    const { state, log } = parts
    this.#rows = createTable({
      ...{ state, log, name: 'handed', field: row, maxBytes: 1_024 },
      write: h => [1, h.pod, h.to, h.notice, h.atMs]
    })
  }

  static async open(parts: PassingParts): Promise<Passing> {
    const passing = new Passing(parts)
    for (const { key, value } of await passing.#rows.list()) passing.#handed.set(key, value)
    return passing
  }

  of(letter: string): Handed | undefined {
    return this.#handed.get(letter)
  }

  /** The own pod through which a letter is to be announced; undefined where that is the reader's own, or not wanted, or of no use. */
  way({ from, ...reader }: Pick<SentRow, 'from' | 'to' | 'place'>): string | undefined {
    const { noticesBy, clock } = this.#parts
    const own = readAlias(from).hostname
    const isUnable = (this.#unable.get(own) ?? 0) > clock.now()
    return noticesBy === 'direct' || isUnable || own === podOf(reader) ? undefined : own
  }

  /** @returns false when the own pod does not take it. @throws {MuttrError} `DISK_FULL`, `CANCELLED` */
  async give(
    row: SentRow,
    { link, notice }: { link: PodLink; notice: Uint8Array }
  ): Promise<boolean> {
    const { pods, clock, log, state } = this.#parts
    const to = podOf(row)
    const pin = (await pods.certificateOf(to))?.pin
    const request = { notice, hostname: to, pin: pin ? fromHex(pin, 32)! : null }
    const handed = { pod: link.hostname, to, notice: sha256(notice), atMs: clock.now() }
    const before = this.#handed.get(row.id)
    // The word of what became of it may come before the answer.
    this.#handed.set(row.id, handed)
    try {
      await link.queue.give({ ...request, expiryMs: row.expiryMs })
    } catch (err) {
      if (before) this.#handed.set(row.id, before)
      else this.#handed.delete(row.id)
      if (codeOf(err) === 'CANCELLED') throw err
      log.info('the own pod does not pass a notice on', { pod: link.hostname, code: codeOf(err) })
      if (codeOf(err) === 'METHOD_UNKNOWN') this.#unable.set(link.hostname, clock.now() + unableMs)
      return false
    }
    this.#heardMs.set(row.id, handed.atMs)
    await state.write([this.#rows.put(row.id, handed)])
    return true
  }

  /** Calls back when an own pod tells of a letter. */
  expect(letter: string, told: () => void): Disposable {
    this.#waiting.set(letter, told)
    return { [Symbol.dispose]: () => void this.#waiting.delete(letter) }
  }

  hasNews(letter: string): boolean {
    return this.#news.has(letter)
  }

  /** An own pod tells by itself. @returns the letters that it is about. */
  heard(pod: string, news: readonly QueueNews[]): string[] {
    return news.flatMap(({ hash, state }) => {
      const known = [...this.#handed].find(
        ([, handed]) => handed.pod === pod && equalBytes(handed.notice, hash)
      )
      if (!known) return []
      this.#news.set(known[0], state)
      this.#waiting.get(known[0])?.()
      return [known[0]]
    })
  }

  /** Asks the own pod, unless it has told already. @throws {MuttrError} `CANCELLED` */
  async fate(letter: string, handed: Handed, signal: AbortSignal): Promise<Fate> {
    const { clock } = this.#parts
    const told = this.#news.get(letter)
    // What is told while we ask is for the next time.
    this.#news.delete(letter)
    const state = told ?? (await this.#ask(handed, signal))
    const nowMs = clock.now()
    if (!state) {
      const heardMs = this.#heardMs.get(letter) ?? handed.atMs
      const isAway = nowMs - heardMs >= awayMs
      return isAway ? lost(false) : { type: 'waits' }
    }
    if (state.type === 'queued') {
      this.#heardMs.set(letter, nowMs)
      return { type: nowMs - handed.atMs >= overdueMs ? 'overdue' : 'waits' }
    }
    if (state.type === 'accepted') return await this.#read(handed, state, signal)
    if (state.type === 'unknown') return lost(true)
    if (state.type === 'refused' && state.code === 'NOTICE_INVALID')
      return { type: 'lost', again: true, isSealedWrong: true }
    return lost(false)
  }

  /** What became of it is written down, or nobody waits for it any more. */
  async forget(letter: string, signal: AbortSignal): Promise<void> {
    const handed = this.#handed.get(letter)
    if (!handed) return
    const { state, pods, log } = this.#parts
    await state.write([this.#rows.drop(letter)])
    this.#handed.delete(letter)
    this.#heardMs.delete(letter)
    this.#news.delete(letter)
    // Nobody waits for that: a pod that is not told forgets it when it expires.
    pods
      .identified(handed.pod, signal)
      .then(link => link.queue.done([handed.notice]))
      .catch(err => log.debug('a pod keeps a receipt', { pod: handed.pod, code: codeOf(err) }))
  }

  async #ask({ pod, notice }: Handed, signal: AbortSignal): Promise<QueueState | undefined> {
    const { pods, log } = this.#parts
    try {
      const link = await pods.identified(pod, signal)
      return (await link.queue.states([notice]))[0]
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      log.debug('the own pod is not asked for a receipt', { pod, code: codeOf(err) })
      return undefined
    }
  }

  /** Believed when the pinned pod's papers name the peer, and the peer signed for the notice. */
  async #read(
    handed: Handed,
    { atMs, signature, peer }: QueueState & { type: 'accepted' },
    signal: AbortSignal
  ): Promise<Fate> {
    const { keys, log } = this.#parts
    const { to: pod, notice } = handed
    try {
      await this.#check(handed, peer, signal)
      if (!keys.verify(peer, announcedHashBytes(notice, atMs), signature))
        throw new MuttrError('SIGNATURE_INVALID', 'the receipt is not of this pod and notice')
      return { type: 'receipt', announced: { pod, peer, notice, atMs, signature } }
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      log.warn('a receipt that the own pod showed does not hold', { code: codeOf(err) })
      return lost(false)
    }
  }

  async #check({ pod: own, to }: Handed, peer: PeerId, signal: AbortSignal): Promise<void> {
    const { pods, clock, crypto } = this.#parts
    if (await pods.papersOf(to, peer)) return
    const certificate = await pods.certificateOf(to)
    if (!certificate) throw new MuttrError('POD_CHANGED', `${to} was never met`)
    const papers = await (await pods.identified(own, signal)).queue.papers(to)
    const { fingerprint } = certificate
    await readPapers(papers, { hostname: to, peer, pinned: { fingerprint }, clock, crypto })
    await pods.keepPapers(to, peer, papers)
  }
}

const lost = (again: boolean): Fate => ({ type: 'lost', again, isSealedWrong: false })

import { codeOf, isErrorCode, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { Outbox } from '../../base/outbox.ts'
import type { Clock, Datagrams, Log, Millis, PeerKeys, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import type { Schedule } from '../../base/retry.ts'
import { outboxSchedule, retryDelayMs, throwDice } from '../../base/retry.ts'
import type { QueueState, TransferResult } from '../../wire/federation.ts'
import { transfer, transferAnswer } from '../../wire/federation.ts'
import { announcedBytes } from '../../wire/notice.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { reached } from '../greet.ts'
import { podTimes } from '../limits.ts'
import type { Standings } from '../office/standings.ts'
import type { AccountId } from '../rows.ts'
import type { Line, Lines } from './lines.ts'
import type { PeerPods } from './peers.ts'
import type { Queue, Queued, Told } from './queue.ts'

interface Parts {
  queue: Queue
  peers: PeerPods
  standings: Pick<Standings, 'check'>
  clock: Clock
  random: Random
  log: Log
  keys: Pick<PeerKeys, 'self' | 'verify'>
  /** Of this pod's certificate, hex. */
  pin: string
  /** Keeps a notice for an account of this pod. @returns the receipt's signature. */
  take(notice: Uint8Array, nowMs: Millis): Promise<Uint8Array>
  lines: Pick<Lines, 'take' | 'has'>
  tell(told: readonly Told[]): void
  /** Undefined where none are sent. */
  datagrams?: Datagrams
}

interface Settled {
  readonly entry: Queued
  readonly state: QueueState
}

/** Of 256 notices at most, each of which is written to a disk there. */
const transferTimeoutMs: Millis = 30_000
/** Pods that are talked to at once. */
const parallel = 64
/** A pod that answered, and has no room now, is asked again at the latest so soon: what one person sends must not hold up the others. */
const fullSchedule: Schedule = { firstMs: 60_000, maxMs: 10 * 60_000 }
const full: ReadonlySet<string> = new Set(['LIMIT_EXCEEDED', 'DISK_FULL'])
/** No later attempt brings anything else. */
const final: ReadonlySet<string> = new Set(['NOTICE_INVALID', 'BLOB_EXPIRED', 'FEDERATION_REFUSED'])

/**
 * Passes on what waits in a {@link Queue}: all that is for one pod together, since it is the pod that is there or away. Tries again 60 s,
 * doubling, at most six hours after a failure, until the other pod has signed for it, or it expires.
 * Source: docs/protocol/federation.md#retrying
 */
export class Forwarder implements AsyncDisposable {
  readonly #parts: Parts
  readonly #life = new AbortController()
  readonly #outbox = new Outbox({ schedule: outboxSchedule, parallel })
  readonly #pump: Pump
  #paused = false

  constructor(parts: Parts) {
    this.#parts = parts
    const { clock } = parts
    this.#pump = new Pump({
      outbox: this.#outbox,
      clock,
      life: this.#life.signal,
      mayBegin: () => !this.#paused,
      act: ({ id }) => this.#try(id)
    })
  }

  /** Takes up what a former run left. */
  start(): void {
    const { queue, peers, clock } = this.#parts
    for (const hostname of queue.hostnames()) {
      const { failures = 0, retryMs = 0 } = peers.get(hostname) ?? {}
      this.#outbox.add({ id: hostname, expiryMs: never, failures, dueMs: retryMs })
    }
    // Tried at once, but out of turn: many short runs must not make the waits long.
    this.#outbox.wake(clock.now())
    this.#pump.run()
  }

  /** Takes up what another process of the pod was given a while ago, and may not be there to pass on. */
  async adopt(): Promise<void> {
    const { queue, peers, clock } = this.#parts
    await peers.reload()
    await queue.adopt(clock.now() - podTimes.adoptMs)
    for (const hostname of queue.hostnames()) this.added(hostname)
  }

  /**
   * Something waits for this pod.
   * @param notice given just now: it goes ahead as a datagram where a link would have to be made first. That it was sent proves nothing.
   */
  added(hostname: string, notice?: Uint8Array): void {
    if (notice) this.#hasten(hostname, notice)
    this.#outbox.add({ id: hostname, expiryMs: never, failures: 0, dueMs: this.#parts.clock.now() })
    this.#pump.run()
  }

  #hasten(hostname: string, notice: Uint8Array): void {
    const { peers, datagrams, lines } = this.#parts
    const at = peers.metAt(hostname)
    if (!datagrams || !at || lines.has(hostname)) return
    if (peers.get(hostname)?.failures === 0) datagrams.send(at.address, at.udp, notice)
  }

  /** The pod is there: what waits for it is tried now. */
  wake(hostname: string): void {
    this.#outbox.wake(this.#parts.clock.now(), id => id === hostname)
    this.#pump.run()
  }

  /** Begins nothing any more. @returns when what is under way has ended, and its receipts are written */
  pause(): Promise<void> {
    this.#paused = true
    return this.#pump.quiet()
  }

  resume(): void {
    this.#paused = false
    this.#pump.run()
  }

  /** How it stands with what waits for a pod. */
  state(hostname: string): QueueState {
    const { failures = 0, retryMs = 0, code = null } = this.#parts.peers.get(hostname) ?? {}
    return { type: 'queued', failures, nextMs: retryMs, code }
  }

  async expire(): Promise<void> {
    const { queue, clock, tell } = this.#parts
    tell(await queue.expire(clock.now()))
  }

  async #try(hostname: string): Promise<void> {
    const { queue, clock, random, log, peers } = this.#parts
    try {
      for (;;) {
        const entries = queue.waiting(hostname, limits.transferNoticesMax)
        if (entries.length === 0) {
          this.#outbox.finished(hostname)
          return
        }
        await this.#pass(hostname, entries)
      }
    } catch (err) {
      if (this.#life.signal.aborted) return
      const code = codeOf(err) ?? 'INTERNAL'
      if (code === 'INTERNAL') log.warn('pod.pass-broke', { err })
      log.debug('pod.not-passed-on', { pod: hostname, code })
      const nowMs = clock.now()
      const dice = throwDice(random)
      const dueMs = this.#outbox.failed(hostname, nowMs, dice)!
      const failures = this.#outbox.failures(hostname)
      const fullMs = nowMs + retryDelayMs(fullSchedule, failures, dice)
      const retryMs = full.has(code) ? fullMs : dueMs
      this.#outbox.later(hostname, retryMs)
      await peers
        .failed(hostname, { failures, retryMs, code })
        .catch(error => log.warn('pod.peer-not-written', { code: codeOf(error) }))
    }
  }

  /** @throws {MuttrError} when the pod cannot be reached, or takes no more of them now */
  async #pass(hostname: string, entries: readonly Queued[]): Promise<void> {
    const { queue, clock, tell, lines, peers } = this.#parts
    const nowMs = clock.now()
    const isHere = peers.wasOurs(hostname)
    const barred = isHere ? undefined : this.#barred(hostname)
    const lost = await this.#suspended(entries, nowMs)
    const isIdle =
      isHere || barred !== undefined || entries.every(({ account }) => lost.has(account))
    using line = isIdle ? undefined : await lines.take(hostname, this.#life.signal)
    // Only now is it known that it is one of which the operator spoke by another name.
    const met = line && this.#barred(hostname)
    const pin = line?.pin ?? this.#parts.pin
    const settled: Settled[] = []
    const ready = entries.filter(entry => {
      const state = barred ?? met ?? lost.get(entry.account) ?? hopeless(entry, pin, nowMs)
      if (state) settled.push({ entry, state })
      return state === undefined
    })
    const given = ready.length > 0 ? await this.#give(hostname, line, ready) : undefined
    settled.push(...(given?.settled ?? []))
    tell(await queue.settle(settled))
    if (!given?.problem) return
    queue.putOff(ready)
    throw given.problem
  }

  /** @param line none for a former name of this pod */
  async #give(hostname: string, line: Line | undefined, entries: readonly Queued[]) {
    const { queue, keys } = this.#parts
    const loaded = await queue.load(entries)
    if (loaded.length === 0) return { settled: [], problem: undefined }
    const notices = loaded.map(({ notice }) => notice)
    const { atMs, results } = line
      ? await this.#transfer(hostname, line, notices)
      : await this.#keep(notices)
    if (results.length !== loaded.length)
      throw new MuttrError('WIRE_MALFORMED', 'an answer to another transfer')
    let problem: MuttrError | undefined
    const settled = loaded.flatMap(({ entry, notice }, i): Settled[] => {
      const result = results[i]!
      if (typeof result === 'string') {
        if (result === 'BLOB_EXPIRED') return [{ entry, state: { type: 'expired' } }]
        if (result === 'FEDERATION_REFUSED' && line?.unsure !== undefined) {
          problem = new MuttrError(line.unsure, `${hostname} could not find out who asks`)
          return []
        }
        if (final.has(result)) return [{ entry, state: { type: 'refused', code: result } }]
        const why = isErrorCode(result) ? result : 'PEER_REFUSED'
        problem ??= new MuttrError(why, `${hostname} takes no more now`)
        return []
      }
      const peer = line?.session.peer ?? keys.self
      if (keys.verify(peer, announcedBytes(notice, atMs), result))
        return [{ entry, state: { type: 'accepted', atMs, signature: result, peer } }]
      problem = new MuttrError('SIGNATURE_INVALID', `${hostname} gave a false receipt`)
      return []
    })
    return { settled, problem }
  }

  async #transfer(hostname: string, { session }: Line, notices: readonly Uint8Array[]) {
    const options = { timeoutMs: transferTimeoutMs, signal: this.#life.signal }
    const asked = session.request(podMethods.transfer, transfer.encode({ notices }), options)
    return transferAnswer.decode(await reached(hostname, asked))
  }

  /** What is for people of this pod under a name that it had before. */
  async #keep(notices: readonly Uint8Array[]) {
    const { clock, take } = this.#parts
    const atMs = clock.now()
    const one = (notice: Uint8Array): Promise<TransferResult> =>
      take(notice, atMs).catch(err => codeOf(err) ?? 'INTERNAL')
    return { atMs, results: await Promise.all(notices.map(one)) }
  }

  /** What the operator has said since keeps notices from a pod. */
  #barred(hostname: string): QueueState | undefined {
    try {
      this.#parts.peers.check(hostname)
      return undefined
    } catch (err) {
      return { type: 'refused', code: codeOf(err)! }
    }
  }

  /** What becomes of what was queued by accounts that may not have anything passed on any more. */
  async #suspended(entries: readonly Queued[], nowMs: Millis): Promise<Map<AccountId, QueueState>> {
    const found = new Map<AccountId, QueueState>()
    for (const account of new Set(entries.map(entry => entry.account)))
      try {
        await this.#parts.standings.check(account, nowMs)
      } catch (err) {
        const code = codeOf(err)
        if (code !== 'ACCOUNT_SUSPENDED' && code !== 'ACCOUNT_REMOVED') throw err
        found.set(account, { type: 'refused', code })
      }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort()
    await this.#pump[Symbol.asyncDispose]()
  }
}

function hopeless(entry: Queued, pin: string, nowMs: Millis): QueueState | undefined {
  if (entry.expiryMs <= nowMs) return { type: 'expired' }
  if (entry.pin !== null && entry.pin !== pin) return { type: 'refused', code: 'POD_CHANGED' }
  return undefined
}

/** A pod has no expiry. */
const never = Number.MAX_SAFE_INTEGER

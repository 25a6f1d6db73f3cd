import { equalBytes, toHex } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf } from '../../base/errors.ts'
import type { Outbox } from '../../base/outbox.ts'
import type { Clock, Failure, Log, Millis, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Notice } from '../../wire/notice.ts'
import { readEntry } from '../../wire/notice.ts'
import { failureOf } from '../failure.ts'
import type { Policy } from '../requests/request.ts'
import type { Self } from '../self.ts'
import { within } from '../waiting.ts'
import type { KeyPlace, KeyPods } from './key-pods.ts'
import { PollBudget, pollDelayMs, pollGapMs, pollRestMs } from './poll-pace.ts'
import type { FormerPlace, OwnPlace, Relation } from './relation-rows.ts'
import type { Relations } from './relations.ts'
import { placesOf } from './relations.ts'

export interface PollsParts {
  relations: Pick<Relations, 'all' | 'of' | 'at'>
  keyPods: KeyPods
  policyOf: (alias: string) => Policy | null
  self: Pick<Self, 'locked'>
  /** Resolves when they are on the disk. @param pod our own, through which they came */
  onNotices: (pod: string, notices: Notice[]) => Promise<void>
  /** The pod of an address has been away for so long that the correspondent is to be given another. */
  onLost: (relation: Relation) => void
  clock: Clock
  random: Random
  log: Log
  life: AbortSignal
  /** One at a time. */
  outbox: Outbox
}

/** How polling of one address goes. */
interface Watched {
  readonly place: KeyPlace & { readonly address: Uint8Array }
  readonly us: string
  readonly them: string
  /** Null: as long as it is renewed. */
  endsMs: Millis | null
  /** As the pod said last. */
  untilMs: Millis | null
  /** What is on our disk since the last poll; 0 for nothing. */
  through: number
  polledMs: Millis | null
  triedMs: Millis
  failingSinceMs: Millis | null
  problem: Failure | null
}

/** An address of a key, as a person is shown it. */
export interface PolledAddress {
  readonly address: Uint8Array
  readonly pod: string
  readonly untilMs: Millis | null
  readonly policy: Policy
}

/** A pod that keeps addresses of keys for us. */
export interface KeyPodStatus {
  hostname: string
  addresses: number
  /** When one of them was last polled. */
  polledMs: Millis | null
  problem: Failure | null
}

const dayMs = 24 * 3_600_000
/** One with less left is renewed. */
const renewBeforeMs: Millis = 40 * dayMs
/** A pod that was away for so long is left. */
const lostMs: Millis = dayMs
const pagesMax = 16
/** After a start they are polled within so long, unless somebody looks. */
const startMs: Millis = 120_000
const patienceMs: Millis = 15_000
/** What says that a pod is not there for this any more. */
const away: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['POD_UNREACHABLE', 'POD_UNKNOWN', 'POD_CHANGED', 'POD_TOO_OLD', 'BLIND_INVALID'] as const),
  ...(['FEDERATION_REFUSED', 'METHOD_UNKNOWN', 'WIRE_MALFORMED', 'PEER_REFUSED'] as const)
])
const foreverMs = Number.MAX_SAFE_INTEGER

/**
 * Asks for what waits at addresses of keys, each by itself, at times that say little: nothing of it is pushed. Keeps them as long as they are wanted.
 * Source: docs/protocol/anonymous.md#what-a-client-does
 */
export class Polls implements AsyncDisposable {
  readonly #parts: PollsParts
  readonly #pump: Pump
  readonly #all = new Map<string, Watched>()
  readonly #budget = new PollBudget()
  #notBeforeMs: Millis = Number.NEGATIVE_INFINITY
  #thereMs: Millis = Number.NEGATIVE_INFINITY
  readonly #waiting = new Set<() => void>()

  constructor(parts: PollsParts) {
    this.#parts = parts
    const { outbox, clock, life, self } = parts
    this.#pump = new Pump({
      ...{ outbox, clock, life },
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : Promise.resolve()),
      mayBegin: () => !self.locked
    })
  }

  /** The vault is open: what was agreed on is known. */
  unlocked(): void {
    this.changed()
  }

  /** What the person wants of senders may be another. */
  changed(): void {
    for (const relation of this.#parts.relations.all()) this.take(relation)
    for (const [id, watched] of this.#all) if (!this.#isWanted(watched)) this.#forget(id, watched)
  }

  locked(): void {
    const { outbox } = this.#parts
    for (const id of this.#all.keys()) outbox.finished(id)
    this.#all.clear()
  }

  /** Something of a relation is another now. */
  take(relation: Relation): void {
    const { outbox, clock, random, policyOf } = this.#parts
    const nowMs = clock.now()
    for (const place of placesOf(relation)) {
      const endsMs = isFormer(place) ? place.untilMs : null
      const id = toHex(place.address)
      const known = this.#all.get(id)
      if (known) known.endsMs = endsMs
      if (known || !isKeyed(place) || policyOf(relation.them) === 'ignore') continue
      if (endsMs !== null && endsMs <= nowMs) continue
      const { us, them } = relation
      this.#all.set(id, {
        ...{ place, us, them, endsMs, untilMs: null, through: 0, polledMs: null },
        ...{ triedMs: Number.NEGATIVE_INFINITY, failingSinceMs: null, problem: null }
      })
      const dueMs = nowMs + Math.round(startMs * throwDice(random))
      outbox.add({ id, expiryMs: foreverMs, failures: 0, dueMs })
    }
    this.#pump.run()
  }

  /** The person is there: looks, or has written. What may have come is asked for soon. */
  there(how: 'looks' | 'wrote'): void {
    const { outbox, clock, random } = this.#parts
    const nowMs = clock.now()
    this.#thereMs = nowMs
    if (how === 'looks') outbox.wake(nowMs)
    else
      for (const [id, { problem }] of this.#all)
        if (!problem) outbox.due(id, nowMs + pollDelayMs(0, false, throwDice(random)))
    this.#pump.run()
  }

  /** A relay is back. */
  wake(): void {
    const { outbox, clock } = this.#parts
    outbox.wake(clock.now(), id => this.#all.get(id)?.problem !== null)
    this.#pump.run()
  }

  /** Resolves when each that was not polled just now has been, or some seconds have passed; never rejects. */
  async tried(): Promise<void> {
    const { clock, self } = this.#parts
    if (self.locked || this.#all.size === 0) return
    const sinceMs = clock.now() - pollRestMs
    this.there('looks')
    const areTried = (): boolean => [...this.#all.values()].every(one => one.triedMs > sinceMs)
    const all = Promise.withResolvers<void>()
    const look = (): void => void (areTried() && all.resolve())
    this.#waiting.add(look)
    look()
    await within(all.promise, { clock, timeoutMs: patienceMs }).catch(() => undefined)
    this.#waiting.delete(look)
  }

  /** Pods that do not answer. */
  failing(): Set<string> {
    const failing = [...this.#all.values()].filter(one => one.failingSinceMs !== null)
    return new Set(failing.map(({ place }) => place.pod))
  }

  shown(): PolledAddress[] {
    return [...this.#all.values()].map(({ place, endsMs, untilMs, them }) => ({
      ...{ address: place.address, pod: place.pod, untilMs: endsMs ?? untilMs },
      policy: this.#parts.policyOf(them) ?? 'pull'
    }))
  }

  pods(): KeyPodStatus[] {
    const pods = new Map<string, KeyPodStatus>()
    for (const { place, polledMs, problem } of this.#all.values()) {
      const before = pods.get(place.pod)
      const times = [before?.polledMs ?? null, polledMs].filter(ms => ms !== null)
      pods.set(place.pod, {
        hostname: place.pod,
        addresses: (before?.addresses ?? 0) + 1,
        polledMs: times.length > 0 ? Math.max(...times) : null,
        problem: before?.problem ?? problem
      })
    }
    return [...pods.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1))
  }

  #isWanted({ endsMs, them }: Watched): boolean {
    const { policyOf, clock } = this.#parts
    return policyOf(them) !== 'ignore' && (endsMs === null || endsMs > clock.now())
  }

  /** Whoever writes there is answered as ever. */
  #forget(id: string, { place }: Watched): void {
    const { outbox, keyPods, life, log } = this.#parts
    this.#all.delete(id)
    outbox.finished(id)
    // What is not dropped now ends by itself.
    const dropped = keyPods.drop(place, life)
    this.#pump.also(
      dropped.catch(err => log.debug('an address stays until it ends', { code: codeOf(err) }))
    )
  }

  async #try(id: string): Promise<void> {
    const { outbox, clock, random, log, life } = this.#parts
    const watched = this.#all.get(id)
    if (!watched) return outbox.finished(id)
    const nowMs = clock.now()
    const mayMs = Math.max(this.#notBeforeMs, this.#budget.nextMs(nowMs))
    if (mayMs > nowMs) return outbox.later(id, mayMs)
    if (!this.#isWanted(watched)) return this.#forget(id, watched)
    try {
      await this.#poll(watched)
      watched.failingSinceMs = null
      watched.problem = null
      const isAsked = this.#parts.policyOf(watched.them) === 'ask'
      const sinceMs = clock.now() - this.#thereMs
      const dueMs = clock.now() + pollDelayMs(sinceMs, isAsked, throwDice(random))
      outbox.finished(id)
      if (this.#all.get(id) === watched) outbox.add({ id, expiryMs: foreverMs, failures: 0, dueMs })
    } catch (err) {
      if (life.aborted) return
      const failure = failureOf(err)
      if (failure.code === 'INTERNAL') log.warn('a poll broke', { err })
      else log.debug('an address is not polled', { pod: watched.place.pod, code: failure.code })
      watched.problem = failure
      if (away.has(failure.code)) watched.failingSinceMs ??= nowMs
      outbox.failed(id, clock.now(), throwDice(random))
      this.#leave(watched)
    } finally {
      watched.triedMs = clock.now()
      this.#notBeforeMs = clock.now() + pollGapMs(throwDice(random))
      for (const look of this.#waiting) look()
    }
  }

  /** Where the pod of one that is in use does not come back, the correspondent is given another. */
  #leave({ us, them, place, failingSinceMs }: Watched): void {
    const { relations, clock, onLost } = this.#parts
    if (failingSinceMs === null || failingSinceMs + lostMs > clock.now()) return
    const relation = relations.of(us, them)
    if (relation.ours && equalBytes(relation.ours.address, place.address)) onLost(relation)
  }

  async #poll(watched: Watched): Promise<void> {
    const { keyPods, clock, life, log } = this.#parts
    const { place } = watched
    for (let pages = 0; pages < pagesMax; pages++) {
      this.#budget.take(clock.now())
      const page = await keyPods.poll(place, watched.through, life).catch(async err => {
        // The pod has lost it, or it ended while we were away: it is the same one again.
        if (codeOf(err) !== 'ADDRESS_UNKNOWN') throw err
        log.info('an address is made anew', { pod: place.pod })
        watched.untilMs = await keyPods.keep(place, life)
      })
      if (!page) {
        watched.through = 0
        break
      }
      watched.untilMs = page.untilMs
      watched.polledMs = clock.now()
      watched.through = 0
      const notices = page.entries.map(readEntry)
      await this.#received(watched, notices)
      watched.through = page.entries.length > 0 ? page.through : 0
      if (!page.more || this.#budget.nextMs(clock.now()) > clock.now()) break
    }
    if (watched.endsMs === null && watched.untilMs! - clock.now() < renewBeforeMs)
      watched.untilMs = await keyPods.keep(place, life)
  }

  async #received({ place, us }: Watched, notices: readonly Notice[]): Promise<void> {
    // The pod decides what it shows: nothing that would be for another address of ours.
    const mine = notices.filter(({ address }) => equalBytes(address, place.address))
    if (mine.length > 0) await this.#parts.onNotices(readAlias(us).hostname, mine)
  }

  /** Resolves when nothing is under way. */
  quiet(): Promise<void> {
    return this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}

const isFormer = (place: OwnPlace | FormerPlace): place is FormerPlace => 'untilMs' in place
const isKeyed = (place: OwnPlace): place is OwnPlace & KeyPlace => place.key !== null

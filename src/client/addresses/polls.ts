import { equalBytes, toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Outbox } from '../../base/outbox.ts'
import type { Clock, Failure, Log, Millis, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Notice } from '../../wire/notice.ts'
import { readEntry } from '../../wire/notice.ts'
import { TargetRefusal } from '../blind/asking.ts'
import { failureOf } from '../failure.ts'
import type { Policy } from '../requests/request.ts'
import type { Self } from '../self.ts'
import { within } from '../waiting.ts'
import { isOfTarget } from './faults.ts'
import type { KeyPodStatus } from './key-pod-status.ts'
import { keyPodStatus } from './key-pod-status.ts'
import type { KeyPlace, KeyPods } from './key-pods.ts'
import type { PollMarks } from './poll-marks.ts'
import type { Trial } from './poll-pace.ts'
import { PollBudget, pollDelayMs, pollGapMs, pollRestMs } from './poll-pace.ts'
import type { FormerPlace, OwnPlace, Relation } from './relation-rows.ts'
import type { Relations } from './relations.ts'
import { placesOf } from './relations.ts'

export interface PollsParts {
  relations: Pick<Relations, 'all' | 'of' | 'at'>
  keyPods: KeyPods
  marks: PollMarks
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
  /** What was wanted of it last: another word is acted on soon. */
  wanted: Policy | null
  /** Null: as long as it is renewed. */
  endsMs: Millis | null
  /** As the pod said last. */
  untilMs: Millis | null
  /** What is on our disk since the last poll; 0 for nothing. */
  through: number
  polledMs: Millis | null
  triedMs: Millis
  problem: Failure | null
}

/** An address of a key, as a person is shown it. */
export interface PolledAddress {
  readonly address: Uint8Array
  readonly pod: string
  readonly untilMs: Millis | null
  readonly policy: Policy
}

const dayMs = 24 * 3_600_000
/** One with less left is renewed. */
const renewBeforeMs: Millis = 40 * dayMs
/** One address is made or renewed at most so often: each costs a token, and it is the pod that says when. */
const keepEveryMs: Millis = dayMs
/** What a pod says to have with less than so much left does not hold. */
const heldMs: Millis = 2 * dayMs
const slackMs: Millis = 3_600_000
/** A pod that was asked so often to drop an address may have it until it ends. */
const dropsMax = 10
const pagesMax = 16
/** After a start they are polled within so long, unless somebody looks. */
const startMs: Millis = 120_000
const patienceMs: Millis = 15_000
const foreverMs = Number.MAX_SAFE_INTEGER

/**
 * Asks for what waits at addresses of keys, each by itself, at times that say little: nothing of it is pushed. Keeps them as long as they are wanted.
 * Source: docs/protocol/anonymous.md#what-a-client-does
 */
export class Polls implements AsyncDisposable {
  readonly #parts: PollsParts
  readonly #pump: Pump
  readonly #all = new Map<string, Watched>()
  /** Of senders who are ignored: their pods were told. */
  readonly #dropped = new Set<string>()
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

  /** The vault is open: what was agreed on is known. @throws {MuttrError} `VAULT_LOCKED` */
  async unlocked(): Promise<void> {
    const { marks } = this.#parts
    await marks.load()
    this.changed()
    await this.#note(marks.only(new Set(this.#all.keys())))
  }

  /** What the person wants of senders may be another, or an address is of no use any more. */
  changed(): void {
    const { relations, outbox, clock, random } = this.#parts
    for (const relation of relations.all()) this.take(relation)
    for (const [id, watched] of this.#all) {
      const wanted = this.#wantedOf(watched)
      if (wanted === watched.wanted) continue
      watched.wanted = wanted
      // Each at another moment: what one pod has of one person shall not be told by that.
      outbox.due(id, clock.now() + Math.round(startMs * throwDice(random)))
    }
    this.#pump.run()
  }

  locked(): void {
    const { outbox } = this.#parts
    for (const id of this.#all.keys()) outbox.finished(id)
    this.#all.clear()
    this.#parts.marks.locked()
  }

  /** Something of a relation is another now. What it has no more is dropped when it would be polled. */
  take(relation: Relation): void {
    const { outbox, clock, random, policyOf } = this.#parts
    const nowMs = clock.now()
    const { us, them } = relation
    const policy = policyOf(them)
    for (const place of placesOf(relation)) {
      const endsMs = isFormer(place) ? place.untilMs : null
      const id = toHex(place.address)
      const known = this.#all.get(id)
      if (known) known.endsMs = endsMs
      if (known || !isKeyed(place) || (endsMs !== null && endsMs <= nowMs)) continue
      // Of one who was ignored before this start it is not known whether the pod was told.
      if (policy !== 'ignore') this.#dropped.delete(id)
      else if (this.#dropped.has(id)) continue
      this.#all.set(id, {
        ...{ place, us, them, wanted: policy, endsMs, untilMs: null, through: 0, polledMs: null },
        ...{ triedMs: Number.NEGATIVE_INFINITY, problem: null }
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
    const failing = this.#watched().filter(one => this.#trial(one).isFailing)
    return new Set(failing.map(({ place }) => place.pod))
  }

  shown(): PolledAddress[] {
    return this.#watched().map(({ place, endsMs, untilMs, them }) => ({
      ...{ address: place.address, pod: place.pod, untilMs: endsMs ?? untilMs },
      policy: this.#parts.policyOf(them) ?? 'pull'
    }))
  }

  pods = (): KeyPodStatus[] => keyPodStatus(this.#watched())

  /** All but those that are to be dropped. */
  #watched(): Watched[] {
    return [...this.#all.values()].filter(one => this.#wantedOf(one) !== 'ignore')
  }

  /** `ignore`: the address is to be dropped. */
  #wantedOf({ us, them, endsMs, place: { address } }: Watched): Policy | null {
    const { policyOf, clock, relations } = this.#parts
    const isOurs = placesOf(relations.of(us, them)).some(one => equalBytes(one.address, address))
    return isOurs && (endsMs === null || endsMs > clock.now()) ? policyOf(them) : 'ignore'
  }

  async #try(id: string): Promise<void> {
    const { outbox, clock, random, life } = this.#parts
    const watched = this.#all.get(id)
    if (!watched) return outbox.finished(id)
    const nowMs = clock.now()
    const mayMs = Math.max(this.#notBeforeMs, this.#budget.nextMs(nowMs))
    if (mayMs > nowMs) return outbox.later(id, mayMs)
    const isDrop = this.#wantedOf(watched) === 'ignore'
    const [end] = await Promise.allSettled([isDrop ? this.#drop(id, watched) : this.#poll(watched)])
    if (life.aborted) return
    // Before anything else may begin.
    watched.triedMs = clock.now()
    this.#notBeforeMs = clock.now() + pollGapMs(throwDice(random))
    if (end.status === 'rejected') await this.#failed(id, watched, end.reason)
    else if (isDrop) await this.#over(id, watched)
    else await this.#polled(id, watched, end.value === true)
    for (const look of this.#waiting) look()
  }

  #trial({ place }: Watched): Trial {
    return this.#parts.marks.trial(place.address)
  }

  /** What cannot be written down is known as long as this process lives. */
  async #note(writing: Promise<void>): Promise<void> {
    const { log } = this.#parts
    await writing.catch(err => log.debug('how polls go is not kept', { code: codeOf(err) }))
  }

  async #failed(id: string, watched: Watched, err: unknown): Promise<void> {
    const { outbox, clock, random, log } = this.#parts
    const failure = failureOf(err)
    if (failure.code === 'INTERNAL' && !(err instanceof TargetRefusal))
      log.warn('a poll broke', { err })
    else log.debug('an address is not polled', { pod: watched.place.pod, code: failure.code })
    watched.problem = failure
    const trial = this.#trial(watched)
    if (isOfTarget(err, failure.code)) trial.failed(clock.now())
    else trial.unclear()
    outbox.failed(id, clock.now(), throwDice(random))
    this.#leave(watched)
    if (trial.isFailing) await this.#note(this.#parts.marks.save(watched.place.address))
  }

  /** Whoever writes there is answered as ever. */
  async #drop(id: string, { place }: Watched): Promise<void> {
    const { outbox, keyPods, clock, life, log } = this.#parts
    this.#budget.take(clock.now())
    try {
      await keyPods.drop(place, life)
    } catch (err) {
      if (outbox.failures(id) < dropsMax) throw err
      log.debug('an address stays until it ends', { code: codeOf(err) })
    }
  }

  /** It is dropped. */
  async #over(id: string, watched: Watched): Promise<void> {
    if (this.#all.get(id) !== watched) return
    const { outbox, relations, marks } = this.#parts
    this.#all.delete(id)
    this.#dropped.add(id)
    outbox.finished(id)
    await this.#note(marks.drop(watched.place.address))
    // It may be wanted again by now.
    this.take(relations.of(watched.us, watched.them))
  }

  /** @param isThere it was, and nothing had to be paid for: what is made may not hold, which is seen at the next poll. */
  async #polled(id: string, watched: Watched, isThere: boolean): Promise<void> {
    const { outbox, clock, random, policyOf, marks } = this.#parts
    const trial = this.#trial(watched)
    const isNews = isThere && trial.isFailing
    if (isThere) trial.worked()
    watched.problem = null
    const isAsked = policyOf(watched.them) === 'ask'
    const sinceMs = clock.now() - this.#thereMs
    const dueMs = clock.now() + pollDelayMs(sinceMs, isAsked, throwDice(random))
    outbox.finished(id)
    if (this.#all.get(id) === watched) outbox.add({ id, expiryMs: foreverMs, failures: 0, dueMs })
    if (isNews) await this.#note(marks.save(watched.place.address))
  }

  /** Where the pod of one that is in use does not come back, the correspondent is given another. */
  #leave(watched: Watched): void {
    const { relations, onLost } = this.#parts
    const { us, them, place } = watched
    if (!this.#trial(watched).isOver || this.#wantedOf(watched) === 'ignore') return
    const relation = relations.of(us, them)
    if (relation.ours && equalBytes(relation.ours.address, place.address)) onLost(relation)
  }

  /** @returns whether it was there, and nothing had to be paid for. */
  async #poll(watched: Watched): Promise<boolean> {
    const { keyPods, clock, life, log } = this.#parts
    const { place } = watched
    let isMade = false
    for (let pages = 0; pages < pagesMax; pages++) {
      this.#budget.take(clock.now())
      const page = await keyPods.poll(place, watched.through, life).catch(async err => {
        // The pod has lost it, or it ended while we were away: it is the same one again.
        if (codeOf(err) !== 'ADDRESS_UNKNOWN' || this.#isKept(watched)) throw err
        log.info('an address is made anew', { pod: place.pod })
        watched.through = 0
        await this.#keep(watched)
        isMade = true
      })
      if (!page) continue
      const { more, entries } = page
      watched.untilMs = page.untilMs
      watched.polledMs = clock.now()
      const before = watched.through
      watched.through = 0
      await this.#received(watched, entries.map(readEntry))
      // A page may be empty where what stood there has expired: what follows stands behind it.
      if (entries.length > 0 || (more && page.through > before)) watched.through = page.through
      else break
      if (!more || this.#budget.nextMs(clock.now()) > clock.now()) break
    }
    return !(await this.#renew(watched)) && !isMade
  }

  #isKept({ place }: Watched): boolean {
    const { marks, clock } = this.#parts
    const kept = marks.kept(place.address)
    return kept !== null && Math.abs(clock.now() - kept.atMs) < keepEveryMs
  }

  async #keep(watched: Watched): Promise<void> {
    const { keyPods, clock, life, marks } = this.#parts
    const { place } = watched
    this.#budget.take(clock.now())
    const atMs = clock.now()
    // Before it is paid for: whoever ends this process in between is not paid twice.
    await marks.keep(place.address, { atMs, untilMs: 0 })
    watched.untilMs = await keyPods.keep(place, life)
    await this.#note(marks.keep(place.address, { atMs, untilMs: watched.untilMs }))
  }

  /** @returns whether it was paid for. @throws {MuttrError} `ADDRESS_UNKNOWN` when what was paid for within a day does not hold */
  async #renew(watched: Watched): Promise<boolean> {
    const { clock, marks } = this.#parts
    const { untilMs } = watched
    const leftMs = untilMs! - clock.now()
    if (watched.endsMs !== null || leftMs >= renewBeforeMs) return false
    if (!this.#isKept(watched)) {
      await this.#keep(watched)
      return true
    }
    if (leftMs < heldMs || untilMs! + slackMs < marks.kept(watched.place.address)!.untilMs)
      throw new MuttrError('ADDRESS_UNKNOWN', `${watched.place.pod} does not keep it as it said`)
    return false
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

import { equalBytes } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Outbox } from '../../base/outbox.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import { refuseFuture } from '../../keys/future.ts'
import { readAlias } from '../../pod/alias.ts'
import type { AddressOffer } from '../../wire/address.ts'
import type { Contacts } from '../contacts.ts'
import type { Policy } from '../requests/request.ts'
import type { Self } from '../self.ts'
import type { SentRow } from '../sent-rows.ts'
import type { RelationHome } from './home.ts'
import type { Polls } from './polls.ts'
import type { Published } from './published.ts'
import type { Register } from './register.ts'
import type { Relation, TimedPlace } from './relation-rows.ts'
import { firstRelation } from './relation-rows.ts'
import type { Relations } from './relations.ts'
import type { Tell } from './tell.ts'

export interface AddressesParts {
  relations: Relations
  published: Pick<Published, 'load' | 'locked'>
  home: RelationHome
  polls: Omit<Polls, 'shown' | 'pods' | 'take'>
  register: Register
  tell: Tell
  contacts: Pick<Contacts, 'known' | 'route'>
  self: Pick<Self, 'locked' | 'registrations'>
  policyOf: (alias: string) => Policy | null
  /** Our place among our devices, from 0. */
  rank: () => number
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
  outbox: Outbox
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Who still writes to another address than we told them is told again so often. */
const againMs: Millis = 7 * dayMs
/** Within so long what lives elsewhere is made anew. */
const homeMs: Millis = 6 * hourMs
/** And never two of them within so long, also when all were overdue after a sleep. */
const homeGapMs: Millis = 5 * 60_000
const giveUpMs: Millis = 100 * dayMs

/**
 * Agrees with each correspondent on an address that they alone know, and moves to it. Made when each has written to the other; told sealed; what
 * fails falls back to the intro address. Source: docs/protocol/address.md#relationships
 */
export class Addresses implements AsyncDisposable {
  readonly #parts: AddressesParts
  readonly #pump: Pump
  /** Changed while they were under way. */
  readonly #again = new Set<string>()
  /** What waits on purpose: a relay that is back is no reason to do it sooner. */
  readonly #spread = new Set<string>()
  #homeNotBeforeMs: Millis = Number.NEGATIVE_INFINITY
  #lookedMs: Millis = Number.NEGATIVE_INFINITY
  /** Letters that were announced while the vault was locked. */
  readonly #later = new Map<string, Pick<Relation, 'us' | 'them'>>()

  constructor(parts: AddressesParts) {
    this.#parts = parts
    const { outbox, clock, life, self } = parts
    this.#pump = new Pump({
      outbox,
      clock,
      life,
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : Promise.resolve()),
      mayBegin: () => !self.locked
    })
  }

  async unlocked(): Promise<void> {
    const { relations, published } = this.#parts
    await Promise.all([relations.load(), published.load()])
    for (const { us, them } of this.#later.values()) await this.#sent(us, them)
    this.#later.clear()
    await this.#parts.polls.unlocked()
    for (const relation of relations.all()) this.#due(relation)
  }

  locked(): void {
    this.#parts.polls.locked()
    this.#parts.relations.locked()
    this.#parts.published.locked()
  }

  wake(): void {
    const { outbox, clock } = this.#parts
    outbox.wake(clock.now(), id => !this.#spread.has(id))
    this.#pump.run()
    this.#parts.polls.wake()
  }

  /** The person looks at what has come: it is asked for where nothing is pushed. */
  looked(): void {
    this.#parts.polls.there('looks')
  }

  /** As {@link looked}, and resolves when that was tried; never rejects. */
  polled(): Promise<void> {
    return this.#parts.polls.tried()
  }

  /** The pod where an address of ours lives does not come back. */
  lost({ us, them }: Pick<Relation, 'us' | 'them'>): void {
    const id = lostId(us, them)
    this.#add(id, 0)
    // Others may be lost there, too: each is made anew at the time at which that was seen.
    this.#spread.add(id)
    this.#pump.run()
  }

  /** Where letters of an own alias to somebody are announced; undefined: at the intro address. */
  placeFor({ from, to }: Pick<SentRow, 'from' | 'to'>): TimedPlace | undefined {
    return this.#parts.relations.of(from, to).theirs ?? undefined
  }

  /** Whose letters come to an address of ours. */
  at(address: Uint8Array) {
    return this.#parts.relations.at(address)
  }

  /** A letter of ours was announced. */
  announced({ from, to }: Pick<SentRow, 'from' | 'to'>): void {
    const { log, polls } = this.#parts
    polls.there('wrote')
    const noted = this.#sent(from, to)
    this.#pump.also(noted.catch(err => log.warn('not noted', { code: codeOf(err) })))
  }

  async #sent(us: string, them: string): Promise<void> {
    const { self, relations } = this.#parts
    if (self.locked) return void this.#later.set(`${us} ${them}`, { us, them })
    const before = relations.of(us, them)
    if (before.wrote) return
    this.#due(await relations.change(before, { wrote: true }))
  }

  /** A letter of theirs was opened. @param at where it was announced. */
  received(us: string, them: string, at: Uint8Array | null, letter: { sentMs: Millis }): void {
    const { log } = this.#parts
    const noted = this.#heard(us, them, at, letter.sentMs)
    this.#pump.also(noted.catch(err => log.warn('not noted', { code: codeOf(err) })))
  }

  async #heard(us: string, them: string, at: Uint8Array | null, sentMs: Millis): Promise<void> {
    const { relations, clock } = this.#parts
    const before = relations.of(us, them)
    const { ours, toldMs } = before
    const isThere = ours !== null && at !== null && equalBytes(at, ours.address)
    const isForgotten =
      !isThere && toldMs !== null && sentMs > toldMs + dayMs && toldMs + againMs <= clock.now()
    if (before.heard && !isForgotten && (before.used || !isThere)) return
    const used = before.used || isThere
    const after = await relations.change(before, {
      ...{ heard: true, used },
      ...(isForgotten && { toldMs: null })
    })
    this.#due(after)
  }

  /** A contact says where their letters are to be announced, and has signed that. @throws {MuttrError} `CLOCK_WRONG` */
  async offered(offer: AddressOffer): Promise<void> {
    const { relations, clock, self, emit } = this.#parts
    const nowMs = clock.now()
    refuseFuture('the address', offer.madeMs, nowMs)
    const us = offer.to.alias
    if (!self.registrations().some(({ alias }) => alias === us)) return
    const before = relations.of(us, offer.alias)
    if (offer.madeMs <= before.theirsMs) return
    const theirs = offer.place && { ...offer.place, madeMs: offer.madeMs }
    const after = await relations.change(before, {
      ...{ theirs, theirsMs: offer.madeMs, renew: false }
    })
    emit({ type: 'address', contact: offer.alias, what: theirs ? 'taken' : 'dropped' })
    const { ours, toldMs } = after
    // However often somebody asks, and whether their pod lets us answer or not: one is made in an hour.
    const mayAnswer = ours !== null && Math.max(ours.madeMs, toldMs ?? 0) + hourMs <= nowMs
    if (offer.renew && mayAnswer) await this.#renew(after)
    else this.#due(after)
  }

  /** The pod does not take what is sealed to the key that we have of it: it has another, or the address is lost. */
  async refused(row: Pick<SentRow, 'from' | 'to' | 'place'>): Promise<void> {
    const { relations, contacts, life } = this.#parts
    const relation = relations.of(row.from, row.to)
    const { theirs } = relation
    if (!theirs) return
    const { route } = await contacts.route(row.to, life)
    const isMoved =
      theirs.pod !== readAlias(row.to).hostname || equalBytes(route.hpkeKey, theirs.hpkeKey)
    if (isMoved) return await this.doubt(row)
    await relations.change(relation, { theirs: { ...theirs, hpkeKey: route.hpkeKey } })
  }

  /** An address that we were given leads nowhere: back to the intro address, until they have given another. */
  async doubt({ from, to, place }: Pick<SentRow, 'from' | 'to' | 'place'>): Promise<void> {
    const { relations } = this.#parts
    const relation = relations.of(from, to)
    const { theirs } = relation
    if (!theirs || !place || !equalBytes(theirs.address, place.address)) return
    this.#due(await relations.change(relation, { theirs: null, renew: true, toldMs: null }))
  }

  /** Gives a correspondent another address, since the one that they have may be known to others. @returns whether they had one */
  async renew(them: string): Promise<boolean> {
    const mine = [...this.#parts.relations.all()].filter(one => one.them === them && one.ours)
    // As this device makes them: by this a person has one of a key made by the account again.
    for (const relation of mine) this.#due(await this.#make(relation, null))
    return mine.length > 0
  }

  /** The alias is of another key now: whoever has it knows nothing of what was agreed on, and who had it shall not use it. */
  async otherKey(them: string): Promise<void> {
    const { relations } = this.#parts
    const theirs = [...relations.all()].filter(one => one.them === them)
    for (const { us, theirsMs } of theirs)
      await relations.change({ us, them }, { ...firstRelation(us, them), theirsMs: theirsMs + 1 })
    if (theirs.length > 0) this.changed()
  }

  /** The person said something about senders, or handed an address out: pods are told. */
  changed(): void {
    for (const { pod } of this.#parts.self.registrations()) this.#add(podId(pod), 0)
    this.#parts.polls.changed()
    this.#pump.run()
  }

  /** What waits at pods for our word comes now: somebody looks. Never rejects. @returns how many notices */
  async ask(): Promise<number> {
    const { self, register, log } = this.#parts
    this.looked()
    const asked = [...new Set(self.registrations().map(one => one.pod))].map(pod =>
      register.ask(pod).catch(err => {
        log.debug('a pod is not asked for what waits', { pod, code: codeOf(err) })
        return 0
      })
    )
    return (await Promise.all(asked)).reduce((all, count) => all + count, 0)
  }

  /** Compares now and then what our pods have with what they shall have. */
  async look(): Promise<void> {
    const { register, clock, self } = this.#parts
    if (self.locked || this.#lookedMs + dayMs > clock.now()) return
    this.#lookedMs = clock.now()
    for (const { pod } of self.registrations()) register.refresh(pod)
    this.changed()
    this.#bringHome()
  }

  /** What was made elsewhere is made anew where such addresses live now: one after the other, so that they are not known by that to be one person's. */
  #bringHome(): void {
    const { relations, home, random } = this.#parts
    for (const { us, them, ours } of relations.all())
      if (ours && home.isElsewhere(ours))
        this.#add(homeId(us, them), Math.round(throwDice(random) * homeMs))
    this.#pump.run()
  }

  async #renew({ us, them }: Pick<Relation, 'us' | 'them'>): Promise<void> {
    const relation = this.#parts.relations.of(us, them)
    this.#due(await this.#make(relation, relation.ours))
  }

  /** @param before what it follows; null: it is made as if there was none. */
  async #make(relation: Relation, before: Relation['ours']): Promise<Relation> {
    const { relations, home, random, clock, life } = this.#parts
    const { us, them, ours, toldMs } = relation
    const { address, pod, hpkeKey, key } = await home.make({ us, them, ours: before }, life)
    const secret = random.bytes(32)
    // Later than what they were told before, by a clock that was set back too.
    const madeMs = Math.max(Math.floor(clock.now()), (ours?.madeMs ?? 0) + 1, (toldMs ?? 0) + 1)
    const place = { address, pod, hpkeKey, secret, madeMs, key }
    return await relations.make(relation, place)
  }

  #due(relation: Relation): void {
    const { us, them, wrote, heard, ours, toldMs } = relation
    if (!wrote || !heard || (ours && toldMs !== null)) return
    // One of our devices is first, so that they do not all make one.
    this.#add(relationId(us, them), ours ? 0 : this.#parts.rank() * hourMs)
    this.#pump.run()
  }

  #add(id: string, waitMs: Millis): void {
    const { outbox, clock } = this.#parts
    const nowMs = clock.now()
    // One that is under way began with what was so before.
    const isKnown = outbox.has(id)
    if (isKnown) this.#again.add(id)
    outbox.add({ id, expiryMs: nowMs + giveUpMs, failures: 0, dueMs: nowMs + waitMs })
    if (waitMs > 0) return void (isKnown || this.#spread.add(id))
    this.#spread.delete(id)
    outbox.due(id, nowMs)
  }

  async #try(id: string): Promise<void> {
    const { outbox, clock, random, log, life } = this.#parts
    const [kind, ...names] = id.split(' ')
    const nowMs = clock.now()
    const gapMs = this.#homeNotBeforeMs - nowMs
    if (kind === 'home' && gapMs > 0 && gapMs <= homeGapMs)
      return outbox.later(id, this.#homeNotBeforeMs + Math.round(throwDice(random) * homeGapMs))
    if (kind === 'home') this.#homeNotBeforeMs = nowMs + homeGapMs
    if (kind === 'relation') this.#spread.delete(id)
    try {
      if (kind === 'pod') await this.#bring(names[0]!)
      else if (kind === 'home') await this.#home(names[0]!, names[1]!)
      else if (kind === 'lost') await this.#leave(names[0]!, names[1]!)
      else await this.#agree(names[0]!, names[1]!)
      outbox.finished(id)
      this.#spread.delete(id)
      if (this.#again.delete(id)) this.#add(id, 0)
    } catch (err) {
      if (life.aborted) return
      const code = codeOf(err)
      if (code === undefined) log.warn('an attempt to agree on an address broke', { err })
      else log.debug('no address is agreed on yet', { code })
      // An older pod makes none.
      if (code === 'METHOD_UNKNOWN') outbox.later(id, clock.now() + dayMs)
      else outbox.failed(id, clock.now(), throwDice(random))
    }
  }

  async #agree(us: string, them: string): Promise<void> {
    const { relations, policyOf, contacts, tell, clock, emit } = this.#parts
    if (policyOf(them) === 'ignore' || !(await contacts.known(them))) return
    const before = relations.of(us, them)
    const relation = before.ours ? before : await this.#make(before, null)
    if (relation.ours!.key === null) await this.#bring(relation.ours!.pod)
    if (relations.of(us, them).toldMs !== null) return
    const told = relations.of(us, them)
    if (!(await tell(told))) this.#parts.log.info('two keys leave no room for an address')
    emit({ type: 'address', contact: them, what: 'given' })
    const { ours } = relations.of(us, them)
    // Another one may have taken its place meanwhile.
    const isIt = ours && told.ours && equalBytes(ours.address, told.ours.address)
    if (isIt)
      await relations.change(told, { toldMs: Math.max(Math.floor(clock.now()), ours.madeMs) })
    else this.#due(relations.of(us, them))
  }

  async #home(us: string, them: string): Promise<void> {
    const { relations, home } = this.#parts
    const relation = relations.of(us, them)
    if (relation.ours && home.isElsewhere(relation.ours)) await this.#renew(relation)
  }

  async #leave(us: string, them: string): Promise<void> {
    const { relations, polls } = this.#parts
    const { ours } = relations.of(us, them)
    // It may be there again, or another one stands elsewhere.
    if (ours?.key && polls.failing().has(ours.pod)) await this.#renew({ us, them })
  }

  async #bring(pod: string): Promise<void> {
    const { register, relations } = this.#parts
    if (!(await register.bring(pod))) return
    // An older state came out of a backup: whoever has an address that is lost is told of one that is not.
    for (const relation of [...relations.all()])
      if (relation.ours?.pod === pod && relation.ours.key === null)
        this.#due(await relations.change(relation, { toldMs: null }))
  }

  /** Resolves when nothing is under way. */
  quiet(): Promise<void> {
    return this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.polls[Symbol.asyncDispose]()
    await this.#pump[Symbol.asyncDispose]()
  }
}

const relationId = (us: string, them: string): string => `relation ${us} ${them}`
const lostId = (us: string, them: string): string => `lost ${us} ${them}`
const homeId = (us: string, them: string): string => `home ${us} ${them}`
const podId = (pod: string): string => `pod ${pod}`

import type { Contact, Millis, PeerId, Place } from '../base/ports.ts'
import type { Why } from '../replicas/duty.ts'
import { dutyOf as usualDuty } from '../replicas/duty.ts'
import { Neighbours } from '../replicas/neighbours.ts'
import { RepairPlan } from '../replicas/repair.ts'
import type { Moment } from '../replicas/repair-agenda.ts'
import { RepairAgenda } from '../replicas/repair-agenda.ts'
import type { RepairParameters } from '../replicas/repair-parameters.ts'
import { usualRepair } from '../replicas/repair-parameters.ts'
import { compareDistance, placeOfKey } from '../routing/distance.ts'
import { rowAfter } from '../store/rows.ts'
import type { Entry } from '../store/store.ts'
import type { SeedCore } from './core.ts'
import { deadline, findNearest } from './core.ts'
import type { RepairRequests } from './repair-requests.ts'
import { createRequests } from './repair-requests.ts'
import type { RepairView } from './repair-view.ts'
import { createTouch, createView } from './repair-view.ts'
import type { TombstoneShelf } from './tombstone-shelf.ts'
import { watchNeighbours } from './watch-neighbours.ts'

const minuteMs: Millis = 60_000

export type { RepairParameters }

/** Since the start. */
export interface RepairStatus {
  sweeps: number
  /** Keys compared with their other holders. */
  checked: number
  /** Copies and tombstones that others took. */
  pushed: number
  pushedBytes: number
  /** Copies that others hold instead of us. */
  dropped: number
  /** When the last sweep ended; null before the first. */
  lastSweepMs: Millis | null
  /** Keys being compared, and pushes that wait. */
  waiting: number
}

export interface Repair {
  status(): RepairStatus
  /** Goes through all that we hold at once; resolves when what was found missing has been pushed. Never rejects. */
  sweep(): Promise<void>
}

export interface RepairWork extends Repair, Disposable {
  /** The routing table changed. */
  changed(): void
  /** The network is joined. */
  joined(): void
}

interface RepairOptions {
  dutyOf?: typeof usualDuty
  /** When the next sweep is due. */
  sweepAtMs?: Millis
}

interface Round {
  readonly why: Why
  /** Only what belongs to these places. */
  readonly touched?: (place: Place) => boolean
  /** Only these. */
  readonly keys?: readonly Uint8Array[]
  /** Takes its time. */
  readonly paced?: boolean
}

/** What expires sooner is not worth a push. */
const worthMs: Millis = 10 * minuteMs
/** A paced round rests for so long after so many rows: a million take 17 minutes. */
const restMs: Millis = 250
const rowsBetweenRests = 256
/** Who is farther from us than so many times R others hardly shares a key with us. */
const nearTimes = 4

/** For a node that keeps nothing for others. */
export function noRepair(): RepairWork {
  const nothing = { sweeps: 0, checked: 0, pushed: 0, pushedBytes: 0, dropped: 0, waiting: 0 }
  return {
    status: () => ({ ...nothing, lastSweepMs: null }),
    sweep: async () => {},
    changed() {},
    joined() {},
    [Symbol.dispose]() {}
  }
}

/** Brings copies back to where they belong, and keeps to a budget. Source: docs/protocol/dht.md#repair */
export const createRepair = (
  core: SeedCore,
  tombstones: TombstoneShelf,
  parameters: Partial<RepairParameters> = {},
  options: RepairOptions = {}
): RepairWork => new Repairer(core, tombstones, { ...usualRepair, ...parameters }, options)

/** Walks through the store, round by round, and does what the plan makes of it. */
class Repairer implements RepairWork {
  readonly #core: SeedCore
  readonly #share: number
  readonly #dutyOf: typeof usualDuty
  readonly #plan: RepairPlan
  readonly #requests: RepairRequests
  readonly #agenda: RepairAgenda
  readonly #neighbours: Neighbours
  readonly #rounds: Round[] = []
  readonly #watch: Disposable
  readonly #sweepAtMs: Millis | undefined
  /** Who waits for something to come true looks again. */
  #happened = Promise.withResolvers<void>()
  #running = false
  /** No round is adding keys. */
  #flush = true
  #sweeps = 0
  #lastSweepMs: Millis | null = null
  #agendaTimer: Disposable | undefined
  #planTimer: Disposable | undefined

  constructor(
    core: SeedCore,
    tombstones: TombstoneShelf,
    o: RepairParameters,
    { dutyOf = usualDuty, sweepAtMs }: RepairOptions
  ) {
    const { pace, clock, stop } = core
    const { replicas } = core.parameters
    const { graceMs, debounceMs: retryMs } = o
    const bytesPerHour = o.bytesPerHour / pace
    this.#core = core
    this.#share = o.share
    this.#dutyOf = dutyOf
    this.#sweepAtMs = sweepAtMs
    this.#plan = new RepairPlan({ replicas, bytesPerHour, graceMs, retryMs, nowMs: clock.now() })
    this.#requests = createRequests(core, tombstones, this.#plan)
    this.#agenda = new RepairAgenda({ ...o, sweepMs: o.sweepMs * pace })
    this.#neighbours = new Neighbours(o.settledMs)
    this.#watch = watchNeighbours(core, nearTimes * replicas)
    stop.addEventListener('abort', () => this.#happen(), { once: true })
  }

  status(): RepairStatus {
    const { checked, waiting } = this.#plan
    const { pushed, pushedBytes, dropped } = this.#requests.counts
    const [sweeps, lastSweepMs] = [this.#sweeps, this.#lastSweepMs]
    return { sweeps, checked, pushed, pushedBytes, dropped, lastSweepMs, waiting }
  }

  async sweep(): Promise<void> {
    this.#begin({ why: { type: this.#agenda.takeAll() ? 'all' : 'sweep' } })
    await this.#until(() => this.#plan.idle && !this.#running)
  }

  joined(): void {
    if (this.#agendaTimer) return
    const { store, table } = this.#core
    this.#neighbours.look(peersOf(table.contacts()), this.#now())
    this.#agenda.joined(this.#moment(), store.usage().bytes > 0, this.#sweepAtMs)
    this.#armAgenda()
  }

  changed(): void {
    if (!this.#core.joined()) return
    this.#agenda.changed(this.#moment())
    this.#armAgenda()
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
    this.#agendaTimer?.[Symbol.dispose]()
    this.#planTimer?.[Symbol.dispose]()
    this.#happen()
  }

  #now = (): Millis => this.#core.clock.now()
  #dice = (): number => this.#core.random.bytes(1)[0]! / 256
  #moment = (): Moment => ({ nowMs: this.#now(), dice: this.#dice() })

  get #stopped(): boolean {
    return this.#core.stop.aborted
  }

  #happen(): void {
    this.#happened.resolve()
    this.#happened = Promise.withResolvers()
  }

  async #until(check: () => boolean): Promise<void> {
    while (!this.#stopped && !check()) await this.#happened.promise
  }

  #armAgenda(): void {
    if (this.#stopped) return
    this.#agendaTimer?.[Symbol.dispose]()
    const nowMs = this.#now()
    const delayMs = Math.max(1, this.#agenda.wakeMs(nowMs) - nowMs)
    this.#agendaTimer = this.#core.clock.after(delayMs, () => this.#onTime())
  }

  #onTime(): void {
    for (const due of this.#agenda.due(this.#moment())) {
      if (due.type === 'look') this.#look()
      else if (due.type === 'stand-in') this.#act(due.changed, 1)
      else this.#begin({ why: { type: due.all ? 'all' : 'sweep' }, paced: true })
    }
    this.#armAgenda()
  }

  /** Who came, who went? */
  #look(): void {
    const { table, placeOf, parameters } = this.#core
    const { joined, left } = this.#neighbours.look(peersOf(table.contacts()), this.#now())
    const count = nearTimes * parameters.replicas
    const near = table.nearest(table.place, count)
    const edge = near.length < count ? undefined : placeOf(near.at(-1)!.peer)
    const isNear = (place: Place) => !edge || compareDistance(table.place, place, edge) <= 0
    const changed = [...joined, ...left].map(placeOf).filter(isNear)
    this.#agenda.looked(this.#moment(), changed)
    this.#act(changed, 0)
    if (changed.length > 0) void this.#lookAround()
  }

  /** Where some came or went there may be others that we have not met; who is found enters the table, and that is a change. */
  async #lookAround(): Promise<void> {
    const { table, parameters } = this.#core
    const operation = { ...deadline(this.#core, {}), reason: 'repair' as const }
    await findNearest(this.#core, table.place, parameters.k, operation).catch(() => undefined)
  }

  #act(changed: readonly Place[], turn: 0 | 1): void {
    const { table, placeOf, parameters } = this.#core
    if (changed.length === 0) return
    const known = [table.place, ...table.contacts().map(c => placeOf(c.peer))]
    const touched = createTouch({ changed, known, replicas: parameters.replicas })
    this.#begin({ why: { type: 'change', turn }, touched })
  }

  #begin(round: Round): void {
    this.#rounds.push(round)
    if (this.#running) return
    this.#running = true
    void this.#run()
      .catch(err => {
        if (!this.#stopped) this.#core.log.warn('repair failed', { err })
      })
      .finally(() => {
        this.#running = false
        this.#flush = true
        this.#step()
      })
  }

  async #run(): Promise<void> {
    for (;;) {
      const round = this.#rounds.shift() ?? this.#leftOver()
      if (!round || this.#stopped) return
      await this.#go(round)
    }
  }

  /** Keys to look at once more. */
  #leftOver(): Round | undefined {
    if (!this.#plan.hasAgain) return undefined
    return { why: { type: 'all' }, keys: this.#plan.takeAgain() }
  }

  async #go(round: Round): Promise<void> {
    const { log } = this.#core
    const { why } = round
    const before = this.status()
    if (why.type !== 'change' && !round.keys) await this.#lookAround()
    this.#flush = false
    const { rows: keys, tookMs } = await this.#walk(round)
    if (why.type === 'change') this.#agenda.walked(tookMs)
    this.#flush = true
    this.#step()
    await this.#until(() => this.#plan.compared)
    if (!round.keys && why.type !== 'change') {
      this.#sweeps += 1
      this.#lastSweepMs = this.#now()
    }
    const { checked, dropped, waiting } = this.status()
    const done = { checked: checked - before.checked, dropped: dropped - before.dropped }
    log.debug('repair round', { why: why.type, keys, ...done, waiting })
  }

  /** Hands the keys that concern us to the plan, never more than it has room for. @returns how many were met, and how long that took without the waiting. */
  async #walk(round: Round): Promise<{ rows: number; tookMs: Millis }> {
    const view = createView(this.#core, this.#neighbours, (peer, nowMs) =>
      this.#plan.avoids(peer, nowMs)
    )
    let [rows, waitedMs] = [0, 0]
    const startMs = this.#now()
    for await (const entry of this.#entries(round)) {
      if (this.#stopped) break
      rows += 1
      if (round.paced && rows % rowsBetweenRests === 0) await this.#rest()
      if (round.paced) await this.#letPass()
      await this.#consider(entry, round, view)
      if (this.#plan.hasRoom) continue
      this.#step()
      const fullMs = this.#now()
      await this.#until(() => this.#plan.hasRoom)
      waitedMs += this.#now() - fullMs
    }
    return { rows, tookMs: this.#now() - startMs - waitedMs - view.waitedMs }
  }

  /** What is sooner done, and may be more urgent, does not wait until a long sweep is over. */
  async #letPass(): Promise<void> {
    for (;;) {
      const index = this.#rounds.findIndex(round => !round.paced)
      if (index < 0 || this.#stopped) return
      await this.#go(this.#rounds.splice(index, 1)[0]!)
      this.#flush = false
    }
  }

  async *#entries({ keys }: Round): AsyncGenerator<Entry> {
    const { store } = this.#core
    if (!keys) yield* store.entries()
    else for (const gte of keys) yield* store.entries({ gte, lt: rowAfter(gte) })
  }

  async #consider(entry: Entry, { why, touched }: Round, view: RepairView): Promise<void> {
    const nowMs = this.#now()
    if (entry.expiryMs <= nowMs + worthMs) return
    const place = placeOfKey(entry.key)
    if (touched && !touched(place)) return
    const near = await view.near(place)
    if (!near) return
    const { replicas } = this.#core.parameters
    const [self, share, lot] = [view.self, this.#share, this.#dice()]
    const duty = this.#dutyOf({ near, self, replicas, why, share, lot })
    if (!duty) return
    const keep = !duty.inside && view.isCrowded(place, near)
    this.#plan.add({ ...entry, ...duty, keep }, nowMs)
  }

  async #rest(): Promise<void> {
    let isOver = false
    using _ = this.#core.clock.after(restMs, () => {
      isOver = true
      this.#happen()
    })
    await this.#until(() => isOver)
  }

  /** Does what is to be done now; called whenever something was added or reported. */
  #step(): void {
    this.#happen()
    if (this.#stopped) return
    const nowMs = this.#now()
    for (const action of this.#plan.poll(nowMs, { flush: this.#flush }))
      void this.#requests.perform(action).then(() => this.#step())
    this.#planTimer?.[Symbol.dispose]()
    const wakeMs = this.#plan.wakeMs(nowMs)
    if (Number.isFinite(wakeMs))
      this.#planTimer = this.#core.clock.after(Math.max(1, wakeMs - nowMs), () => this.#step())
    if (!this.#running && this.#plan.compared) this.#goOn()
  }

  /** What came up after the rounds: keys to look at again, or pushes that were forgotten because too many waited. */
  #goOn(): void {
    const round = this.#leftOver()
    if (round) this.#begin(round)
    else if (this.#plan.idle && this.#plan.takeOverflow()) this.#begin({ why: { type: 'sweep' } })
  }
}

const peersOf = (contacts: readonly Contact[]): PeerId[] => contacts.map(c => c.peer)

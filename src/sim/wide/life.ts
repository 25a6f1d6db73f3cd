import type { Millis } from '../../base/ports.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import { upkeep } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import { draw, drawUnderWay, meanOf } from '../distributions.ts'
import type { Scenario } from '../scenario.ts'
import type { Calendar } from './calendar.ts'
import type { Foes } from './foes.ts'
import { Followed } from './followed.ts'
import { Owners } from './owners.ts'
import type { FloodPings } from './pings.ts'
import type { Places } from './places.ts'
import { nobody } from './places.ts'
import { Presence } from './presence.ts'
import type { Reach } from './reach.ts'
import { Refreshes } from './refreshes.ts'
import type { Requests } from './requests.ts'
import type { WideTables } from './tables.ts'
import type { Walker } from './walk.ts'

const hourMs: Millis = 3_600_000
/** So many ticks are one event, of a node that is not followed. */
const ticksPerRound = upkeep.silentMs / upkeep.tickMs
/** Who was there before the first hour has been so for long: others count on it, and know it as a spare. */
const knownMs = Math.max(usualRepair.settledMs, upkeep.staleMs)
/** Drawn for a spare that is still there, before the place in the bucket stays empty. */
const spareTries = 8

export interface LifeParts {
  scenario: Scenario
  places: Places
  tables: WideTables
  reach: Reach
  foes: Foes
  walker: Walker
  calendar: Calendar
  requests: Requests
  pings?: FloodPings
  /** Of who comes and goes. */
  dice: Dice
  /** Of what tables do. */
  tableDice: Dice
  /** Of so many places one is followed. */
  stride: number
  on: {
    came(node: number, isNew: boolean): void
    left(node: number): void
    died(node: number): void
  }
}

/**
 * Who comes, goes, comes back and dies, and what their tables make of it. Timers: `node` for what it does next, capacity + `node` for the
 * upkeep of its table. Modelled, not shipped: neighbours learn at once who came or went, as their connections tell them within seconds;
 * of those that are not {@link Followed} tables are kept, and nothing is sent; spares are drawn when needed from those who were there at some time
 * in the last hour, since every bucket has a lookup in an hour.
 */
export class Life {
  readonly online: Presence
  /** Since when it is there, or away; of who does not live, for ever. */
  readonly sinceMs: Float64Array
  readonly bornMs: Float64Array
  /** 1 from birth to death. */
  readonly lives: Uint8Array
  readonly #diesMs: Float64Array
  readonly #cursor: Uint16Array
  readonly #followed: Followed
  readonly #owners: Owners
  readonly #p: LifeParts
  #born = 0

  constructor(parts: LifeParts) {
    const { length } = parts.places
    this.#p = parts
    this.#owners = new Owners(parts.scenario.population.daily, parts.dice)
    this.online = new Presence(length, parts.foes)
    this.sinceMs = new Float64Array(length).fill(Number.NEGATIVE_INFINITY)
    this.bornMs = new Float64Array(length)
    this.lives = new Uint8Array(length)
    this.#diesMs = new Float64Array(length)
    this.#cursor = new Uint16Array(length)
    const { scenario, places, tables, reach, walker, tableDice: dice } = parts
    const { parameters } = scenario
    this.#followed = new Followed({
      ...parts,
      refreshes: new Refreshes({ places, tables, reach, walker, dice, parameters }),
      dice,
      lives: node => this.lives[node] === 1,
      bootstrap: () => this.#bootstrap(),
      replace: (owner, gone) => this.replace(owner, gone)
    })
  }

  static bytesPerNode = Presence.bytesPerNode + 8 + 8 + 1 + 8 + 2 + Refreshes.bytesPerNode

  /** Whom connections and what was asked of others are known of. */
  get followed(): Followed {
    return this.#followed
  }

  /** The population as after a long time. */
  start(): void {
    const { scenario, places, tables, reach, tableDice } = this.#p
    // A run among hostile nodes begins with a network of minutes, at the scale full too.
    const isMeasured = scenario.adversaries === null
    const hostile = Math.round(scenario.nodes * (scenario.adversaries?.share ?? 0))
    for (let count = hostile; count < scenario.nodes; count++) this.#begin(this.#unborn(), true)
    for (let count = 0; count < hostile; count++) this.#enlist(this.#unborn(), true)
    for (let i = 0; i < this.online.count; i++) {
      const node = this.online.nodes[i]!
      tables.fill(node, reach.of(node), tableDice)
      if (!this.#followed.has(node)) this.#armUpkeep(node, tableDice.next())
    }
    // Who is away knows whom it knew.
    for (let node = 0; node < places.length; node++)
      if (this.lives[node] === 1 && reach.there[node] === 0)
        tables.fill(node, reach.of(node), tableDice)
    const there = [...this.online.nodes.subarray(0, this.online.count)]
    this.#followed.begin(
      there.filter(node => this.#followed.has(node)),
      isMeasured
    )
  }

  /** Its life goes on: it dies, leaves or comes. */
  turn(node: number, nowMs: Millis): void {
    if (nowMs >= this.#diesMs[node]!) {
      this.die(node, nowMs, true)
      return
    }
    if (this.#owners.has(node)) this.#switch(node, nowMs)
    else {
      if (this.#p.reach.there[node] === 1) this.#leave(node, nowMs)
      else this.#come(node, nowMs, false)
      this.#armTurn(node, nowMs, 1)
    }
  }

  /** On or off by its owner's day, and the clock set for the next time. */
  #switch(node: number, nowMs: Millis): void {
    const { calendar, reach } = this.#p
    const hours = this.#owners.hoursFrom(node, nowMs)
    const isOn = hours.onMs <= nowMs
    if (isOn && reach.there[node] === 0) this.#come(node, nowMs, false)
    if (!isOn && reach.there[node] === 1) this.#leave(node, nowMs)
    const nextMs = isOn ? hours.offMs : hours.onMs
    calendar.set(node, Math.min(Math.ceil(nextMs), this.#diesMs[node]!))
  }

  die(node: number, nowMs: Millis, isReplaced: boolean): void {
    const { calendar, reach, foes, on } = this.#p
    this.online.look(nowMs)
    if (reach.there[node] === 1) this.#leave(node, nowMs)
    this.lives[node] = 0
    this.sinceMs[node] = Number.NEGATIVE_INFINITY
    calendar.clear(node)
    on.died(node)
    this.#followed.died(node)
    foes.dismiss(node)
    if (isReplaced) this.bear(1)
  }

  /** New ones come. */
  bear(count: number, isHostile = false): void {
    for (let i = 0; i < count; i++)
      if (isHostile) this.#enlist(this.#unborn(), false)
      else this.#begin(this.#unborn(), false)
  }

  /** What its table asks for; of one that is not followed only what becomes of the table. */
  upkeep(node: number): void {
    if (this.#followed.has(node)) {
      this.#followed.act(node)
      return
    }
    const { tables, reach, tableDice } = this.#p
    const size = tables.farSize
    const reached = reach.of(node)
    const pings = Math.min(upkeep.pingsPerTick * ticksPerRound, size)
    let position = this.#cursor[node]!
    for (let i = 0; i < pings; i++) {
      position = position + 1 >= size ? 0 : position + 1
      const other = tables.farAt(node, position)
      if (other === nobody || reached[other] === 1) continue
      tables.remove(node, other)
      this.replace(node, other)
    }
    this.#cursor[node] = position
    const stale = (tables.shape.far * ticksPerRound * upkeep.tickMs) / upkeep.staleMs
    const due = stale + tableDice.next()
    for (let i = 1; i <= due; i++)
      tables.refill(node, tableDice.below(tables.shape.far), reached, tableDice)
    this.#armUpkeep(node, 1)
  }

  /** An entry left: a spare takes its place. */
  replace(owner: number, gone: number): void {
    const { tables, places } = this.#p
    const bits = places.shared(owner, gone)
    if (bits >= tables.shape.far) return
    const hi = places.hi(gone)
    const [from, to] = [places.from(hi, bits + 1), places.to(hi, bits + 1)]
    for (let tries = 0; tries < spareTries; tries++) {
      const node = this.spare(owner, from, to)
      if (node !== nobody && node !== gone && !tables.has(owner, node)) {
        tables.answered(owner, node)
        return
      }
    }
  }

  /** One drawn from these places if `owner` met it at a random moment of the last hour, in which every bucket has a lookup. */
  spare(owner: number, from: number, to: number): number {
    const { calendar, tableDice, reach, foes } = this.#p
    const node = from + tableDice.below(to - from)
    // No lookup of a random place leads to it.
    if (foes.isMinted(node) || this.#followed.isLost(owner, node)) return nobody
    const seenMs = calendar.nowMs - tableDice.next() * upkeep.staleMs
    if (!reach.isSeed(node) || (reach.changedMs <= seenMs && reach.apart(owner, node)))
      return nobody
    return this.sinceMs[node]! <= seenMs === (reach.there[node] === 1) ? node : nobody
  }

  /** Sides have changed: near ones that are cut off leave the tables, and those that are back are met. */
  parted(): void {
    const { reach, tables, tableDice } = this.#p
    for (let i = 0; i < this.online.count; i++) {
      const node = this.online.nodes[i]!
      if (this.#followed.has(node)) this.#followed.parted(node)
      else tables.meetNear(node, reach.of(node), tableDice)
    }
  }

  /** An honest seed that is there; {@link nobody} where there is none. */
  #bootstrap(): number {
    const { reach, foes, tableDice } = this.#p
    if (reach.seedCount <= foes.count) return nobody
    for (;;) {
      const node = this.online.any(tableDice)
      if (reach.isSeed(node)) return node
    }
  }

  #begin(node: number, isOld: boolean): void {
    const { scenario, dice, calendar, reach } = this.#p
    const { sessionHours, lifetimeHours, awayHours } = scenario.population
    const { natShare } = scenario.network
    const { nowMs } = calendar
    // The first can be dialled, or nobody could join.
    reach.born(node, natShare > 0 && this.#born++ > 0 && dice.next() < natShare)
    const isOwned = this.#owners.born(node, nowMs)
    const part = isOld && (lifetimeHours || sessionHours) ? dice.next() : 1
    this.lives[node] = 1
    const ageMs = isOld && lifetimeHours ? drawUnderWay(lifetimeHours, dice) * hourMs : 0
    this.#diesMs[node] = lifetimeHours
      ? nowMs + (isOld ? ageMs * part : draw(lifetimeHours, dice) * hourMs)
      : Number.POSITIVE_INFINITY
    this.bornMs[node] = isOld ? nowMs - ageMs * (1 - part) : nowMs
    this.sinceMs[node] = isOld ? this.#oldMs() : nowMs
    if (isOwned) {
      // A newcomer is there when it is born; the others as their day has it.
      if (!isOld || this.#owners.hoursFrom(node, nowMs).onMs <= nowMs)
        this.#come(node, nowMs, true, isOld)
      this.#switch(node, nowMs)
      return
    }
    const [on, off] = sessionHours ? [meanOf(sessionHours), meanOf(awayHours)] : [1, 0]
    const isAway = isOld && Number.isFinite(on) && dice.next() < off / (on + off)
    if (!isAway) this.#come(node, nowMs, true, isOld)
    this.#armTurn(node, nowMs, isOld ? dice.next() : 1)
  }

  /** Since when one is there that was there before the first hour: a network of minutes has come together one by one. */
  #oldMs(): Millis {
    const { scenario, calendar, dice } = this.#p
    const isYoung = scenario.adversaries !== null
    return calendar.nowMs - knownMs - (isYoung ? dice.next() * upkeep.tickMs : 0)
  }

  /** A hostile one: always there, and never behind a router. */
  #enlist(node: number, isOld: boolean): void {
    const { nowMs } = this.#p.calendar
    this.#join(node, isOld ? this.#oldMs() : nowMs)
    this.#come(node, nowMs, true, isOld)
  }

  /** In league from now on, for good. */
  #join(node: number, sinceMs: Millis): void {
    const { reach, foes, calendar } = this.#p
    const { nowMs } = calendar
    this.online.look(nowMs)
    reach.born(node, false)
    foes.enlist(node)
    this.lives[node] = 1
    this.#diesMs[node] = Number.POSITIVE_INFINITY
    this.bornMs[node] = nowMs
    this.sinceMs[node] = sinceMs
  }

  /** An id that was minted: it asks nobody, and lets those near to it know that it is there. */
  recruit(node: number): void {
    const { reach, calendar, on } = this.#p
    this.#join(node, calendar.nowMs)
    reach.come(node)
    this.online.come(node)
    this.#followed.around(node, true)
    this.#showNear(node)
    on.came(node, true)
  }

  #armTurn(node: number, nowMs: Millis, part: number): void {
    const { scenario, dice, calendar, reach } = this.#p
    const { sessionHours, awayHours } = scenario.population
    const of = sessionHours && (reach.there[node] === 1 ? sessionHours : awayHours)
    // Part of one that is under way, or a whole one.
    const length = of ? (part < 1 ? drawUnderWay : draw)(of, dice) : Infinity
    const turnMs = nowMs + Math.ceil(length * part * hourMs)
    calendar.set(node, Math.min(turnMs, this.#diesMs[node]!))
  }

  #armUpkeep(node: number, part: number): void {
    const { calendar, places, tableDice } = this.#p
    const waitMs = ticksPerRound * upkeep.tickMs * (0.8 + 0.4 * tableDice.next()) * part
    calendar.set(places.length + node, calendar.nowMs + Math.ceil(waitMs))
  }

  #come(node: number, nowMs: Millis, isNew: boolean, isOld = false): void {
    const { reach, tables, tableDice, on } = this.#p
    this.online.look(nowMs)
    reach.come(node)
    this.online.come(node)
    if (isOld) return
    this.sinceMs[node] = nowMs
    const isFollowed = this.#followed.has(node)
    if (isNew) this.bornMs[node] = nowMs
    // Who is followed is seen to begin with an empty table; the others find most of what they knew.
    if (isNew || isFollowed) {
      tables.clear(node)
      tables.fill(node, reach.of(node), tableDice)
    } else tables.meetNear(node, reach.of(node), tableDice)
    if (isFollowed) this.#followed.come(node)
    else this.#armUpkeep(node, 1)
    if (!reach.isSeed(node)) return
    this.#followed.around(node, true)
    this.#showNear(node)
    on.came(node, isNew)
  }

  /** Those near to it take it in. */
  #showNear(node: number): void {
    const { reach, tables } = this.#p
    if (!reach.isSeed(node)) return
    const [from, to] = tables.nearRange(node)
    for (let other = from; other < to; other++)
      if (reach.there[other] === 1 && other !== node && !reach.apart(node, other))
        tables.answered(other, node)
  }

  #leave(node: number, nowMs: Millis): void {
    const { reach, tables, calendar, places, on } = this.#p
    this.online.look(nowMs)
    reach.leave(node)
    this.sinceMs[node] = nowMs
    this.online.leave(node)
    calendar.clear(places.length + node)
    this.#followed.leave(node)
    if (!reach.isSeed(node)) return
    const [from, to] = tables.nearRange(node)
    for (let other = from; other < to; other++)
      if (reach.there[other] === 1 && !this.#followed.has(other)) tables.remove(other, node)
    this.#followed.around(node, false)
    on.left(node)
  }

  /** Places of the dead are taken again when no other is left. */
  #unborn(): number {
    const { places, dice, foes } = this.#p
    for (;;) {
      const node = dice.below(places.length)
      if (this.lives[node] === 0 && !foes.isMinted(node)) return node
    }
  }
}

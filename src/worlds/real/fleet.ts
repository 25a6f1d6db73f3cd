import { join } from 'node:path'
import type { Clock, Contact, Millis, PlaceOf } from '../../base/ports.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { addErrands } from '../full/figures.ts'
import { lookingMsOf } from '../full/parameters.ts'
import { nothing, pastsOf } from '../full/past.ts'
import type { Sent } from './counted.ts'
import type { Loaded, Opened, Seat } from './seat.ts'
import { loadSeat } from './seat.ts'

const hourMs: Millis = 3_600_000
/** A small machine is not asked to start everything at once. */
const startsAtOnce = 4
/** Whom a seed asks that joins, beside whom it remembers. */
const bootstraps = 3

/** A node of the population, with its folder. */
export interface RealMember {
  readonly index: number
  /** While it is online and has joined. */
  seat: Seat | undefined
  /** Blobs that it held when it was last asked, by their number. */
  held: ReadonlySet<number>
  isDead: boolean
}

interface Place extends RealMember {
  /** Left, in silence: it is there, and answers nobody. */
  frozen: Seat | undefined
  /** Being started, or waiting for the moment. */
  loading: Promise<Loaded> | undefined
  /** Settles when it has come or gone as it was told. */
  busy: Promise<void>
}

/** It listens, and shall join. */
interface Going {
  readonly loaded: Loaded
  readonly opened: Opened
  readonly bootstrap: readonly string[]
}

const addressOf = ({ peer, addresses: [first] }: Contact): string => `${first}/p2p/${peer}`

interface Parts {
  folder: string
  /** One for each node that ever lives. */
  ports: readonly number[]
  scenario: Scenario
  clock: Clock
  placeOf: PlaceOf
  dice: Dice
  signal: AbortSignal
  /** Keys of what it shall be asked for before it goes, by number. */
  keys(): { blob: number; key: string }[]
  note(type: string, ...fields: (string | number)[]): void
  /** A process ended that nobody killed, or did not start. */
  onFail(err: unknown): void
}

/** What all processes did since the start. */
export interface FleetCounts {
  sent: Map<string, { requests: number; bytes: number }>
  pushedBytes: number
  errands: Map<string, number>
  /** Of each dial that was told, in the order of telling, how long it took. */
  dialMs: Millis[]
  onlineHours: number
}

/** Seeds in processes of their own; disposing kills all of them. */
export class Fleet implements AsyncDisposable {
  readonly #p: Parts
  readonly #members: Place[]
  readonly #lanes: Promise<void>[] = Array.from({ length: startsAtOnce }, async () => {})
  readonly #processes = new Set<Loaded>()
  readonly #past: Omit<FleetCounts, 'onlineHours'> = {
    ...{ sent: new Map(), pushedBytes: 0, errands: new Map(), dialMs: [] }
  }
  #onlineMs = 0
  #countedMs: Millis

  constructor(parts: Parts) {
    this.#p = parts
    this.#countedMs = parts.clock.now()
    this.#members = parts.ports.map((_, index) => ({
      ...{ index, seat: undefined, held: new Set<number>(), isDead: false },
      ...{ frozen: undefined, loading: undefined, busy: Promise.resolve() }
    }))
  }

  get online(): RealMember[] {
    return this.#members.filter(({ seat }) => seat)
  }

  /** Online or away. */
  get living(): RealMember[] {
    return this.#members.filter(({ isDead, held, seat }) => !isDead && (seat || held.size > 0))
  }

  /** Once it has done what it was told before; undefined while it is away. */
  async at(index: number): Promise<Seat | undefined> {
    await this.#members[index]!.busy
    return this.#members[index]!.seat
  }

  come(index: number): Promise<void> {
    return this.#then(index, async member => {
      if (member.seat || member.isDead) return
      await member.frozen?.kill()
      member.frozen = undefined
      await this.#start(member)
    })
  }

  /** The first `count` are there at once, each with what it knows after long running, and look around when it is their turn by lot. */
  async comeSettled(count: number): Promise<void> {
    const members = this.#members.slice(0, count)
    const settling = this.#openAll(members)
    const { dice, scenario } = this.#p
    const turnsMs = members.map(() => dice.below(lookingMsOf(scenario)))
    await Promise.all(
      members.map(({ index }) =>
        this.#then(index, async member => {
          const going = (await settling)[index]!
          await this.#after(turnsMs[index]!)
          await this.#join(member, going)
        })
      )
    )
  }

  async #after(delayMs: Millis): Promise<void> {
    const { clock, signal } = this.#p
    const { promise, resolve } = Promise.withResolvers<void>()
    using _ = clock.after(delayMs, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }

  async #openAll(members: readonly Place[]): Promise<Going[]> {
    for (const { index } of members) this.prepare(index)
    const loaded = await Promise.all(members.map(({ loading }) => loading!))
    const seeds = loaded.map(({ contact }) => ({ contact, isServer: true }))
    const { placeOf, dice, scenario } = this.#p
    const pasts = [...pastsOf(seeds, { ...scenario, placeOf, dice })]
    const addresses = loaded.map(({ contact }) => addressOf(contact))
    return Promise.all(
      loaded.map(async (one, i) => {
        const opened = await one.open(pasts[i]!)
        return { loaded: one, opened, bootstrap: this.#someOf(addresses.toSpliced(i, 1)) }
      })
    )
  }

  leave(index: number): Promise<void> {
    return this.#then(index, member => this.#stop(member, 'leave'))
  }

  /** @returns what it held. */
  async die(index: number): Promise<RealMember> {
    await this.#then(index, async member => {
      await this.#stop(member, 'die')
      member.isDead = true
    })
    return this.#members[index]!
  }

  #then(index: number, work: (member: Place) => Promise<void>): Promise<void> {
    const member = this.#members[index]!
    member.busy = member.busy.then(() => work(member)).catch(err => this.#p.onFail(err))
    return member.busy
  }

  /** Loads the program of one that will come soon, so that it comes to the moment. */
  prepare(index: number): void {
    const member = this.#members[index]!
    member.loading ??= this.#load(member)
    member.loading.catch(() => {}) // told when it comes
  }

  #load({ index }: Place): Promise<Loaded> {
    const { folder, ports, scenario, signal } = this.#p
    const { parameters } = scenario
    const init = { folder: join(folder, `${index}`), orphanRemoves: folder, parameters }
    const lane = index % startsAtOnce
    const loading = this.#lanes[lane]!.then(async () => {
      const loaded = await loadSeat({ ...init, port: ports[index]! }, signal)
      this.#processes.add(loaded)
      return loaded
    })
    this.#lanes[lane] = loading.then(
      () => {},
      () => {}
    )
    return loading
  }

  async #start(member: Place): Promise<void> {
    this.prepare(member.index)
    const loaded = await member.loading!
    const there = this.online.map(({ seat }) => `${seat!.ready.address}/p2p/${seat!.ready.peer}`)
    const opened = await loaded.open(nothing)
    await this.#join(member, { loaded, opened, bootstrap: this.#someOf(there) })
  }

  async #join(member: Place, { loaded, opened, bootstrap }: Going): Promise<void> {
    member.loading = undefined
    const seat = await opened.go({ bootstrap })
    seat.ended.catch(err => {
      this.#processes.delete(loaded)
      if (member.seat === seat) this.#p.onFail(err)
    })
    this.#countOnline()
    member.seat = seat
    this.#p.note('come', member.index)
  }

  #someOf(addresses: readonly string[]): string[] {
    if (addresses.length === 0) return []
    const drawn = Array.from(
      { length: bootstraps },
      () => addresses[this.#p.dice.below(addresses.length)]!
    )
    return [...new Set(drawn)]
  }

  /** Asked once more, and then gone from one moment to the next. */
  async #stop(member: Place, how: 'leave' | 'die'): Promise<void> {
    const { seat } = member
    this.#p.note(how, member.index)
    if (!seat) return
    const blobs = this.#p.keys()
    const [{ sent, pushedBytes, asked, dialMs }, { held }] = await Promise.all([
      seat.ask('count', {}),
      seat.ask('holding', { keys: blobs.map(({ key }) => key) })
    ])
    this.#countOnline()
    member.seat = undefined
    member.held = new Set(held.map(i => blobs[i]!.blob))
    add(this.#past.sent, sent)
    this.#past.pushedBytes += pushedBytes
    addErrands(this.#past.errands, asked)
    this.#past.dialMs.push(...dialMs)
    if (this.#p.scenario.network.deaths === 'refused') await seat.kill()
    else {
      member.frozen = seat
      await seat.ask('freeze', {})
    }
  }

  #countOnline(): void {
    const nowMs = this.#p.clock.now()
    this.#onlineMs += (nowMs - this.#countedMs) * this.online.length
    this.#countedMs = nowMs
  }

  /** Of those that are online, asked at the same time; and of all that were. */
  async counts(): Promise<FleetCounts> {
    const asked = this.online.map(async member => {
      const seat = member.seat!
      const counts = await seat.ask('count', {}).catch(() => undefined)
      this.#past.dialMs.push(...(counts?.dialMs ?? []))
      // Who went meanwhile has told what it did, and is among the past.
      return () => (counts && member.seat === seat ? counts : undefined)
    })
    const answers = (await Promise.all(asked)).map(answer => answer())
    this.#countOnline()
    const sent = new Map([...this.#past.sent].map(([method, of]) => [method, { ...of }]))
    const errands = new Map(this.#past.errands)
    const dialMs = [...this.#past.dialMs]
    let { pushedBytes } = this.#past
    for (const answer of answers) {
      if (answer) addErrands(errands, answer.asked)
      add(sent, answer?.sent ?? {})
      pushedBytes += answer?.pushedBytes ?? 0
    }
    return { sent, pushedBytes, errands, dialMs, onlineHours: this.#onlineMs / hourMs }
  }

  /** Asks all that are online which of these blobs they hold. */
  async look(blobs: readonly { blob: number; key: string }[]): Promise<void> {
    const keys = blobs.map(({ key }) => key)
    await Promise.all(
      this.online.map(async member => {
        const seat = member.seat!
        const answer = await seat.ask('holding', { keys }).catch(() => undefined)
        if (answer && member.seat === seat)
          member.held = new Set(answer.held.map(i => blobs[i]!.blob))
      })
    )
  }

  /** Resolves when everybody has done what it was told. */
  async #idle(): Promise<void> {
    await Promise.all(this.#members.map(({ busy }) => busy))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const killed = () => [...this.#processes].map(process => process.kill())
    for (const member of this.#members) member.seat = undefined
    await Promise.all(killed())
    // Who was being started when it all ended.
    await Promise.all([...this.#lanes, this.#idle()])
    await Promise.all(killed())
  }
}

function add(sum: Map<string, { requests: number; bytes: number }>, sent: Sent): void {
  for (const [method, { requests, bytes }] of Object.entries(sent)) {
    const of = sum.get(method) ?? { requests: 0, bytes: 0 }
    sum.set(method, { requests: of.requests + requests, bytes: of.bytes + bytes })
  }
}

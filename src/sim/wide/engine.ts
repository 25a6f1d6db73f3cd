import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { Dice } from '../dice.ts'
import { draw } from '../distributions.ts'
import { latencyOf } from '../latency.ts'
import type { Look } from '../look.ts'
import type { Engine, EngineOptions, RunResult } from '../result.ts'
import type { Scenario } from '../scenario.ts'
import { latencyIn } from '../scenario-files.ts'
import { TraceHash } from '../trace.ts'
import { inTurns } from '../turns.ts'
import { Calendar } from './calendar.ts'
import { Faults } from './faults.ts'
import { Foes, inventedMax, mintAround } from './foes.ts'
import { Life } from './life.ts'
import type { Size } from './limits.ts'
import {
  checkMemory,
  pathsIn,
  refuse,
  regionShareIn,
  sizeOf,
  timersOfBlob,
  timersOfNode
} from './limits.ts'
import { seenNodes } from './look.ts'
import { FloodPings } from './pings.ts'
import { Places } from './places.ts'
import { Reach } from './reach.ts'
import { Requests } from './requests.ts'
import { Storage } from './storage.ts'
import { WideTables } from './tables.ts'
import { Tally } from './tally.ts'
import { Walker } from './walk.ts'
import { Wider } from './wider.ts'
import { Workload } from './workload.ts'

const hourMs: Millis = 3_600_000
/** Blobs got for each row, beside what the workload gets by itself. */
const sampled = 20
/** Gets of each key around which ids were minted, for each row. */
const sampledEclipsed = 4
/** So many nodes are followed at most, and fewer where a run is long or large: their lookups are about so many in all. */
const followedMost = 256
const followedLeast = 8
const walkedMax = 150_000
/** Lookups that a followed one makes in an hour in which many come and go, beside those that refresh its far buckets. */
const lookupsOfHour = 12
/** Events that one day of the calendar should hold. */
const eventsOfDay = 8
/** In one turn; between two looks at whether to stop lie some thousand turns. */
const eventsAtOnce = 4
const rowTimer = 0
const putTimer = 1
const getTimer = 2
const lookupTimer = 3
const turnTimer = 4
const faultTimer = 5

/**
 * A million nodes in typed arrays, with the decisions that ship: lookups, tables, duties of holders, usual upkeep and repair. What is
 * modelled besides is said at {@link Walker}, {@link Life} and {@link Storage}. Source: docs/guides/research.md
 * @param o.memoryBytes what there is; a run that would take more is refused before it begins.
 */
export const createWideEngine = ({ memoryBytes }: { memoryBytes: number }): Engine => ({
  async run(scenario, options) {
    refuse(scenario)
    const size = sizeOf(scenario)
    checkMemory(size, memoryBytes, scenario.nodes)
    return new Run(scenario, options, size).run()
  }
})

/** Without a look at the memory, which whoever starts it has taken. */
export const wideEngine: Engine = createWideEngine({ memoryBytes: Number.POSITIVE_INFINITY })

class Run {
  readonly #s: Scenario
  readonly #o: EngineOptions
  readonly #size: Size
  readonly #calendar: Calendar
  readonly #foes: Foes
  readonly #life: Life
  readonly #storage: Storage
  readonly #tally: Tally
  readonly #workload: Workload
  readonly #faults: Faults
  readonly #hash = new TraceHash()
  readonly #dice = new Map<string, Dice>()
  readonly #violations: RunResult['violations'] = []
  /** The first timer that is not of a node or blob. */
  readonly #others: number
  readonly #parts: Parameters<typeof seenNodes>[0]
  #look: Look | undefined
  #events = 0
  #rows = 0
  #lookups = 0
  /** Of all events so far: which timers they were. */
  #sum = 0

  constructor(scenario: Scenario, options: EngineOptions, size: Size) {
    const { capacity, blobs, there: shares, views } = size
    const { k, alpha, replicas, connections } = scenario.parameters
    this.#s = scenario
    this.#o = options
    this.#size = size
    const { adversaries } = scenario
    const around = mintAround(scenario, this.#diceOf('minted'))
    const places = Places.draw(capacity, this.#diceOf('places'), {
      invented: adversaries ? inventedMax : 0,
      given: around.flatMap(({ ids }) => ids)
    })
    const foes = new Foes({ scenario, places, around, dice: this.#diceOf('foes') })
    const reach = new Reach(capacity, {
      hides: scenario.network.natShare > 0,
      parts: views > 1
    })
    const firstTimer = timersOfNode * capacity
    this.#others = firstTimer + timersOfBlob * blobs
    const perMs = scenario.nodes / 300_000
    const dayMs = Math.max(1 / 8, eventsOfDay / perMs)
    const timers = this.#others + faultTimer + 2 * scenario.faults.length
    const calendar = new Calendar({ timers, dayMs, days: capacity > 100_000 ? 2 ** 18 : 2 ** 16 })
    const tables = new WideTables(places, { nodes: Math.max(1, scenario.nodes * shares.most), k })
    const pings = new FloodPings(
      {
        ...{ foes, tables, nowMs: () => this.#life.followed.nowMs },
        isFollowed: node => this.#life.followed.has(node)
      },
      capacity
    )
    const walker = new Walker({
      places,
      tables,
      reach,
      ...(adversaries && { foes }),
      ...(foes.inventedCount > 0 && { pings }),
      latencyOf: latencyOf(latencyIn(scenario), this.#diceOf('latency')),
      loss: scenario.network.loss,
      dice: this.#diceOf('loss'),
      linkDice: this.#diceOf('links'),
      parameters: { k, alpha, replicas, connections, paths: pathsIn(scenario) },
      lines: {
        isConnected: (from, to) => this.#life.followed.isConnected(from, to),
        roundTripOf: from => this.#life.followed.roundTripOf(from),
        answered: (from, to, tookMs) => this.#life.followed.answered(from, to, tookMs),
        failed: (from, to) => this.#life.followed.failed(from, to)
      },
      onLeft: (owner, node) => this.#life.replace(owner, node),
      spare: (owner, from, to) => this.#life.spare(owner, from, to),
      sinceMs: node => this.#life.sinceMs[node]!
    })
    this.#calendar = calendar
    const requests = new Requests()
    const lookups = scenario.hours * (tables.shape.far + lookupsOfHour)
    const followed = Math.min(followedMost, Math.max(followedLeast, walkedMax / lookups))
    this.#life = new Life({
      ...{ scenario, places, tables, reach, foes, walker, calendar, requests },
      ...(foes.inventedCount > 0 && { pings }),
      dice: this.#diceOf('life'),
      tableDice: this.#diceOf('tables'),
      stride: Math.max(1, Math.round(scenario.nodes / followed)),
      on: {
        came: (node, isNew) => this.#storage.came(node, isNew),
        left: node => this.#storage.left(node),
        died: node => this.#storage.died(node)
      }
    })
    this.#storage = new Storage({
      ...{ scenario, places, tables, reach, foes, calendar, requests },
      thereShare: this.#leastShare(),
      dice: this.#diceOf('repair'),
      capacity: blobs,
      firstTimer,
      firstSweep: 2 * capacity,
      onLost: blob => this.#note('lost', this.#storage.hi[blob]!)
    })
    this.#storage.begin(this.#life)
    this.#tally = new Tally({
      ...{ life: this.#life, storage: this.#storage, requests, isHostile: adversaries !== null }
    })
    this.#foes = foes
    this.#parts = { life: this.#life, storage: this.#storage, reach, foes, tables }
    this.#look = options.look
    const all = {
      reach,
      foes,
      life: this.#life,
      storage: this.#storage,
      calendar,
      tally: this.#tally
    }
    const wider = new Wider({
      ...{ places, tables, walker, parameters: scenario.parameters },
      dice: this.#diceOf('regions'),
      share: regionShareIn(scenario),
      nodes: from => Math.max(0, reach.countOf(from) - foes.mintedCount)
    })
    this.#workload = new Workload({
      ...{ ...all, scenario, places, walker, wider, requests },
      eclipsedDice: this.#diceOf('eclipsed'),
      dice: this.#diceOf('workload'),
      lookupDice: this.#diceOf('lookups')
    })
    this.#faults = new Faults({
      ...{ ...all, faults: scenario.faults, firstTimer: this.#others + faultTimer },
      dice: this.#diceOf('faults'),
      note: (type, ...fields) => this.#note(type, ...fields)
    })
  }

  async run(): Promise<RunResult> {
    const { signal, onProgress } = this.#o
    this.#life.start()
    this.#storage.start()
    this.#start()
    const endMs = this.#s.hours * hourMs
    const checked = () => {
      if (signal.aborted) throw new MuttrError('CANCELLED', 'the simulation was cancelled')
    }
    checked()
    this.#note('begin')
    await inTurns(
      () => {
        for (let i = 0; i < eventsAtOnce; i++) if (this.#step(endMs)) return true
        return false
      },
      () => {
        checked()
        onProgress({ atHours: this.#calendar.nowMs / hourMs, events: this.#events })
      }
    )
    this.#note('end', this.#events, this.#sum)
    return {
      scenario: this.#s,
      scale: 'wide',
      seed: this.#o.seed,
      traceHash: this.#hash.value,
      events: this.#events,
      tables: this.#tally.tables(),
      figures: this.#tally.figures(endMs),
      violations: this.#violations
    }
  }

  #diceOf(purpose: string): Dice {
    let dice = this.#dice.get(purpose)
    if (!dice) this.#dice.set(purpose, (dice = new Dice(this.#o.seed, purpose)))
    return dice
  }

  /** Of all places, how many are taken by somebody who is there when the fewest are. */
  #leastShare(): number {
    const { nodes, faults } = this.#s
    const { capacity, there } = this.#size
    let share = (there.least * nodes) / capacity
    for (const f of faults) if (f.type === 'die') share *= 1 - f.share
    return Math.max(share, 1 / capacity)
  }

  #start(): void {
    const { workload, hours, measure } = this.#s
    const calendar = this.#calendar
    this.#workload.start()
    this.#tally.begin()
    this.#faults.start()
    const fromHour = this.#s.adversaries?.fromHour ?? null
    if (fromHour !== null) calendar.set(this.#others + turnTimer, fromHour * hourMs)
    calendar.set(this.#others + rowTimer, Math.min(measure.everyHours, hours) * hourMs)
    if (workload.lookups > 0)
      calendar.set(this.#others + lookupTimer, (hours * hourMs) / (workload.lookups + 1))
    this.#again(putTimer, workload.putsPerHour)
    this.#again(getTimer, workload.getsPerHour)
  }

  /** A Poisson process. */
  #again(timer: number, perHour: number): void {
    if (perHour === 0) return
    const waitMs = draw({ type: 'exponential', mean: hourMs / perHour }, this.#diceOf(`${timer}`))
    this.#calendar.set(this.#others + timer, this.#calendar.nowMs + waitMs)
  }

  /** @returns whether the run is over. */
  #step(endMs: Millis): boolean {
    const timer = this.#next(endMs)
    if (timer < 0) return true
    const { capacity, blobs } = this.#size
    const { nowMs } = this.#calendar
    this.#events += 1
    this.#hash.event(nowMs)
    this.#sum = (Math.imul(this.#sum, 31) + timer) | 0
    const first = timersOfNode * capacity
    if (timer < capacity) this.#life.turn(timer, nowMs)
    else if (timer < 2 * capacity) this.#life.upkeep(timer - capacity)
    else if (timer < first) this.#storage.sweep(timer - 2 * capacity)
    else if (timer < first + blobs) this.#storage.repair(timer - first)
    else if (timer < this.#others) this.#storage.forget(timer - first - blobs)
    else this.#other(timer - this.#others)
    return false
  }

  /** @returns the next timer, or -1 when the run is over; whoever looks does so before what is later than that. */
  #next(endMs: Millis): number {
    const look = this.#look
    if (!look) return this.#calendar.pop(endMs)
    if (this.#events < look.events) {
      const timer = this.#calendar.pop(Math.min(endMs, look.atMs))
      if (timer >= 0) return timer
    }
    this.#look = undefined
    const atMs = Math.min(endMs, this.#events < look.events ? look.atMs : this.#calendar.nowMs)
    look.see({ atMs, events: this.#events, nodes: seenNodes(this.#parts) })
    return this.#calendar.pop(endMs)
  }

  #other(timer: number): void {
    const { workload, hours } = this.#s
    if (timer === rowTimer) this.#row()
    else if (timer === putTimer) {
      this.#workload.put()
      this.#again(putTimer, workload.putsPerHour)
    } else if (timer === getTimer) {
      this.#workload.get()
      this.#again(getTimer, workload.getsPerHour)
    } else if (timer === lookupTimer) {
      this.#workload.lookUp()
      this.#lookups += 1
      const nextMs = ((this.#lookups + 1) * hours * hourMs) / (workload.lookups + 1)
      if (this.#lookups < workload.lookups) this.#calendar.set(this.#others + lookupTimer, nextMs)
    } else if (timer === turnTimer) this.#turn()
    else this.#faults.run(timer - faultTimer)
  }

  /** Those who kept to the rules until now no longer do. */
  #turn(): void {
    const turned = this.#foes.turn()
    for (const node of turned) this.#storage.turned(node)
    this.#workload.mint()
    this.#note('turned', turned.length)
  }

  #row(): void {
    const { hours, measure } = this.#s
    this.#rows += 1
    for (let i = 0; i < sampled; i++) this.#workload.get()
    this.#workload.getEclipsed(sampledEclipsed)
    const atHours = Math.min(this.#rows * measure.everyHours, hours)
    this.#note('row', ...this.#tally.row(atHours), this.#sum)
    const nextMs = Math.min((this.#rows + 1) * measure.everyHours, hours) * hourMs
    if (atHours < hours) this.#calendar.set(this.#others + rowTimer, nextMs)
  }

  #note(type: string, ...fields: (string | number)[]): void {
    const note = { atMs: this.#calendar.nowMs, type, fields }
    this.#hash.note(note)
    this.#o.trace?.take(note)
  }
}

import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { sharedPlaces } from '../../sim/keys.ts'
import { VirtualNetwork } from '../../sim/network.ts'
import type { Engine, EngineOptions, RunResult, Violation } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { latencyIn } from '../../sim/scenario-files.ts'
import { World } from '../../sim/world.ts'
import { LetterFigures } from '../people/letter-figures.ts'
import { People } from '../people/people.ts'
import type { CreateSeed, Variant } from '../runs/variant.ts'
import { seedsOf, variantOf } from '../runs/variant.ts'
import { Crowd } from './crowd.ts'
import { Disks } from './disks.ts'
import { applyFaults } from './faults.ts'
import { Foes } from './foes.ts'
import { Holdings } from './holdings.ts'
import { lookInto } from './look.ts'
import { Measure } from './measure.ts'
import { Observers } from './observers.ts'
import { absenceMsOf, settleMsOf } from './parameters.ts'
import { Population } from './population.ts'
import { Spam } from './spam.ts'
import { Workload } from './workload.ts'

const hourMs: Millis = 3_600_000
/** All join in the first minute. */
const joiningMs: Millis = 60_000
/** As Muttr's channels do: docs/protocol/channel.md */
const noticeMs: Millis = 60_000

/** The seeds that ship, on a virtual network: some thousand of them. Source: docs/decisions/029-simulator.md */
export const fullEngine: Engine = fullEngineWith()

/** @param variant instead of what the scenario names. */
export function fullEngineWith(variant?: Variant): Engine {
  return {
    async run(scenario, options) {
      refuse(scenario)
      const createSeed = seedsOf(variant ?? (await variantOf(scenario)))
      return new Run(scenario, options, createSeed).run()
    }
  }
}

/** @throws {MuttrError} `SCENARIO_INVALID` for what is not modelled here, and for a variant that is none. */
export async function checkFull(scenario: Scenario): Promise<void> {
  refuse(scenario)
  await variantOf(scenario)
}

function refuse({ adversaries, faults, people }: Scenario): void {
  const outage = faults.findIndex(({ type }) => type === 'pod-outage')
  const what =
    adversaries && people
      ? 'adversaries: not in a world with people, who would live on hostile nodes as on others'
      : outage >= 0 && !people
        ? `faults.${outage}: there are no pods without people`
        : undefined
  if (what !== undefined) throw new MuttrError('SCENARIO_INVALID', what)
}

class Run {
  readonly #scenario: Scenario
  readonly #o: EngineOptions
  readonly #world: World
  readonly #net: VirtualNetwork
  readonly #population: Population
  readonly #workload: Workload
  readonly #holdings: Holdings
  readonly #people: People | undefined
  readonly #observers: Observers
  readonly #crowd: Crowd
  readonly #disks: Disks
  readonly #spam: Spam | undefined

  constructor(scenario: Scenario, options: EngineOptions, createSeed: CreateSeed) {
    const { seed, trace } = options
    const { loss, deaths, jitterMs, dialMs, upBytesPerSecond } = scenario.network
    const latency = latencyIn(scenario)
    this.#scenario = scenario
    this.#o = options
    const world = new World({ seed, ...(trace && { trace }) })
    this.#world = world
    const { connections: connectionsMax } = scenario.parameters
    const net = new VirtualNetwork(world, {
      ...{ latency, loss, deaths, jitterMs, connectionsMax, noticeMs },
      ...(dialMs && { dialMs }),
      upBytesPerSecond: upBytesPerSecond ?? Number.POSITIVE_INFINITY
    })
    this.#net = net
    this.#holdings = new Holdings(world)
    const places = sharedPlaces()
    const shared = { world, scenario, net, places, holdings: this.#holdings }
    const foes = new Foes(shared)
    const observers = new Observers()
    const population = new Population({ ...shared, createSeed, foes, observers, seed })
    this.#population = population
    const { placeOf } = places
    this.#workload = new Workload({ ...shared, foes, observers, placeOf, population })
    const { people } = scenario
    this.#people = people ? new People({ world, scenario, population, seed, people }) : undefined
    const all = { ...shared, population, workload: this.#workload }
    this.#crowd = new Crowd(all)
    this.#disks = new Disks(all)
    const { spam } = scenario.workload
    this.#spam = spam ? new Spam({ ...all, placeOf, createSeed, spam }) : undefined
    this.#observers = observers
  }

  async run(): Promise<RunResult> {
    const { signal, onProgress } = this.#o
    const scenario = this.#scenario
    const world = this.#world
    const beginMs = world.nowMs
    const absenceMs = absenceMsOf(scenario)
    const makingMs = joiningMs + settleMsOf(scenario) + absenceMs
    const before = {
      signal,
      onProgress: (nowMs: Millis) => {
        const made = Math.min(1, (nowMs - beginMs) / makingMs)
        onProgress({ atHours: made - 1, events: world.events })
      }
    }
    before.onProgress(beginMs)
    const looking = this.#o.look && lookInto(this.#o.look, this.#seen)
    await world.run(this.#population.start(), before)
    await world.pass(settleMsOf(scenario), before)
    if (this.#people) await world.run(this.#people.start(), before)
    await world.run(this.#workload.start(), before)

    this.#population.begin(world.nowMs + absenceMs)
    await world.pass(absenceMs, before)
    const zeroMs = world.nowMs
    world.note('begin')
    looking?.begin()
    const measure = new Measure({ ...this.#seen, scenario, workload: this.#workload })
    this.#workload.begin()
    this.#crowd.begin()
    this.#disks.begin()
    this.#spam?.begin()
    this.#people?.begin()
    const letters = this.#people && new LetterFigures(this.#people)
    applyFaults({ world, net: this.#net, faults: scenario.faults, population: this.#population })
    const during = {
      signal,
      onProgress: (nowMs: Millis) =>
        onProgress({ atHours: (nowMs - zeroMs) / hourMs, events: world.events })
    }
    for (let row = 1; ; row++) {
      const atHours = Math.min(row * scenario.measure.everyHours, scenario.hours)
      await world.pass(Math.max(0, zeroMs + atHours * hourMs - world.nowMs), during)
      await world.run(measure.row(atHours), during)
      if (letters) world.note('letters', ...letters.row(atHours))
      if (this.#spam) world.note('spam row', ...(await world.run(this.#spam.row(atHours), during)))
      if (atHours === scenario.hours) break
    }
    if (this.#people) await world.run(this.#people.close(), during)
    looking?.end()
    return this.#result(measure, letters, zeroMs)
  }

  get #seen() {
    const [world, net, population] = [this.#world, this.#net, this.#population]
    return { world, net, population, holdings: this.#holdings }
  }

  #result(measure: Measure, letters: LetterFigures | undefined, zeroMs: Millis): RunResult {
    const { events, traceHash } = this.#world
    return {
      scenario: this.#scenario,
      scale: 'full',
      seed: this.#o.seed,
      traceHash,
      events,
      tables: { ...measure.tables(), ...letters?.tables(), ...this.#spam?.tables() },
      figures: {
        ...measure.figures(),
        ...letters?.figures(),
        ...this.#crowd.figures(),
        ...(this.#scenario.observers && this.#observers.figures()),
        ...this.#disks.figures(),
        ...this.#spam?.figures()
      },
      violations: [
        ...this.#holdings.violations,
        ...this.#workload.violations,
        ...(this.#people?.post.violations ?? [])
      ]
        .sort((a, b) => a.atMs - b.atMs)
        .map(violation => sinceZero(violation, zeroMs))
    }
  }
}

/** Times as a replay counts them, so that one can be looked up in the other. */
const sinceZero = ({ atMs, what, chain }: Violation, zeroMs: Millis): Violation => ({
  atMs: atMs - zeroMs,
  what,
  chain: chain.map(line => line.replace(/^\d+(?=: )/, ms => String(Number(ms) - zeroMs)))
})

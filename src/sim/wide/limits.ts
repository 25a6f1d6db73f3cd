import { MuttrError } from '../../base/errors.ts'
import { pathsUsual } from '../../routing/lookup.ts'
import { regionsTimes } from '../../routing/region.ts'
import { sharesOn } from '../days.ts'
import { meanOf } from '../distributions.ts'
import type { Scenario } from '../scenario.ts'
import { readScenario } from '../scenario.ts'
import { Calendar } from './calendar.ts'
import { Foes } from './foes.ts'
import { Life } from './life.ts'
import { FloodPings } from './pings.ts'
import { partsMax, Reach } from './reach.ts'
import { Storage } from './storage.ts'
import { shapeOf, tablesBytes } from './tables.ts'

/** Timers of a node: what it does next, upkeep, sweep; and of a blob: repair, expiry. */
export const timersOfNode = 3
export const timersOfBlob = 2
/** Places that nobody has taken, beside those of who are expected to be born, so that drawing one does not take long. */
const spareShare = 0.02
/** Without anything simulated. */
const baseBytes = 150 * 2 ** 20

/** How large a run will be. */
export interface Size {
  /** Nodes that may ever live. */
  readonly capacity: number
  readonly blobs: number
  /** Of the nodes, how many are there at a time and can be dialled. */
  readonly there: { readonly least: number; readonly most: number }
  /** Sides of the network at a time, at most. */
  readonly views: number
  readonly bytes: number
}

/** Sections that have no part here. */
const unmodelled = ['people', 'variant', 'observers', 'disks', 'clocks'] as const

/** Of two of these more can be said than to leave them out. */
const because = {
  people:
    'people: what becomes of letters is decided by pods and clients that keep their stores for days, which runs at the scale full, with some hundred people. Here, give the puts and gets of as many people as workload.putsPerHour and getsPerHour.',
  variant:
    'variant: a variant decides for the seeds that ship, of whose decisions there are compact twins here. Compare it with what ships at the scale full, with as many nodes as memory allows.'
} as const

/** @throws {MuttrError} `SCENARIO_INVALID`, naming each field that asks for what is not modelled here. */
export function refuse(scenario: Scenario): void {
  const usual = readScenario({ name: 'usual', question: '?', nodes: 2, hours: 1 }).parameters
  const { network, population, workload, faults, parameters } = scenario
  const what = [
    ...(network.jitterMs > 0 ? ['network.jitterMs'] : []),
    ...(network.dialMs ? ['network.dialMs'] : []),
    ...(network.upBytesPerSecond === null ? [] : ['network.upBytesPerSecond']),
    ...(population.trace ? ['population.trace'] : []),
    ...(network.deaths === 'silent' ? [] : ['network.deaths']),
    ...(population.begins === 'settled' ? [] : ['population.begins']),
    ...(workload.crowd ? ['workload.crowd'] : []),
    ...(workload.via ? ['workload.via'] : []),
    ...(workload.spam ? ['workload.spam'] : []),
    ...unmodelled.filter(name => scenario[name] !== null),
    ...faults.flatMap((f, i) => (f.type === 'pod-outage' ? [`faults.${i} (${f.type})`] : [])),
    ...(partsOf(faults) > partsMax ? [`faults (more than ${partsMax} partitions at a time)`] : []),
    ...(parameters.reach === usual.reach ? [] : ['parameters.reach'])
  ]
  if (what.length === 0) return
  const told = (['people', 'variant'] as const).filter(name => what.includes(name))
  throw new MuttrError('SCENARIO_INVALID', `the scale wide does not model ${what.join(', ')}`, {
    hint: ['Leave these out, or run it at the scale full.', ...told.map(n => because[n])].join(' ')
  })
}

/** What a scenario takes. */
export function sizeOf(scenario: Scenario): Size {
  const { nodes, hours, network, population, workload, faults, adversaries, parameters } = scenario
  const { lifetimeHours, daily } = population
  const there = sharesThere(population, 1 - network.natShare)
  const deaths = lifetimeHours ? (hours / meanOf(lifetimeHours)) * nodes : 0
  const replaced = faults.reduce(
    (sum, f) => sum + (f.type === 'die' && f.replaced ? f.share * nodes : 0),
    0
  )
  // Places of the dead are taken again, so no more than so many are needed.
  const born = Math.min(nodes, deaths + replaced)
  const minted = adversaries?.behaviour === 'eclipse' ? adversaries.keys * adversaries.minted : 0
  const capacity = Math.ceil(nodes + (born > 0 ? born + spareShare * nodes + 16 : 0)) + minted
  const puts = workload.putsPerHour * hours
  const blobs = workload.blobs + Math.ceil(puts + 6 * Math.sqrt(puts))
  const shape = shapeOf(Math.max(1, nodes * there.most), parameters.k)
  const views = 2 ** Math.min(partsMax, partsOf(faults))
  const bytes =
    baseBytes +
    tablesBytes(shape, parameters.k, capacity) +
    capacity *
      (Reach.bytesPerNode({ hides: network.natShare > 0, views }) +
        placeBytes +
        Life.bytesPerNode +
        Calendar.bytesOf(timersOfNode)) +
    blobs * (Storage.bytesPerBlob(scenario) + Calendar.bytesOf(timersOfBlob)) +
    (network.latency.type === 'geographic' ? capacity * spotBytes : 0) +
    (daily ? capacity * daily.share * ownerBytes : 0) +
    (adversaries ? capacity * (Foes.bytesPerNode + FloodPings.bytesPerNode) : 0)
  return { capacity, blobs, there, views, bytes }
}

/** Disjoint paths of a lookup, as the seed takes them. */
export const pathsIn = ({ parameters }: Scenario): number =>
  isOneOf(parameters.defences, 'all', 'paths') ? pathsUsual : 1

/** Members that a region shall have; 0 where nobody looks into it. */
export const regionShareIn = ({ parameters }: Scenario): number =>
  isOneOf(parameters.defences, 'all', 'region') ? regionsTimes * parameters.replicas : 0

const isOneOf = (one: string, ...of: string[]) => of.includes(one)

/** Partitions at a time, at most. */
function partsOf(faults: Scenario['faults']): number {
  const parts = faults.filter(f => f.type === 'partition')
  const isOn = (at: number) =>
    parts.filter(f => f.atHours <= at && at <= f.atHours + f.hours).length
  return Math.max(0, ...parts.map(({ atHours }) => isOn(atHours)))
}

/** By sessions, or by the hour of the day. */
function sharesThere(population: Scenario['population'], seeds: number) {
  const { sessionHours, awayHours, daily } = population
  const on = sessionHours ? meanOf(sessionHours) : 1
  const off = sessionHours ? meanOf(awayHours) : 0
  const bySessions = Number.isFinite(on) ? on / (on + off) : 1
  const byDays = daily ? sharesOn(daily) : { least: 1, most: 1 }
  const share = daily?.share ?? 0
  const of = (there: number) => seeds * (share * there + (1 - share) * bySessions)
  return { least: of(byDays.least), most: of(byDays.most) }
}

/** A place, its part of the index, whether a sweep follows an absence. */
const placeBytes = 8 + 8 + 1
/** A node's place on the globe, which the model of latency keeps as an object. */
const spotBytes = 64
/** Of one that is on by the hour of the day. */
const ownerBytes = 300

/** @throws {MuttrError} `MEMORY_SHORT` */
export function checkMemory({ bytes }: Size, memoryBytes: number, nodes: number): void {
  if (bytes <= memoryBytes) return
  const message = `${nodes} nodes take ${mebi(bytes)} MiB, and there are ${mebi(memoryBytes)} MiB`
  throw new MuttrError('MEMORY_SHORT', message, { hint: 'Take fewer nodes or blobs.' })
}

const mebi = (bytes: number) => Math.ceil(bytes / 2 ** 20)

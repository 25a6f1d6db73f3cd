import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { pathsUsual } from '../../src/routing/lookup.ts'
import { Dice } from '../../src/sim/dice.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { wideEngine } from '../../src/sim/wide/engine.ts'
import { Places } from '../../src/sim/wide/places.ts'
import { Reach } from '../../src/sim/wide/reach.ts'
import { WideTables } from '../../src/sim/wide/tables.ts'
import { Walker } from '../../src/sim/wide/walk.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'
import { LookupWorld } from '../support/lookup-world.ts'

/**
 * `npm run bench:sim`: the simulator's scale wide, and lookups by the objects that ship; with `calibrate`, see calibrate.ts. `npm run bench:sim -- [--json]
 * [--sizes 1000,10000] [--seconds S] [--only lookups|shipping|events|full] [--hours H]`. Seconds are the processor's that this process used, one thread. Beside each figure stands what a
 * fixed loop did right before it, in million steps a second, so that machines and busy hours compare. The scale `full` runs H hours to their end, one unless told, and only where it is asked for.
 */
interface Line {
  nodes: number
  what: string
  value: number
  unit: string
  yardstick: number
}

const k = 20
const cpuMs = () => process.cpuUsage().user / 1_000
const yardstickSteps = 50_000_000

/** Marsaglia's xorshift32, a multiplication and a sum: integers only, nothing in memory. @returns million steps a second. */
function yardstick(): number {
  const startMs = cpuMs()
  let x = 1
  let sum = 0
  for (let i = 0; i < yardstickSteps; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    sum = (sum + Math.imul(x, 0x9e3779b1)) | 0
  }
  const tookMs = cpuMs() - startMs
  // The sum is used, or the loop would be left out.
  return sum === 0.5 ? 0 : yardstickSteps / tookMs / 1_000
}

const rounded = (value: number) => Number(value.toPrecision(3))

function benchLookups(nodes: number, seconds: number): Line[] {
  const dice = new Dice(1, 'bench')
  const before = process.memoryUsage().arrayBuffers
  const places = Places.draw(nodes, dice)
  const tables = new WideTables(places, { nodes, k })
  const reach = new Reach(nodes)
  for (let node = 0; node < nodes; node++) reach.come(node)
  for (let node = 0; node < nodes; node++) tables.fill(node, reach.seeds, dice)
  const bytes = (process.memoryUsage().arrayBuffers - before) / nodes
  const walker = new Walker({
    places,
    tables,
    reach,
    latencyOf: latencyOf({ type: 'pairwise', ms: 25 }, dice),
    loss: 0,
    dice,
    linkDice: dice,
    parameters: { k, alpha: 3, replicas: 8, connections: 100 },
    spare: (_, from, to) => from + dice.below(to - from),
    sinceMs: () => 0
  })
  const lines = [line(nodes, 'bytes a node, static', bytes, 'B', yardstick())]
  for (const paths of [1, pathsUsual]) {
    const compare = yardstick()
    walkFor(walker, { nodes, paths, dice, seconds: seconds / 4 })
    const { perSecond, exact, requests } = walkFor(walker, { nodes, paths, dice, seconds })
    const name = paths === 1 ? 'one path' : `${paths} paths`
    lines.push(line(nodes, `lookups, ${name}`, perSecond, '/s', compare))
    lines.push(line(nodes, `requests of a lookup, ${name}`, requests, '', compare))
    lines.push(line(nodes, `exact, ${name}`, 100 * exact, '%', compare))
  }
  return lines
}

interface WalkFor {
  nodes: number
  paths: number
  dice: Dice
  seconds: number
}

/** Every lookup is compared with the true nearest; that is part of the time. */
function walkFor(walker: Walker, { nodes, paths, dice, seconds }: WalkFor) {
  const startMs = cpuMs()
  let [count, exact, requests, tookMs] = [0, 0, 0, 0]
  while (tookMs < 1_000 * seconds) {
    for (let i = 0; i < 100; i++) {
      const from = dice.below(nodes)
      const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
      walker.find(from, hi, lo, k, { paths })
      requests += walker.requests
      if (walker.isExact(from, hi, lo, k)) exact += 1
      count += 1
    }
    tookMs = cpuMs() - startMs
  }
  return { perSecond: (1_000 * count) / tookMs, exact: exact / count, requests: requests / count }
}

/** Up to so many nodes: their tables as objects take some 35 kB each. */
const shippingMost = 100_000
/** Compared with the true nearest, by looking at all nodes: beside the time that is measured. */
const comparedMost = 100

/** `Table`, `Candidates` and `Lookup` of src/routing, one path, in rounds of one round trip. */
function benchShipping(nodes: number, seconds: number): Line[] {
  const world = new LookupWorld(nodes)
  for (const peer of world.peers) world.table(peer)
  const dice = new Dice(1, 'bench')
  const lookUp = () => {
    const from = world.peers[dice.below(nodes)]!
    const target = dice.bytes(32)
    return { from, target, ...world.lookup(from, target, k) }
  }
  const compare = yardstick()
  for (let i = 0; i < 200; i++) lookUp()
  const startMs = cpuMs()
  let [count, requests, tookMs] = [0, 0, 0]
  while (tookMs < 1_000 * seconds) {
    requests += lookUp().requests
    count += 1
    tookMs = cpuMs() - startMs
  }
  let exact = 0
  for (let i = 0; i < comparedMost; i++) {
    const { from, target, nearest } = lookUp()
    if (world.trueNearest(target, k, from).every((peer, at) => peer === nearest[at])) exact += 1
  }
  return [
    line(nodes, 'shipping code: lookups, one path', (1_000 * count) / tookMs, '/s', compare),
    line(nodes, 'shipping code: requests of a lookup', requests / count, '', compare),
    line(
      nodes,
      `shipping code: exact, of ${comparedMost}`,
      (100 * exact) / comparedMost,
      '%',
      compare
    )
  ]
}

/** With churn and storage. */
const churning = (
  nodes: number,
  more: Pick<ScenarioInput, 'hours' | 'scale' | 'workload' | 'measure'>
) =>
  readScenario({
    name: 'bench',
    question: 'How fast is it?',
    nodes,
    population: {
      sessionHours: { type: 'weibull', shape: 0.6, scale: 2 },
      awayHours: { type: 'exponential', mean: 2 },
      lifetimeHours: { type: 'exponential', mean: 720 }
    },
    network: { latency: { type: 'pairwise', ms: 25 } },
    ...more
  })

/** The seeds that ship, put to and read from. */
async function benchFull(nodes: number, hours: number): Promise<Line[]> {
  const some = Math.ceil(nodes / 10)
  const workload = { blobs: some, putsPerHour: some, getsPerHour: some, lookups: 200 }
  const measure = { everyHours: hours }
  const scenario = churning(nodes, { hours, scale: 'full', workload, measure })
  const compare = yardstick()
  const start = { ms: cpuMs(), wallMs: performance.now() }
  let zero = { ms: 0, wallMs: 0 }
  const take = ({ type }: { type: string }) => {
    if (type === 'begin') zero = { ms: cpuMs(), wallMs: performance.now() }
  }
  const { signal } = new AbortController()
  const trace = { take }
  const result = await fullEngine.run(scenario, { seed: 1, signal, onProgress() {}, trace })
  const end = { ms: cpuMs(), wallMs: performance.now() }
  const [minutes, wallMinutes] = [(end.ms - zero.ms) / 60_000, (end.wallMs - zero.wallMs) / 60_000]
  const rss = process.resourceUsage().maxRSS / 1_024
  const of = (what: string, value: number, unit: string) =>
    line(nodes, `full: ${what}`, value, unit, compare)
  const { events, figures } = result
  return [
    of('making the network', (zero.ms - start.ms) / 1_000, 's'),
    of(`${hours} h of it`, minutes, 'min of the processor'),
    of('simulated hours in a minute of the processor', hours / minutes, 'h'),
    of('simulated hours in a minute by the wall clock', hours / wallMinutes, 'h'),
    of('events, with the making', (1_000 * events) / (end.ms - start.ms), '/s'),
    of('requests of a node and hour', figures['messages per node-hour']!.value, ''),
    of('lookups exact', 100 * figures['lookup exact']!.value, '%'),
    of('gets found', 100 * figures.found!.value, '%'),
    of('resident at most', rss, 'MiB')
  ]
}

/** The time that the start takes is left out; what of a day was simulated is scaled to a day. */
async function benchEvents(nodes: number, seconds: number): Promise<Line[]> {
  const workload = { blobs: Math.ceil(nodes / 10) }
  const scenario = churning(nodes, { hours: 24, scale: 'wide', workload })
  const compare = yardstick()
  const stop = new AbortController()
  let first: { ms: number; atHours: number; events: number } | undefined
  let last = { ms: 0, atHours: 0, events: 0 }
  const onProgress = (done: { atHours: number; events: number }) => {
    last = { ms: cpuMs(), ...done }
    first ??= last
    if (last.ms - first.ms > 1_000 * seconds) stop.abort()
  }
  await wideEngine.run(scenario, { seed: 1, signal: stop.signal, onProgress }).catch(err => {
    if (!stop.signal.aborted) throw err
  })
  const tookS = (last.ms - first!.ms) / 1_000
  const hours = last.atHours - first!.atHours
  const perDay = ((last.events - first!.events) / hours) * (24 / nodes)
  return [
    line(nodes, 'events', (last.events - first!.events) / tookS, '/s', compare),
    line(nodes, 'events of a node and day', perDay, '', compare),
    line(
      nodes,
      'resident at most, a node',
      (1_024 * process.resourceUsage().maxRSS) / nodes,
      'B',
      compare
    ),
    line(nodes, 'a simulated day', ((24 / hours) * tookS) / 60, 'min', compare)
  ]
}

const line = (nodes: number, what: string, value: number, unit: string, step: number): Line => ({
  nodes,
  what,
  value: rounded(value),
  unit,
  yardstick: rounded(step)
})

if (process.argv[2] === 'calibrate') {
  await import('./calibrate.ts')
  process.exit()
}
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '1000,10000,100000,1000000' },
    seconds: { type: 'string', default: '4' },
    hours: { type: 'string', default: '1' },
    only: { type: 'string' }
  }
})
const sizes = values.sizes.split(',').map(Number)
const seconds = Number(values.seconds)
const hours = Number(values.hours)
const isKnown = [undefined, 'lookups', 'shipping', 'events', 'full'].includes(values.only)
const isTime = seconds > 0 && hours > 0
if (!sizes.every(n => Number.isSafeInteger(n) && n >= 2) || !isTime || !isKnown) {
  console.error(
    'usage: npm run bench:sim -- [--json] [--sizes 1000,10000] [--seconds S] [--hours H] [--only lookups|shipping|events|full]'
  )
  process.exit(1)
}
const print = ({ nodes, what, value, unit, yardstick }: Line) => {
  if (values.json) console.log(JSON.stringify({ nodes, what, value, unit, yardstick }))
  else console.log(`${nodes}\t${what}\t${value} ${unit}\t(yardstick ${yardstick} M/s)`)
}
// What ships keeps its tables as objects.
setFlagsFromString('--max-old-space-size=12000')
for (const nodes of sizes) {
  const isAsked = (what: string) => values.only === undefined || values.only === what
  if (isAsked('lookups')) benchLookups(nodes, seconds).forEach(print)
  if (isAsked('shipping') && nodes <= shippingMost) benchShipping(nodes, seconds).forEach(print)
  if (values.only === 'full') (await benchFull(nodes, hours)).forEach(print)
  if (isAsked('events')) (await benchEvents(nodes, seconds)).forEach(print)
}

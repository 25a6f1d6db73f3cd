import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { Distribution } from './distributions.ts'
import { firstProblem } from './problem.ts'
import { contradictionInFiles, Matrix, Trace, VariantFile } from './scenario-files.ts'
import {
  Adversaries,
  Clocks,
  Crowd,
  Defences,
  Disks,
  foesContradictionIn,
  Observers,
  Via
} from './scenario-foes.ts'
import { contradictionInPeople, People } from './scenario-people.ts'
import { Spam } from './scenario-spam.ts'

const hoursMax = 100 * 365 * 24
const share = z.number().min(0).max(1)
const atHours = z.number().min(0).max(hoursMax)
const someHours = z.number().positive().max(hoursMax)

const Network = z.strictObject({
  /**
   * One way. `constant` for every pair; `pairwise`: drawn once for each pair, `ms` in the mean; `geographic`: nodes live in places on a
   * sphere, 5 µs a kilometre and the last mile of both; `matrix`: measured, see `Matrix`.
   */
  latency: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('constant'), ms: z.number().min(0).max(60_000) }),
      z.strictObject({ type: z.literal('geographic') }),
      z.strictObject({ type: z.literal('pairwise'), ms: z.number().positive().max(60_000) }),
      Matrix
    ])
    .default({ type: 'constant', ms: 25 }),
  /** Each message is up to so much later, by lot. */
  jitterMs: z.number().min(0).max(60_000).default(0),
  /** What a dial takes beside its round trips, in milliseconds: handshakes of slow or busy machines. Nothing unless told. */
  dialMs: Distribution.optional(),
  /** Of messages. */
  loss: share.default(0),
  /**
   * How those show who leave or die. `silent`: as a laptop whose lid is closed; the others notice after a minute. `refused`: as a process
   * that is killed; its connections end at once, and whoever dials it is refused.
   */
  deaths: z.enum(['silent', 'refused']).default('silent'),
  /** What each node can send; null: as much as it likes. */
  upBytesPerSecond: z.number().positive().max(1e12).nullable().default(null),
  /** Of nodes that nobody can dial; they are clients of the DHT and hold nothing. */
  natShare: share.default(0)
})

const Population = z.strictObject({
  /**
   * How the network begins. `settled`: as one that has run for long: tables and spares are full, of neighbours that are trusted to have what
   * belongs to them; the size of the network is known; buckets and sweeps have their turn at any time. `joining`: one comes after the other,
   * as shipped; so it is young, and for half an hour nobody trusts a neighbour so. Source: docs/guides/research.md#how-a-network-begins
   */
  begins: z.enum(['settled', 'joining']).default('settled'),
  /** How long a node stays; null: it never leaves. */
  sessionHours: Distribution.nullable().default(null),
  /** How long it is away before it is back, with what it stored. */
  awayHours: Distribution.default({ type: 'constant', value: 1 }),
  /** After which it is gone for good, and another comes in its place; null: never. */
  lifetimeHours: Distribution.nullable().default(null),
  /** Nodes whose owners switch them on and off by the hour of the day, beside sessions. */
  daily: z
    .strictObject({
      /** Of all nodes. */
      share,
      /** On from this hour of the owner's day to that one; over midnight when it is the smaller. */
      fromHour: z.number().min(0).max(24),
      toHour: z.number().min(0).max(24),
      /** Each switching is earlier or later by up to so much. */
      jitterHours: z.number().min(0).max(12).default(1),
      /** Of these nodes, how many are on at all on the sixth and the seventh day. */
      weekendShare: share.default(1),
      /** Owners live spread over so many time zones, an hour apart. */
      zones: z.int().min(1).max(24).default(1),
      /** From a day on (0 is the first), for so many days: `share` of these nodes are on all the same. */
      holidays: z
        .array(z.strictObject({ fromDay: z.int().min(0), days: z.int().min(1), share }))
        .max(100)
        .default([])
    })
    .nullable()
    .default(null),
  /** Who is there when, instead of all of the above but `awayHours`. */
  trace: Trace.nullable().default(null)
})

const Workload = z.strictObject({
  /** Stored before the first hour begins. */
  blobs: z.int().min(0).max(1_000_000_000).default(0),
  /** By all nodes together. */
  putsPerHour: z.number().min(0).max(1e9).default(0),
  getsPerHour: z.number().min(0).max(1e9).default(0),
  sizeBytes: Distribution.default({ type: 'constant', value: 4_096 }),
  /** From put to expiry. */
  lifeHours: Distribution.default({
    type: 'constant',
    value: limits.blobLifeMsDefault / 3_600_000
  }),
  /** Lookups of random keys over the whole run, each compared with the true nearest nodes of its moment. */
  lookups: z.int().min(0).max(1_000_000_000).default(0),
  crowd: Crowd,
  via: Via,
  spam: Spam
})

const Fault = z.discriminatedUnion('type', [
  /** So many die at once and for good; `replaced`: as many new ones join then. */
  z.strictObject({
    type: z.literal('die'),
    atHours,
    share,
    which: z.enum(['oldest', 'random']).default('random'),
    replaced: z.boolean().default(false)
  }),
  /** A share of the nodes and the others do not reach each other. */
  z.strictObject({ type: z.literal('partition'), atHours, hours: someHours, share }),
  /** The first so many pods fall silent, and come back with what they had. */
  z.strictObject({
    type: z.literal('pod-outage'),
    atHours,
    hours: someHours,
    pods: z.int().min(1).max(100).default(1)
  })
])

/** Defaults are what ships. */
const Parameters = z.strictObject({
  /** R: copies of a blob. */
  replicas: z.int().min(1).max(20).default(8),
  /** W: copies before a put is acknowledged. */
  quorum: z.int().min(1).max(20).default(5),
  /** Contacts in a bucket and in an answer. */
  k: z.int().min(1).max(limits.contactsMax).default(limits.contactsMax),
  /** Requests of a lookup under way at a time. */
  alpha: z.int().min(1).max(20).default(3),
  sweepHours: someHours.default(6),
  debounceMinutes: z
    .number()
    .positive()
    .max(60 * hoursMax)
    .default(1),
  graceHours: atHours.default(24),
  /** Connections a node keeps at most. */
  connections: z.int().min(8).max(10_000).default(100),
  /**
   * How peers are reached that a node is not connected to. `forward` ships, and asks every neighbour each minute for whom it is connected
   * to: nine tenths of an idle seed's messages, and of the time that a run takes. So it is asked for by name.
   */
  reach: z.enum(['dial', 'forward']).default('dial'),
  /** Disjoint paths of lookups, storing in a key's region: both, one alone, or neither. */
  defences: Defences
})

const Shape = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'not 1 to 64 lower-case letters, digits and hyphens'),
  /** What the run shall answer, in one sentence. */
  question: z.string().min(1).max(500),
  nodes: z.int().min(2).max(10_000_000),
  hours: someHours,
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  /** `full`: the code that ships; `wide`: compact state for a million nodes; `real`: processes, in real time. */
  scale: z.enum(['full', 'wide', 'real']).default('full'),
  network: Network.prefault({}),
  population: Population.prefault({}),
  workload: Workload.prefault({}),
  /** Without them there are no pods either. */
  people: People.nullable().default(null),
  faults: z.array(Fault).max(1_000).default([]),
  adversaries: Adversaries,
  observers: Observers,
  disks: Disks,
  clocks: Clocks,
  parameters: Parameters.prefault({}),
  /** How these seeds differ from those that ship; null: not at all. Source: docs/guides/research.md#a-variant-of-the-protocol */
  variant: VariantFile.nullable().default(null),
  /** How often a row is added to the table `time`. */
  measure: z.strictObject({ everyHours: someHours.default(1) }).prefault({})
})

/**
 * One question to a virtual network: who takes part, what they do, what goes wrong, what is counted. Lengths of time in hours, sizes in
 * bytes. Every engine runs the same one, and refuses what it does not model. Source: docs/guides/research.md
 */
export interface Scenario extends z.infer<typeof Shape> {}
/** As people write it: what is left out has its default. */
export interface ScenarioInput extends z.input<typeof Shape> {}
/** How a scenario is run: by the code that ships, in compact form, or by processes. */
export type Scale = Scenario['scale']

/** Rows of the table `time` that a run may have. */
const rowsMax = 100_000

/** What the fields allow each for itself and not together. */
function contradictionIn(s: Scenario): string | undefined {
  const { parameters, faults, hours, measure, workload } = s
  if (parameters.quorum > parameters.replicas)
    return `parameters.quorum: ${parameters.quorum} copies cannot be waited for when parameters.replicas makes ${parameters.replicas}`
  for (const [i, fault] of faults.entries())
    if (fault.atHours >= hours)
      return `faults.${i}.atHours: at hour ${fault.atHours} the run is over, which lasts ${hours}`
  if (hours / measure.everyHours > rowsMax)
    return `measure.everyHours: ${measure.everyHours} makes more than ${rowsMax} rows in ${hours} hours`
  if (most(workload.sizeBytes) > limits.blobBytesMax)
    return `workload.sizeBytes: a blob holds at most ${limits.blobBytesMax} bytes`
  const lifeHoursMax = limits.blobLifeMsMax / 3_600_000
  if (most(workload.lifeHours) > lifeHoursMax)
    return `workload.lifeHours: a blob lives at most ${lifeHoursMax} hours`
  if (workload.getsPerHour > 0 && workload.blobs === 0 && workload.putsPerHour === 0)
    return 'workload.getsPerHour: nothing is ever put that could be got'
  const inPeople = s.people ? contradictionInPeople(s.people, s.nodes, most) : undefined
  return inPeople ?? contradictionInFiles(s) ?? foesContradictionIn(s)
}

/** Where a distribution names its largest value; the tails of the others are cut by who draws. */
const most = (d: Distribution): number =>
  d.type === 'constant' ? d.value : d.type === 'uniform' ? d.to : 0

/**
 * Checks everything and fills in the defaults. Reading its own result again changes nothing.
 * @throws {MuttrError} `SCENARIO_INVALID`, with a sentence that names the field.
 */
export function readScenario(value: unknown): Scenario {
  const parsed = Shape.safeParse(value)
  const wrong = parsed.success ? contradictionIn(parsed.data) : firstProblem(parsed.error, value)
  if (wrong !== undefined || !parsed.success) throw new MuttrError('SCENARIO_INVALID', `${wrong}`)
  return parsed.data
}

/** For modules: `export default defineScenario({ … })`. @throws {MuttrError} as {@link readScenario} */
export const defineScenario = (scenario: ScenarioInput): Scenario => readScenario(scenario)

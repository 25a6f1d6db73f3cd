import { z } from 'zod'
import { Distribution } from './distributions.ts'

/** Who and what makes trouble beside faults. What is left out has no part in a run. Source: docs/decisions/034-foes-in-worlds.md */

const share = z.number().min(0).max(1)
const atHours = z
  .number()
  .min(0)
  .max(100 * 365 * 24)

/** How a hostile node behaves; `src/sim/hostile.ts` says what each of them does. */
export const behaviours = ['drop', 'lie', 'steer', 'stale', 'flood', 'slow'] as const
export type Behaviour = (typeof behaviours)[number]

/** When they begin; until then they keep to the rules. null: they never did. */
const fromHour = atHours.nullable().default(null)

/** All of them always online, in server mode, and in league with each other. */
export const Adversaries = z
  .discriminatedUnion('behaviour', [
    z.strictObject({
      behaviour: z.enum(behaviours),
      /** Of nodes. */
      share,
      fromHour
    }),
    z.strictObject({
      /** Ids minted around keys of the workload, that steer. With `fromHour` they come then, else before the blob is put. */
      behaviour: z.literal('eclipse'),
      /** Of nodes, beside those minted. They steer as well. */
      share: share.default(0),
      /** Around each key. */
      minted: z.int().min(1).max(1_000).default(20),
      /** So many blobs, the first ones. */
      keys: z.int().min(1).max(1_000).default(1),
      fromHour
    })
  ])
  .nullable()
  .default(null)

/** Of what is switched on against hostile nodes; `all` ships. */
export const Defences = z.enum(['all', 'paths', 'region', 'none']).default('all')

/** Everybody wants the same blob, which was stored before the first hour. */
export const Crowd = z
  .strictObject({
    atHours,
    gets: z.int().min(1).max(10_000_000),
    /** Spread evenly over so long. */
    withinMinutes: z
      .number()
      .positive()
      .max(60 * 24 * 365)
  })
  .nullable()
  .default(null)

/** Puts and gets go through relays: so many of the nodes, that never leave, each with its share of the others. null: nobody's do. */
export const Via = z
  .strictObject({ relays: z.int().min(1).max(100_000) })
  .nullable()
  .default(null)

/** Of all nodes: they keep to the rules, and write down what they are asked, by whom. Together they make one observer. */
export const Observers = z.strictObject({ share }).nullable().default(null)

const perDay = z.number().min(0).max(1_000)

/** What each node stores on. */
export const Disks = z
  .strictObject({
    /** null: no end. */
    capBytes: z.int().min(1).max(Number.MAX_SAFE_INTEGER).nullable().default(null),
    /** How often a node's disk fails and is replaced by an empty one, after a minute. */
    lossPerDay: perDay.default(0),
    /** How often a bit turns in a blob's bytes, for each copy. */
    rotPerDay: perDay.default(0),
    /** Of nodes whose disk takes nothing more from hour zero on, because of what else is on it. */
    fullShare: share.default(0)
  })
  .nullable()
  .default(null)

/** Of nodes whose clocks are wrong all the time, ahead or behind by lot. */
export const Clocks = z.strictObject({ share, offMinutes: Distribution }).nullable().default(null)

interface Told {
  nodes: number
  hours: number
  adversaries: z.infer<typeof Adversaries>
  workload: { blobs: number; crowd: z.infer<typeof Crowd>; via: z.infer<typeof Via> }
}

/** What these fields allow each for itself and not together. */
export function foesContradictionIn({ nodes, hours, adversaries, workload }: Told) {
  const { crowd, via, blobs } = workload
  if (adversaries && Math.round(nodes * adversaries.share) >= nodes)
    return 'adversaries.share: nobody honest is left who asks for anything'
  if (adversaries?.fromHour != null && adversaries.fromHour >= hours)
    return `adversaries.fromHour: at hour ${adversaries.fromHour} the run is over, which lasts ${hours}`
  if (adversaries?.behaviour === 'eclipse' && adversaries.keys > blobs)
    return `adversaries.keys: ${adversaries.keys} blobs cannot be eclipsed where workload.blobs stores ${blobs}`
  if (crowd && crowd.atHours + crowd.withinMinutes / 60 > hours)
    return `workload.crowd: it ends after the run, which lasts ${hours} hours`
  if (crowd && blobs === 0)
    return 'workload.crowd: workload.blobs stores nothing that all could want'
  if (via && via.relays >= nodes)
    return `workload.via.relays: ${via.relays} relays leave nobody of ${nodes} nodes to use them`
  return undefined
}

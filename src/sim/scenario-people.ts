import { z } from 'zod'
import { limits } from '../base/limits.ts'
import { Distribution } from './distributions.ts'

const share = z.number().min(0).max(1)

/** People who write to each other from seeds of the population, and the pods where they have their mailboxes. */
export const People = z.strictObject({
  /** Each on a node of its own: the first so many. */
  count: z.int().min(2).max(100_000),
  /** On nodes of their own beside the population's. They never leave but for the fault `pod-outage`. People take them in turn. */
  pods: z
    .strictObject({
      count: z.int().min(1).max(100).default(1),
      /**
       * The last so many of the pods, which all sign that they took a notice. `withhold`: it is delivered a day later; `drop`: never;
       * `replay`: now, and again every hour; `misdeliver`: to somebody else.
       */
      lying: z
        .strictObject({
          share,
          behaviour: z.enum(['withhold', 'drop', 'replay', 'misdeliver'])
        })
        .nullable()
        .default(null)
    })
    .prefault({}),
  /** Where correspondents are given addresses: with the account unless told; `blind` has pods do with each other. */
  addresses: z.enum(['account', 'blind']).optional(),
  letters: z
    .strictObject({
      /** By each person, at random; whoever is away then writes when it is back. */
      perDay: z.number().min(0).max(10_000).default(1),
      /**
       * To whom. `uniform`: to anybody; `friends`: to `count` others, who have each other in common as neighbours have; `zipf`: to the
       * n-th person with a weight of n to the power of -`exponent`.
       */
      to: z
        .discriminatedUnion('type', [
          z.strictObject({ type: z.literal('uniform') }),
          z.strictObject({ type: z.literal('friends'), count: z.int().min(1).max(1_000) }),
          z.strictObject({ type: z.literal('zipf'), exponent: z.number().min(0).max(5) })
        ])
        .default({ type: 'uniform' }),
      /** Of the text. */
      sizeBytes: Distribution.default({ type: 'constant', value: 1_000 }),
      lifeHours: Distribution.default({
        type: 'constant',
        value: limits.blobLifeMsDefault / 3_600_000
      }),
      /** Of letters, called back by their writers an hour later in the mean. */
      retractShare: share.default(0)
    })
    .prefault({})
})

/** What the fields of `people` do not allow together. */
export function contradictionInPeople(
  people: z.infer<typeof People>,
  nodes: number,
  most: (d: Distribution) => number
): string | undefined {
  const { count, letters } = people
  if (count > nodes) return `people.count: ${count} people cannot live on ${nodes} nodes`
  if (letters.to.type === 'friends' && letters.to.count >= count)
    return `people.letters.to.count: of ${count} people nobody has ${letters.to.count} friends`
  if (most(letters.sizeBytes) > limits.letterBodyBytesMax)
    return `people.letters.sizeBytes: a letter holds at most ${limits.letterBodyBytesMax} bytes`
  const lifeHoursMax = limits.blobLifeMsMax / 3_600_000
  if (most(letters.lifeHours) > lifeHoursMax)
    return `people.letters.lifeHours: a letter lives at most ${lifeHoursMax} hours`
  return undefined
}

import { z } from 'zod'
import { limits } from '../base/limits.ts'

/** Who fills the network for nothing, on nodes of their own beside all others, that hold nothing for anybody. null: nobody does. */
export const Spam = z
  .strictObject({
    /** Each with an id of its own and its share of the work. */
    nodes: z.int().min(1).max(1_000).default(1),
    /** Hashes that all of them together do in an hour. A stamp takes as long as the hashes that it is expected to take. */
    workPerHour: z.number().min(0).max(1e18),
    sizeBytes: z.int().min(1).max(limits.blobBytesMax).default(65_536),
    lifeHours: z
      .number()
      .positive()
      .max(limits.blobLifeMsMax / 3_600_000)
      .default(limits.blobLifeMsDefault / 3_600_000),
    /**
     * `fresh`: as everybody's, for whatever a seed asks that takes no longer than a quarter of an hour. `dated`: three hours back, as if it
     * were repair, for keys that lie near to the spammer's own id; for the floor price and nothing else.
     */
    stamps: z.enum(['fresh', 'dated']).default('fresh')
  })
  .nullable()
  .default(null)

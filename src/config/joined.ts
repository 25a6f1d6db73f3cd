import { z } from 'zod'
import { parseJson } from './config.ts'
import { Fingerprint, Hostname } from './fields.ts'
import { problemOf } from './problem.ts'

/** HOME/joined.json: what `muttr:` links brought besides the network. */
export const Joined = z.strictObject({
  /** Invite codes by the pod's hostname, for the first registration there. */
  invites: z.record(Hostname, z.string().min(1).max(200)).default({}),
  /** Fingerprints that links vouch for, by alias. */
  contacts: z.record(z.string().min(3).max(320), Fingerprint).default({})
})
export type Joined = z.infer<typeof Joined>

/** @throws {MuttrError} `CONFIG_INVALID`, naming the field. */
export function readJoined(text: string): Joined {
  const parsed = Joined.safeParse(parseJson(text, 'CONFIG_INVALID', 'joined.json'))
  if (!parsed.success) throw problemOf('CONFIG_INVALID', 'joined.json', parsed.error, Joined)
  return parsed.data
}

export const writeJoined = (joined: Joined): string => `${JSON.stringify(joined, null, 2)}\n`

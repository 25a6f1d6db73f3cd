import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { firstProblem, Hostname, Multiaddr, PodEntry } from './fields.ts'

const bytes = z.int().positive()

/** Where a node listens that was not told where. */
export const usualListen = ['/ip4/0.0.0.0/tcp/4420', '/ip6/::/tcp/4420']

/** `muttr.json`, in a home folder. Unknown keys are refused: a typo must not become a silent default. Secrets are never in it. */
export const Config = z.strictObject({
  /** What people call this node and, in its User ID, the person. */
  name: z.string().min(1, 'a name is needed').max(100, 'at most 100 characters'),
  /** The name of the network in HOME/network.json. */
  network: z.string().min(1).max(64).default('local'),
  listen: z.array(Multiaddr).max(16).default(usualListen),
  /** `client` serves nothing to others and listens nowhere. */
  mode: z.enum(['server', 'client']).default('server'),
  store: z.strictObject({ capBytes: bytes.default(2 ** 30) }).prefault({}),
  connections: z.strictObject({ max: z.int().min(8).max(10_000).default(100) }).prefault({}),
  /** Find seeds on the local network by multicast DNS. */
  mdns: z.boolean().default(false),
  /** Puts a record into the DHT that tells everybody which pods and aliases are this person's. */
  publishAliases: z.boolean().default(false),
  /** Pods that the network file does not list. */
  pods: z.array(PodEntry).max(100).default([]),
  pod: z
    .strictObject({
      hostname: Hostname,
      policy: z.enum(['open', 'invite', 'closed']).default('invite'),
      accountsMax: z.int().positive().default(10_000),
      mailboxMax: z.int().positive().default(10_000)
    })
    .optional(),
  log: z.enum(['debug', 'info', 'warn']).default('info')
})
export type Config = z.infer<typeof Config>
export type ConfigFile = z.input<typeof Config>

/** Larger than any sensible file, and small enough to parse without a thought. */
export const configBytesMax = 256 * 1024

/** @param text of muttr.json. @throws {MuttrError} `CONFIG_INVALID`, naming the field. */
export function readConfig(text: string): Config {
  const parsed = Config.safeParse(parseJson(text, 'CONFIG_INVALID', 'muttr.json'))
  if (!parsed.success)
    throw new MuttrError('CONFIG_INVALID', `muttr.json: ${firstProblem(parsed.error)}`)
  return parsed.data
}

/** As it is written to muttr.json: what was said, not the defaults, so that defaults may change. */
export function writeConfig(file: ConfigFile): string {
  readConfig(JSON.stringify(file))
  return `${JSON.stringify(file, null, 2)}\n`
}

/** @throws {MuttrError} `code` for what is not JSON or too large. */
export function parseJson(
  text: string,
  code: 'CONFIG_INVALID' | 'NETWORK_INVALID',
  what: string
): unknown {
  if (text.length > configBytesMax) throw new MuttrError(code, `${what} is too large`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MuttrError(code, `${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { Hostname, LocalResolver, Multiaddr, PodEntry } from './fields.ts'
import { AdminPage, Https } from './https.ts'
import { editJsonc, parseJsonc } from './jsonc.ts'
import { problemOf } from './problem.ts'

const bytes = z.int().positive()

/** What the light profile sets where the file says nothing else. */
const lightDefaults = {
  store: { capBytes: 128 * 2 ** 20 },
  connections: { max: 24 },
  thin: true,
  bandwidth: { upBytesPerSecond: 512 * 1024, downBytesPerSecond: 1024 * 1024 }
} as const
/** How much slower a light node looks after its table and its copies. */
export const lightPace = 4

/** Where a node listens that was not told where. */
export const usualPort = 4420
export const usualListen = [`/ip4/0.0.0.0/tcp/${usualPort}`, `/ip6/::/tcp/${usualPort}`]

/** `muttr.json`, in a home folder. Unknown keys are refused: a typo must not become a silent default. Secrets are never in it. */
export const Config = z.strictObject({
  /** What people call this node and, in its User ID, the person. */
  name: z.string().min(1, 'a name is needed').max(100, 'at most 100 characters'),
  /** The name of the network in HOME/network.json. */
  network: z.string().min(1).max(64).default('local'),
  listen: z.array(Multiaddr).max(16).default(usualListen),
  /** `client` serves nothing to others and listens nowhere. */
  mode: z.enum(['server', 'client']).default('server'),
  /** `light` sets other defaults, for a battery or a metered link: {@link lightDefaults}. */
  profile: z.enum(['full', 'light']).default('full'),
  store: z.strictObject({ capBytes: bytes.default(2 ** 30) }).prefault({}),
  /** Sealed files of this person's own letters, on the way out and fetched, and what stays free on their disk for everything else. */
  attachments: z
    .strictObject({
      outBytes: bytes.default(8 * 2 ** 30),
      inBytes: bytes.default(8 * 2 ** 30),
      reserveBytes: z
        .int()
        .nonnegative()
        .default(512 * 2 ** 20),
      /** Files of contacts up to so many bytes are asked ahead of the pod as their letters come: for a machine that is rarely on. */
      aheadBytes: z.int().nonnegative().default(0)
    })
    .prefault({}),
  connections: z
    .strictObject({
      max: z.int().min(8).max(10_000).default(100),
      /** Count loopback and private ranges as networks too, for a Muttr that lives in them. */
      groupLocal: z.boolean().default(false)
    })
    .prefault({}),
  /** Caps on what is sent and received, in bytes a second; none unless told. */
  bandwidth: z
    .strictObject({
      upBytesPerSecond: z.int().min(limits.bandwidthMin).optional(),
      downBytesPerSecond: z.int().min(limits.bandwidthMin).optional()
    })
    .prefault({}),
  /** How others reach this node. Source: docs/protocol/reach.md */
  reach: z
    .strictObject({
      /** Addresses that others shall dial, where the node cannot find them out by itself. */
      announce: z.array(Multiaddr).max(limits.contactAddressesMax).default([]),
      /** Ask the router for a port, by NAT-PMP or UPnP, when nobody can dial us. */
      mapping: z.boolean().default(true),
      /** `always`: stay a server, even when nobody could dial us; pods do unless told. */
      server: z.enum(['auto', 'always']).optional(),
      /** Carry connections to peers that cannot be dialled; pods do unless told. */
      relay: z.boolean().optional()
    })
    .prefault({}),
  dns: z
    .strictObject({
      /** A resolver on this machine that validates DNSSEC: it is believed when it says that an answer is proved. */
      validating: LocalResolver.optional()
    })
    .prefault({}),
  /** Find seeds on the local network by multicast DNS. */
  mdns: z.boolean().default(false),
  /** Puts a record into the DHT that tells everybody which pods and aliases are this person's. */
  publishAliases: z.boolean().default(false),
  /**
   * How letters of people who are no contacts are fetched: through the pod that announced them, and only so; through it while it can be
   * reached; or directly, which shows our address to whoever stored them.
   */
  strangers: z.enum(['relayed', 'relayed-first', 'direct']).default('relayed'),
  /**
   * What is done with letters of people who are no contacts, before anything of them is fetched: fetch them, ask the person first, or
   * drop them.
   */
  requests: z.enum(['pull', 'ask', 'ignore']).default('ask'),
  /** How the reader's pod is told of a letter: through the own pod, which then sees to it, or from here. */
  notices: z.enum(['own-pod', 'direct']).default('own-pod'),
  /**
   * How other pods are asked, told of letters, and had fetch them for us: from here, or blindly, through an own pod that cannot read what passes,
   * so that they do not learn who asks.
   */
  asks: z.enum(['openly', 'blindly']).default('openly'),
  /**
   * Where addresses live that correspondents are given: with our account at our own pod, or at other pods, which do not know whose they are and are
   * asked through our own, which does not know what for.
   */
  addresses: z.enum(['account', 'blind']).default('account'),
  /** Who gets a signed receipt when a letter asks for one: whose key is pinned, whose fingerprint was compared, or nobody. */
  receipts: z.enum(['contacts', 'verified', 'nobody']).default('contacts'),
  /** Whether letters are sealed to a new subkey every month, and the secrets of old ones erased; not for keys that other programs use too. */
  subkeys: z.enum(['monthly', 'keep']).default('monthly'),
  /** Whether a backup is kept in the network, made anew every week: its holders see that somebody keeps one, and of which size. */
  networkBackup: z.enum(['off', 'weekly']).default('off'),
  /** A larger one is not stored there. */
  networkBackupBytes: bytes.default(256 * 2 ** 20),
  /** Talks to pods over a WebSocket where they offer it, instead of only where nothing else leads to them. */
  thin: z.boolean().default(false),
  /** Sealed letters up to so many bytes may come from own pods along with the word that they are there, where the pod has them; 0 for none. */
  alongBytes: z.int().min(0).max(limits.alongBlobBytesMax).default(limits.alongBlobBytesMax),
  /** Pods that the network file does not list. */
  pods: z.array(PodEntry).max(100).default([]),
  pod: z
    .strictObject({
      hostname: Hostname,
      policy: z.enum(['open', 'invite', 'approval', 'closed']).default('invite'),
      accountsMax: z.int().positive().default(10_000),
      mailboxMax: z.int().positive().default(10_000),
      /** It holds recovery material for its people, which lets it read along; everybody is shown that it does. */
      escrow: z.boolean().default(false),
      /** Passes DHT requests of its people on, so that holders do not see who asks. */
      via: z.boolean().default(true),
      /**
       * Whose notices it takes, and to whom it passes those of its people on: of anybody, of the pods that `muttr pod peers allow` names,
       * of nobody but its own people.
       */
      federation: z.enum(['open', 'list', 'closed']).default('open'),
      https: Https.prefault({}),
      /** Where it takes notices as datagrams, beside the streams; nowhere unless told. Only with `federation: "open"`. */
      udp: z
        .strictObject({
          host: z.union([z.ipv4(), z.ipv6()]).optional(),
          port: z.int().min(1).max(65_535).default(usualPort),
          /** The port that others send to, where a router passes another one on. */
          announce: z.int().min(1).max(65_535).optional()
        })
        .optional(),
      admin: AdminPage.prefault({}),
      /** Where Prometheus asks how it does: plain HTTP, for nobody else. None unless told. */
      monitor: z
        .strictObject({
          host: z.string().min(1).max(253).default('127.0.0.1'),
          port: z.int().min(0).max(65_535).default(9469)
        })
        .optional(),
      /** Where it keeps accounts and mailboxes: in its home, or in a PostgreSQL that several processes of it share. */
      store: z
        .union([z.literal('embedded'), z.string().regex(/^postgres(ql)?:\/\//, 'no postgres://…')])
        .default('embedded'),
      /** Files that it fetches for its people while they are away: of one of them, and of all; 0 fetches none. */
      ahead: z
        .strictObject({
          accountBytes: z
            .int()
            .nonnegative()
            .default(512 * 2 ** 20),
          bytes: bytes.default(4 * 2 ** 30)
        })
        .prefault({})
    })
    .optional(),
  /** Keeps tables for researchers of what this seed sees, in a folder; none unless told. Source: docs/guides/research.md */
  trace: z.strictObject({ folder: z.string().min(1).max(4_096) }).optional(),
  /** How the web page looks. */
  page: z
    .strictObject({ theme: z.enum(['system', 'light', 'dark']).default('system') })
    .prefault({}),
  log: z.enum(['debug', 'info', 'warn']).default('info'),
  /** Of the home folder unless absolute; standard error unless told. */
  logFile: z.string().min(1).max(4_096).optional(),
  /** `auto`: text on a terminal, else JSON. */
  logFormat: z.enum(['auto', 'text', 'json']).default('auto')
})
export type Config = z.infer<typeof Config>
export type ConfigFile = z.input<typeof Config>

/** Larger than any sensible file, and small enough to parse without a thought. */
export const configBytesMax = 256 * 1024

/** What a start may say otherwise than the file. */
export type Overrides = Pick<ConfigFile, 'profile' | 'store' | 'bandwidth' | 'trace'>

/**
 * @param text of muttr.json.
 * @param overrides takes the place of what the file says.
 * @throws {MuttrError} `CONFIG_INVALID`, naming the field.
 */
export function readConfig(text: string, overrides: Overrides = {}): Config {
  const file = parseText(text, parseJsonc, 'CONFIG_INVALID', 'muttr.json')
  const said = isObject(file) ? over(file, overrides) : file
  const isLight = isObject(said) && said.profile === 'light'
  const parsed = Config.safeParse(isLight ? over(lightDefaults, said) : said)
  if (!parsed.success) throw problemOf('CONFIG_INVALID', 'muttr.json', parsed.error, Config)
  return parsed.data
}

/** What muttr.json says, without the defaults. @throws {MuttrError} `CONFIG_INVALID` */
export function readConfigFile(text: string): ConfigFile {
  readConfig(text)
  return parseJsonc(text) as ConfigFile
}

/** muttr.json with one thing said otherwise, its comments kept; undefined takes away what was said. @throws {MuttrError} `CONFIG_INVALID` */
export function editConfig(text: string, path: readonly string[], value: unknown): string {
  const edited = editJsonc(text, path, value)
  readConfig(edited)
  return edited
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `upper` over `lower`, field by field, and so for objects in objects; what is no object is for the schema to refuse. */
function over(lower: unknown, upper: unknown): unknown {
  if (!isObject(lower) || !isObject(upper)) return upper === undefined ? lower : upper
  const merged = (name: string, value: unknown) =>
    Object.hasOwn(lower, name) ? over(lower[name], value) : value
  return Object.fromEntries([
    ...Object.entries(lower),
    ...Object.entries(upper).map(([name, value]) => [name, merged(name, value)] as const)
  ])
}

/** As it is written to muttr.json: what was said, not the defaults, so that defaults may change. */
export function writeConfig(file: ConfigFile): string {
  readConfig(JSON.stringify(file))
  return `${JSON.stringify(file, null, 2)}\n`
}

type Kind = 'CONFIG_INVALID' | 'NETWORK_INVALID'

/** @throws {MuttrError} `code` for what is not JSON or too large. */
export const parseJson = (text: string, code: Kind, what: string): unknown =>
  parseText(text, JSON.parse, code, what)

function parseText(
  text: string,
  parse: (text: string) => unknown,
  code: Kind,
  what: string
): unknown {
  if (text.length > configBytesMax) throw new MuttrError(code, `${what} is too large`)
  try {
    return parse(text)
  } catch (cause) {
    throw new MuttrError(code, `${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

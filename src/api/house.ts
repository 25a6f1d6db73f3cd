import type { Failure, Millis, PeerId, Reachability } from '../base/ports.ts'
import type { Fetched } from '../cli/doors.ts'
import type { Status } from '../client/client.ts'
import type { Policy } from '../client/requests/request.ts'

/**
 * `missing`: there is no home yet. `starting`: the node is being started, for the first time or with other settings. `failed`: it could
 * not be, and `problem` says why.
 */
type HouseState = 'missing' | 'starting' | 'running' | 'failed'

/** What is still to be done before letters can be written and received. */
export interface Setup {
  state: HouseState
  problem: Failure | null
  /** The folder of the node. */
  home: string
  name: string | null
  network: string | null
  /** Of the person's key; null on a seed without a person, and before there is a home. */
  fingerprint: string | null
  /** The key is locked with a passphrase. */
  sealed: boolean
  /** It is locked now: letters are neither read nor written until it is opened. */
  locked: boolean
  aliases: string[]
  /** Hostnames of the pods that the network names, where an alias can be registered. */
  pods: string[]
  /** Those of them for which a join link brought an invite. */
  invited: string[]
  /** Whom join links introduced. */
  introduced: string[]
  /** When the last backup was made; null also while no node runs. */
  backupMs: Millis | null
}

export interface MakeHome {
  name: string
  /** Locks the key; null stores it unlocked. */
  passphrase: string | null
  /** A secret key to use instead of a new one, armored. */
  secretKey?: string
  keyPassphrase?: string
  /** A `muttr:` link. */
  link?: string
  /** The text of a network file, or the name of a built-in network. */
  network?: string
  light?: boolean
}

export interface LinkTaken {
  setup: Setup
  /** Whom an earlier link introduced with another key; that one counts. */
  contactDiffers: string | null
}

export interface RestoreHome {
  /** The twelve words, as somebody types them. */
  words: string
  /** Locks the key from now on; null stores it unlocked. */
  passphrase: string | null
  /** The backup. */
  input: AsyncIterable<Uint8Array>
  signal: AbortSignal
}

export interface RestoreFromNetwork extends Omit<RestoreHome, 'input'> {
  /** A `muttr:` link with the network. */
  link?: string
  /** The text of a network file, or the name of a built-in network. */
  network?: string
  /** Called with how far the fetching is. */
  onProgress: (fetched: Fetched) => void
}

export interface JoinDevice {
  /** As the other device shows it. */
  code: string
  /** Of this device; the machine's unless told. */
  name?: string
  /** Locks the key on this device; null stores it unlocked. */
  passphrase: string | null
  /** With letters and drafts. */
  history: boolean
  signal: AbortSignal
  /** Called with the number of rows taken so far. */
  onProgress: (rows: number) => void
}

/** How the making of a home ended. */
export type MadeNews = { type: 'made'; setup: Setup } | { type: 'failed'; error: Failure }
/** How a home comes from another device. */
export type JoinDeviceNews = { type: 'taken'; rows: number } | MadeNews
/** How a home comes out of the network. */
export type RestoreNews = ({ type: 'fetched' } & Fetched) | MadeNews

export const themes = ['system', 'light', 'dark'] as const

/** Of muttr.json, as it is or by default. */
export interface Settings {
  name: string
  profile: 'full' | 'light'
  storeBytes: number
  connectionsMax: number
  upBytesPerSecond: number | null
  downBytesPerSecond: number | null
  strangers: 'relayed' | 'relayed-first' | 'direct'
  notices: 'own-pod' | 'direct'
  requests: Policy
  receipts: 'contacts' | 'verified' | 'nobody'
  /** Whether a backup in the network is kept by itself. */
  networkBackup: 'off' | 'weekly'
  publishAliases: boolean
  mdns: boolean
  theme: (typeof themes)[number]
}

/** What muttr.json shall say from now on; null takes what it says away, so that the default holds. */
export type SettingsChange = { [name in keyof Settings]?: Settings[name] | null }

/** A node as a point on the ring of places. */
interface RingPoint {
  peer: PeerId
  /** Where on the ring, 0 to 1: the first 48 bits of its place. */
  at: number
  connected: boolean
  /** Of the last answered ping; null while none was measured. */
  roundTripMs: Millis | null
}

export interface NetworkView {
  self: { peer: PeerId; at: number }
  /** Whom this node knows, those with places nearest to its own first. */
  peers: RingPoint[]
  replicas: number
  reach: Reachability
  store: Status['store']
}

/** What the page asks of the process around the node: to make a home, to open and lock it, to change how it runs. */
export interface House {
  setup(): Promise<Setup>
  /** Makes the home and starts its node. @throws {MuttrError} `HOME_EXISTS`, `KEY_INVALID`, `NETWORK_INVALID`, `LINK_INVALID`, `PASSPHRASE_*` */
  make(home: MakeHome): Promise<Setup>
  /** Takes what a link carries, and starts the node again. @throws {MuttrError} `LINK_INVALID` */
  join(link: string): Promise<LinkTaken>
  /**
   * Makes the home out of a backup and starts its node.
   * @throws {MuttrError} `HOME_EXISTS`, `RECOVERY_WRONG`, `BACKUP_INVALID`, `PASSPHRASE_*`, `DISK_FULL`, `CANCELLED`
   */
  restore(backup: RestoreHome): Promise<Setup>
  /**
   * The same out of the network. Nobody who has a part of it in reach is no reason to end: `signal` is.
   * @throws {MuttrError} as {@link restore}, `RECORD_UNKNOWN`, `BLOB_EXPIRED`, `NETWORK_*`, `LINK_INVALID`
   */
  restoreFromNetwork(backup: RestoreFromNetwork): Promise<Setup>
  /**
   * Makes the home of another device of the person who shows a code, and starts its node.
   * @throws {MuttrError} `HOME_EXISTS`, `LINK_INVALID`, `LINK_REFUSED`, `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PASSPHRASE_*`, `DISK_FULL`, `CANCELLED`
   */
  joinDevice(device: JoinDevice): Promise<Setup>
  /** Whether somebody knows the passphrase of the vault, where it has one. @throws {MuttrError} `PASSPHRASE_WRONG`, `PASSPHRASE_MISSING`, `HOME_MISSING` */
  prove(passphrase: string | null): Promise<void>
  /** @throws {MuttrError} `PASSPHRASE_WRONG` */
  unlock(passphrase: string): Promise<Setup>
  /** Forgets the key until it is unlocked. @throws {MuttrError} `PASSPHRASE_MISSING` where no passphrase would open it again. */
  lock(): Promise<Setup>
  settings(): Promise<Settings>
  /** Writes muttr.json and starts the node again where it must. @throws {MuttrError} `CONFIG_INVALID` */
  change(change: SettingsChange): Promise<Settings>
  network(): Promise<NetworkView>
}

import type { PodOperator } from '../api/operator.ts'
import type { MuttrEvent } from '../base/events.ts'
import type { Failure, Millis } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import type { OperatorView } from '../pod/admin/admin.ts'
import type { Role } from '../pod/admin/rows.ts'
import type { Finding } from '../pod/health.ts'
import type { StateSum } from '../store/copy-state.ts'
import type { DnsRecord } from '../wire/pod-dns.ts'
import type { CrawlDone, CrawlOptions } from './crawler.ts'
import type { PodRenamed, RenameOptions } from './pod-rename.ts'
import type { UpgradeCheck, Upgraded, UpgradeOptions } from './pod-upgrade.ts'
import type { Simulator } from './simulator.ts'

/**
 * What the command line asks of the nodes. `src/nodes/doors.ts` implements it and is loaded only by commands that need it, so
 * that `--help` and a wrong option stay quick. Every method throws MuttrError only; `signal` is Ctrl-C.
 */
export interface Doors {
  /**
   * The running daemon of this home (through HOME/api.json), or without one a light node that lives until disposed.
   * @throws {MuttrError} `HOME_MISSING`, `HOME_DAMAGED`, `HOME_IN_USE`, `PASSPHRASE_*`, `VAULT_DAMAGED`
   */
  openClient(home: string, options: OpenOptions): Promise<Client & AsyncDisposable>
  /** The person's own certificate, armored; neither passphrase nor network is needed. @throws {MuttrError} `HOME_MISSING` */
  exportKey(home: string, signal: AbortSignal): Promise<string>
  /** Makes a home folder. @throws {MuttrError} `HOME_EXISTS`, `KEY_INVALID`, `NETWORK_INVALID`, `LINK_INVALID`, `PASSPHRASE_*` */
  initHome(options: InitOptions): Promise<HomeMade>
  /** Makes a home out of a backup. @throws {MuttrError} `HOME_EXISTS`, `RECOVERY_WRONG`, `BACKUP_INVALID`, `DISK_FULL`, `CANCELLED`, `PASSPHRASE_*` */
  restore(options: RestoreOptions): Promise<Restored>
  /**
   * The same out of the backup in the network.
   * @throws {MuttrError} as {@link restore}; `RECORD_UNKNOWN`, `BLOB_EXPIRED`, `NETWORK_EMPTY`, `NETWORK_INVALID`, `LINK_INVALID`
   */
  restoreFromNetwork(options: NetworkRestoreOptions): Promise<Restored>
  /**
   * Makes a home as another device of the person who shows a code.
   * @throws {MuttrError} `HOME_EXISTS`, `LINK_INVALID`, `LINK_REFUSED`, `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `DISK_FULL`, `CANCELLED`, `PASSPHRASE_*`
   */
  joinDevice(options: JoinDeviceOptions): Promise<DeviceMade>
  /** Adds what a `muttr:` link carries to a home. @throws {MuttrError} `LINK_INVALID`, `HOME_MISSING`, `HOME_IN_USE` */
  joinLink(options: OpenOptions & { home: string; link: string }): Promise<Joined>
  /** Whom a `muttr:` link names. @throws {MuttrError} `LINK_INVALID`, also when it names nobody */
  linkContact(link: string): { alias: string; fingerprint: string }
  /** Runs the daemon; resolves when `signal` aborted and everything is closed. @throws {MuttrError} when it cannot start or go on. */
  runSeed(options: RunOptions): Promise<void>
  /** The address of the web page of this home's running node, with its token. @throws {MuttrError} `DAEMON_UNREACHABLE` */
  pageOf(home: string, signal: AbortSignal): Promise<string>
  /** Opens that page in a browser. @throws {MuttrError} `BROWSER_MISSING` */
  openPage(home: string, url: string): Promise<void>
  /** Makes the home of a pod. @throws {MuttrError} `HOME_EXISTS`, `USAGE`, `NETWORK_INVALID`, `LINK_INVALID`, `PASSPHRASE_*` */
  initPod(options: InitPodOptions): Promise<PodMade>
  /** What a pod needs and has, also while it does not run. @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN`, `CONFIG_INVALID` */
  examinePod(home: string, signal: AbortSignal): Promise<Finding[]>
  /** Makes the home of another process of a pod. @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN`, `HOME_EXISTS`, `USAGE` */
  addPodMember(options: { home: string; out: string; listen?: string[] }): Promise<PodMember>
  /**
   * Moves a pod's state, while the pod does not run. @throws {MuttrError} `HOME_IN_USE`, `HOME_EXISTS` where the other place is not empty, `USAGE`,
   * `STATE_UNREACHABLE`, `STATE_UNFIT`, `HOME_DAMAGED`, `CANCELLED`; nothing was changed then
   */
  migratePod(options: MigrateOptions): Promise<PodMigrated>
  /**
   * Gives a pod that does not run another hostname, or has it answer for a former one no more.
   * @throws {MuttrError} `HOME_IN_USE`, `ALIAS_INVALID`, `USAGE`, `LIMIT_EXCEEDED`, `POD_UNKNOWN`, `CANCELLED`
   */
  renamePod(options: RenameOptions): Promise<PodRenamed>
  /**
   * Brings the state of a pod that does not run to the version of this program, or back to what it was before.
   * @returns null where there is nothing to do. @throws {MuttrError} `STATE_OLD` while other processes serve the pod, `STATE_NEWER`, `HOME_IN_USE`, `DISK_FULL`
   */
  upgradePod(options: UpgradeOptions): Promise<Upgraded | null>
  /** What that would do; changes nothing, and the pod may run. */
  checkUpgrade(home: string): Promise<UpgradeCheck>
  /** Like {@link runSeed}, of a home that is a pod's. @throws {MuttrError} `POD_UNKNOWN` when it is not, else as {@link runSeed} */
  runPod(options: RunOptions): Promise<void>
  /** This home's running pod; its calls refuse with `POD_UNKNOWN` when the home is no pod's. @throws {MuttrError} `DAEMON_UNREACHABLE` */
  openPod(
    home: string,
    options: Pick<OpenOptions, 'signal'>
  ): Promise<PodOperator & AsyncDisposable>
  /**
   * Who may use the admin page of a pod, whether it runs or not.
   * @throws {MuttrError} `HOME_MISSING`, `POD_UNKNOWN`; `HOME_IN_USE` and what opening its state throws, when it does not run
   */
  openAdmin(home: string, signal: AbortSignal): Promise<PodAdmin & AsyncDisposable>
  /** Two pods, eight seeds and the twelve steps between them; resolves when `signal` aborted and nothing is left behind. */
  runNeighbourhood(options: NeighbourhoodOptions): Promise<void>
  /**
   * Which letters a hook of this home has dealt with; for one process at a time.
   * @throws {MuttrError} `HOME_MISSING`, `HOME_IN_USE` when the same hook runs already, `DISK_FULL`, `DISK_FAILED`
   */
  openJournal(home: string, name: string): Promise<Journal & AsyncDisposable>
  /** Runs a program to its end, and all it started with it. @throws {MuttrError} `USAGE` when it cannot be started */
  runProgram(options: ProgramOptions): Promise<ProgramEnd>
  /**
   * A network on this machine under faults, judged all the while. When `signal` aborts the faults end, and what was taken is still looked for.
   * @returns how many invariants were broken, all of which were printed
   */
  runTorture(options: TortureOptions): Promise<{ violations: number }>
  simulator(): Promise<Simulator>
  /**
   * Walks a live network as a client, and writes what it finds.
   * @throws {MuttrError} `NETWORK_EMPTY`, `NETWORK_INVALID`, `HOME_MISSING`, `OUTPUT_EXISTS`, `CANCELLED` while nobody has answered yet
   */
  crawl(options: CrawlOptions): Promise<CrawlDone>
}

/** As the same calls of `PodOperator`; each is noted under `by`. */
export interface PodAdmin {
  operators(): Promise<OperatorView[]>
  add(name: string, o: { role: Role; by: string }): Promise<OperatorView>
  setRole(name: string, o: { role: Role; by: string }): Promise<OperatorView>
  remove(name: string, o: { by: string }): Promise<OperatorView>
  reset(name: string, o: { by: string }): Promise<OperatorView>
  link(o: { name?: string; by: string }): Promise<LoginUrls>
}

/** Where one link leads, good once for all of them. */
export interface LoginUrls {
  operator: string
  untilMs: Millis
  /** The page as others reach it; null where it is not served. */
  url: string | null
  /** The page on this machine; null while the pod does not run. */
  local: string | null
  /** Why `url` may not work now. */
  problem: Failure | null
}

export interface Journal {
  /** Nothing was ever dealt with. */
  readonly isNew: boolean
  has(id: string): boolean
  /** Durable when it resolves. */
  add(ids: readonly string[]): Promise<void>
}

export interface ProgramOptions {
  /** The program and its arguments; no shell reads them. */
  argv: readonly [string, ...string[]]
  /** All of its environment. */
  env: Record<string, string>
  stdin: string
  timeoutMs: Millis
  signal: AbortSignal
}

export interface ProgramEnd {
  /** Null when it was killed. */
  status: number | null
  signal: string | null
  timedOut: boolean
  /** The first 16 KiB of what it printed, standard output and error together. */
  output: string
}

/** What a passphrase is needed for: a new vault (asked twice), a sealed one, or a protected key being imported. */
export type PassphraseFor = 'new-vault' | 'vault' | 'imported-key'

/**
 * Called only when one is needed, because it may ask the person at the terminal.
 * @returns null when the person chose to have none (`--no-passphrase`).
 * @throws {MuttrError} `PASSPHRASE_MISSING` when nobody can be asked, `CANCELLED`
 */
export type Passphrase = (what: PassphraseFor) => Promise<string | null>

export interface OpenOptions {
  passphrase: Passphrase
  signal: AbortSignal
}

export interface InitOptions extends OpenOptions {
  home: string
  name: string
  /** A secret key, armored or binary, as `gpg --export-secret-keys` writes it. */
  importFile?: string
  /** A network file, or the name of a built-in network. */
  network?: string
  /** A `muttr:` link with network, pod, invite and contact. */
  link?: string
  /** For a battery or a metered link: fewer connections, less stored, caps on bandwidth. */
  light?: boolean
}

export interface HomeMade {
  home: string
  name: string
  fingerprint: string
  network: string
}

export interface RestoreOptions extends OpenOptions {
  home: string
  /** Where the backup begins: a file's bytes, or standard input's. */
  input: AsyncIterable<Uint8Array>
  /** The twelve words, as somebody types them. */
  words: () => Promise<string>
  /** Called with the number of rows taken so far. */
  onProgress?: (rows: number) => void
}

export interface NetworkRestoreOptions extends Omit<RestoreOptions, 'input'> {
  /** A network file, or the name of a built-in network. */
  network?: string
  /** A `muttr:` link with the network. */
  link?: string
  onFetch?: (fetched: Fetched) => void
}

/** How far the fetching of a backup is, and what holds it up. */
export interface Fetched {
  madeMs: Millis
  sizeBytes: number
  haveBytes: number
  problem: (Failure & { retryAtMs: Millis }) | null
}

export interface Restored {
  home: string
  name: string
  fingerprint: string
  /** When the backup was made. */
  madeMs: number
  /** Rows of letters, contacts and what belongs to them. */
  rows: number
  /** Letters that had not left yet, and are held until the person says what becomes of them. */
  held: number
}

export interface JoinDeviceOptions extends OpenOptions {
  home: string
  /** As the other device shows it. */
  code: () => Promise<string>
  /** Of this device; the machine's unless told. */
  name?: string
  /** With letters and drafts. */
  history: boolean
  /** Called with the number of rows taken so far. */
  onProgress?: (rows: number) => void
}

export interface DeviceMade {
  home: string
  /** What this device is called. */
  device: string
  /** The person's name, and key. */
  name: string
  fingerprint: string
  rows: number
  /** The other device knows of this one already; else it will when this one runs. */
  heard: boolean
}

export interface Joined {
  home: string
  network: string
  /** Hostnames of the pods that the link named. */
  pods: string[]
  /** The alias that the link introduces, when there is one. */
  contact: string | null
  /** An earlier link named another key for that alias; that one counts. */
  contactDiffers: boolean
  /** The invite code that the link carries: `muttr register ALIAS` uses it. */
  invite: string | null
}

/** What a start says otherwise than muttr.json. */
export interface Caps {
  light?: boolean
  storeBytes?: number
  upBytesPerSecond?: number
  downBytesPerSecond?: number
  /** A folder for tables of what the seed sees. */
  traceFolder?: string
}

export interface RunOptions extends OpenOptions {
  home: string
  caps?: Caps
  /** Leaves the vault locked; the page can open it. */
  locked?: boolean
  /** Called once, when requests are answered and HOME/api.json is written. */
  onReady(ready: Ready): void
  emit(event: MuttrEvent): void
}

export interface Ready {
  role: 'pod' | 'seed'
  /** Null where no home is yet: the page makes one. */
  name: string | null
  home: string
  /** Multiaddrs with `/p2p/`. */
  addresses: string[]
  /** Where the local API listens, as in HOME/api.json. */
  api: string
  aliases: string[]
  /** The web page, with its token; not to be shown to others. */
  page: string
  /** A pod's key server, where its door is open on loopback: `hkp://127.0.0.1:PORT`. */
  hkp?: string
}

export type PodPolicy = 'open' | 'invite' | 'approval' | 'closed'

export type HttpsMode = 'off' | 'acme' | 'files' | 'proxy'

export interface InitPodOptions extends OpenOptions {
  home: string
  hostname: string
  policy: PodPolicy
  /** Shows the admin page at its door. */
  admin?: boolean
  https: {
    mode: HttpsMode
    certificate?: string
    key?: string
    /** To whom the authority writes that certifies. */
    email?: string
  }
  /** A network file or a built-in name; the link's, or the built-in `local`, unless told. */
  network?: string
  link?: string
}

export interface PodMade {
  home: string
  hostname: string
  fingerprint: string
  /** The file to look at. */
  config: string
  /** What the firewall must let in, as in `4420/tcp`. */
  ports: string[]
  /** What must be published, so that others find the pod by its hostname. */
  records: DnsRecord[]
  /** Whether the machine knows a public address of its own; else the operator must publish one. */
  addressed: boolean
}

export interface PodMember {
  home: string
  hostname: string
  peer: string
  /** Where it will listen. */
  listen: string[]
  /** Whether it has no door over HTTPS though the pod has: one process alone orders a certificate. */
  doorClosed: boolean
}

export interface MigrateOptions {
  home: string
  /** `embedded`, or the address of a PostgreSQL. */
  to: string
  /** Another process has it for itself, and is waited for. */
  onWait?: () => void
  signal: AbortSignal
  onProgress(done: { copied: number; verified: number }): void
}

export interface PodMigrated extends StateSum {
  /** Without passwords. */
  from: string
  to: string
  /** Where the former database lies now; null when it was none of the home's. */
  aside: string | null
}

export interface NeighbourhoodOptions {
  pods: number
  seeds: number
  /** Where the nodes' folders go; a temporary folder that is removed at the end when null. */
  home: string | null
  /** Narrate the twelve steps as they happen. */
  story: boolean
  /** Print one {@link Ready} object with `ready: true` per node and line, and nothing else. */
  json: boolean
  print(line: string): void
  signal: AbortSignal
}

export interface TortureOptions {
  minutes: number
  /** Names the plan: the same one makes the same plan for as many minutes and nodes. */
  seed: string
  pods: number
  people: number
  /** Nodes without a person. */
  seeds: number
  /** Where the nodes' folders go; a temporary folder that is removed at the end when null. */
  home: string | null
  /** Where plan, history and summary are written. */
  out: string | null
  /** Print JSON lines. */
  json: boolean
  print(line: string): void
  signal: AbortSignal
}

import { dirname, resolve } from 'node:path'
import type { AdminDesk } from '../api/admin/desk.ts'
import type {
  House,
  JoinDevice,
  LinkTaken,
  MakeHome,
  NetworkView,
  RestoreFromNetwork,
  RestoreHome,
  Settings,
  SettingsChange,
  Setup
} from '../api/house.ts'
import type { PodOperator } from '../api/operator.ts'
import { utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import type { Clock, Failure, Log, Millis } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import type { Events } from '../client/events.ts'
import type { Overrides } from '../config/config.ts'
import { homeExists, homePaths } from '../config/home.ts'
import { importPerson, type Person } from '../keys/person.ts'
import { openVault, vaultNeedsPassphrase } from '../keys/vault.ts'
import { openLog } from '../net/log.ts'
import type { Node } from '../net/node.ts'
import type { Home } from './home.ts'
import { createHome, readHome } from './home.ts'
import type { HostedPod, PodHouse } from './host-pod.ts'
import { hostPod } from './host-pod.ts'
import { networkGiven } from './init.ts'
import { joinAsDevice } from './join-device.ts'
import { late, lateClient, lateDesk } from './late-client.ts'
import { addLink, loadJoined, readLink } from './link.ts'
import { networkView } from './network-view.ts'
import { podPlaces } from './pod-finder.ts'
import { restoreHome } from './restore.ts'
import { restoreOutOfNetwork } from './restore-network.ts'
import { changeSettings, needsRestart, settingsOf } from './settings.ts'
import type { Around, Started } from './start.ts'
import { startParts } from './start.ts'

interface HouseParts {
  folder: string
  overrides: Overrides
  /** Outlives the node, which may be started again. */
  events: Events
  clock: Clock
  signal: AbortSignal
}

/** A node that did not start again is tried so much later: what was away, a port or a database, may be back. */
const againMs: Millis = 15_000

interface Running {
  home: Home
  started: Started
}

/** The process around a node: makes its home, starts it, opens and locks its vault, and starts it again with other settings. */
export class NodeHouse implements House, AsyncDisposable {
  readonly #p: HouseParts
  #running: Running | undefined
  #state: Setup['state'] = 'missing'
  #problem: Failure | null = null
  /** Of the open vault; null while it is locked, and for one without a passphrase. */
  #passphrase: string | null = null
  /** Whether the vault is, or was when a node last ran or should have. */
  #isLocked = true
  #again: Disposable | undefined
  /** People read stdout, so it goes to stderr, unless muttr.json says where. */
  #log = openLog({ level: 'info' })
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #starting: Promise<unknown> = Promise.resolve()
  /** The client of whichever node runs; every call refuses while none does. */
  readonly client: Client
  /** The pod's operator, where a pod runs. */
  readonly pod: PodOperator

  /** The same for its admin page. */
  readonly desk: AdminDesk = lateDesk(() => this.#pod().desk)

  /** @throws {MuttrError} `POD_UNKNOWN`, and as {@link #need} */
  #pod(): HostedPod {
    const { pod } = this.#need().started
    if (pod) return pod
    throw new MuttrError('POD_UNKNOWN', 'no pod runs here')
  }

  readonly #forPod: Omit<PodHouse, 'signal'> = {
    client: late(() => this.#need().started.client),
    restart: () => this.#inTurn(() => this.#restart())
  }

  constructor(parts: HouseParts) {
    this.#p = parts
    this.client = lateClient(() => this.#need().started.client, parts.events)
    this.pod = late(() => this.#pod().operator)
  }

  get log(): Log {
    return this.#log
  }

  /** @throws {MuttrError} `HOME_MISSING`, `DAEMON_UNREACHABLE` while the node starts, or why it could not */
  #need(): Running {
    if (this.#running) return this.#running
    if (this.#problem)
      throw new MuttrError(this.#problem.code, this.#problem.message, this.#problem)
    if (this.#state === 'missing')
      throw new MuttrError('HOME_MISSING', 'nothing is set up here yet', {
        hint: 'Open the page of this node, or make a home with `muttr init`.'
      })
    throw new MuttrError('DAEMON_UNREACHABLE', 'the node is starting', {
      hint: 'Try again in a moment.'
    })
  }

  get running(): Running | undefined {
    return this.#running
  }

  /** A pod takes leave of its people before it ends. */
  async takeLeave(): Promise<void> {
    const pod = this.#running?.started.pod
    await pod?.operator
      .drain({ onProgress: ({ state, ...rest }) => this.#log.info(`pod.${state}`, rest) })
      .catch(err => this.#log.warn('pod.not-drained', { err }))
  }

  /** Starts the node of the home, with the vault open or, with null, locked. */
  start(home: Home, person: Person | null, passphrase: string | null): Promise<void> {
    const started = this.#start(home, person, passphrase)
    this.#starting = started.catch(() => undefined)
    return started
  }

  async #start(home: Home, person: Person | null, passphrase: string | null): Promise<void> {
    const { events, signal } = this.#p
    this.#became('starting')
    this.#passphrase = passphrase
    this.#isLocked = person === null
    const log = this.#logFor(home)
    const host =
      home.config.pod && person
        ? (node: Node, around: Around) =>
            hostPod(home, person, node, { ...this.#forPod, ...around, signal }, log)
        : undefined
    try {
      const started = await startParts({
        home,
        person,
        passphrase: () => this.#passphrase,
        mode: home.config.mode,
        log,
        emit: events.emit,
        signal,
        ...(host && { host })
      })
      this.#running = { home, started }
      this.#became('running')
    } catch (err) {
      this.#became('failed', failureOf(err))
      throw err
    }
  }

  #logFor({ paths, config }: Home): Log {
    const { log: level, logFile, logFormat: format } = config
    const file = logFile === undefined ? undefined : resolve(dirname(paths.config), logFile)
    this.#log[Symbol.dispose]()
    this.#log = openLog({ level, format, ...(file !== undefined && { file }) })
    return this.#log
  }

  #became(state: 'starting' | 'running' | 'failed', problem: Failure | null = null): void {
    this.#state = state
    this.#problem = problem
    const locked = this.#running?.started.client.locked ?? false
    this.#p.events.emit({ type: 'node', state, locked })
  }

  async #stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.started[Symbol.asyncDispose]()
  }

  /** Stops and starts with what the home's files say now; what was open is open again. One that does not start is tried again. */
  async #restart(): Promise<void> {
    this.#again?.[Symbol.dispose]()
    // A pod may ask for it before all of the node is there: what is not ended would run on beside the next.
    await this.#starting
    this.#isLocked = this.#running?.started.client.locked ?? this.#isLocked
    const isLocked = this.#isLocked
    this.#became('starting')
    await this.takeLeave()
    await this.#stop()
    try {
      const home = await this.#read()
      const person = home.vault && !isLocked ? await openVault(home.vault, this.#passphrase) : null
      await this.start(home, person, this.#passphrase)
    } catch (err) {
      this.#isLocked = isLocked
      if (this.#state !== 'failed') this.#became('failed', failureOf(err))
      this.log.warn('the node does not start', { err })
      const again = () => this.#inTurn(() => this.#restart())
      if (!this.#p.signal.aborted) this.#again = this.#p.clock.after(againMs, again)
    }
  }

  #read = (): Promise<Home> => readHome(this.#p.folder, this.#p.overrides)

  /** After whatever else is being changed. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async setup(): Promise<Setup> {
    const { folder } = this.#p
    const isMade = this.#state !== 'missing' || (await homeExists(folder))
    const home = this.#running?.home ?? (isMade ? await this.#read().catch(() => null) : null)
    const joined = isMade ? await loadJoined(homePaths(folder).joined).catch(() => null) : null
    const status = await this.#running?.started.client.status()
    const invites = joined?.invites ?? {}
    return {
      state: this.#state,
      problem: this.#problem,
      home: folder,
      name: home?.config.name ?? null,
      network: home?.network.name ?? null,
      fingerprint: status?.fingerprint ?? home?.certificate?.fingerprint ?? null,
      sealed: home?.vault ? vaultNeedsPassphrase(home.vault) : false,
      locked: status?.locked ?? false,
      aliases: status?.pods.flatMap(pod => pod.aliases) ?? [],
      pods: home ? podPlaces(home).map(pod => pod.hostname) : [],
      invited: Object.keys(invites),
      introduced: Object.keys(joined?.contacts ?? {}),
      backupMs: status?.backupMs ?? null
    }
  }

  make = (given: MakeHome): Promise<Setup> =>
    this.#inTurn(async () => {
      const { folder } = this.#p
      if (await homeExists(folder))
        throw new MuttrError('HOME_EXISTS', `there is a node in ${folder}`)
      const link = given.link === undefined ? null : readLink(given.link)
      const network = await networkGiven(given.network, link)
      const imported =
        given.secretKey === undefined
          ? undefined
          : await importPerson(utf8(given.secretKey), given.keyPassphrase)
      await createHome({
        home: folder,
        name: given.name,
        person: true,
        pod: null,
        network,
        passphrase: given.passphrase,
        light: given.light ?? false,
        ...(imported && { imported })
      })
      if (link?.contact || link?.invite) await addLink(folder, link)
      return await this.#begin(given.passphrase)
    })

  restore = ({ passphrase, words, input, signal }: RestoreHome): Promise<Setup> =>
    this.#inTurn(async () => {
      await restoreHome({
        ...{ home: this.#p.folder, input, signal },
        words: async () => words,
        passphrase: async () => passphrase
      })
      return await this.#begin(passphrase)
    })

  restoreFromNetwork = (given: RestoreFromNetwork): Promise<Setup> =>
    this.#inTurn(async () => {
      const { words, passphrase, signal, onProgress } = given
      const link = given.link === undefined ? null : readLink(given.link)
      await restoreOutOfNetwork(await networkGiven(given.network, link), {
        ...{ home: this.#p.folder, signal },
        words: async () => words,
        passphrase: async () => passphrase,
        onFetch: onProgress
      })
      return await this.#begin(passphrase)
    })

  joinDevice = ({ code, passphrase, ...device }: JoinDevice): Promise<Setup> =>
    this.#inTurn(async () => {
      await joinAsDevice({
        ...{ ...device, home: this.#p.folder },
        code: async () => code,
        passphrase: async () => passphrase
      })
      return await this.#begin(passphrase)
    })

  /** Starts the node of a home that was just made. Who made it goes on meanwhile; why it failed is in `problem`. */
  async #begin(passphrase: string | null): Promise<Setup> {
    const home = await this.#read()
    const person = await openVault(home.vault!, passphrase)
    void this.start(home, person, passphrase).catch(err =>
      this.log.warn('the node does not start', { err })
    )
    return await this.setup()
  }

  join = (link: string): Promise<LinkTaken> =>
    this.#inTurn(async () => {
      const { contact, contactDiffers } = await addLink(this.#p.folder, readLink(link))
      await this.#restart()
      return { setup: await this.setup(), contactDiffers: contactDiffers ? contact : null }
    })

  prove = (passphrase: string | null): Promise<void> =>
    this.#inTurn(async () => void (await openVault(await this.#vault(), passphrase)))

  /** @throws {MuttrError} `HOME_MISSING` where there is none */
  async #vault(): Promise<Uint8Array> {
    const { vault } = await this.#read()
    if (!vault) throw new MuttrError('HOME_MISSING', 'there is no person on this seed')
    return vault
  }

  unlock = (passphrase: string): Promise<Setup> =>
    this.#inTurn(async () => {
      const { started } = this.#need()
      const vault = await this.#vault()
      await started.client.unlock(await openVault(vault, passphrase))
      this.#passphrase = vaultNeedsPassphrase(vault) ? passphrase : null
      this.#became('running')
      return await this.setup()
    })

  lock = (): Promise<Setup> =>
    this.#inTurn(async () => {
      const { home, started } = this.#need()
      if (!home.vault || !vaultNeedsPassphrase(home.vault))
        throw new MuttrError('PASSPHRASE_MISSING', 'the vault has no passphrase to lock it with')
      if (home.config.pod)
        throw new MuttrError(
          'API_REFUSED',
          'a pod certifies names all the time; its key stays open'
        )
      started.client.lock()
      this.#passphrase = null
      this.#became('running')
      return await this.setup()
    })

  async settings(): Promise<Settings> {
    return settingsOf((await this.#read()).config)
  }

  change = (change: SettingsChange): Promise<Settings> =>
    this.#inTurn(async () => {
      await changeSettings(this.#p.folder, change)
      if (needsRestart(change) && this.#state !== 'missing') await this.#restart()
      return await this.settings()
    })

  network = async (): Promise<NetworkView> => networkView(this.#need())

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn
    this.#again?.[Symbol.dispose]()
    await this.#stop()
    this.#log[Symbol.dispose]()
  }
}

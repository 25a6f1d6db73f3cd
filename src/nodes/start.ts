import { codeOf } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Log } from '../base/ports.ts'
import type { LocalClient } from '../client/create-client.ts'
import { createClient } from '../client/create-client.ts'
import type { Events } from '../client/events.ts'
import { createEvents } from '../client/events.ts'
import { openFoundPods } from '../client/found-pods.ts'
import type { Config } from '../config/config.ts'
import { lightPace, usualListen } from '../config/config.ts'
import type { Person } from '../keys/person.ts'
import { verifyRecord } from '../keys/record.ts'
import { createBufferCollector } from '../net/buffers.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { Node } from '../net/node.ts'
import { createNode } from '../net/node.ts'
import { makePeerKey, peerKeys } from '../net/peer-key.ts'
import { systemRandom as random } from '../net/random.ts'
import { bestPlaces } from '../net/reach/places.ts'
import { createStamper } from '../net/stamper.ts'
import type { NameGuard } from '../net/transport/names.ts'
import type { PodPlace } from '../pod/place.ts'
import type { Dht } from '../seed/dht.ts'
import type { SeedNode } from '../seed/seed.ts'
import { levelState, levelStore } from '../store/level.ts'
import { memoryStore } from '../store/memory.ts'
import { diskSpool } from '../store/spool.ts'
import { codeAddressesMax } from '../wire/link.ts'
import { backupFiles } from './backup-files.ts'
import { homeChecks, reachChecks } from './checks.ts'
import { openTraceOut } from './field/trace-out.ts'
import type { Home } from './home.ts'
import { personSaver } from './home.ts'
import type { HostedPod } from './host-pod.ts'
import { joinNetwork } from './join.ts'
import { linkTo, loadJoined } from './link.ts'
import { linkFiles } from './link-files.ts'
import { nodeStatus } from './node-status.ts'
import { openSeed } from './open-seed.ts'
import { podPlaces, podSearch } from './pod-finder.ts'
import { embedded } from './pod-state.ts'
import { thinOpener } from './thin-opener.ts'

export interface StartOptions {
  home: Home
  person: Person | null
  /** What seals the vault again when a pod has certified the person's certificate; asked for then. */
  passphrase: () => string | null
  /** A light node asks and serves nobody. */
  mode: 'server' | 'client'
  log: Log
  emit?: Emit
  /** Runs a pod on the node; there before others hear of us, so that nobody finds it missing. */
  host?: (network: Node, around: Around) => Promise<HostedPod>
  /** Ends joining; what runs is ended by dispose. */
  signal: AbortSignal
}

/** What a pod may ask for before it serves. */
export interface Around {
  /** Joins the network first, instead of after. */
  join(): Promise<Dht>
}

const subkeyEveryMs = 30 * 24 * 3_600_000
const canaryEveryMs = 24 * 3_600_000

type Hear = Parameters<typeof createNode>[0]['onCandidate'] & object

export interface Started extends AsyncDisposable {
  readonly network: Node
  readonly seed: SeedNode
  readonly client: LocalClient
  readonly events: Events
  readonly pod: HostedPod | undefined
}

/** Puts a seed and a client on it together, as a daemon or as a light node, and joins the network. The caller holds the lock. */
export async function startParts(options: StartOptions): Promise<Started> {
  const { home, mode, log, signal } = options
  await using stack = new AsyncDisposableStack()
  const { capBytes } = home.config.store
  const store = stack.use(
    mode === 'server'
      ? await levelStore(home.paths.seedDb, { capBytes })
      : memoryStore({ capBytes })
  )
  const state = stack.use(await levelState(home.paths.clientDb))
  const events = createEvents(options.emit)
  const over = new AbortController()
  const pods = podPlaces(home)
  const stamper = stack.use(createStamper({ clock }))
  const { trace } = home.config
  let pod: HostedPod | undefined
  const { network, seen, seed } = stack.use(
    await openSeed({
      privateKey: home.privateKey,
      log,
      startNode: hear => startNode(options, hear),
      through: async (network, stack) =>
        trace
          ? stack.use(await openTraceOut({ ...trace, network, clock, random, log })).network
          : network,
      seed: {
        store,
        stamper,
        mode,
        parameters: home.network.parameters,
        verifyRecord,
        upBytesPerSecond: home.config.bandwidth.upBytesPerSecond,
        pace: home.config.profile === 'light' ? lightPace : 1,
        ...(options.host && { relayFor: async peer => pod?.userOf(peer) })
      }
    })
  )
  const parts = { network: seen, clock, random, log, keys: peerKeys(home.privateKey) }
  stack.defer(() => over.abort())
  let joining: Promise<unknown> | undefined
  const join = async () => {
    joining ??= joinNetwork({
      ...parts,
      seed,
      emit: events.emit,
      pods: othersThan(home, pods),
      seeds: home.network.seeds,
      signal: AbortSignal.any([signal, over.signal])
    })
    await joining
    return seed.dht
  }
  pod = await options.host?.(network, { join })
  stack.use(pod)
  await join()
  pod?.announce(seed.dht, (key, nowMs) => store.getBlob(key, nowMs))
  const joined = await loadJoined(home.paths.joined)
  const allowLocal = home.config.connections.groupLocal
  const found = await openFoundPods({
    ...{ state, log, allowLocal },
    findPod: podSearch(home.config, log)
  })
  const client = stack.use(
    await createClient({
      ...parts,
      state,
      found,
      allowLocal,
      thin: thinOpener(home.config, {
        ...{ keys: parts.keys, log },
        onWake: listener => network.onWake(listener)
      }),
      events,
      dht: seed.dht,
      person: options.person,
      certificate: home.certificate,
      device: home.device,
      pods,
      vouched: joined.contacts,
      invites: joined.invites,
      publishAliases: home.config.publishAliases,
      requests: home.config.requests,
      receipts: home.config.receipts,
      alongBytes: home.config.alongBytes,
      canaryEveryMs,
      disguise: () => strangerNode(options),
      subkeyEveryMs: rotates(home.config) ? subkeyEveryMs : null,
      strangersBy: home.config.strangers,
      noticesBy: home.config.notices,
      isBlind: home.config.asks === 'blindly',
      addresses: home.config.addresses,
      spool: diskSpool(home.paths.attachments),
      spoolCaps: home.config.attachments,
      aheadBytes: home.config.attachments.aheadBytes,
      about: {
        network: home.network.name,
        name: home.config.name,
        hosts: home.config.pod?.hostname ?? null,
        others: home.network.seeds.length + othersThan(home, pods).length,
        known: () => seed.table.size,
        usage: () => store.usage(),
        node: () => nodeStatus(home, network, seed, pod?.door),
        linkTo: person => linkTo(home, person)
      },
      savePerson: personSaver(home, options.passphrase),
      searchAhead: mode === 'server',
      networkBackup: {
        mode: home.config.pod ? 'off' : home.config.networkBackup,
        maxBytes: home.config.networkBackupBytes
      },
      backupFiles: () => backupFiles(home),
      ...(pod && { backupPod: pod.items }),
      linkFiles: () => linkFiles(home),
      linkAddresses: () => bestPlaces(network.places(), codeAddressesMax),
      checks: [...homeChecks(home.paths), ...reachChecks(network, mode), ...(pod?.checks ?? [])]
    })
  )
  stack.use(
    network.onWake(() => {
      seed.woke()
      client.wake()
    })
  )
  const all = stack.move()
  return { network, seed, client, events, pod, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Processes of one pod have one key and vaults of their own: none changes it by itself. */
const rotates = ({ subkeys, pod }: Config): boolean =>
  subkeys === 'monthly' && (pod?.store ?? embedded) === embedded

/** A second seed on one machine takes other ports than the usual ones, which the first has. A pod does not: others know where it is. */
async function startNode({ home, mode, log }: StartOptions, onCandidate: Hear): Promise<Node> {
  const { config } = home
  const start = (listen: readonly string[]) =>
    openNode({ home, mode, log }, mode === 'server' ? listen : [], onCandidate)
  try {
    return await start(config.listen)
  } catch (err) {
    if (codeOf(err) !== 'ADDRESS_IN_USE' || config.pod || !isUsual(config.listen)) throw err
    log.warn('listening on other ports', { because: (err as Error).message })
    return await start(anyPorts)
  }
}

const isUsual = (listen: readonly string[]): boolean => `${listen}` === `${usualListen}`
const anyPorts = usualListen.map(address => address.replace(/\/tcp\/\d+$/, '/tcp/0'))

function openNode(
  { home, mode, log }: Pick<StartOptions, 'home' | 'mode' | 'log'>,
  listen: readonly string[],
  onCandidate: Hear
): Promise<Node> {
  const { config, paths, privateKey } = home
  return createNode({
    privateKey,
    listen,
    mode,
    datastore: mode === 'server' ? paths.peersDb : null,
    mdns: config.mdns,
    clock,
    log,
    reach: {
      announce: config.reach.announce,
      mapping: config.reach.mapping && mode === 'server',
      always: (config.reach.server ?? (config.pod ? 'always' : 'auto')) === 'always',
      relays: () => podPlaces(home).flatMap(({ addresses }) => addresses)
    },
    relay: mode === 'server' && (config.reach.relay ?? config.pod !== undefined),
    limits: {
      connections: config.connections.max,
      groupLocal: config.connections.groupLocal,
      bandwidth: { ...config.bandwidth, onMoved: createBufferCollector() }
    },
    guard: guardOf(home),
    onCandidate
  })
}

/** For one question to a pod that is not to know who asks: a key that nobody has seen, and that is forgotten. */
const strangerNode = async ({ home, log }: StartOptions): Promise<Node> =>
  createNode({
    ...{ privateKey: await makePeerKey(), clock, log, mode: 'client', listen: [], datastore: null },
    limits: { connections: 2, groupLocal: home.config.connections.groupLocal },
    guard: guardOf(home)
  })

/** What our own files name may be in our own house. */
const guardOf = (home: Home): NameGuard => ({
  named: [...home.network.seeds, ...podPlaces(home).flatMap(({ addresses }) => addresses)]
})

/** Of its own pod other processes may run elsewhere. */
function othersThan({ config, privateKey }: Home, pods: readonly PodPlace[]): PodPlace[] {
  const own = `/p2p/${peerKeys(privateKey).self}`
  const isShared = config.pod !== undefined && config.pod.store !== embedded
  return pods.flatMap(pod => {
    if (pod.hostname !== config.pod?.hostname) return [pod]
    const addresses = isShared ? pod.addresses.filter(address => !address.endsWith(own)) : []
    return addresses.length > 0 ? [{ ...pod, addresses }] : []
  })
}

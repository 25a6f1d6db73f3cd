import { statfs } from 'node:fs/promises'
import type { AdminDesk } from '../api/admin/desk.ts'
import type { PodOperator } from '../api/operator.ts'
import { MuttrError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Check, Client } from '../client/client.ts'
import { readHomeFile, writeFileAtomic } from '../config/home.ts'
import { packageVersion } from '../config/package-root.ts'
import type { Door } from '../https/open.ts'
import { makeHpkeKey } from '../keys/hpke.ts'
import type { Person } from '../keys/person.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createDatagrams } from '../net/datagrams.ts'
import type { Node } from '../net/node.ts'
import { peerKeys } from '../net/peer-key.ts'
import { systemRandom as random } from '../net/random.ts'
import { createThinDoor } from '../net/thin/accept.ts'
import type { Held } from '../pod/along.ts'
import { portsOffer } from '../pod/federation/ports.ts'
import { noMeasure } from '../pod/measure.ts'
import { createPod } from '../pod/pod.ts'
import { podSchema } from '../pod/schema.ts'
import type { Whereabouts } from '../pod/whereabouts.ts'
import { publishWhereabouts } from '../pod/whereabouts.ts'
import type { Dht } from '../seed/dht.ts'
import type { UserOf } from '../seed/serve-via.ts'
import { diskSpool } from '../store/spool.ts'
import { versionNow } from '../store/upgrade/schema.ts'
import type { PodItem } from '../wire/backup.ts'
import { formerChecks } from './former-checks.ts'
import { friendChecks } from './friend-checks.ts'
import type { Home } from './home.ts'
import { hostDatagrams } from './host-datagrams.ts'
import { hostHttps } from './host-https.ts'
import { hostPorts } from './host-ports.ts'
import { askIfRestored, isOlderCopy } from './older-copy.ts'
import { adminRoom, podDesk } from './pod-desk.ts'
import { podFinder, podPlaces, podSearch, signedNames } from './pod-finder.ts'
import { podItems } from './pod-items.ts'
import { embedded, openPodState } from './pod-state.ts'
import type { Around } from './start.ts'
import { createRoom, watchWrites } from './strain.ts'
import { twinCheck } from './twin-check.ts'
import { upgradePod } from './upgrade/upgrade.ts'

export interface HostedPod extends AsyncDisposable {
  readonly operator: PodOperator
  /** For its admin page. */
  readonly desk: AdminDesk
  /** Undefined where it is off. */
  readonly door: Door | undefined
  /** What the doctor says of it. */
  readonly checks: readonly (() => Promise<Check[]>)[]
  /** Whom its node relays for. */
  readonly userOf: UserOf
  /** All that it keeps, for a backup. */
  items(): AsyncIterable<PodItem>
  /** From now on the network says where the pod is, and the pod fetches from it for its people. */
  announce(dht: Dht, held: Held): void
}

/** What a pod's operators ask of the process around it. */
export interface PodHouse {
  readonly client: Pick<Client, 'backup' | 'status'>
  /** Starts the node again with what muttr.json says now. */
  restart(): Promise<void>
  /** Ends what is begun before the pod serves. */
  readonly signal: AbortSignal
}

/** Runs the pod of a home on its node. */
export async function hostPod(
  home: Home,
  person: Person,
  network: Node,
  house: PodHouse & Around,
  log: Log
): Promise<HostedPod> {
  const config = home.config.pod!
  const seed = await readHomeFile(home.paths.hpkeKey)
  if (seed?.byteLength !== 32)
    throw new MuttrError('HOME_DAMAGED', `${home.paths.hpkeKey} is not 32 bytes`)
  await using stack = new AsyncDisposableStack()
  const done = await upgradePod(home, {
    signal: house.signal,
    onProgress({ step }) {
      if (step === 'wait')
        log.info('pod.upgrade-waits', {
          for: 'another process that upgrades, renames or moves the pod'
        })
    }
  })
  if (done) log.info('pod.upgraded', { from: done.from, to: done.to, rows: done.rows })
  const writable = watchWrites(stack.use(await openPodState(config.store, home.paths.podDb)), log)
  const { state } = writable
  await writeFileAtomic(home.paths.podVersion, Buffer.from(`${versionNow(podSchema)}\n`))
  const keys = peerKeys(home.privateKey)
  const { fingerprint } = person.certificate
  const copy = { state, clock, log, fingerprint, self: keys.self, hostname: config.hostname }
  await askIfRestored(copy, house, house.signal)
  const isShared = config.store !== embedded
  const hpke = await makeHpkeKey(seed)
  const datagrams = stack.use(await hostDatagrams(config, log))
  // Its library is for those who watch.
  const monitor = config.monitor && (await import('./monitor.ts')).createMonitor()
  let joined = false
  const thin = createThinDoor({ clock, log })
  const parts = { network, clock, random, log, keys }
  const finder = podFinder({
    places: podPlaces(home),
    findPod: podSearch(home.config, log),
    allowLocal: home.config.connections.groupLocal,
    ...{ state, log }
  })
  const sender = stack.use(createDatagrams({ allowLocal: home.config.connections.groupLocal }))
  const about = () => ({
    version: packageVersion,
    capabilities: capabilitiesOf(config, datagrams.door !== undefined),
    where: network.contact().addresses
  })
  const again = () => void house.restart().catch(err => log.warn('pod.not-restarted', { err }))
  const pod = stack.use(
    await createPod({
      ...parts,
      network: {
        accept(protocol, take) {
          network.accept(protocol, take)
          thin.accept(take)
        }
      },
      subnetOf: peer => thin.subnetOf(peer) ?? network.subnetOf(peer),
      state,
      isShared,
      hasRoom: createRoom(clock),
      measure: datagrams.counting(monitor?.measure ?? noMeasure),
      ...(datagrams.door && { datagrams: datagrams.door }),
      offers: offersOf(config),
      person,
      hpke,
      hostname: config.hostname,
      policy: config.policy,
      escrow: config.escrow,
      federation: {
        ...{ network, finder, policy: config.federation, datagrams: sender, about },
        ports: hostPorts(home, network, datagrams.door?.port)
      },
      // Its folder is this process's own; what another process took over it would not find.
      ...(!isShared && {
        ahead: {
          spool: diskSpool(home.paths.ahead),
          reserveBytes: home.config.attachments.reserveBytes,
          limits: config.ahead
        }
      }),
      onRenamed: again,
      limits: { accountsMax: config.accountsMax, noticesPerAccountMax: config.mailboxMax }
    })
  )
  const desk = podDesk({ home, pod, network, house, door: () => door })
  const rooms =
    config.admin.mode === 'on' ? [await adminRoom(home, desk.desk, () => door, log)] : []
  const door: Door | undefined = stack.use(
    await hostHttps(home, pod, network, { rooms, socketRoom: thin }, log)
  )
  if (monitor) {
    const freeBytes = async () => {
      const { bavail, bsize } = await statfs(home.paths.home)
      return bavail * bsize
    }
    const { problem } = writable
    const watched = { pod, problem, freeBytes, network, joined: () => joined }
    stack.use(await monitor.serve(config.monitor!, watched))
  }
  let whereabouts: Whereabouts | undefined
  const all = stack.move()
  return {
    door,
    ...desk,
    checks: [
      writable.check,
      ...datagrams.checks,
      ...friendChecks(pod),
      ...formerChecks(state, pod, signedNames(home.config.dns)),
      twinCheck(() => whereabouts)
    ],
    items: () => podItems(state),
    userOf: async peer => (config.via ? pod.userOf(peer) : undefined),
    announce(dht, held) {
      joined = true
      const { quorum } = home.network.parameters
      const what = { hostname: pod.hostname, fingerprint, hpkeKey: hpke.publicKey }
      const isOlder = async (signal: AbortSignal) => {
        const found = await isOlderCopy(copy, dht, signal)
        if (found) again()
        return found
      }
      whereabouts = all.use(publishWhereabouts({ ...parts, ...what, isOlder, dht, quorum }))
      pod.fetchAhead(dht)
      pod.bringAlong(held)
      finder.begin(dht)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/** What it announces in its record: docs/protocol/pod.md#what-a-pod-offers. */
const offersOf = ({ federation, https }: NonNullable<Home['config']['pod']>): string[] => [
  ...(federation === 'closed' ? [] : [portsOffer]),
  ...(https.mode === 'off' ? [] : ['thin'])
]

/** As other pods know them: docs/protocol/gossip.md. */
function capabilitiesOf(
  { ahead, federation, https, store, via }: NonNullable<Home['config']['pod']>,
  udp: boolean
): string[] {
  const all = {
    ahead: ahead.accountBytes > 0 && store === embedded,
    [portsOffer]: federation !== 'closed',
    thin: https.mode !== 'off',
    udp,
    via,
    wkd: https.mode !== 'off'
  }
  return Object.entries(all).flatMap(([name, has]) => (has ? [name] : []))
}

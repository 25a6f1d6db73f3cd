import { fromHex, sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, Network, PeerKeys, Random } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Device } from '../keys/device.ts'
import type { Person } from '../keys/person.ts'
import { foldHostname } from '../pod/alias.ts'
import type { PodPlace } from '../pod/place.ts'
import type { Dht } from '../seed/dht.ts'
import type { Spool } from '../store/spool.ts'
import type { State } from '../store/state.ts'
import type { Usage } from '../store/store.ts'
import { expiryAt, makeBlob } from '../wire/blob.ts'
import { addressHomes } from './addresses/homes.ts'
import { attachments } from './attachments/attachments.ts'
import type { SpoolCaps } from './attachments/room.ts'
import type { createBackups } from './backup/backup.ts'
import type { NetworkBackupsParts } from './backup/network.ts'
import type { Check, Client, Status } from './client.ts'
import type { Devices } from './devices/devices.ts'
import { examine } from './doctor.ts'
import type { Events } from './events.ts'
import type { FoundPods } from './found-pods.ts'
import { letters } from './letters.ts'
import { migrate } from './mailbox/migrate.ts'
import type { NodeStatus } from './node-status.ts'
import { ownPods } from './own-pods.ts'
import type { NoticesBy } from './passing.ts'
import { people } from './people.ts'
import type { openPodLink } from './pod-link.ts'
import type { Dialler } from './pods.ts'
import type { Thin } from './reach-pod.ts'
import type { ReceiptsTo } from './release.ts'
import type { Policy } from './requests/request.ts'
import type { Rooms } from './rooms.ts'
import { makeRooms } from './rooms.ts'
import type { Courier } from './send.ts'
import { stampNews } from './stamp-news.ts'
import type { StrangersBy } from './stranger-fetch.ts'
import { abortable, within } from './waiting.ts'

export interface ClientParts {
  dht: Dht
  network: Network
  state: State
  /** To check pods' receipts. */
  keys: PeerKeys
  /** Null with a locked vault, and on a seed without a person. */
  person: Person | null
  /** The person's own, as in HOME/certificate.pgp; null on a seed without a person. */
  certificate: Certificate | null
  device: Device
  /** Of the network file and the config. */
  pods: readonly PodPlace[]
  clock: Clock
  random: Random
  log: Log
  /** OpenPGP unless told. */
  crypto?: Crypto
  /** Made by the nodes when the seed tells its events too. */
  events?: Events
  /** Pods found by their hostnames; none are unless told. */
  found?: FoundPods
  /** The network lives in private networks, where others may say that pods are; it does not unless told. */
  allowLocal?: boolean
  /** Fingerprints (hex) that a join link named, by alias: contacts once their pods show these keys; others are refused at first sight. */
  vouched?: Readonly<Record<string, string>>
  /** Invite codes that a join link brought, by hostname. */
  invites?: Readonly<Record<string, string>>
  /** Publishes a record of the person's pods and aliases; not unless told, since everybody can read it. */
  publishAliases?: boolean
  /** How letters of people who are no contacts are fetched; through the pod that announced them unless told. */
  strangersBy?: StrangersBy
  /** How the reader's pod is told of a letter; through the own pod unless told. */
  noticesBy?: NoticesBy
  /** Other pods are asked, told of letters and asked for these through own ones, which do not learn what; not unless told. */
  isBlind?: boolean
  /** Where addresses for correspondents live: at the pod of the alias unless told; `blind`: at others, which do not know whose they are. */
  addresses?: 'account' | 'blind'
  /** What is done with letters of people who are no contacts, and whom the person said nothing about; `ask` unless told. */
  requests?: Policy
  /** Who gets a receipt that asks for one; contacts unless told. */
  receipts?: ReceiptsTo
  /** For `status`: what only the nodes know. */
  about: {
    network: string
    name: string | null
    /** The hostname of the pod that runs on this node. */
    hosts: string | null
    /** How many other seeds and pods the network file and muttr.json name. */
    others: number
    known: () => number
    usage: () => Usage
    node: () => NodeStatus
    /** A `muttr:` link that carries the network, this pod of it, and the person. */
    linkTo: (person: { alias: string; pod: string; fingerprint: string; invite?: string }) => string
  }
  /** Where sealed files lie; in memory, and few of them, unless told. */
  spool?: Spool
  spoolCaps?: SpoolCaps
  /** Files of contacts up to so many bytes are asked ahead of a pod as their letters come; none unless told. */
  aheadBytes?: number
  /** Sealed letters up to so many bytes are taken from own pods along with their notices; none unless told. */
  alongBytes?: number
  /** About how often own pods are asked, as a stranger would, what they show of us; never unless told. */
  canaryEveryMs?: Millis | null
  /** A network of another peer for one link to a pod, so that it does not know who asks; the own one unless told. */
  disguise?: () => Promise<Dialler & AsyncDisposable>
  /** Another way to pods; none unless told. */
  thin?: Thin
  /** Age at which the encryption subkey is followed by another; never unless told. */
  subkeyEveryMs?: Millis | null
  /** Rewrites HOME/certificate.pgp and the vault when a pod has certified an alias, or subkeys came and went. */
  savePerson?: (person: Person) => Promise<void>
  /** Makes the index for searching when somebody looks at the conversations, and not only when it is asked; not unless told. */
  searchAhead?: boolean
  /** The home's own files that belong into a backup; none unless told. */
  backupFiles?: Parameters<typeof createBackups>[0]['files']
  /** What the pod of this home keeps, for the same backup; nothing unless told. */
  backupPod?: Parameters<typeof createBackups>[0]['pod']
  /** Whether backups are made in the network by themselves, and up to which size; not unless told. */
  networkBackup?: Pick<NetworkBackupsParts, 'mode' | 'maxBytes'>
  /** Of them, what a new device of the person is given. */
  linkFiles?: Parameters<typeof createBackups>[0]['filesAlong']
  /** Where another machine can dial this one, best first: for the code that links a device; nowhere unless told. */
  linkAddresses?: () => readonly string[]
  /** Of the home folder and the disk, for `doctor`. */
  checks?: readonly (() => Promise<Check[]>)[]
  openLink?: typeof openPodLink
}

/** A {@link Client} that runs in this process. */
export interface LocalClient extends Client, AsyncDisposable {
  /** Opens what waited for the vault. @throws {MuttrError} `HOME_DAMAGED` for another person than before */
  unlock(person: Person): Promise<void>
  /** Forgets the person until {@link unlock}; what arrives meanwhile waits sealed. */
  lock(): void
  readonly locked: boolean
  /** Resolves when own pods have been asked for what waits and that was fetched, as far as either can be reached. @throws {MuttrError} `CANCELLED` */
  caughtUp(signal?: AbortSignal): Promise<void>
  /** Tries at once what waits for the network. */
  wake(): void
  /** For another device that is to become one of the person's. */
  readonly linking: Pick<Devices, 'card' | 'expect' | 'linked'>
}

const sweepEveryMs = 3_600_000
const lastCopiesMs = 3_000
/** A pod's certification is renewed when less than this is left. */
const renewBeforeMs = 30 * 24 * 3_600_000

/** Puts a person's Muttr together. Resolves when the state is read; pods are being connected to meanwhile. */
export async function createClient(parts: ClientParts): Promise<LocalClient> {
  const { person, clock, log, network } = parts
  const life = new AbortController()
  const rooms = await makeRooms(parts, life.signal)
  const { self, pods, inbox, courier, sent, received, record, requests } = rooms
  const unlock = async (unlocked: Person) => {
    await self.unlock(unlocked)
    rooms.fetched.unlocked()
    await openMailbox(rooms, parts)
    await requests.load()
    await rooms.devices.unlocked()
    await rooms.addresses.unlocked()
  }
  if (person) await unlock(person)
  record.look()
  await inbox.start()
  await rooms.files.start()
  await courier.start()
  await rooms.watch.start()
  await rooms.releases.start()
  const waiting = await rooms.moving.listening()
  for (const { pod } of [...self.registrations(), ...waiting]) keepIfKnown(rooms, pod, log)
  await rooms.applying.begin()

  const wake = () => {
    const { files, fetched, releases, own, addresses } = rooms
    for (const room of [pods, courier, files, inbox, fetched, requests, releases, own, addresses])
      room.wake()
    void rooms.introductions.look()
    void rooms.watch.wake().catch(err => log.warn('not watched', { err }))
    record.look()
  }
  let looking: Promise<void> = Promise.resolve()
  const look = () => {
    looking = Promise.all([looking, lookAfter(rooms, log, life.signal)]).then(() => undefined)
  }
  const peers = watchPeers({ network, clock, pods: parts.pods }, courier, wake)
  let timer: Disposable
  const sweep = () => {
    timer = clock.after(sweepEveryMs, sweep)
    const nowMs = clock.now()
    const swept = [sent, received, requests, rooms.files].map(room => room.sweep(nowMs))
    Promise.all([...swept, stillNeeded(rooms)]).catch(err => log.warn('old rows stay', { err }))
    renew(rooms, clock, life.signal).catch(err => log.warn('an alias is not renewed', { err }))
    look()
  }
  sweep()
  // What this device missed while it was away is asked for once it has what waited.
  const caughtUp = () => pods.tried().then(() => inbox.quiet())
  void caughtUp()
    .then(() => rooms.devices.caughtUp())
    .catch(err => log.warn('other devices are not asked', { err }))

  return {
    ...letters(rooms, parts, life.signal),
    ...people(rooms, parts),
    ...machine(rooms, parts),
    ...attachments(rooms),
    get locked() {
      return self.locked
    },
    wake,
    linking: rooms.devices,
    caughtUp: signal =>
      abortable(
        Promise.all([pods.tried(), rooms.addresses.polled()])
          .then(() => inbox.quiet())
          .then(() => requests.quiet()),
        signal
      ),
    async unlock(unlocked) {
      await unlock(unlocked)
      wake()
      look()
    },
    lock() {
      self.lock()
      rooms.devices.locked()
      rooms.addresses.locked()
      rooms.contacts.locked()
      rooms.conversations.forget()
      rooms.search.forget()
      void inbox.locked().catch(err => log.warn('not fetched ahead', { err }))
    },
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      peers[Symbol.dispose]()
      // A command that sends one letter ends right after: let the last copies be made.
      const ends = [courier.quiet(), record.quiet(), rooms.releases.quiet(), rooms.canary.quiet()]
      ends.push(rooms.own.end())
      const quiet = Promise.all(ends)
      await within(quiet, { clock, timeoutMs: lastCopiesMs }).catch(() => undefined)
      life.abort()
      await record[Symbol.asyncDispose]()
      await pods[Symbol.asyncDispose]()
      await Promise.all([looking, rooms.introductions.quiet(), rooms.views.quiet()])
      const letters = [courier, inbox, rooms.fetched, requests, rooms.own]
      const mail = [...letters, rooms.watch, rooms.releases, rooms.files, rooms.addresses]
      await Promise.all(mail.map(room => room[Symbol.asyncDispose]()))
    }
  }
}

/** What is done now and then for keys and devices, one after the other; what fails is taken up by the next. */
async function lookAfter(rooms: Rooms, log: Log, life: AbortSignal): Promise<void> {
  const { succeeding, moving, rotation, revoking, canary, views, devices } = rooms
  const all = [succeeding, moving, rotation, revoking, canary, views, devices]
  for (const room of [...all, rooms.introductions, rooms.addresses]) {
    if (life.aborted) return
    await room.look().catch(err => {
      if (!life.aborted) log.warn('something is not looked after', { err })
    })
  }
}

/** What an older version kept, and what could not be sealed while the vault was locked. */
async function openMailbox(rooms: Rooms, { state, log }: ClientParts): Promise<void> {
  const { self, received, sent, contactStore: contacts } = rooms
  const { fingerprint } = self.person().certificate
  await migrate({ state, log, closet: self.closet(), received, sent, contacts, fingerprint })
  await contacts.unlocked()
  await sent.tidy()
}

/** Of contacts only those lie in the clear to whom something is on its way. */
async function stillNeeded({ sent, contactStore }: Rooms): Promise<void> {
  const under = [...(await sent.pending()), ...(await sent.watched())]
  await contactStore.neededNow(new Set(under.map(({ to }) => to)))
}

/** A pod that the network file has dropped is told of in `status`, and keeps nothing else from starting. */
function keepIfKnown({ pods }: Rooms, hostname: string, log: Log): void {
  try {
    pods.keep(hostname)
  } catch (err) {
    log.warn('a pod of ours has no address', { pod: hostname, err })
  }
}

/** Asks pods again to certify the aliases whose certification runs out. */
async function renew(rooms: Rooms, clock: Clock, signal: AbortSignal): Promise<void> {
  if (rooms.self.locked || rooms.self.certificate()?.revoked) return
  for (const { alias, certifiedUntilMs } of rooms.self.registrations())
    if (certifiedUntilMs - clock.now() < renewBeforeMs) await rooms.register(alias, { signal })
}

const peerWakeMs = 5_000

/**
 * A first peer means that the network is back; further seeds may make the quorum that was missed; a pod that is connected again,
 * as a seed or otherwise, can take the notices that wait for it.
 */
function watchPeers(
  { network, clock, pods }: Pick<ClientParts, 'network' | 'clock' | 'pods'>,
  courier: Courier,
  wake: () => void
): Disposable {
  let alone = network.connected().length === 0
  let wokenMs = Number.NEGATIVE_INFINITY
  const podOf = new Map(
    pods.flatMap(({ hostname, addresses }) =>
      addresses.map(address => [address.split('/p2p/')[1], hostname] as const)
    )
  )
  return network.onPeer(({ type, server, contact }) => {
    if (type === 'disconnected') {
      alone = network.connected().length === 0
      return
    }
    const pod = podOf.get(contact.peer)
    if (alone || pod !== undefined) wake()
    else if (server && clock.now() - wokenMs >= peerWakeMs) {
      wokenMs = clock.now()
      courier.wake(({ stage }) => stage === 'draft' || stage === 'sealed')
    }
    alone = false
  })
}

function machine(rooms: Rooms, parts: ClientParts) {
  const { dht, clock, random, network, about, checks = [] } = parts
  const { self, pods, courier, inbox, strangerFetch, requests, events, skew, alarms } = rooms
  const through = async (via: string | undefined, signal: AbortSignal | undefined) => {
    const waiting = signal ?? new AbortController().signal
    const relay = via === undefined ? {} : { via: await pods.relay(foldHostname(via), waiting) }
    return { ...(signal && { signal }), ...relay }
  }
  const homes = () => addressHomes(rooms.addressRooms, parts.addresses)
  const inboxStatus = () => ({
    waiting: inbox.waiting,
    relays: [...strangerFetch.problems],
    requests: requests.size
  })
  return {
    async putBlob(sealed, { lifeMs = limits.blobLifeMsDefault, signal, via } = {}) {
      const expiryMs = expiryAt(clock.now() + lifeMs)
      const retract = sha256(random.bytes(32))
      const blob = makeBlob(sealed, { expiryMs, retract, accept: null })
      const news = stampNews({ clock, emit: events.emit }, toHex(blob.key))
      const how = { ...(await through(via, signal)), ...news }
      const { acknowledgements, wanted } = await dht.put(blob, how)
      return { key: toHex(blob.key), copies: acknowledgements.length, wanted, expiryMs }
    },
    async getBlob(key, { signal, via } = {}) {
      const bytes = fromHex(key, 32)
      if (!bytes)
        throw new MuttrError('BLOB_UNKNOWN', 'a key is 64 hex characters', {
          hint: 'Copy the whole key.'
        })
      return (await dht.get(bytes, await through(via, signal))).blob.sealed
    },
    async status(): Promise<Status> {
      const connected = network.connected()
      return {
        ...{ name: about.name, network: about.network, peer: network.self },
        fingerprint: self.certificate()?.fingerprint ?? null,
        locked: self.certificate() !== null && self.locked,
        addresses: [...network.contact().addresses],
        neighbours: connected.filter(({ server }) => server).length,
        known: about.known(),
        store: about.usage(),
        node: about.node(),
        pods: await ownPods(self, pods, rooms.applying),
        asks: parts.isBlind ? 'blindly' : 'openly',
        homes: homes(),
        outbox: { waiting: courier.waiting },
        inbox: inboxStatus(),
        alarms: await alarms.list(),
        backupMs: await rooms.backups.lastMs(),
        networkBackup: rooms.networkBackups.show()
      }
    },
    doctor: () =>
      examine({
        ...{ network, clock, self, pods, skew, about },
        more: checks,
        outbox: () => courier.waiting,
        ...{ homes, inbox: inboxStatus },
        alarms: () => alarms.list()
      }),
    events: signal => events.stream(signal)
  } satisfies Partial<Client>
}

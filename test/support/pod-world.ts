import { randomBytes } from 'node:crypto'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock, DatagramDoor, Datagrams, Log, PeerKeys } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Device } from '../../src/keys/device.ts'
import { makeDevice, makeStatement } from '../../src/keys/device.ts'
import { hpkeSeal, makeHpkeKey } from '../../src/keys/hpke.ts'
import type { Person } from '../../src/keys/person.ts'
import { addAlias, makePerson } from '../../src/keys/person.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { meetTimeoutMs } from '../../src/pod/federation/lines.ts'
import type { FederationPolicy } from '../../src/pod/federation/peers.ts'
import type { PortsParts } from '../../src/pod/federation/ports.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import type { Measure } from '../../src/pod/measure.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { createPod } from '../../src/pod/pod.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { Notice, NoticeBody } from '../../src/wire/notice.ts'
import { encodeNotice, noticeInfo } from '../../src/wire/notice.ts'
import type { Policy } from '../../src/wire/pod.ts'
import type { FakeClock } from './fake-clock.ts'
import { fakeClock } from './fake-clock.ts'
import type { FakeNetwork } from './session-pair.ts'
import { fakeNetwork } from './session-pair.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }
export const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

const startMs = Date.UTC(2026, 0, 1)
const persons = new Map<string, Promise<Person>>()

/** Made once per name and test run, with `NAME@one.test` and `NAME@two.test` among its User IDs. */
export function personNamed(name: string, aliases: readonly string[] = [name]): Promise<Person> {
  const id = `${name} ${aliases}`
  const make = async (): Promise<Person> => {
    let person = await makePerson({ name, nowMs: startMs - hourMs })
    for (const alias of aliases)
      for (const hostname of ['one.test', 'two.test'])
        person = await addAlias(person, `${alias}@${hostname}`, startMs - hourMs)
    return person
  }
  const known = persons.get(id) ?? make()
  persons.set(id, known)
  return known
}

export interface PodHost {
  pod: Pod
  readonly hostname: string
  readonly person: Person
  readonly keys: PeerKeys
  readonly state: State
  readonly hpkeKey: Uint8Array
  readonly hpke: Awaited<ReturnType<typeof makeHpkeKey>>
  /** The process ends and starts again on the same state (or the one given). */
  restart(state?: State): Promise<void>
  /** The same after the machine died: nobody waits for what was under way. */
  revive(): Promise<void>
}

export interface PodWorld extends AsyncDisposable {
  readonly clock: FakeClock
  readonly network: FakeNetwork
  /** A pod is finding another, or getting to know it. */
  isMeeting(): boolean
  host(o?: {
    hostname?: string
    policy?: Policy
    limits?: Partial<PodLimits>
    state?: State
    subnetOf?: (peer: string) => string | undefined
    ahead?: Parameters<typeof createPod>[0]['ahead'] & {}
    /** Whether and how it has to do with the other pods of this world, which it finds by name. */
    federation?: FederationPolicy
    /** Where it takes datagrams, and by what it sends them. */
    datagrams?: { door?: DatagramDoor; sender?: Datagrams }
    measure?: Measure
    hasRoom?: () => boolean
    /** As {@link PodPlace.fingerprint} of what it finds. */
    vouched?: Readonly<Record<string, string>>
    log?: Log
    /** Another process of the same pod: with its keys but for the peer key. */
    beside?: PodHost
    /** No other process serves it. */
    isAlone?: boolean
    /** Looks for others whether their ports are open. */
    ports?: PortsParts
    /** What its record announces. */
    offers?: readonly string[]
    onRenamed?: () => void
  }): Promise<PodHost>
  /** From now on the pods find a pod of this name at that peer. */
  move(hostname: string, peer: string): void
  /** From now on nobody says where a pod of this name is, or that it is anywhere, but its record in the DHT to those who know its key. */
  hush(hostname: string, code?: 'POD_UNREACHABLE' | 'POD_UNKNOWN'): void
  /** A device of somebody, with a peer key of its own. */
  device(person: Person): Promise<TestDevice>
}

export interface TestDevice {
  readonly person: Person
  readonly device: Device
  readonly keys: PeerKeys
  open(host: PodHost, pinned?: { fingerprint: string; sequence?: number }): Promise<PodLink>
  /** Opens and identifies. */
  enter(host: PodHost): Promise<PodLink>
  statement(hostname: string, untilMs?: number): Promise<Uint8Array>
  /** The same device, which speaks for another key from now on. */
  as(person: Person): TestDevice
}

export function podWorld(atMs = startMs, network: FakeNetwork = fakeNetwork()): PodWorld {
  const clock = fakeClock(atMs)
  /** Patience with other pods. */
  const meeting = new Set<Disposable>()
  const podClock: Clock = {
    now: clock.now,
    after(delayMs, run) {
      const timer = clock.after(delayMs, run)
      if (delayMs !== meetTimeoutMs) return timer
      const patience = {
        [Symbol.dispose]() {
          meeting.delete(patience)
          timer[Symbol.dispose]()
        }
      }
      meeting.add(patience)
      return patience
    }
  }
  const pods = new Set<Pod>()
  /** Peers of pods, by hostname. */
  const hosts = new Map<string, string>()
  const hushed = new Map<string, ErrorCode>()
  const deviceOf = (person: Person, device: Device, keys: PeerKeys): TestDevice => {
    const open: TestDevice['open'] = (host, pinned) =>
      openPodLink({
        network: network.at(keys.self),
        contact: { peer: host.keys.self, addresses: [] },
        clock,
        hostname: host.hostname,
        keys,
        ...(pinned && { pinned })
      })
    const statement: TestDevice['statement'] = (pod, untilMs = clock.now() + 80 * dayMs) =>
      makeStatement(person, {
        deviceKey: device.publicKey,
        peer: keys.self,
        pod,
        nowMs: clock.now(),
        untilMs
      })
    return {
      person,
      device,
      keys,
      open,
      statement,
      as: other => deviceOf(other, device, keys),
      async enter(host) {
        const link = await open(host)
        const { certificate } = person
        const frame = await statement(host.hostname)
        await link.identify({ device, statement: frame, certificate, nowMs: clock.now() })
        return link
      }
    }
  }
  return {
    clock,
    network,
    isMeeting: () => meeting.size > 0,
    async host({
      hostname = 'one.test',
      policy = 'open',
      limits = {},
      state = memoryState(),
      subnetOf = () => undefined,
      ahead,
      federation,
      datagrams: { door, sender } = {},
      measure,
      hasRoom,
      vouched = {},
      beside,
      log = silent,
      offers = [],
      ports,
      onRenamed,
      isAlone = false
    } = {}) {
      const person = beside?.person ?? (await personNamed(hostname, []))
      const keys = peerKeys(await makePeerKey())
      const hpke = beside?.hpke ?? (await makeHpkeKey(random.bytes(32)))
      const start = async (on: State): Promise<Pod> => {
        const at = network.at(keys.self)
        const shared = {
          clock: podClock,
          random,
          log,
          person,
          keys,
          hpke,
          hostname,
          policy,
          limits,
          offers
        }
        const isShared = !isAlone
        const own = { network: at, state: on, subnetOf, isShared, ...(ahead && { ahead }) }
        const finder = findIn(hosts, hushed, vouched)
        const about = () => ({
          version: '1.2.3',
          capabilities: ['thin', 'udp'],
          where: ['/memory']
        })
        const sending = sender && { datagrams: sender }
        const others = federation && {
          federation: {
            ...{ network: at, finder, about, policy: federation, ...sending },
            ...(ports && { ports })
          }
        }
        const taking = {
          ...(door && { datagrams: door }),
          ...(measure && { measure }),
          ...(hasRoom && { hasRoom }),
          ...(onRenamed && { onRenamed })
        }
        const pod = await createPod({ ...shared, ...own, ...others, ...taking })
        pods.add(pod)
        return pod
      }
      hosts.set(hostname, keys.self)
      const host: PodHost = {
        pod: await start(state),
        hostname,
        person,
        keys,
        state,
        hpkeKey: hpke.publicKey,
        hpke,
        async restart(on = state) {
          await network.unplug(keys.self)
          pods.delete(host.pod)
          await host.pod[Symbol.asyncDispose]()
          network.plug(keys.self)
          host.pod = await start(on)
        },
        async revive() {
          await network.unplug(keys.self)
          pods.delete(host.pod)
          void host.pod[Symbol.asyncDispose]()
          network.plug(keys.self)
          host.pod = await start(state)
        }
      }
      return host
    },
    move: (hostname, peer) => void hosts.set(hostname, peer),
    hush: (hostname, code = 'POD_UNREACHABLE') => void hushed.set(hostname, code),
    device: async person =>
      deviceOf(person, makeDevice(random.bytes(32)), peerKeys(await makePeerKey())),
    async [Symbol.asyncDispose]() {
      for (const pod of pods) await pod[Symbol.asyncDispose]()
    }
  }
}

const findIn = (
  hosts: Map<string, string>,
  hushed: ReadonlyMap<string, ErrorCode>,
  vouched: Readonly<Record<string, string>>
) => ({
  async find(hostname: string) {
    const code = hushed.get(hostname)
    if (code) throw new MuttrError(code, 'no name server says where it is')
    const peer = hosts.get(hostname)
    if (peer === undefined) throw new MuttrError('POD_UNKNOWN', `${hostname} is unknown`)
    return { hostname, addresses: [`/p2p/${peer}`], fingerprint: vouched[hostname] }
  },
  moved: async ({ hostname }: { hostname: string }) =>
    hushed.has(hostname) ? [`/p2p/${hosts.get(hostname)}`] : []
})

/** A notice for an address, with random key and slip unless given, that expires in ten days. */
export const noticeFor = (
  address: Uint8Array,
  nowMs: number,
  given: Partial<NoticeBody> = {}
): NoticeBody => ({
  address,
  key: random.bytes(32),
  sizeBytes: 1_024,
  expiryMs: Math.ceil(nowMs / hourMs) * hourMs + 10 * dayMs,
  slip: random.bytes(900),
  ...given
})

export const sealNotice = (hpkeKey: Uint8Array, notice: NoticeBody): Promise<Uint8Array> =>
  hpkeSeal(hpkeKey, noticeInfo, encodeNotice(notice))

export interface Box {
  readonly all: { notice: Notice; how: 'push' | 'playback' }[]
  readonly take: (entries: Notice[], how: 'push' | 'playback') => Promise<void>
  /** Resolves when so many different keys are there. */
  has(count: number): Promise<void>
  keys(): string[]
}

/** What a client was handed. */
export function makeBox(): Box {
  const all: Box['all'] = []
  const waiting = new Set<{ count: number; resolve: () => void }>()
  const keys = () => [...new Set(all.map(({ notice }) => Buffer.from(notice.key).toString('hex')))]
  const settle = (): void => {
    for (const one of waiting)
      if (keys().length >= one.count) {
        waiting.delete(one)
        one.resolve()
      }
  }
  return {
    all,
    keys,
    async take(entries, how) {
      all.push(...entries.map(notice => ({ notice, how })))
      settle()
    },
    has(count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add({ count, resolve })
      settle()
      return promise
    }
  }
}

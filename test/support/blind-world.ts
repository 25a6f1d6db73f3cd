import { toHex, utf8 } from '../../src/base/bytes.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Log, Network, PeerId, Session } from '../../src/base/ports.ts'
import type { LocalClient } from '../../src/client/create-client.ts'
import { createClient } from '../../src/client/create-client.ts'
import { createEvents } from '../../src/client/events.ts'
import { openRequest } from '../../src/keys/blind.ts'
import { makeDevice } from '../../src/keys/device.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { WholeState } from '../../src/store/state.ts'
import { blindOpen, decodeBlindRequest } from '../../src/wire/blind.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import { aboutNode, person, quiet } from './client-world.ts'
import type { FakeDht } from './fake-dht.ts'
import { fakeDht } from './fake-dht.ts'
import { until } from './own-devices.ts'
import type { PodHost, PodWorld } from './pod-world.ts'
import { podWorld, random } from './pod-world.ts'
import type { Tap } from './session-pair.ts'
import { fakeNetwork } from './session-pair.ts'

export interface Somebody extends AsyncDisposable {
  readonly client: LocalClient
  readonly peer: string
  readonly pin: string
  readonly alias: string
  readonly events: MuttrEvent[]
  /** What this client itself asked of the network. */
  readonly read: { gets: number; releases: number }
  /** Keys of the records that it asked the network for. */
  readonly records: Uint8Array[]
  seen(type: MuttrEvent['type'], count?: number): Promise<void>
}

type Frame = Parameters<Tap>[0]

/** Real pods, and clients of people at them, around one network in memory; all that passes between them is kept. */
export interface BlindWorld extends AsyncDisposable {
  readonly pods: PodWorld
  readonly dht: FakeDht
  readonly frames: Frame[]
  /** How many requests wait for their answer. */
  underWay(): number
  host(hostname: string, limits?: Partial<PodLimits>): Promise<PodHost>
  join(name: string, hostname: string, o?: Joining): Promise<Somebody>
  /** Everything that a pod saw, or as a relay alone: frames to and from it, opened as far as it can; its tables; its log. */
  viewOf(host: PodHost, as?: 'relay' | 'both'): Promise<View>
}

interface Joining {
  isBlind?: boolean
  addresses?: 'account' | 'blind'
  canaryEveryMs?: number
}

/** Bytes and words in which something is looked for. */
interface View {
  has(what: Uint8Array | string): boolean
  /** What was asked of it blindly, as it could open it. */
  readonly asked: readonly string[]
}

/** @param bend where a peer may be made to lie to who opens a stream to it. */
export async function blindWorld(
  bend: (session: Session, self: PeerId) => Session = session => session
): Promise<BlindWorld> {
  const frames: Frame[] = []
  const straight = fakeNetwork(frame => frames.push(frame))
  const network: typeof straight = {
    ...straight,
    at(self) {
      const at = straight.at(self)
      const accept: typeof at.accept = (protocol, take) =>
        at.accept(protocol, session => take(bend(session, self)))
      return { ...at, accept }
    }
  }
  const pods = podWorld(undefined, network)
  const dht = fakeDht(pods.clock)
  const hosts = new Map<string, PodHost>()
  const logs = new Map<string, string[]>()
  const states = new Map<string, WholeState>()
  const people: Somebody[] = []

  return {
    ...{ pods, dht, frames, underWay: network.underWay },
    async host(hostname, limits = {}) {
      const lines: string[] = []
      const write = (message: string, fields?: object) =>
        void lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
      const log: Log = { debug: write, info: write, warn: write }
      const state = memoryState()
      const host = await pods.host({ hostname, limits, state, federation: 'open', log })
      host.pod.fetchAhead(dht)
      hosts.set(hostname, host)
      states.set(hostname, state)
      logs.set(hostname, lines)
      return host
    },
    async join(name, hostname, { isBlind = true, addresses = 'account', canaryEveryMs } = {}) {
      const keys = peerKeys(await makePeerKey())
      const self = await person(name)
      const events: MuttrEvent[] = []
      const read = { gets: 0, releases: 0 }
      const records: Uint8Array[] = []
      const at = network.at(keys.self)
      const rest: Omit<Network, keyof typeof at> = {
        contact: () => ({ peer: keys.self, addresses: [] }),
        isServer: () => false,
        request: () => Promise.reject(new Error('no hot path here')),
        serve: () => undefined,
        connected: () => [],
        isConnected: () => true,
        subnetOf: () => undefined,
        keepWarm: () => undefined
      }
      const client = await createClient({
        ...{ state: memoryState(), keys, person: self, certificate: self.certificate, isBlind },
        addresses,
        network: { ...rest, ...at },
        dht: {
          ...dht,
          getRecord(...asked) {
            records.push(asked[0])
            return dht.getRecord(...asked)
          },
          get(...asked) {
            read.gets += 1
            return dht.get(...asked)
          },
          release(...asked) {
            read.releases += 1
            return dht.release(...asked)
          }
        },
        device: makeDevice(random.bytes(32)),
        ...(canaryEveryMs !== undefined && { canaryEveryMs }),
        pods: [...hosts.values()].map(host => ({
          hostname: host.hostname,
          addresses: [`/p2p/${host.keys.self}`],
          fingerprint: host.person.certificate.fingerprint
        })),
        ...{ clock: pods.clock, random, log: quiet, requests: 'pull', strangersBy: 'direct' },
        events: createEvents(event => events.push(event)),
        about: aboutNode(hosts.size)
      })
      const alias = `${name}@${hostname}`
      const somebody: Somebody = {
        ...{ client, peer: keys.self, pin: self.certificate.pin, alias, events, read, records },
        seen: (type, count = 1) =>
          until(() => events.filter(event => event.type === type).length >= count),
        [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]()
      }
      people.push(somebody)
      await client.register(alias)
      await somebody.seen('listening')
      return somebody
    },
    async viewOf(host, as = 'both') {
      const seen: Uint8Array[] = []
      const asked: string[] = []
      for (const frame of frames.filter(f => [f.from, f.to].includes(host.keys.self))) {
        const isAsked = frame.method === podMethods.blindOpen && frame.to === host.keys.self
        if (isAsked && as === 'relay') continue
        seen.push(utf8(`${frame.from} ${frame.to} ${frame.method}`), frame.payload)
        if (frame.answer) seen.push(frame.answer)
        if (!isAsked) continue
        const { sealed } = blindOpen.decode(frame.payload)
        const { plaintext } = await openRequest(host.hpke.secret, sealed)
        if (frame.answer) asked.push(decodeBlindRequest(plaintext).method)
        seen.push(plaintext)
      }
      for await (const item of states.get(host.hostname)!.contents())
        if ('table' in item) seen.push(utf8(`${item.table} ${item.key}`), item.value)
        else if ('entry' in item) seen.push(utf8(item.log), item.entry)
      seen.push(...logs.get(host.hostname)!.map(line => utf8(line)))
      const all = Buffer.concat(seen.map(bytes => Buffer.from(bytes)))
      const text = all.toString('latin1')
      return {
        asked,
        has: what =>
          typeof what === 'string'
            ? text.includes(what)
            : all.includes(Buffer.from(what)) || text.includes(toHex(what))
      }
    },
    async [Symbol.asyncDispose]() {
      for (const somebody of people) await somebody[Symbol.asyncDispose]()
      await pods[Symbol.asyncDispose]()
    }
  }
}

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { MuttrError } from '../../src/base/errors.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import type { Log, Network, PeerEvent, PeerKeys } from '../../src/base/ports.ts'
import type { SpoolCaps } from '../../src/client/attachments/room.ts'
import type { SentLetter } from '../../src/client/client.ts'
import type { LocalClient } from '../../src/client/create-client.ts'
import { createClient } from '../../src/client/create-client.ts'
import { createEvents } from '../../src/client/events.ts'
import type { FoundPods } from '../../src/client/found-pods.ts'
import type { NoticesBy } from '../../src/client/passing.ts'
import type { openPodLink } from '../../src/client/pod-link.ts'
import type { ReceiptsTo } from '../../src/client/release.ts'
import type { Policy } from '../../src/client/requests/request.ts'
import { makeDevice, verifyDevice } from '../../src/keys/device.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { Spool } from '../../src/store/spool.ts'
import { memorySpool } from '../../src/store/spool.ts'
import type { State } from '../../src/store/state.ts'
import { keyOfPeer } from '../../src/wire/contact.ts'
import type { FakeClock } from './fake-clock.ts'
import { fakeClock } from './fake-clock.ts'
import type { FakeDht } from './fake-dht.ts'
import { fakeDht } from './fake-dht.ts'
import type { FakePod } from './fake-pod.ts'
import { fakePod } from './fake-pod.ts'
import { openFakeLink } from './fake-pod-link.ts'

export const quiet: Log = { debug() {}, info() {}, warn() {} }
export const dice = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }
/** For a spool in memory. */
const smallCaps: SpoolCaps = { outBytes: 2 ** 26, inBytes: 2 ** 26, reserveBytes: 0 }
export const clientStartMs = Date.UTC(2026, 0, 1)

const persons = new Map<string, Promise<Person>>()
/** Made once for each name and test run. */
export function person(name: string): Promise<Person> {
  const made = persons.get(name) ?? makePerson({ name, nowMs: clientStartMs - 3_600_000 })
  persons.set(name, made)
  return made
}

/** A disk that a process loses when it is killed: its calls never come back. */
function mortal(state: State): { state: State; kill: () => void } {
  let killed = false
  const forever = new Promise<never>(() => undefined)
  const living =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (killed) return forever
      const result = await call(...args)
      return killed ? forever : result
    }
  return {
    kill: () => {
      killed = true
    },
    state: {
      get: living((table, key) => state.get(table, key)),
      list: living((table, range) => state.list(table, range)),
      write: living(changes => state.write(changes)),
      page: living((log, after, limit) => state.page(log, after, limit)),
      rows: () => state.rows(),
      watch: (log, wake) => state.watch(log, wake),
      [Symbol.asyncDispose]: async () => undefined
    }
  }
}

export interface Tester {
  client: LocalClient
  readonly state: State
  /** As the vault has it. */
  readonly person: Person
  readonly events: MuttrEvent[]
  /** As muttr.json says at the next start. */
  publishAliases: boolean
  /** Called at the very moment of an event. */
  at: (event: MuttrEvent) => void
  /** The next (or an earlier) event of a type that fits. */
  seen<T extends MuttrEvent['type']>(
    type: T,
    fits?: (event: Extract<MuttrEvent, { type: T }>) => boolean
  ): Promise<Extract<MuttrEvent, { type: T }>>
  /** A letter it sent, as `muttr sent` shows it now. */
  sent(id: string): Promise<SentLetter>
  /** Ends the client and starts it again on the same state. */
  restart(options?: { locked?: boolean }): Promise<void>
  /** From now on nothing the client does reaches its disk, as if it were killed. */
  kill(): void
  /** Starts a client on what the killed one left. */
  revive(options?: { locked?: boolean }): Promise<void>
  /** Peers come and go. */
  peer(event: PeerEvent['type']): void
}

/** What only nodes know. */
export const aboutNode = (others: number): Parameters<typeof createClient>[0]['about'] => ({
  network: 'test',
  name: null,
  hosts: null,
  others,
  known: () => 3,
  usage: () => ({ blobs: 0, bytes: 0, capBytes: 1 }),
  linkTo: ({ alias, pod, fingerprint }) => `muttr:${alias} ${pod} ${fingerprint}`,
  node: () => ({
    profile: 'full',
    connections: { open: 1, max: 100 },
    reach: { how: 'direct', reason: 'asked nobody' },
    relaying: null,
    door: null,
    traffic: { inBytes: 0, outBytes: 0, upBytesPerSecond: null, downBytesPerSecond: null },
    admission: { priceFactor: 1, refusals: {}, evicted: 0, networkSize: null },
    repair: {
      sweeps: 0,
      checked: 0,
      pushed: 0,
      pushedBytes: 0,
      dropped: 0,
      lastSweepMs: null,
      waiting: 0
    },
    asked: { lookups: {}, pings: {}, unanswered: {}, forwards: {}, astray: {} }
  })
})

/** Some people's clients around one network and its pods; time stands still until told. */
export class ClientWorld implements AsyncDisposable {
  readonly clock: FakeClock = fakeClock(clientStartMs)
  readonly dht: FakeDht = fakeDht(this.clock)
  readonly pods = new Map<string, FakePod>()
  readonly #testers: Tester[] = []

  static async make(hostnames: readonly string[] = ['one.test']): Promise<ClientWorld> {
    const world = new ClientWorld()
    for (const hostname of hostnames)
      world.pods.set(
        hostname,
        await fakePod({
          hostname,
          others: world.pods,
          person: await person(hostname),
          clock: world.clock,
          random: dice
        })
      )
    return world
  }

  pod(hostname = 'one.test'): FakePod {
    return this.pods.get(hostname)!
  }

  /** Somebody with an alias, connected and listening, unless told otherwise. */
  async join(
    name: string,
    {
      hostname = 'one.test',
      state = memoryState(),
      who = name,
      register = true,
      checks = [],
      vouched = {},
      publishAliases = false,
      requests = 'pull',
      receipts = 'contacts',
      subkeyEveryMs = null,
      spool = memorySpool(),
      spoolCaps = smallCaps,
      canaryEveryMs = null,
      aheadBytes = 0,
      alongBytes = 0,
      noticesBy = 'own-pod',
      networkBackup,
      found,
      openLink
    }: {
      hostname?: string
      state?: State
      who?: string
      register?: boolean
      checks?: Parameters<typeof createClient>[0]['checks'] & {}
      vouched?: Record<string, string>
      publishAliases?: boolean
      requests?: Policy
      receipts?: ReceiptsTo
      subkeyEveryMs?: number | null
      spool?: Spool
      spoolCaps?: SpoolCaps
      canaryEveryMs?: number | null
      aheadBytes?: number
      alongBytes?: number
      noticesBy?: NoticesBy
      networkBackup?: Parameters<typeof createClient>[0]['networkBackup']
      /** All pods but `one.test` are found so, and stand in no file. */
      found?: FoundPods | undefined
      /** To other pods than those of this world. */
      openLink?: typeof openPodLink
    } = {}
  ): Promise<Tester> {
    const tester = await this.#tester(await person(who), state, {
      checks,
      vouched,
      publishAliases,
      requests,
      receipts,
      subkeyEveryMs,
      spool,
      spoolCaps,
      canaryEveryMs,
      aheadBytes,
      alongBytes,
      noticesBy,
      ...(networkBackup && { networkBackup }),
      ...(found && { found }),
      ...(openLink && { openLink })
    })
    if (register) {
      await tester.client.register(`${name}@${hostname}`)
      await tester.seen('listening')
    }
    return tester
  }

  /** Somebody on another machine, with what a backup brought. */
  rejoin(self: Person, state: State, how: { requests?: Policy } = {}): Promise<Tester> {
    const usual = { publishAliases: false, requests: 'pull' as const, spoolCaps: smallCaps }
    return this.#tester(self, state, { ...usual, ...how })
  }

  async #tester(
    self: Person,
    state: State,
    more: Pick<
      Parameters<typeof createClient>[0],
      | 'checks'
      | 'vouched'
      | 'requests'
      | 'receipts'
      | 'subkeyEveryMs'
      | 'spool'
      | 'spoolCaps'
      | 'canaryEveryMs'
      | 'aheadBytes'
      | 'alongBytes'
      | 'noticesBy'
      | 'networkBackup'
      | 'found'
      | 'openLink'
    > & {
      publishAliases: boolean
    }
  ): Promise<Tester> {
    const events: MuttrEvent[] = []
    const wakes = new Set<() => void>()
    const listeners = new Set<(event: PeerEvent) => void>()
    const device = makeDevice(dice.bytes(32))
    const peer = `peer-${self.certificate.fingerprint}-${this.#testers.length}`
    let disk = mortal(state)
    let vault = self
    const make = (locked: boolean) =>
      createClient({
        dht: this.dht,
        network: this.#network(peer, listeners),
        state: disk.state,
        keys: {
          self: 'x',
          sign: () => new Uint8Array(64),
          verify: (peer, bytes, signature) => verifyDevice(keyOfPeer(peer)!, bytes, signature)
        } satisfies PeerKeys,
        person: locked ? null : vault,
        certificate: vault.certificate,
        savePerson: async saved => {
          vault = saved
        },
        device,
        pods: [...this.pods.keys()]
          .filter(hostname => !more.found || hostname === 'one.test')
          .map(hostname => ({ hostname, addresses: [hostname] })),
        clock: this.clock,
        random: dice,
        log: quiet,
        events: createEvents(event => {
          events.push(event)
          tester.at(event)
          for (const wake of wakes) wake()
        }),
        about: aboutNode(this.pods.size),
        ...more,
        publishAliases: tester.publishAliases,
        openLink: more.openLink ?? openFakeLink(this.pods)
      })
    const tester: Tester = {
      client: undefined as never,
      at: () => undefined,
      state,
      get person() {
        return vault
      },
      events,
      publishAliases: more.publishAliases,
      async seen(type, fits = () => true) {
        for (let from = 0; ; ) {
          for (; from < events.length; from++) {
            const event = events[from]!
            if (event.type === type && fits(event as never)) return event as never
          }
          const { promise, resolve } = Promise.withResolvers<void>()
          wakes.add(resolve)
          await promise
          wakes.delete(resolve)
        }
      },
      async sent(id) {
        const found = (await this.client.sent()).find(letter => letter.id === id)
        assert(found)
        return found
      },
      async restart({ locked = false } = {}) {
        await tester.client[Symbol.asyncDispose]()
        events.length = 0
        tester.client = await make(locked)
      },
      kill: () => disk.kill(),
      async revive({ locked = false } = {}) {
        disk.kill()
        void this.client[Symbol.asyncDispose]()
        disk = mortal(state)
        events.length = 0
        tester.client = await make(locked)
      },
      peer(type) {
        const contact = { peer: 'somebody', addresses: [] }
        for (const listener of listeners) listener({ type, contact, server: true })
      }
    }
    tester.client = await make(false)
    this.#testers.push(tester)
    return tester
  }

  #network(self: string, listeners: Set<(event: PeerEvent) => void>): Network {
    const no = (): never => {
      throw new MuttrError('PEER_UNREACHABLE', 'there is no wire here')
    }
    let connected = false
    return {
      self,
      contact: () => ({ peer: self, addresses: [] }),
      request: async () => no(),
      serve: no,
      open: async () => no(),
      accept: () => undefined,
      dial: async address => ({ peer: address, addresses: [address] }),
      connected: () =>
        connected ? [{ contact: { peer: 'somebody', addresses: [] }, server: true }] : [],
      isConnected: () => connected,
      subnetOf: () => undefined,
      onPeer(listener) {
        const told = (event: PeerEvent) => {
          connected = event.type === 'connected'
          listener(event)
        }
        listeners.add(told)
        return { [Symbol.dispose]: () => void listeners.delete(told) }
      },
      keepWarm: () => undefined,
      isServer: () => false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#testers.map(({ client }) => client[Symbol.asyncDispose]()))
  }
}

/** Time passes while their computers are off. */
export async function away(world: ClientWorld, testers: Tester[], ms: number): Promise<void> {
  for (const { client } of testers) await client[Symbol.asyncDispose]()
  world.clock.advance(ms)
}

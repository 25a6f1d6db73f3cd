import type { MuttrEvent } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import { openCloset } from '../../client/closet.ts'
import type { LocalClient } from '../../client/create-client.ts'
import { createClient } from '../../client/create-client.ts'
import { noJournal } from '../../client/devices/journal.ts'
import { createEvents } from '../../client/events.ts'
import { Conversations } from '../../client/mailbox/conversations.ts'
import { createSentStore } from '../../client/sent-store.ts'
import type { Device } from '../../keys/device.ts'
import { makeDevice } from '../../keys/device.ts'
import type { Person } from '../../keys/person.ts'
import type { PodPlace } from '../../pod/place.ts'
import type { SeedNode } from '../../seed/seed.ts'
import type { StandInCrypto } from '../../sim/crypto.ts'
import { Dice } from '../../sim/dice.ts'
import { silentLog } from '../../sim/network.ts'
import type { World } from '../../sim/world.ts'
import { memoryState } from '../../store/memory.ts'
import type { State } from '../../store/state.ts'
import type { Member } from '../full/population.ts'
import type { Mortal } from './mortal.ts'
import { mortal } from './mortal.ts'

/** After a registration that failed. */
const againMs: Millis = 10_000

interface Parts {
  world: World
  crypto: StandInCrypto
  seed: number
  index: number
  member: Member
  /** All pods; the person's own is `hostname`. */
  places(): readonly PodPlace[]
  hostname: string
  connectionsMax: number
  addresses: 'account' | 'blind'
  onEvent(event: MuttrEvent, client: LocalClient): void
  /** The client runs, or does no longer. */
  onPresence(): void
}

/** Somebody with a client on a node that comes and goes; what the client keeps stays. */
export class Resident {
  readonly index: number
  readonly alias: string
  readonly hostname: string
  /** The alias is registered. */
  readonly ready: Promise<void>
  /** As on the disk; it may be damaged by who wants to see what comes of it. */
  readonly state: State = memoryState()
  /** Where the person lives now; undefined when its last node died for good. */
  member: Member | undefined
  readonly #p: Parts
  readonly #dice: Dice
  readonly #person: Person
  readonly #device: Device
  readonly #registered = Promise.withResolvers<void>()
  /** To be done as soon as the client runs. */
  #todo: ((client: LocalClient) => void)[] = []
  #isRegistered = false
  #process: Mortal | undefined
  #client: LocalClient | undefined

  constructor(parts: Parts) {
    const { world, crypto, seed, index, member, hostname } = parts
    this.#p = parts
    this.index = index
    this.hostname = hostname
    this.member = member
    this.alias = `person-${index}@${hostname}`
    this.ready = this.#registered.promise
    this.#dice = new Dice(seed, `person ${index}`)
    const key = this.#dice.bytes(32)
    this.#person = crypto.makePerson({ name: `person ${index}`, key, nowMs: world.nowMs })
    this.#device = makeDevice(this.#dice.bytes(32))
  }

  get isUp(): boolean {
    return this.#client !== undefined
  }

  /** Now, or when the client runs again. */
  do(work: (client: LocalClient) => void): void {
    if (this.#client && this.#isRegistered) work(this.#client)
    else this.#todo.push(work)
  }

  /** How a letter of theirs stands, as their disk says; undefined when it is not there. */
  async stageOf(id: string): Promise<string | undefined> {
    const { crypto, seed, world } = this.#p
    const random = new Dice(seed, `look at person ${this.index}`)
    const parts = { state: this.state, person: this.#person, random, crypto }
    const closet = await openCloset({ ...parts, nowMs: world.nowMs })
    const log = silentLog
    const conversations = new Conversations({
      state: this.state,
      log,
      letter: async () => undefined
    })
    const store = createSentStore({
      ...{ state: this.state, log, conversations, journal: noJournal },
      closet: () => closet
    })
    return (await store.find(id))?.stage
  }

  async start(): Promise<void> {
    const { member } = this
    const { world, crypto } = this.#p
    if (!member?.seed || this.#process?.alive) return
    const { node, seed } = member
    const process = mortal({ clock: world.clock, network: node, state: this.state })
    this.#process = process
    const { clock, network, state } = process
    const events = createEvents(event => {
      if (process.alive && this.#client) this.#p.onEvent(event, this.#client)
    })
    const client = await createClient({
      ...{ dht: seed.dht, network, clock, state, crypto, events, keys: node.keys },
      ...{ person: this.#person, certificate: this.#person.certificate, device: this.#device },
      ...{ pods: this.#p.places(), random: this.#dice, log: silentLog },
      // Nobody sits there to be asked.
      requests: 'pull',
      // Its pods pass nothing on.
      noticesBy: 'direct',
      addresses: this.#p.addresses,
      about: this.#about(seed, member)
    })
    if (!process.alive) return
    this.#client = client
    this.#p.onPresence()
    if (this.#isRegistered) this.#flush(client)
    else this.#register(process, client)
  }

  /** The machine falls silent. */
  stop(): void {
    this.#process?.kill()
    this.#process = undefined
    this.#client = undefined
    this.#p.onPresence()
  }

  #register(process: Mortal, client: LocalClient): void {
    client.register(this.alias).then(
      () => {
        if (!process.alive) return
        this.#isRegistered = true
        this.#registered.resolve()
        this.#flush(client)
      },
      () => process.clock.after(againMs, () => this.#register(process, client))
    )
  }

  #flush(client: LocalClient): void {
    const todo = this.#todo
    this.#todo = []
    for (const work of todo) work(client)
  }

  #about(seed: SeedNode, { store, node }: Member) {
    const reach = { how: node.server ? 'direct' : 'none', reason: 'simulated' } as const
    const caps = { upBytesPerSecond: null, downBytesPerSecond: null }
    return {
      network: 'simulated',
      name: null,
      hosts: null,
      others: this.#p.places().length,
      known: () => seed.table.size,
      usage: () => store.usage(),
      linkTo: ({ alias }: { alias: string }) => `muttr:${alias}`,
      node: () => ({
        profile: 'full' as const,
        connections: { open: node.connected().length, max: this.#p.connectionsMax },
        reach,
        relaying: null,
        door: null,
        traffic: { inBytes: 0, outBytes: 0, ...caps },
        admission: seed.admission.status(),
        repair: seed.repair.status(),
        asked: seed.asked()
      })
    }
  }
}

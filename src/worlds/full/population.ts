import type { Contact, Millis, PeerId, Place } from '../../base/ports.ts'
import type { DhtOptions } from '../../seed/dht.ts'
import type { SeedNode } from '../../seed/seed.ts'
import type { UserOf } from '../../seed/serve-via.ts'
import { Dice } from '../../sim/dice.ts'
import type { Places } from '../../sim/keys.ts'
import type { VirtualNetwork } from '../../sim/network.ts'
import { silentLog } from '../../sim/network.ts'
import type { VirtualNode } from '../../sim/node.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { instantStamper, standInNumber } from '../../sim/stamper.ts'
import type { World } from '../../sim/world.ts'
import { memoryStore } from '../../store/memory.ts'
import type { SeedStore } from '../../store/store.ts'
import type { CreateSeed } from '../runs/variant.ts'
import { defences } from './defences.ts'
import { VirtualDisk } from './disk.ts'
import type { Errands } from './figures.ts'
import { addErrands } from './figures.ts'
import type { Foes } from './foes.ts'
import type { Holdings } from './holdings.ts'
import { planLife } from './lives.ts'
import type { Observers } from './observers.ts'
import { lookingMsOf, repairOf } from './parameters.ts'
import type { Past } from './past.ts'
import { know, pastsOf, toldOf, touch } from './past.ts'
import type { Replay } from './recorded.ts'
import { replayOf } from './recorded.ts'
import type { Role } from './roles.ts'
import { Roles } from './roles.ts'

const hourMs: Millis = 3_600_000
/** After one has joined, before the next one comes. */
const turnMs: Millis = 1_000
/** Whom a node asks that joins, beside whom it remembers. */
const bootstraps = 3
const remembered = 20

/** A node of the population, with what it keeps while it is away. */
export interface Member extends Role {
  readonly index: number
  readonly node: VirtualNode
  readonly store: SeedStore
  /** What it stores on, where that can be damaged. */
  readonly disk: VirtualDisk | undefined
  readonly dice: Dice
  /** In server mode: it holds what others put. */
  readonly isServer: boolean
  readonly bornMs: Millis
  /** While it is online. */
  seed: SeedNode | undefined
  /** It has looked around since it came. */
  joined: boolean
  known: readonly Contact[]
  /** A pod's: it neither goes nor dies by itself. */
  readonly stays: boolean
  /** For whom its seed passes requests on. */
  relayFor?: UserOf
}

/** Told of each node at the moment that it happens. */
export interface Follower {
  /** It is online; nobody has heard of it yet. */
  opened(member: Member): void
  /** It has looked around. */
  joined(member: Member): void
  /** It falls silent. */
  left(member: Member): void
  /** For good. @param born comes in its place. */
  died(member: Member, born: Member | undefined): void
}

interface Parts {
  world: World
  net: VirtualNetwork
  scenario: Scenario
  seed: number
  holdings: Holdings
  createSeed: CreateSeed
  places: Places
  foes: Foes
  observers: Observers
}

/** Who takes part: comes, goes away, comes back with its store, dies and is replaced. */
export class Population {
  /** Online or away. */
  readonly members = new Set<Member>()
  /** In no order that means anything, but in the same in each run. */
  readonly online: Member[] = []
  /** Of everybody who ever was here: tables name the dead for a while. */
  readonly numbers = new Map<PeerId, number>()
  /** Blobs' bytes on nodes that went for good. */
  diedBytes = 0
  readonly #p: Parts
  readonly #stamper = instantStamper()
  readonly #life: Dice
  readonly #pick: Dice
  readonly #at = new Map<Member, number>()
  readonly #roles: Roles
  readonly #relays: Member[] = []
  #pushedBytes = 0
  /** Of seeds that left. */
  readonly #errands = new Map<string, number>()
  /** Requests of honest ones that died. */
  #sentByDead = 0
  /** Of those online, and the time that they were so. */
  #honest = 0
  #honestMs = 0
  /** Time that nodes were online, up to when it was last looked at. */
  #onlineMs = 0
  #countedMs: Millis
  #made = 0
  #zeroMs: Millis = 0
  #follower: Follower | undefined
  readonly #replay: Replay | undefined

  constructor(parts: Parts) {
    this.#p = parts
    this.#replay = replayOf(parts)
    this.#life = parts.world.dice('life')
    this.#pick = parts.world.dice('pick')
    this.#countedMs = parts.world.nowMs
    this.#roles = new Roles(parts.world, parts.scenario)
  }

  /** Before it starts. */
  follow(follower: Follower): void {
    this.#follower = follower
  }

  /** All come, and look around once more when they know each other; resolves when all have. */
  async start(): Promise<void> {
    const { world, scenario, places } = this.#p
    const { nodes, population } = scenario
    const pods = scenario.people?.pods.count ?? 0
    const born = Array.from({ length: nodes + pods }, (_, i) =>
      this.#bear(this.#roles.ofFirst(i), { stays: i >= nodes })
    )
    const all = born.filter(m => m.stays || (this.#replay?.isThere(m.index, 0) ?? true))
    const dice = world.dice('tables')
    const lookups: Past['lookupAgesMs'][] = []
    if (population.begins === 'joining') await this.#joinInTurn(all)
    else {
      const seeds = all.map(({ node, isServer }) => ({ contact: node.contact(), isServer }))
      for (const past of pastsOf(seeds, { ...scenario, placeOf: places.placeOf, dice })) {
        this.#open(all[lookups.length]!, past)
        lookups.push(past.lookupAgesMs)
      }
    }
    const joins = all.map((member, i) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const join = () => void this.#join(member, [], lookups[i]).then(resolve)
      world.after(dice.below(lookingMsOf(scenario)), join)
      return promise
    })
    await Promise.all(joins)
  }

  async #joinInTurn(all: readonly Member[]): Promise<void> {
    for (const member of all) {
      await this.come(member)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#p.world.after(turnMs, resolve)
      await promise
    }
  }

  /** They go and come. Who is away at hour zero leaves now. */
  begin(zeroMs: Millis): void {
    this.#zeroMs = zeroMs
    for (const member of [...this.members]) if (!member.stays) this.#live(member, true)
  }

  /** One of the honest ones online; undefined when there is none. */
  any(dice: Dice): Member | undefined {
    if (this.#honest === 0) return undefined
    for (;;) {
      const member = this.online[dice.below(this.online.length)]!
      if (!member.isHostile) return member
    }
  }

  /** The relay that it asks through, where there are any. */
  viaOf({ index }: Member): DhtOptions | undefined {
    const relay = this.#relays[index % this.#relays.length]
    return relay && { via: relay.node.contact() }
  }

  /** Hostile, with an id that somebody minted. It needs to know nobody but those it works with. */
  recruit(place: Place): Member {
    const role = this.#roles.of({ isHostile: true, isRelay: false })
    const member = this.#bear(role, { place })
    this.#open(member)
    member.joined = true
    return member
  }

  /** What repair pushed, by all nodes since the start. */
  get pushedBytes(): number {
    let bytes = this.#pushedBytes
    for (const { seed } of this.online) bytes += seed!.repair.status().pushedBytes
    return bytes
  }

  /** Of all nodes since the start. */
  errands(): Errands {
    const sum = new Map(this.#errands)
    for (const { seed } of this.online) addErrands(sum, seed!.asked())
    return sum
  }

  /** Since the start, over all nodes. */
  get onlineHours(): number {
    this.#countOnline()
    return this.#onlineMs / hourMs
  }

  /** As {@link onlineHours}, of the honest ones. */
  get honestHours(): number {
    this.#countOnline()
    return this.#honestMs / hourMs
  }

  /** Requests of honest nodes since the start. */
  get honestSent(): number {
    let sent = this.#sentByDead
    for (const { node, isHostile } of this.members) if (!isHostile) sent += sentBy(node)
    return sent
  }

  /** Gone for good, with its store. */
  die(member: Member, { replaced }: { replaced: boolean }): void {
    if (!this.members.delete(member)) return
    this.leave(member)
    this.#p.net.forget(member.node)
    this.#p.world.note('die', member.index)
    this.diedBytes += this.#p.holdings.died(member.index, 'died with its copy')
    if (!member.isHostile) this.#sentByDead += sentBy(member.node)
    const born = replaced ? this.#bear(this.#roles.of(member)) : undefined
    this.#follower?.died(member, born)
    if (!born) return
    void this.come(born)
    this.#live(born, false)
  }

  leave(member: Member): void {
    const { seed } = member
    if (!seed) return
    this.#follower?.left(member)
    this.#countOnline()
    member.known = seed.table.contacts().slice(0, remembered)
    this.#pushedBytes += seed.repair.status().pushedBytes
    addErrands(this.#errands, seed.asked())
    member.seed = undefined
    member.joined = false
    const at = this.#at.get(member)!
    const last = this.online.pop()!
    if (last !== member) {
      this.online[at] = last
      this.#at.set(last, at)
    }
    this.#at.delete(member)
    if (!member.isHostile) this.#honest -= 1
    member.node.kill()
    void seed[Symbol.asyncDispose]()
    this.#p.world.note('leave', member.index)
  }

  async come(member: Member): Promise<void> {
    if (member.seed || !this.members.has(member)) return
    const contacts = [...member.known, ...this.#bootstraps()]
    this.#open(member)
    await this.#join(member, contacts)
  }

  #open(member: Member, past?: Past): void {
    this.#countOnline()
    member.node.revive()
    this.#follower?.opened(member)
    member.seed = this.#makeSeed(member, past)
    if (past) know(member.seed.table, past.known, member.clock.now())
    this.#at.set(member, this.online.push(member) - 1)
    if (!member.isHostile) this.#honest += 1
    this.#p.foes.opened(member)
    this.#p.observers.opened(member)
    this.#p.world.note('come', member.index)
  }

  async #join(
    member: Member,
    contacts: readonly Contact[],
    lookupAgesMs: Past['lookupAgesMs'] = []
  ): Promise<void> {
    const { seed } = member
    try {
      await seed!.join(contacts)
    } catch {
      return // it left before it had looked around
    }
    if (member.seed !== seed || member.joined) return
    member.joined = true
    touch(seed!.table, lookupAgesMs, member.clock.now())
    this.#follower?.joined(member)
  }

  #countOnline(): void {
    const { nowMs } = this.#p.world
    this.#onlineMs += (nowMs - this.#countedMs) * this.online.length
    this.#honestMs += (nowMs - this.#countedMs) * this.#honest
    this.#countedMs = nowMs
  }

  /** Seeds, as a network file names them: a client could lead nobody in. */
  #bootstraps(): Contact[] {
    const out = new Map<number, Contact>()
    if (!this.online.some(({ isServer, isHostile }) => isServer && !isHostile)) return []
    for (let i = 0; i < bootstraps; i++) {
      let one = this.any(this.#pick)!
      while (!one.isServer) one = this.any(this.#pick)!
      out.set(one.index, one.node.contact())
    }
    return [...out.values()]
  }

  #bear(role: Role, { place, stays = false }: { place?: Place; stays?: boolean } = {}): Member {
    const { net, scenario, seed, holdings, world, places } = this.#p
    const index = this.#made++
    const isOpen = this.#life.next() >= scenario.network.natShare
    // The first can be dialled, or nobody could join.
    const isServer = isOpen || index === 0 || role.isHostile || role.isRelay || stays
    const node = net.add({ server: isServer })
    this.numbers.set(node.self, index)
    if (place) places.mint(node.self, place)
    const disk = scenario.disks ? new VirtualDisk(scenario.disks.capBytes) : undefined
    const { clock } = role
    const store = holdings.watch(disk?.store ?? memoryStore(), index, { disk, clock })
    const dice = new Dice(seed, `node ${index}`)
    const state = { seed: undefined, joined: false, known: [] }
    const bornMs = world.nowMs
    const own = { index, node, store, disk, dice, isServer, bornMs, stays }
    const member: Member = { ...role, ...own, ...state }
    // Whose device a peer is, a pod knows; here each node is a user of its own.
    if (role.isRelay) member.relayFor = async peer => peer
    this.members.add(member)
    if (member.isRelay) this.#relays.push(member)
    return member
  }

  #makeSeed({ node, store, dice, isServer, relayFor, clock }: Member, past?: Past): SeedNode {
    const { scenario, createSeed } = this.#p
    const { replicas, quorum, k, alpha, reach, defences: left } = scenario.parameters
    return createSeed({
      network: node,
      clock,
      random: dice,
      log: silentLog,
      keys: node.keys,
      store,
      placeOf: this.#p.places.placeOf,
      stamper: this.#stamper,
      stampNumber: standInNumber,
      mode: isServer ? 'server' : 'client',
      parameters: { replicas, quorum, k, alpha, ...defences[left] },
      reach,
      ...(relayFor && { relayFor }),
      repair: repairOf(scenario.parameters),
      ...(past && toldOf(past, clock.now()))
    })
  }

  #live(member: Member, isOld: boolean): void {
    const { world, scenario } = this.#p
    if (member.isHostile || member.isRelay) return
    const life = {
      come: () => void this.come(member),
      leave: () => this.leave(member),
      die: () => this.die(member, { replaced: true }),
      lives: () => this.members.has(member)
    }
    if (this.#replay) this.#replay.follow(member.index, life)
    else
      planLife(
        { world, population: scenario.population, dice: this.#life, zeroMs: this.#zeroMs },
        isOld,
        life
      )
  }
}

function sentBy({ sent }: VirtualNode): number {
  let all = 0
  for (const requests of sent.values()) all += requests
  return all
}

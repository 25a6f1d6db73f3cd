import { codeOf } from '../../base/errors.ts'
import type { MuttrEvent } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import type { LocalClient } from '../../client/create-client.ts'
import type { StandInCrypto } from '../../sim/crypto.ts'
import { standInCrypto } from '../../sim/crypto.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import type { Follower, Member, Population } from '../full/population.ts'
import type { Plan } from './correspondence.ts'
import { draftOf, planLetters } from './correspondence.ts'
import { Resident } from './person.ts'
import { PodHosts } from './pod-hosts.ts'
import type { Posted } from './post.ts'
import { Post } from './post.ts'
import { Presence } from './presence.ts'

const hourMs: Millis = 3_600_000

interface Parts {
  world: World
  scenario: Scenario
  people: NonNullable<Scenario['people']>
  population: Population
  seed: number
}

/** Pods, and people with clients on the population's nodes, who write to each other: all of it the code that ships. */
export class People implements Follower {
  readonly post: Post
  readonly pods: PodHosts
  readonly crypto: StandInCrypto = standInCrypto()
  /** By their numbers. */
  readonly residents: Resident[] = []
  readonly #p: Parts
  readonly #byMember = new Map<Member, Resident>()
  readonly #presence = new Presence()
  #zeroMs: Millis = 0
  #cryptoMsAtStart: Millis = 0

  constructor(parts: Parts) {
    const { world, people, population, seed } = parts
    const { count, lying } = people.pods
    this.#p = parts
    this.pods = new PodHosts({
      ...{ world, crypto: this.crypto, seed, count, lying },
      isFederated: people.addresses === 'blind'
    })
    this.post = new Post({
      world,
      presence: this.#presence,
      liesTo: person => this.#podOf(person)?.lie !== undefined
    })
    population.follow(this)
  }

  /** Resolves when everybody has an alias. */
  async start(): Promise<void> {
    await Promise.all(this.residents.filter(({ isUp }) => isUp).map(({ ready }) => ready))
  }

  /** From now on they write, and pods go down as the faults say. */
  begin(): void {
    const { world, people, scenario, population } = this.#p
    this.#zeroMs = world.nowMs
    this.#cryptoMsAtStart = this.crypto.costMs
    planLetters(world, people.count, people.letters, plan => this.write(plan))
    for (const fault of scenario.faults) {
      if (fault.type === 'partition')
        for (const atHours of [fault.atHours, fault.atHours + fault.hours])
          world.after(atHours * hourMs, () => this.#presence.cut(world.nowMs))
      if (fault.type !== 'pod-outage') continue
      world.after(fault.atHours * hourMs, () => {
        const down = this.pods.all.slice(0, fault.pods)
        for (const { member } of down) population.leave(member)
        world.after(fault.hours * hourMs, () => {
          for (const { member } of down) void population.come(member)
        })
      })
    }
  }

  /** Since hour zero. */
  hoursAt(atMs: Millis): number {
    return (atMs - this.#zeroMs) / hourMs
  }

  /** What keys had cost by hour zero. */
  get cryptoMsAtStart(): Millis {
    return this.#cryptoMsAtStart
  }

  /** At the end: what is still under way is on its writer's disk. */
  async close(): Promise<void> {
    for (const posted of this.post.waiting) {
      if (posted.askedBackMs !== undefined) continue
      this.post.judgeKept(posted, await this.residents[posted.plan.from]!.stageOf(posted.id))
    }
  }

  opened(member: Member): void {
    if (member.stays) {
      this.pods.opened(member)
      this.#look()
    } else if (!this.#byMember.has(member) && this.residents.length < this.#p.people.count)
      this.#settle(member)
  }

  joined(member: Member): void {
    void this.#byMember.get(member)?.start()
  }

  left(member: Member): void {
    if (member.stays) {
      this.pods.left(member)
      this.#look()
    }
    this.#byMember.get(member)?.stop()
  }

  /** Whoever lived there takes a copy of the home to the node that comes instead, or is gone with it. */
  died(member: Member, born: Member | undefined): void {
    const resident = this.#byMember.get(member)
    if (!resident) return
    this.#byMember.delete(member)
    resident.member = born
    if (born) this.#byMember.set(born, resident)
  }

  #settle(member: Member): void {
    const { world, people, scenario, seed } = this.#p
    const index = this.residents.length
    const resident: Resident = new Resident({
      ...{ world, crypto: this.crypto, seed, index, member },
      hostname: `pod-${index % people.pods.count}.test`,
      places: () => this.pods.all.map(({ place }) => place),
      connectionsMax: scenario.parameters.connections,
      addresses: people.addresses ?? 'account',
      onEvent: (event, client) => this.#heard(resident, event, client),
      onPresence: () => this.#lookAt(resident)
    })
    this.residents.push(resident)
    this.#byMember.set(member, resident)
  }

  #podOf(person: number) {
    return this.pods.all[person % this.#p.people.pods.count]
  }

  /** A pod came or went. */
  #look(): void {
    for (const resident of this.residents) this.#lookAt(resident)
  }

  #lookAt({ index, isUp }: Resident): void {
    const pod = this.#podOf(index)
    const isThere = isUp && pod?.member.node.alive === true
    this.#presence.set(index, isThere, this.#p.world.nowMs)
  }

  #heard({ index }: Resident, event: MuttrEvent, client: LocalClient): void {
    this.post.heard(index, event)
    if (event.type !== 'opened') return
    void client.read(event.letter).then(letter => this.post.opened(index, letter))
  }

  /** Now, or when its writer is back. */
  write(plan: Plan): void {
    const [from, to] = [this.residents[plan.from], this.residents[plan.to]]
    if (!from || !to) return
    from.do(client => {
      const posted = this.post.begun(plan)
      client.send(draftOf(plan, to.alias)).then(
        sent => {
          this.post.took(posted, sent)
          this.#askBack(from, posted)
        },
        err => {
          this.post.refused += 1
          this.#p.world.note('letter refused', plan.n, codeOf(err) ?? String(err))
        }
      )
    })
  }

  #askBack(from: Resident, posted: Posted): void {
    const { retractMs } = posted.plan
    if (retractMs === null) return
    this.#p.world.after(retractMs, () =>
      from.do(client => {
        this.post.askedBack(posted)
        client.retract(posted.id).then(
          ({ outcome }) => this.post.retracted(posted, outcome),
          err => this.#p.world.note('not retracted', posted.plan.n, codeOf(err) ?? String(err))
        )
      })
    )
  }
}

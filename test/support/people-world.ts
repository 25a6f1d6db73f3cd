import { sharedPlaces } from '../../src/sim/keys.ts'
import { VirtualNetwork } from '../../src/sim/network.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { World } from '../../src/sim/world.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { Foes } from '../../src/worlds/full/foes.ts'
import { Holdings } from '../../src/worlds/full/holdings.ts'
import { Observers } from '../../src/worlds/full/observers.ts'
import type { Member } from '../../src/worlds/full/population.ts'
import { Population } from '../../src/worlds/full/population.ts'
import type { Lie } from '../../src/worlds/people/lying-pod.ts'
import { lyingNetwork } from '../../src/worlds/people/lying-pod.ts'
import { People } from '../../src/worlds/people/people.ts'
import type { Posted } from '../../src/worlds/people/post.ts'
import { seedsOf } from '../../src/worlds/runs/variant.ts'

const hourMs = 3_600_000

/** A small world of people in which things can be broken on purpose. */
export interface PeopleWorld {
  readonly world: World
  readonly people: People
  readonly population: Population
  /** Person `from` writes to person `to`; resolves when the client has taken the letter. */
  write(from: number, to: number, lifeHours?: number): Promise<Posted>
  pass(hours: number): Promise<void>
  /** As anybody gets it from the network. */
  blob(posted: Posted): Promise<Blob>
}

/** @param lie of every pod: `known` to the checkers or not. @param sabotage before anybody starts. */
export async function peopleWorld(
  given: {
    lie?: Lie
    known?: boolean
    count?: number
    pods?: number
    addresses?: 'account' | 'blind'
    sabotage?: (people: People) => void
  } = {}
): Promise<PeopleWorld> {
  const { lie, known = false, count = 3, pods = 1, addresses = 'account', sabotage } = given
  const letters = { perDay: 0 }
  const lying = lie && known ? { share: 1, behaviour: lie } : null
  const input: ScenarioInput = { name: 'x', question: '?', nodes: 6, hours: 100 }
  const scenario = defineScenario({
    ...input,
    people: { count, letters, pods: { count: pods, lying }, addresses }
  })
  const world = new World({ seed: 1 })
  const net = new VirtualNetwork(world, { noticeMs: 60_000 })
  const shared = { world, scenario, seed: 1 }
  const peopled = { ...shared, net, places: sharedPlaces(), holdings: new Holdings(world) }
  const [foes, observers] = [new Foes(peopled), new Observers()]
  const population = new Population({ ...peopled, createSeed: seedsOf(undefined), foes, observers })
  const people = new People({ ...shared, people: scenario.people!, population })
  if (lie && !known) population.follow(withLies(people, lie, world))
  sabotage?.(people)
  await world.run(population.start())
  await world.run(people.start())
  people.begin()
  let n = 0
  return {
    world,
    people,
    population,
    async write(from, to, lifeHours = 24) {
      const taken = people.post.letters.length
      const size = { sizeBytes: 100, lifeMs: lifeHours * hourMs, retractMs: null }
      people.write({ n: ++n, from, to, ...size })
      while (people.post.letters.length === taken) await world.pass(1_000)
      return people.post.letters.at(-1)!
    },
    pass: hours => world.pass(hours * hourMs),
    async blob({ key }) {
      const { seed } = population.online.find(({ isServer }) => isServer)!
      return (await world.run(seed!.dht.get(Buffer.from(key!, 'hex')))).blob
    }
  }
}

/** Lets pods lie without a word to those who judge. */
function withLies(people: People, lie: Lie, { clock }: World) {
  const known = new Set<Member>()
  return {
    opened(member: Member) {
      const { node } = member
      if (member.stays && !known.has(member)) {
        known.add(member)
        const network = { accept: node.accept.bind(node) }
        const hpke = people.crypto.makeHpkeKey(new Uint8Array(32))
        const liar = lyingNetwork({
          ...{ network, lie, clock, crypto: people.crypto, keys: node.keys, hpke }
        })
        node.accept = liar.accept
      }
      people.opened(member)
    },
    joined: (member: Member) => people.joined(member),
    left: (member: Member) => people.left(member),
    died: (member: Member, born: Member | undefined) => people.died(member, born)
  }
}

import { MuttrError } from '../../base/errors.ts'
import type { Contact, Millis } from '../../base/ports.ts'
import type { Person } from '../../keys/person.ts'
import type { PodPlace } from '../../pod/place.ts'
import type { Pod } from '../../pod/pod.ts'
import { createPod } from '../../pod/pod.ts'
import type { StandInCrypto } from '../../sim/crypto.ts'
import { Dice } from '../../sim/dice.ts'
import { silentLog } from '../../sim/network.ts'
import type { World } from '../../sim/world.ts'
import { memoryState } from '../../store/memory.ts'
import type { State } from '../../store/state.ts'
import type { Member } from '../full/population.ts'
import type { Lie } from './lying-pod.ts'
import { lyingNetwork } from './lying-pod.ts'
import type { Mortal } from './mortal.ts'
import { mortal } from './mortal.ts'

/** One pod with its node, and what it keeps while it is down. */
export interface PodHost {
  readonly hostname: string
  readonly member: Member
  readonly lie: Lie | undefined
  readonly place: PodPlace
  /** When it was not there; one that is not over ends at infinity. */
  readonly downs: readonly { fromMs: Millis; toMs: Millis }[]
}

interface Parts {
  world: World
  crypto: StandInCrypto
  seed: number
  count: number
  lying: { share: number; behaviour: Lie } | null
  /** Pods have to do with each other, and find each other by name. */
  isFederated: boolean
}

/** The pods: each begins with its node, is killed with it, and begins again with what it had. */
export class PodHosts {
  readonly #p: Parts
  readonly #hosts: Host[] = []
  readonly #byMember = new Map<Member, Host>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get all(): readonly PodHost[] {
    return this.#hosts
  }

  /** In mailboxes of those that are up, or were last seen. */
  get notices(): number {
    return this.#hosts.reduce((sum, host) => sum + host.notices, 0)
  }

  opened(member: Member): void {
    let host = this.#byMember.get(member)
    if (!host) this.#byMember.set(member, (host = this.#make(member)))
    host.open()
  }

  left(member: Member): void {
    this.#byMember.get(member)?.kill()
  }

  #make(member: Member): Host {
    const { count, lying } = this.#p
    const index = this.#hosts.length
    const isLying = lying !== null && index >= count - Math.round(lying.share * count)
    const placeOf = (hostname: string) => this.#hosts.find(one => one.hostname === hostname)?.place
    const lie = isLying ? lying.behaviour : undefined
    const host = new Host({ ...this.#p, placeOf }, member, index, lie)
    this.#hosts.push(host)
    return host
  }
}

interface HostParts extends Parts {
  placeOf(hostname: string): PodPlace | undefined
}

class Host implements PodHost {
  readonly hostname: string
  readonly member: Member
  readonly lie: Lie | undefined
  readonly place: PodPlace
  readonly downs: { fromMs: Millis; toMs: Millis }[] = []
  readonly #p: HostParts
  readonly #dice: Dice
  readonly #person: Person
  readonly #hpke: { publicKey: Uint8Array; secret: Uint8Array }
  readonly #state: State = memoryState()
  #process: Mortal | undefined
  #pod: Pod | undefined
  #notices = 0

  constructor(parts: HostParts, member: Member, index: number, lie: Lie | undefined) {
    const { crypto, world, seed } = parts
    this.#p = parts
    this.member = member
    this.lie = lie
    this.hostname = `pod-${index}.test`
    this.#dice = new Dice(seed, this.hostname)
    const key = this.#dice.bytes(32)
    this.#person = crypto.makePerson({ name: this.hostname, key, nowMs: world.nowMs })
    this.#hpke = crypto.makeHpkeKey(this.#dice.bytes(32))
    const { peer, addresses }: Contact = member.node.contact()
    this.place = {
      hostname: this.hostname,
      addresses: addresses.map(address => `${address}/p2p/${peer}`),
      fingerprint: this.#person.certificate.fingerprint
    }
    member.relayFor = async peer => this.#pod?.userOf(peer)
  }

  get notices(): number {
    return this.#pod?.usage().notices ?? this.#notices
  }

  open(): void {
    const { world, crypto } = this.#p
    const { node } = this.member
    const { hostname, lie } = this
    const process = mortal({ clock: world.clock, network: node, state: this.#state })
    this.#process = process
    const { clock, state } = process
    const { keys } = node
    const hpke = this.#hpke
    const network = lie
      ? lyingNetwork({ network: node, lie, clock, crypto, keys, hpke })
      : process.network
    const person = this.#person
    const own = { hostname, person, keys, hpke, policy: 'open' as const }
    const ports = { network, clock, random: this.#dice, log: silentLog, state, crypto }
    const down = this.downs.at(-1)
    if (down) down.toMs = world.nowMs
    const others = this.#p.isFederated && { federation: this.#federation(process) }
    void createPod({ ...ports, ...own, ...others }).then(pod => {
      if (process.alive) this.#pod = pod
    })
  }

  #federation({ network }: Mortal): NonNullable<Parameters<typeof createPod>[0]['federation']> {
    const { placeOf } = this.#p
    return {
      network,
      policy: 'open',
      about: () => ({ version: '0.0.0', capabilities: [], where: [] }),
      finder: {
        async find(hostname) {
          const place = placeOf(hostname)
          if (!place) throw new MuttrError('POD_UNKNOWN', `${hostname} is unknown`)
          return place
        }
      }
    }
  }

  kill(): void {
    this.#notices = this.notices
    this.downs.push({ fromMs: this.#p.world.nowMs, toMs: Number.POSITIVE_INFINITY })
    this.#pod = undefined
    this.#process?.kill()
  }
}

import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Failure, Millis } from '../../base/ports.ts'
import type { Person } from '../../keys/person.ts'
import { ownKey, withFormer } from '../../keys/person.ts'
import { revoke } from '../../keys/revoke.ts'
import { openVault, sealVault } from '../../keys/vault.ts'
import type { Change } from '../../store/state.ts'
import { noBackup } from '../backup/backup.ts'
import type { Closet } from '../closet.ts'
import type { Contacts } from '../contacts.ts'
import type { DeviceSecrets } from '../devices/secrets.ts'
import type { PodLink } from '../pod-link.ts'
import type { Pods } from '../pods.ts'
import type { Rotation } from '../rotation.ts'
import { eraseAfterMs } from '../rotation.ts'
import type { Table } from '../table.ts'
import { ownHint } from '../trust/pins.ts'
import type { AtPodsParts } from './at-pods.ts'
import { AtPods } from './at-pods.ts'
import type { Plan } from './plan.ts'
import { leftBy, otherPlace, place, planTable } from './plan.ts'

/** How far a new key has come into the place of the old one. */
export interface OwnSuccession {
  /** Fingerprints. */
  from: string
  to: string
  sinceMs: Millis
  /** With a problem it is tried again, while the node runs. `taken`: the pod has given the aliases to the new key. */
  pods: { pod: string; taken: boolean; problem: Failure | null }[]
  /** Other devices can have it; before that no pod is told, and the old key is in use. */
  devicesTold: boolean
  /** When the secrets of the old key are erased; null as long as some pod has it. */
  eraseMs: Millis | null
}

export interface SucceedingParts extends AtPodsParts {
  pods: Pick<Pods, 'link' | 'identified' | 'renew' | 'lines'>
  contacts: Pick<Contacts, 'forgetWhoKnowsUs'>
  rotation: Pick<Rotation, 'published' | 'forget'>
  /** Letters that were sealed under the old key, and not signed for the notice yet: to be sealed anew. */
  unseal: () => Change[]
  /** The person's other devices, which get it before any pod is told. */
  secrets: Pick<DeviceSecrets, 'isReady' | 'living' | 'handedOn' | 'areTold'>
  /** What was sent to other devices, as far as it can be now. */
  sent: () => Promise<void>
  /** Of the devices, for those who have the new key. */
  listed: () => Change[]
  /** What could not be opened before may be now. */
  onBecome: () => void
}

const underWay = (): MuttrError =>
  new MuttrError('SUCCESSION_INVALID', 'the last new key is still on its way to a pod', {
    hint: 'See `muttr key show`: which pods have it not yet.'
  })

/**
 * A new primary key in the place of the own one: made, taken for our own, then handed to each pod; at last the old one is revoked, and its
 * secrets are erased when nothing in the network is sealed to them. Each step may be cut off by a crash and is taken up by the next look.
 * Source: docs/protocol/succession.md#a-new-key-step-by-step
 */
export class Succeeding {
  readonly #parts: SucceedingParts
  readonly #plan: Table<Plan>
  readonly #pods: AtPods
  #looking: Promise<unknown> = Promise.resolve()
  #beginning = false

  constructor(parts: SucceedingParts) {
    this.#parts = parts
    const { state, log } = parts
    this.#plan = planTable(state, log)
    this.#pods = new AtPods(parts, this.#plan, () => this.#later())
  }

  /** Whether a pod has our key of now, as far as it ever had another. */
  hasTaken(pod: string): Promise<boolean> {
    return this.#pods.hasTaken(pod)
  }

  /** Takes over what the old key has at a pod, before anything else is asked of it there. @throws as {@link AtPods.handOver} */
  handOver(pod: string, link: PodLink): Promise<string[] | undefined> {
    return this.#pods.handOver(pod, link)
  }

  /** Whether this key, by its fingerprint, is the one that we are about to take. */
  async isNext(fingerprint: string): Promise<boolean> {
    const plan = await this.#plan.get(place)
    return plan?.stage === 'made' && plan.to === fingerprint
  }

  /**
   * Takes `next` in the place of the own key. Resolves when that is done as far as it can be now.
   * @throws {MuttrError} nothing is changed then: `VAULT_LOCKED`, `KEY_REVOKED`, `SUCCESSION_INVALID`, `POD_TOO_OLD`
   */
  async begin(make: (nowMs: Millis) => Promise<Person>): Promise<OwnSuccession> {
    // Two at once would each leave the key of now, and not know of the other.
    if (this.#beginning) throw underWay()
    this.#beginning = true
    try {
      return await this.#begin(make)
    } finally {
      this.#beginning = false
    }
  }

  async #begin(make: (nowMs: Millis) => Promise<Person>): Promise<OwnSuccession> {
    const { self, clock, crypto, sent } = this.#parts
    await this.look()
    const nowMs = clock.now()
    await this.#check(self.person())
    await this.#pods.ask(self.person().certificate.fingerprint)
    let next = await make(nowMs)
    for (const alias of this.#aliases()) next = await crypto.addAlias(next, alias, nowMs)
    await this.#alone(async () => {
      const person = self.person()
      await this.#check(person)
      const { pin, revoked } = next.certificate
      if (revoked || isOwn(person, pin))
        throw new MuttrError('KEY_INVALID', 'a key that is revoked, or was yours already')
      await this.#made(next, person.certificate.fingerprint, [])
    })
    await this.look()
    await sent()
    await this.look()
    return (await this.show())!
  }

  async #made(next: Person, from: string, toldBefore: readonly string[]): Promise<void> {
    const { self, clock, state, secrets } = this.#parts
    const { told, changes } = await secrets.handedOn(next, from, toldBefore)
    const plan = this.#planned(place, {
      next,
      from,
      told,
      sinceMs: clock.now(),
      closet: self.closet()
    })
    await state.write([await plan, ...changes])
  }

  async #planned(
    at: string,
    {
      next,
      closet,
      ...more
    }: Pick<Plan & { stage: 'made' }, 'from' | 'sinceMs' | 'told'> & {
      next: Person
      closet: Closet
    }
  ): Promise<Change> {
    const secret = closet.seal('succession', await sealVault(withFormer(next, []), null))
    const to = next.certificate.fingerprint
    return this.#plan.put(at, { stage: 'made', to, secret, ...more })
  }

  /**
   * Another device of ours has taken a new key in the place of this one: so do we. Resolves when that is on the disk.
   * @param told keys, hex, of devices that it has told.
   */
  adopt(next: Person, from: string, told: readonly string[]): Promise<void> {
    const done = this.#alone(() => this.#adopt(next, from, told))
    done.then(
      () => this.#later(),
      () => undefined
    )
    return done
  }

  #later(): void {
    const { log } = this.#parts
    this.look().catch(err => log.warn('a new key does not get on', { code: codeOf(err) }))
  }

  async #adopt(next: Person, from: string, told: readonly string[]): Promise<void> {
    const { self, state, clock } = this.#parts
    const person = self.person()
    const plan = await this.#plan.get(place)
    const isMade = plan?.stage === 'made'
    const { pin, fingerprint } = next.certificate
    if (isOwn(person, pin) || (isMade && plan.to === fingerprint)) return
    if (person.certificate.fingerprint === from && !isMade) return this.#made(next, from, told)
    // We took one at the same time: whichever the pod has got first.
    if (plan?.from !== from || (await this.#pods.isAnywhere())) return
    const closet = self.closet()
    const about = { next, from, told, sinceMs: clock.now(), closet }
    await state.write([await this.#planned(otherPlace, about)])
  }

  /** This folder is a copy of another device's: whom that one had told may not have heard. */
  async copied(): Promise<Change[]> {
    const plan = await this.#plan.get(place)
    return plan?.stage === 'made' ? [this.#plan.put(place, { ...plan, told: [] })] : []
  }

  async #check({ certificate, former }: Person): Promise<void> {
    if (certificate.revoked) throw new MuttrError('KEY_REVOKED', 'your own key is revoked', ownHint)
    const plan = await this.#plan.get(place)
    if (plan && (plan.stage === 'made' || plan.eraseMs === null)) throw underWay()
    if (former.length >= limits.successionsMax)
      throw new MuttrError('LIMIT_EXCEEDED', 'too many former keys have still to be erased')
  }

  #aliases(): Set<string> {
    const { self, pods } = this.#parts
    const own = self.registrations().map(({ alias }) => alias)
    return new Set([...own, ...pods.lines.flatMap(({ aliases }) => aliases)])
  }

  /** Null when there is nothing left of one. */
  async show(): Promise<OwnSuccession | null> {
    const plan = await this.#plan.get(place)
    const own = this.#parts.self.certificate()?.fingerprint
    if (!plan || own === undefined) return null
    const devicesTold = plan.stage === 'moving'
    const pods: OwnSuccession['pods'] = []
    for (const pod of this.#pods.byPod().keys()) {
      const taken = devicesTold && (await this.#pods.hasTaken(pod))
      pods.push({ pod, taken, problem: taken ? null : this.#pods.problem(pod) })
    }
    const { from, sinceMs } = plan
    const [to, eraseMs] = plan.stage === 'made' ? [plan.to, null] : [own, plan.eraseMs]
    return { from, to, sinceMs, pods, devicesTold, eraseMs }
  }

  /** Does what is due. Resolves when that is done or has to wait for a pod. One after the other. */
  look(): Promise<void> {
    return this.#alone(() => this.#look())
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#looking.then(work)
    this.#looking = next.catch(() => undefined)
    return next
  }

  async #look(): Promise<void> {
    const { self, secrets } = this.#parts
    if (self.locked || !secrets.isReady) return
    const plan = await this.#plan.get(place)
    if (plan?.stage === 'made' && (await this.#areTold(plan))) await this.#become(plan)
    const now = await this.#plan.get(place)
    if (now?.stage === 'moving') await this.#move(now)
    else if (!now && self.person().former.length > 0) await this.#erase()
  }

  /** Every other device can have it: also one that was linked since, or that who began it does not know of. */
  async #areTold(plan: Plan & { stage: 'made' }): Promise<boolean> {
    const { secrets, state } = this.#parts
    const next = await this.#nextOf(plan)
    const { told, changes } = await secrets.handedOn(next, plan.from, plan.told)
    if (changes.length > 0)
      await state.write([this.#plan.put(place, { ...plan, told }), ...changes])
    return secrets.areTold()
  }

  #nextOf({ secret }: Plan & { stage: 'made' }): Promise<Person> {
    return openVault(this.#parts.self.closet().open('succession', secret), null)
  }

  /** The vault first; from the state's write on we are the new key, and the old one is there to read with. */
  async #become(plan: Plan & { stage: 'made' }): Promise<void> {
    const { self, rotation, contacts, pods, emit, unseal, listed, onBecome } = this.#parts
    const { from, sinceMs } = plan
    const next = await this.#nextOf(plan)
    const old = ownKey(self.person(), from)
    if (!old) throw new MuttrError('HOME_DAMAGED', 'a new key that is no successor of the own one')
    await self.succeed(next, () => [
      this.#plan.put(place, { stage: 'moving', sinceMs, from, revoked: null, eraseMs: null }),
      noBackup,
      ...rotation.forget(old),
      ...unseal(),
      ...listed()
    ])
    emit({ type: 'succeeded', from, to: next.certificate.fingerprint })
    await contacts.forgetWhoKnowsUs()
    await pods.renew()
    onBecome()
  }

  async #move(plan: Plan & { stage: 'moving' }): Promise<void> {
    const { self, clock, state, crypto } = this.#parts
    if (plan.eraseMs !== null) {
      if (plan.eraseMs <= clock.now()) await this.#erase()
      return
    }
    const all = await this.#pods.handAll()
    const old = leftBy(plan, self.person())
    if (!all || !old) return
    let { revoked } = plan
    if (!revoked) {
      revoked = (await revoke(old, 'superseded', clock.now())).bytes
      await state.write([this.#plan.put(place, { ...plan, revoked })])
    }
    if (!(await this.#pods.tell(await crypto.readCertificate(revoked)))) return
    const eraseMs = clock.now() + eraseAfterMs
    await state.write([this.#plan.put(place, { ...plan, revoked, eraseMs })])
  }

  async #erase(): Promise<void> {
    const { self, emit } = this.#parts
    const subkeys = self
      .person()
      .former.flatMap(one => one.certificate.subkeys.map(({ fingerprint }) => fingerprint))
    const taken = await this.#pods.forget()
    await self.rekey(
      async person => withFormer(person, []),
      () => [this.#plan.drop(place), this.#plan.drop(otherPlace), ...taken]
    )
    emit({ type: 'erased', subkeys })
  }
}

const isOwn = (person: Person, pin: string): boolean =>
  [person, ...person.former].some(one => one.certificate.pin === pin)

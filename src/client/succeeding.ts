import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Failure, Log, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import { withFormer } from '../keys/person.ts'
import { revoke } from '../keys/revoke.ts'
import { makeSuccession } from '../keys/succession.ts'
import { openVault, sealVault } from '../keys/vault.ts'
import type { Change, State } from '../store/state.ts'
import { bool, bytes, literal, mapped, nullable, tuple, uint } from '../wire/cbor.ts'
import { fingerprint, fingerprintBytes } from '../wire/fingerprint.ts'
import { noBackup } from './backup/backup.ts'
import type { Contacts } from './contacts.ts'
import { failureOf } from './failure.ts'
import type { PodLink } from './pod-link.ts'
import type { Pods } from './pods.ts'
import type { Rotation } from './rotation.ts'
import { eraseAfterMs } from './rotation.ts'
import type { Self } from './self.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'
import { ownHint } from './trust/pins.ts'

/** How far a new key has come into the place of the old one. */
export interface OwnSuccession {
  /** Fingerprints. */
  from: string
  to: string
  sinceMs: Millis
  /** With a problem it is tried again, while the node runs. `taken`: the pod has given the aliases to the new key. */
  pods: { pod: string; taken: boolean; problem: Failure | null }[]
  /** When the secrets of the old key are erased; null as long as some pod has it. */
  eraseMs: Millis | null
}

export interface SucceedingParts {
  state: State
  self: Self
  pods: Pick<Pods, 'link' | 'identified' | 'renew' | 'lines'>
  contacts: Pick<Contacts, 'forgetWhoKnowsUs'>
  rotation: Pick<Rotation, 'published' | 'forget'>
  /** Letters that were sealed under the old key, and not signed for the notice yet: to be sealed anew. */
  unseal: () => Change[]
  /** The person has other devices, which cannot be given a new key. */
  hasOthers: () => boolean
  clock: Clock
  log: Log
  emit: Emit
  crypto: Crypto
  life: AbortSignal
}

/** Not the key that we are yet, or the key that we are and what is to be done for it. */
type Plan =
  | { stage: 'made'; sinceMs: Millis; secret: Uint8Array }
  | {
      stage: 'moving'
      sinceMs: Millis
      /** Of the old key. */
      from: string
      /** The old certificate, revoked as superseded: made when all pods have the new one. */
      revoked: Uint8Array | null
      eraseMs: Millis | null
    }

const made = mapped(
  tuple(literal(1), uint(), bytes(1, limits.vaultBytesMax + 1_024)),
  ([, sinceMs, secret]): Plan => ({ stage: 'made', sinceMs, secret })
)
const moving = mapped(
  tuple(
    literal(2),
    uint(),
    fingerprint,
    nullable(bytes(1, limits.certificateBytesMax)),
    nullable(uint())
  ),
  ([, sinceMs, from, revoked, eraseMs]): Plan => ({
    ...{ stage: 'moving', sinceMs, from, revoked, eraseMs }
  })
)
const planRow = (value: unknown): Plan =>
  (Array.isArray(value) && value[0] === 1 ? made : moving)(value)
const writePlan = (plan: Plan): unknown[] =>
  plan.stage === 'made'
    ? [1, plan.sinceMs, plan.secret]
    : [2, plan.sinceMs, fingerprintBytes(plan.from), plan.revoked, plan.eraseMs]

/** What a pod has taken of it: which key of ours it has, and whether it shows that the one before is revoked. */
interface Taken {
  readonly fingerprint: string
  readonly revoked: boolean
}
const takenRow = mapped(
  tuple(literal(1), fingerprint, bool),
  ([, fingerprint, revoked]): Taken => ({ fingerprint, revoked })
)

const place = 'own'

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
  /** By pod. */
  readonly #taken: Table<Taken>
  readonly #problems = new Map<string, Failure>()
  #looking: Promise<unknown> = Promise.resolve()
  #beginning = false

  constructor(parts: SucceedingParts) {
    this.#parts = parts
    const { state, log } = parts
    this.#plan = createTable({
      ...{ state, log, name: 'succession', field: planRow, write: writePlan },
      maxBytes: limits.vaultBytesMax + 2_048
    })
    this.#taken = createTable({
      ...{ state, log, name: 'successions-taken', field: takenRow, maxBytes: 128 },
      write: t => [1, fingerprintBytes(t.fingerprint), t.revoked]
    })
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
    const { self, clock, state, crypto } = this.#parts
    await this.look()
    const nowMs = clock.now()
    const person = self.person()
    await this.#check(person)
    await this.#askPods(person.certificate.fingerprint)
    let next = await make(nowMs)
    const { pin, revoked } = next.certificate
    if (revoked || [person, ...person.former].some(one => one.certificate.pin === pin))
      throw new MuttrError('KEY_INVALID', 'a key that is revoked, or was yours already')
    for (const alias of this.#aliases()) next = await crypto.addAlias(next, alias, nowMs)
    const sealed = await sealVault(withFormer(next, [person, ...person.former]), null)
    const secret = self.closet().seal('succession', sealed)
    await state.write([this.#plan.put(place, { stage: 'made', sinceMs: nowMs, secret })])
    await this.look()
    return (await this.show())!
  }

  async #check({ certificate, former }: Person): Promise<void> {
    if (certificate.revoked) throw new MuttrError('KEY_REVOKED', 'your own key is revoked', ownHint)
    if (this.#parts.hasOthers())
      throw new MuttrError('SUCCESSION_INVALID', 'other devices of yours would be left behind', {
        hint: 'Take them off the list first (`muttr device revoke`), and link them again afterwards.'
      })
    const plan = await this.#plan.get(place)
    if (plan && (plan.stage === 'made' || plan.eraseMs === null)) throw underWay()
    if (former.length >= limits.successionsMax)
      throw new MuttrError('LIMIT_EXCEEDED', 'too many former keys have still to be erased')
  }

  /** One that does not know how could not be told afterwards, and no letter would come from there. One that is away is told later. */
  async #askPods(own: string): Promise<void> {
    const { pods, life, log } = this.#parts
    for (const [pod, [alias]] of this.#byPod()) {
      try {
        await (await pods.link(pod, life)).successor(alias!, own)
      } catch (err) {
        if (codeOf(err) === 'METHOD_UNKNOWN')
          throw new MuttrError('POD_TOO_OLD', `${pod} cannot give an alias to another key yet`)
        log.info('a pod is told of the new key later', { pod, code: codeOf(err) })
      }
    }
  }

  #aliases(): Set<string> {
    const { self, pods } = this.#parts
    const own = self.registrations().map(({ alias }) => alias)
    return new Set([...own, ...pods.lines.flatMap(({ aliases }) => aliases)])
  }

  /** Pods where an alias of ours is still certified. */
  #byPod(): Map<string, string[]> {
    const { self, clock } = this.#parts
    const found = new Map<string, string[]>()
    for (const { pod, alias, certifiedUntilMs } of self.registrations())
      if (certifiedUntilMs > clock.now()) found.set(pod, [...(found.get(pod) ?? []), alias])
    return found
  }

  /** Null when there is nothing left of one. */
  async show(): Promise<OwnSuccession | null> {
    const plan = await this.#plan.get(place)
    const to = this.#parts.self.certificate()?.fingerprint
    if (plan?.stage !== 'moving' || to === undefined) return null
    const pods: OwnSuccession['pods'] = []
    for (const pod of this.#byPod().keys()) {
      const taken = await this.hasTaken(pod)
      pods.push({ pod, taken, problem: taken ? null : (this.#problems.get(pod) ?? null) })
    }
    const { from, sinceMs, eraseMs } = plan
    return { from, to, sinceMs, pods, eraseMs }
  }

  /** Whether a pod has our key of now, as far as it ever had another. */
  async hasTaken(pod: string): Promise<boolean> {
    const { self } = this.#parts
    const plan = await this.#plan.get(place)
    if (plan?.stage !== 'moving') return plan === undefined
    return (await this.#taken.get(pod))?.fingerprint === self.certificate()?.fingerprint
  }

  /** Does what is due. Resolves when that is done or has to wait for a pod. One after the other. */
  look(): Promise<void> {
    const next = this.#looking.then(() => this.#look())
    this.#looking = next.catch(() => undefined)
    return next
  }

  async #look(): Promise<void> {
    const { self } = this.#parts
    if (self.locked) return
    const plan = await this.#plan.get(place)
    if (plan?.stage === 'made') await this.#become(plan)
    const now = await this.#plan.get(place)
    if (now?.stage === 'moving') await this.#move(now)
    else if (!now && self.person().former.length > 0) await this.#erase()
  }

  /** The vault first; from the state's write on we are the new key, and the old one is there to read with. */
  async #become({ secret, sinceMs }: Plan & { stage: 'made' }): Promise<void> {
    const { self, rotation, contacts, pods, emit, unseal } = this.#parts
    const next = await openVault(self.closet().open('succession', secret), null)
    const [old] = next.former
    const from = old!.certificate.fingerprint
    const now = self.person()
    if (![next, old!].some(({ certificate }) => certificate.pin === now.certificate.pin))
      throw new MuttrError('HOME_DAMAGED', 'a new key that is no successor of the own one')
    // The vault may have been written before a crash: with what was registered since.
    await self.succeed(now.certificate.pin === next.certificate.pin ? now : next, () => [
      this.#plan.put(place, { stage: 'moving', sinceMs, from, revoked: null, eraseMs: null }),
      noBackup,
      ...rotation.forget(old!.certificate),
      ...unseal()
    ])
    emit({ type: 'succeeded', from, to: next.certificate.fingerprint })
    await contacts.forgetWhoKnowsUs()
    await pods.renew()
  }

  async #move(plan: Plan & { stage: 'moving' }): Promise<void> {
    const { self, pods, clock, life, log, state } = this.#parts
    if (plan.eraseMs !== null) {
      if (plan.eraseMs <= clock.now()) await this.#erase()
      return
    }
    let all = true
    for (const pod of this.#byPod().keys())
      try {
        await pods.identified(pod, life)
        all &&= await this.hasTaken(pod)
      } catch (err) {
        all = false
        this.#problems.set(pod, failureOf(err))
        log.info('a pod does not have the new key yet', { pod, code: codeOf(err) })
      }
    const [old] = self.person().former
    if (!all || !old) return
    let { revoked } = plan
    if (!revoked) {
      revoked = (await revoke(old, 'superseded', clock.now())).bytes
      await state.write([this.#plan.put(place, { ...plan, revoked })])
    }
    if (!(await this.#tell(await this.#parts.crypto.readCertificate(revoked)))) return
    const eraseMs = clock.now() + eraseAfterMs
    await state.write([this.#plan.put(place, { ...plan, revoked, eraseMs })])
  }

  /** Has the pods show that the old key is one no more. @returns whether all do. */
  async #tell(old: Certificate): Promise<boolean> {
    const { self, pods, state, life, log } = this.#parts
    const { fingerprint } = self.person().certificate
    let all = true
    for (const [pod, [alias]] of this.#byPod()) {
      if ((await this.#taken.get(pod))?.revoked) continue
      try {
        await (await pods.link(pod, life)).revoke(alias!, old)
        await state.write([this.#taken.put(pod, { fingerprint, revoked: true })])
      } catch (err) {
        all = false
        log.info('a pod does not show yet that the old key is revoked', { pod, code: codeOf(err) })
      }
    }
    return all
  }

  async #erase(): Promise<void> {
    const { self, emit } = this.#parts
    const subkeys = self
      .person()
      .former.flatMap(one => one.certificate.subkeys.map(({ fingerprint }) => fingerprint))
    const taken = (await this.#taken.list()).map(({ key }) => this.#taken.drop(key))
    await self.rekey(
      async person => withFormer(person, []),
      () => [this.#plan.drop(place), ...taken]
    )
    emit({ type: 'erased', subkeys })
  }

  /** Takes over what the old key has at a pod, before anything else is asked of it there. @throws {MuttrError} `VAULT_LOCKED`, as {@link PodLink.succeed} */
  async handOver(pod: string, link: PodLink): Promise<string[] | undefined> {
    const { self, rotation, state, clock, crypto, emit, log } = this.#parts
    const plan = await this.#plan.get(place)
    if (plan?.stage !== 'moving' || (await this.hasTaken(pod)) || !this.#byPod().has(pod))
      return undefined
    const person = self.person()
    const old = person.former.find(({ certificate }) => certificate.fingerprint === plan.from)
    if (!old) return undefined
    const both = { old, next: person }
    const frame = await makeSuccession(both, { pod, nowMs: clock.now() }, crypto)
    const { aliases, certificate, untilMs } = await link.succeed(person.certificate, frame)
    const by = link.pod.certificate
    for (const alias of aliases) {
      await self.registered({ alias, pod, certifiedUntilMs: untilMs }, { certificate, by })
      await rotation.published(alias, person.certificate)
    }
    const { fingerprint } = person.certificate
    await state.write([this.#taken.put(pod, { fingerprint, revoked: false })])
    this.#problems.delete(pod)
    emit({ type: 'handed-over', pod, fingerprint })
    // It may have been the last one that was waited for.
    this.look().catch(err => log.warn('a new key does not get on', { code: codeOf(err) }))
    return aliases
  }
}

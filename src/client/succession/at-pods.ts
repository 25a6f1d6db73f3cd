import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Failure, Log } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { makeSuccession } from '../../keys/succession.ts'
import type { Change, State } from '../../store/state.ts'
import { bool, literal, mapped, tuple } from '../../wire/cbor.ts'
import { fingerprint, fingerprintBytes } from '../../wire/fingerprint.ts'
import { decodeSignedSuccession } from '../../wire/succession.ts'
import type { DeviceSecrets } from '../devices/secrets.ts'
import { failureOf } from '../failure.ts'
import { stillListens } from '../moving/moving.ts'
import type { PodLink } from '../pod-link.ts'
import type { Pods } from '../pods.ts'
import type { Rotation } from '../rotation.ts'
import type { Self } from '../self.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { Plan } from './plan.ts'
import { leftBy, otherPlace, place } from './plan.ts'

export interface AtPodsParts {
  state: State
  self: Self
  pods: Pick<Pods, 'link' | 'identified'>
  rotation: Pick<Rotation, 'published'>
  secrets: Pick<DeviceSecrets, 'living'>
  clock: Clock
  log: Log
  emit: Emit
  crypto: Crypto
  life: AbortSignal
}

/** What a pod has taken of it: which key of ours it has, and whether it shows that the one before is revoked. */
interface Taken {
  readonly fingerprint: string
  readonly revoked: boolean
}
const takenRow = mapped(
  tuple(literal(1), fingerprint, bool),
  ([, fingerprint, revoked]): Taken => ({ fingerprint, revoked })
)

const takenElsewhere = (): MuttrError =>
  new MuttrError('SUCCESSION_INVALID', 'another key has taken the place of yours', {
    hint: 'If another device of yours took it, this one has it in a moment; else see `muttr alarms`.'
  })

/** What own pods know of a new key of ours, and what they are told. */
export class AtPods {
  readonly #parts: AtPodsParts
  readonly #plan: Table<Plan>
  /** By pod. */
  readonly #taken: Table<Taken>
  readonly #problems = new Map<string, Failure>()
  /** Something is to be done anew. */
  readonly #onChange: () => void

  constructor(parts: AtPodsParts, plan: Table<Plan>, onChange: () => void) {
    this.#parts = parts
    this.#plan = plan
    this.#onChange = onChange
    this.#taken = createTable({
      ...{ state: parts.state, log: parts.log, name: 'successions-taken' },
      ...{ field: takenRow, maxBytes: 128 },
      write: t => [1, fingerprintBytes(t.fingerprint), t.revoked]
    })
  }

  /** One that does not know how could not be told afterwards, and no letter would come from there. One that is away is told later. */
  async ask(own: string): Promise<void> {
    const { pods, life, log } = this.#parts
    for (const [pod, [alias]] of this.byPod()) {
      try {
        if (await (await pods.link(pod, life)).successor(alias!, own)) throw takenElsewhere()
      } catch (err) {
        if (codeOf(err) === 'SUCCESSION_INVALID') throw err
        if (codeOf(err) === 'METHOD_UNKNOWN')
          throw new MuttrError('POD_TOO_OLD', `${pod} cannot give an alias to another key yet`)
        log.info('a pod is told of the new key later', { pod, code: codeOf(err) })
      }
    }
  }

  /** Pods where an alias of ours is still certified. */
  byPod(): Map<string, string[]> {
    const { self, clock } = this.#parts
    const found = new Map<string, string[]>()
    const nowMs = clock.now()
    const left = self.left().filter(one => stillListens(one, nowMs))
    for (const { pod, alias, certifiedUntilMs } of [...self.registrations(), ...left])
      if (certifiedUntilMs > nowMs) found.set(pod, [...(found.get(pod) ?? []), alias])
    return found
  }

  /** Whether a pod has our key of now, as far as it ever had another. */
  async hasTaken(pod: string): Promise<boolean> {
    const { self } = this.#parts
    const plan = await this.#plan.get(place)
    if (plan?.stage !== 'moving') return plan === undefined
    return (await this.#taken.get(pod))?.fingerprint === self.certificate()?.fingerprint
  }

  /** Whether any pod has our key of now. */
  async isAnywhere(): Promise<boolean> {
    const own = this.#parts.self.certificate()?.fingerprint
    return (await this.#taken.list()).some(({ value }) => value.fingerprint === own)
  }

  problem(pod: string): Failure | null {
    return this.#problems.get(pod) ?? null
  }

  /** Says to each pod who we are, which hands over what the old key had. @returns whether all have the key of now. */
  async handAll(): Promise<boolean> {
    const { pods, life, log } = this.#parts
    let all = true
    for (const pod of this.byPod().keys())
      try {
        await pods.identified(pod, life)
        all &&= await this.hasTaken(pod)
      } catch (err) {
        all = false
        this.#problems.set(pod, failureOf(err))
        log.info('a pod does not have the new key yet', { pod, code: codeOf(err) })
      }
    return all
  }

  /** Has the pods show that the old key is one no more. @returns whether all do. */
  async tell(old: Certificate): Promise<boolean> {
    const { self, pods, state, life, log } = this.#parts
    const { fingerprint } = self.person().certificate
    let all = true
    for (const [pod, [alias]] of this.byPod()) {
      if ((await this.#taken.get(pod))?.revoked) continue
      // A pod that we left shows the key with our move, which holds when it was superseded.
      if (!self.registrations().some(one => one.pod === pod)) continue
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

  async forget(): Promise<Change[]> {
    return (await this.#taken.list()).map(({ key }) => this.#taken.drop(key))
  }

  /** Takes over what the old key has at a pod, before anything else is asked of it there. @throws {MuttrError} `VAULT_LOCKED`, as {@link PodLink.succeed} */
  async handOver(pod: string, link: PodLink): Promise<string[] | undefined> {
    const { self, rotation, state, clock, crypto, emit } = this.#parts
    const plan = await this.#plan.get(place)
    if (plan?.stage !== 'moving' || (await this.hasTaken(pod)) || !this.byPod().has(pod))
      return undefined
    const person = self.person()
    const old = leftBy(plan, person)
    if (!old) return undefined
    const both = { old, next: person }
    const frame = await makeSuccession(both, { pod, nowMs: clock.now() }, crypto)
    const others = this.#parts.secrets.living()
    const given = await link.succeed(person.certificate, frame, others).catch(err => {
      // Another device has gone on to the next key: we listen, and hear of it.
      if (codeOf(err) === 'IDENTIFY_REFUSED') return undefined
      return this.#orAnother(plan, link, err)
    })
    if (!given) return undefined
    const { aliases, certificate, untilMs } = given
    const by = link.pod.certificate
    for (const alias of aliases) {
      await self.registered({ alias, pod, certifiedUntilMs: untilMs }, { certificate, by })
      await rotation.published(alias, person.certificate)
    }
    const { fingerprint } = person.certificate
    await state.write([
      this.#taken.put(pod, { fingerprint, revoked: false }),
      this.#plan.drop(otherPlace)
    ])
    this.#problems.delete(pod)
    emit({ type: 'handed-over', pod, fingerprint })
    // It may have been the last one that was waited for.
    this.#onChange()
    return aliases
  }

  /** Two devices took a key each at once: the one that a pod has is ours, while none has the one of here. @throws `err` */
  async #orAnother(plan: Plan, link: PodLink, err: unknown): Promise<never> {
    const { state } = this.#parts
    const other = await this.#plan.get(otherPlace)
    const [alias] = this.byPod().get(link.hostname) ?? []
    const isRefused = codeOf(err) === 'SUCCESSION_INVALID'
    if (!isRefused || !other || !alias || (await this.isAnywhere())) throw err
    const found = await link.successor(alias, plan.from)
    const named = found && decodeSignedSuccession(found.succession).succession.next.fingerprint
    if (other.stage !== 'made' || named !== other.to) throw err
    await state.write([this.#plan.put(place, other), this.#plan.drop(otherPlace)])
    this.#onChange()
    throw err
  }
}

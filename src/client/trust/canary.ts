import { toHex } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { throwDice } from '../../base/retry.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { State } from '../../store/state.ts'
import { literal, mapped, nullable, text, tuple, uint } from '../../wire/cbor.ts'
import type { Notice } from '../../wire/notice.ts'
import type { Registration } from '../client.ts'
import type { PodLink } from '../pod-link.ts'
import type { LookedUp } from '../pod-questions.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { AlarmKind, Alarms, Sight } from './alarms.ts'
import { namedBy } from './follow.ts'
import type { Probe } from './probe.ts'
import { makeProbe } from './probe.ts'
import type { Views } from './views.ts'

export interface CanaryParts {
  state: State
  self: Pick<Self, 'certificate' | 'isFormer' | 'person' | 'locked' | 'registrations'>
  pods: Pick<Pods, 'stranger' | 'lines'>
  alarms: Alarms
  /** What the pod signed may stand against what it signed for others. */
  views: Pick<Views, 'heard'>
  /** The subkey that was the newest in what the alias's pod took last. */
  published: (alias: string) => Promise<string | undefined>
  /** Whether a pod has the key of now; until then it shows one that came before. */
  hasTaken: (pod: string) => Promise<boolean>
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  /** About how often; null never. */
  everyMs: Millis | null
  /** Another device of ours may have made this key or subkey, and its word is not here yet. */
  isOnItsWay: (fingerprint: string) => Promise<boolean>
  life: AbortSignal
}

/** A pod pushes what it has at once; a whole hour without, while we listen, is no delay. */
const probeWaitMs = 3_600_000

interface CanaryRow {
  readonly nextMs: Millis
  readonly probe: Probe | null
}
const probe = mapped(
  tuple(text(64, 64), uint(), uint()),
  ([key, sentMs, expiryMs]): Probe => ({ key, sentMs, expiryMs })
)
const row = mapped(
  tuple(literal(1), uint(), nullable(probe)),
  ([, nextMs, probe]): CanaryRow => ({ nextMs, probe })
)

/** Kinds that one look at the directory can see. */
const shownKinds: readonly AlarmKind[] = [
  'key',
  'successor',
  'revoked',
  'old-subkey',
  'foreign-subkey',
  'alias-gone',
  'not-certified',
  'pod-key'
]
/** What another device of ours may have done. */
const foreignKinds: ReadonlySet<AlarmKind> = new Set(['key', 'successor', 'foreign-subkey'])
/** Failures that say something about the pod; others say that it is away, or busy. */
const telling: Partial<Record<ErrorCode, AlarmKind>> = {
  ALIAS_UNKNOWN: 'alias-gone',
  ALIAS_REVOKED: 'not-certified',
  SIGNATURE_INVALID: 'not-certified',
  KEY_INVALID: 'not-certified',
  WIRE_MALFORMED: 'not-certified',
  POD_CHANGED: 'pod-key'
}

/**
 * Asks for the own aliases as a stranger would, about daily: whether the pod shows our key, with the subkey that it took last, and whether
 * a notice to the address it gives out arrives here. Rings for a change that nobody asked for. Source: docs/protocol/keys.md#the-canary
 */
export class Canary {
  readonly #parts: CanaryParts
  readonly #rows: Table<CanaryRow>
  #read: Promise<Map<string, CanaryRow>> | undefined
  #looking: Promise<void> | undefined

  constructor(parts: CanaryParts) {
    this.#parts = parts
    this.#rows = createTable({
      ...{ state: parts.state, log: parts.log, name: 'canary', field: row, maxBytes: 256 },
      write: r => [1, r.nextMs, r.probe && [r.probe.key, r.probe.sentMs, r.probe.expiryMs]]
    })
  }

  /** Does what is due; who asks while it is at work waits for that. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Resolves when nothing is being looked at; never rejects. */
  async quiet(): Promise<void> {
    await this.#looking?.catch(() => undefined)
  }

  /** Takes our own probes out of what a pod handed over. */
  async sift(notices: readonly Notice[]): Promise<Notice[]> {
    const others: Notice[] = []
    for (const notice of notices) {
      const key = toHex(notice.key)
      const [alias] = [...(await this.#known())].find(([, { probe }]) => probe?.key === key) ?? []
      if (alias === undefined) others.push(notice)
      else await this.arrived(alias)
    }
    return others
  }

  /** A notice to the address that the pod shows for this alias is here. */
  async arrived(alias: string): Promise<void> {
    await this.#change(alias, { probe: null })
    await this.#parts.alarms.seen(alias, ['mailbox'], [])
  }

  /** By alias, in memory, so that of two changes at once neither undoes the other. */
  #known(): Promise<Map<string, CanaryRow>> {
    this.#read ??= this.#rows
      .list()
      .then(rows => new Map(rows.map(({ key, value }) => [key, value] as const)))
    return this.#read
  }

  async #change(alias: string, changes: Partial<CanaryRow>): Promise<void> {
    const known = await this.#known()
    const row = { nextMs: 0, probe: null, ...known.get(alias), ...changes }
    known.set(alias, row)
    await this.#parts.state.write([this.#rows.put(alias, row)])
  }

  async #look(): Promise<void> {
    const { self, clock, everyMs, life, log } = this.#parts
    const certificate = self.certificate()
    if (everyMs === null || !certificate || certificate.revoked) return
    for (const registration of self.registrations()) {
      // Its certification has ended, as nobody renewed it: that is no change that nobody asked for.
      if (life.aborted || registration.certifiedUntilMs <= clock.now()) continue
      const { alias } = registration
      try {
        await this.#missed(registration)
        if (((await this.#known()).get(alias)?.nextMs ?? 0) <= clock.now())
          await this.#check(registration, everyMs)
      } catch (err) {
        log.debug('what a pod shows of us is not known', { code: codeOf(err) })
      }
    }
  }

  /** Rings when the last probe should be here by now. */
  async #missed({ alias, pod }: Registration): Promise<void> {
    const { clock, pods, alarms } = this.#parts
    const pending = (await this.#known()).get(alias)?.probe
    const nowMs = clock.now()
    if (!pending || pending.sentMs + probeWaitMs > nowMs || pending.expiryMs <= nowMs) return
    if (!pods.lines.some(({ hostname, caughtUp }) => hostname === pod && caughtUp)) return
    await alarms.seen(alias, ['mailbox'], [{ what: 'mailbox', shown: null }])
  }

  /** @throws {MuttrError} when the pod cannot be asked now. */
  async #check({ alias, pod }: Registration, everyMs: Millis): Promise<void> {
    const { self, pods, alarms, views, clock, random, life, crypto } = this.#parts
    const before = await this.#own(alias, pod)
    const seen: Sight[] = []
    try {
      await using link = await pods.stranger(pod, life)
      const answer = await link.lookup(alias)
      await views.heard(link.pod.certificate, answer)
      seen.push(...judge(answer.certificate, before))
      const how = { link, alias, nowMs: clock.now(), crypto }
      const named = await namedBy(before.certificate, how)
      if (named) seen.push({ what: 'successor', shown: named })
      if (seen.length === 0 && !self.locked) await this.#probe(link, answer)
    } catch (err) {
      const what = telling[codeOf(err) ?? 'INTERNAL']
      if (!what) throw err
      seen.push({ what, shown: null })
    }
    for (const { what, shown } of seen)
      if (foreignKinds.has(what) && shown && (await this.#parts.isOnItsWay(shown))) return
    const after = await this.#own(alias, pod)
    // We have just told the pod something else ourselves: what it showed may be of before.
    if (seen.length > 0 && saidOf(after) !== saidOf(before)) return
    await alarms.seen(alias, shownKinds, seen)
    const nextMs = Math.round(clock.now() + everyMs * (0.8 + 0.4 * throwDice(random)))
    await this.#change(alias, { nextMs })
  }

  /** Written down before it goes out: it may be back before the pod has said that it took it. */
  async #probe(link: PodLink, answer: LookedUp): Promise<void> {
    const { self, clock, random, crypto, log } = this.#parts
    const parts = { person: self.person(), random, crypto, nowMs: clock.now() }
    const { probe, notice } = await makeProbe(answer, parts)
    await this.#change(answer.alias, { probe })
    try {
      await link.submit(notice)
    } catch (err) {
      log.debug('no probe', { code: codeOf(err) })
      await this.#change(answer.alias, { probe: null })
    }
  }

  async #own(alias: string, pod: string): Promise<Own> {
    const { self, published, hasTaken } = this.#parts
    const certificate = self.certificate()!
    const newest = certificate.subkeys[0]?.fingerprint
    const isWaiting = !(await hasTaken(pod))
    const isFormer = (pin: string) => isWaiting && (self.locked || self.isFormer(pin))
    return { certificate, newest, published: await published(alias), isWaiting, isFormer }
  }
}

interface Own {
  certificate: Certificate
  newest: string | undefined
  published: string | undefined
  /** The pod does not have our key of now yet, and shows one of before. */
  isWaiting: boolean
  isFormer(pin: string): boolean
}

/** What we told the pod ourselves. */
const saidOf = ({ published, newest, isWaiting }: Own): string =>
  `${published} ${newest} ${isWaiting}`

function judge(shown: Certificate, { certificate, newest, published, isFormer }: Own): Sight[] {
  if (isFormer(shown.pin)) return []
  if (shown.pin !== certificate.pin) return [{ what: 'key', shown: shown.fingerprint }]
  if (shown.revoked) return [{ what: 'revoked', shown: shown.fingerprint }]
  const subkey = shown.subkeys[0]?.fingerprint
  if (subkey === newest || subkey === published || subkey === undefined) return []
  const isOurs = certificate.subkeys.some(({ fingerprint }) => fingerprint === subkey)
  // Before the first rotation it was not written down which one the pod took.
  if (isOurs && published === undefined) return []
  return [{ what: isOurs ? 'old-subkey' : 'foreign-subkey', shown: subkey }]
}

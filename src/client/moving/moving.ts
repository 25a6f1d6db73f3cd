import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Failure, Log, Millis } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { makeMove, verifyMove } from '../../keys/move.ts'
import { readAlias } from '../../pod/alias.ts'
import { podTimes } from '../../pod/limits.ts'
import type { Publisher } from '../../replicas/publisher.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Move } from '../../wire/move.ts'
import { decodeSignedMove } from '../../wire/move.ts'
import type { Journal } from '../devices/journal.ts'
import { failureOf } from '../failure.ts'
import type { Pods } from '../pods.ts'
import type { Register } from '../register.ts'
import type { LeftRegistration, Self } from '../self.ts'
import { ownHint } from '../trust/pins.ts'
import { within } from '../waiting.ts'
import type { Renames, ShownPod } from './renames.ts'
import { createRenames } from './renames.ts'
import { recorded } from './steps.ts'

/** An own alias that was left for another. */
export interface OwnMove {
  from: string
  to: string
  atMs: Millis
  /** The former pod has signed for it, and tells it to whoever asks there. */
  agreed: boolean
  /** Until then the former pod is asked for letters that were on their way. */
  listensUntilMs: Millis
  /** Why the former pod has not signed yet: tried again, while the node runs. */
  problem: Failure | null
}

export interface MovingParts {
  self: Self
  pods: Pick<
    Pods,
    'know' | 'link' | 'questions' | 'identified' | 'keep' | 'part' | 'certificateOf' | 'introduce'
  >
  journal: Pick<Journal, 'note'>
  register: Register
  /** Publishes moves, for those whose pod is gone. */
  record: Pick<Publisher, 'look' | 'quiet'>
  dht: Pick<Dht, 'getRecord'>
  /** Whether the person has other devices, which may have moved. */
  hasOthers(): boolean
  /** What was sent to them, as far as it can be now. */
  sent(): Promise<void>
  /** An alias of ours where another device went. */
  onElsewhere(to: string, move: Uint8Array): Promise<void>
  clock: Clock
  log: Log
  emit: Emit
  crypto: Crypto
  life: AbortSignal
}

/** So long letters that were sealed for the former alias may still come there. */
const listenMs: Millis = podTimes.moveTransitMs
/** So long pods that live tell where somebody went; the record does the same for those that do not. */
const toldMs: Millis = listenMs + podTimes.quarantineMs

const recordMs: Millis = 10_000

/** Whether letters that were on their way to an alias may still be at its pod. */
export const stillListens = ({ move }: LeftRegistration, nowMs: Millis): boolean =>
  move.issuedMs + listenMs > nowMs

/**
 * Leaves an own alias for another, at another pod or the same. From the moment that our word is on the disk we are there; the former pod is told
 * when it can be, and the network in any case. Source: docs/protocol/moving.md#moving-step-by-step
 */
export class Moving {
  readonly #parts: MovingParts
  readonly #problems = new Map<string, Failure>()
  readonly #renames: Renames
  #looking: Promise<unknown> = Promise.resolve()

  constructor(parts: MovingParts) {
    this.#parts = parts
    this.#renames = createRenames({
      ...parts,
      move: (to, o) => this.move(to, o),
      renamed: pod => this.#renamedTo(pod),
      isThere: alias => this.#isThere(alias),
      again: left => this.#again(left)
    })
  }

  /** A pod where we have an alias has said who it is: where it has another name, we go with it. */
  met(pod: string, shown: ShownPod): void {
    this.#renames.met(pod, shown)
  }

  /**
   * @param from an own alias; the oldest unless told. @throws {MuttrError} nothing has moved then: `VAULT_LOCKED`, `KEY_REVOKED`, `ALIAS_MISSING`,
   *   `MOVE_INVALID`, as {@link Register}
   */
  async move(
    to: string,
    {
      from: wanted,
      invite,
      note,
      signal
    }: { from?: string; invite?: string; note?: string; signal: AbortSignal }
  ): Promise<OwnMove> {
    const { self, pods, register, clock, crypto, journal, emit, record } = this.#parts
    const { full, hostname } = readAlias(to)
    const person = self.person()
    if (person.certificate.revoked)
      throw new MuttrError('KEY_REVOKED', 'your own key is revoked', ownHint)
    const from = this.#leaving(full, wanted)
    await pods.know(hostname, signal)
    const given = { ...(invite !== undefined && { invite }), ...(note !== undefined && { note }) }
    await register(full, { ...given, signal })
    // Other devices hear of the new alias where they still listen.
    await this.#parts.sent()
    const { certificate, contact } = (await pods.link(hostname, signal)).pod
    const sequence = Math.max(clock.now(), self.nextSequence())
    const pod = {
      ...contact,
      addresses: [...contact.addresses],
      fingerprint: certificate.fingerprint
    }
    const about = { from, to: full, pod, sequence, nowMs: clock.now() }
    const frame = await makeMove(self.person(), about, crypto)
    if (!(await self.leave(frame, journal.note([{ type: 'moved', move: frame }]))))
      throw new MuttrError('MOVE_INVALID', `${from} was left meanwhile`)
    emit({ type: 'left', from, to: full })
    record.look()
    await this.#tellAll()
    // Who is written to from the new alias looks there, where the former pod is gone.
    await within(record.quiet(), { clock, timeoutMs: recordMs }).catch(() => undefined)
    return this.list().find(one => one.from === from)!
  }

  /** @throws {MuttrError} `ALIAS_MISSING`, `MOVE_INVALID` */
  #leaving(to: string, wanted: string | undefined): string {
    const own = this.#parts.self.registrations().map(({ alias }) => alias)
    const from = wanted === undefined ? own.find(alias => alias !== to) : readAlias(wanted).full
    if (from === undefined || !own.includes(from))
      throw new MuttrError('ALIAS_MISSING', 'no such alias of yours to leave')
    if (from === to) throw new MuttrError('MOVE_INVALID', `${to} is where you are`)
    return from
  }

  /** Another device of ours has moved, and this one has the new alias. @returns whether that is news */
  async adopt(frame: Uint8Array): Promise<boolean> {
    const { self, emit, record } = this.#parts
    if (!(await self.leave(frame))) return false
    const { from, to } = decodeSignedMove(frame).move
    emit({ type: 'left', from, to })
    record.look()
    this.#later()
    return true
  }

  #later(): void {
    this.look().catch(err => this.#parts.log.warn('a former pod is not told', { err }))
  }

  /** A pod is there again: it may be one that we left, and that was not told. */
  up(pod: string): void {
    if (this.#parts.self.left().some(left => left.pod === pod && !left.signature)) this.#later()
  }

  /** Whether we have no alias at a pod any more, but had. */
  isLeft(pod: string): boolean {
    const { self } = this.#parts
    const isThere = (one: { pod: string }): boolean => one.pod === pod
    return !self.registrations().some(isThere) && self.left().some(isThere)
  }

  /** Whether a pod was left only because it has another name, and no alias of ours is under this one: what comes for it comes to the new one. */
  async isRenamed({ from, to }: Pick<Move, 'from' | 'to'>): Promise<boolean> {
    const { pods, self } = this.#parts
    const [former, now] = [readAlias(from).hostname, readAlias(to).hostname]
    if (former === now || self.registrations().some(({ pod }) => pod === former)) return false
    const [before, after] = [await pods.certificateOf(former), await pods.certificateOf(now)]
    return before !== undefined && before.pin === after?.pin
  }

  async #renamedTo(pod: string): Promise<LeftRegistration[]> {
    const { self } = this.#parts
    const isOurs = (to: string) => self.registrations().some(({ alias }) => alias === to)
    const found: LeftRegistration[] = []
    for (const left of self.left()) {
      const { to } = left.move
      const isIt = left.signature !== null && readAlias(to).hostname === pod && isOurs(to)
      if (isIt && (await this.isRenamed(left.move))) found.push(left)
    }
    return found
  }

  async #isThere(alias: string): Promise<boolean> {
    const { pods, life } = this.#parts
    try {
      await (await pods.questions(readAlias(alias).hostname, life)).lookup(alias)
    } catch (err) {
      if (codeOf(err) === 'ALIAS_UNKNOWN') return false
      throw err
    }
    return true
  }

  /** What the pod has forgotten: that we are under its name of now, and that we were under the former one. */
  async #again({ pod, frame, move }: LeftRegistration): Promise<void> {
    const { self, pods, register, life, emit } = this.#parts
    await register(move.to, { signal: life })
    await self.agreed(frame, await (await pods.identified(pod, life)).move(frame))
    await pods.part(pod)
    emit({ type: 'agreed', from: move.from, to: move.to })
  }

  /** Aliases that were left where letters for them may still come. */
  async listening(): Promise<LeftRegistration[]> {
    const { self, clock } = this.#parts
    const found: LeftRegistration[] = []
    for (const left of self.left()) {
      const isOver = left.signature !== null && (await this.isRenamed(left.move))
      if (stillListens(left, clock.now()) && !isOver) found.push(left)
    }
    return found
  }

  /** Newest first. */
  list(): OwnMove[] {
    return this.#parts.self
      .left()
      .map(({ move, signature }) => ({
        ...{ from: move.from, to: move.to, atMs: move.issuedMs, agreed: signature !== null },
        listensUntilMs: move.issuedMs + listenMs,
        problem: signature ? null : (this.#problems.get(move.from) ?? null)
      }))
      .sort((a, b) => b.atMs - a.atMs)
  }

  /** Tells former pods that were not told, and forgets what nobody asks about any more. One after the other. */
  look(): Promise<void> {
    void this.#renames.look()
    return this.#tellAll()
  }

  #tellAll(): Promise<void> {
    const next = this.#looking.then(() => this.#look())
    this.#looking = next.catch(() => undefined)
    return next
  }

  async #look(): Promise<void> {
    const { self, clock, hasOthers } = this.#parts
    if (self.locked) return
    if (hasOthers()) for (const { alias, pod } of self.registrations()) await this.#ask(alias, pod)
    for (const left of self.left()) {
      if (left.move.issuedMs + toldMs <= clock.now()) await self.forget(left.alias)
      else if (!left.signature && stillListens(left, clock.now())) await this.#tell(left)
    }
  }

  /** Another device may have moved, and could not tell this one: its pod knows, or the network does. */
  async #ask(alias: string, pod: string): Promise<void> {
    const { self, pods, life, clock, crypto, onElsewhere, log } = this.#parts
    const key = self.person().certificate
    try {
      const found = await pods.questions(pod, life).then(
        link => link.moved(alias),
        () => recorded({ alias, key }, this.#parts, life)
      )
      if (!found) return
      const frame = 'frame' in found ? found.frame : found.move
      const move = await verifyMove(frame, { key, nowMs: clock.now() }, crypto)
      // Whoever was away and back is shown the old move by a pod that went back in time, or lies.
      if (move.from === alias && !self.isPast(move)) await onElsewhere(move.to, frame)
    } catch (err) {
      log.debug('nobody says whether another device has moved', { pod, code: codeOf(err) })
    }
  }

  async #tell({ pod, frame, move }: LeftRegistration): Promise<void> {
    const { self, pods, life, log, emit } = this.#parts
    try {
      pods.keep(pod)
      const signature = await (await pods.identified(pod, life)).move(frame)
      await self.agreed(frame, signature)
      if (await this.isRenamed(move)) await pods.part(pod)
      this.#problems.delete(move.from)
      emit({ type: 'agreed', from: move.from, to: move.to })
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      this.#problems.set(move.from, failureOf(err))
      log.info('a former pod does not know yet that we moved', { pod, code: codeOf(err) })
    }
  }
}

import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import { verifyMove } from '../../keys/move.ts'
import { withKnown } from '../../keys/revoke.ts'
import { readAlias } from '../../pod/alias.ts'
import type { ContactRow, Offered } from '../contact-rows.ts'
import type { Known } from '../contacts.ts'
import { follow } from '../trust/follow.ts'
import { leftMax } from '../trust/follower.ts'
import type { Arrived, Sought, Step, StepsParts } from './steps.ts'
import { goAfter, isOutOfReach, recorded } from './steps.ts'

export interface ContactMovesParts extends StepsParts {
  emit: Emit
  life: AbortSignal
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  known(alias: string): Promise<Known | undefined>
  change(known: Known, changes: Partial<ContactRow>): Promise<unknown>
  /** Pins them under the new alias. */
  settle(alias: string, row: ContactRow, certificate: Certificate): Promise<unknown>
  /** Asks the new pod, as for any contact. */
  lookup(alias: string): Promise<Known>
  /** What was said about the former alias holds for the new one; what is on its way there goes on here. */
  onMoved(from: string, to: string): Promise<void>
}

/** Codes that say that a move is none, or that somebody has to look at it. The rest is tried again. */
const refusals: ReadonlySet<string> = new Set([
  ...['MOVE_INVALID', 'KEY_CHANGED', 'ALIAS_UNKNOWN', 'ALIAS_REVOKED', 'SIGNATURE_INVALID'],
  ...['POD_CHANGED', 'KEY_REVOKED']
])

/** Whose pod is away is looked for in the network so often at most. */
const againMs: Millis = 10 * 60_000
const askedMax = 1_000

/** Contacts that have another alias by now. Source: docs/protocol/moving.md#following */
export class ContactMoves {
  readonly #parts: ContactMovesParts
  /** When their record was asked for because their pod was away. */
  readonly #askedMs = new Map<string, Millis>()
  readonly #under = new Map<string, Promise<Known | undefined>>()

  constructor(parts: ContactMovesParts) {
    this.#parts = parts
  }

  /** The alias under which a contact stands by now. */
  async now(alias: string): Promise<string> {
    const seen = new Set<string>()
    for (let at = alias; ; ) {
      seen.add(at)
      const to = (await this.#parts.known(at))?.row.moved?.to
      if (to === undefined || seen.has(to)) return at
      at = to
    }
  }

  /**
   * Goes after a contact whose pod says that they moved, or says nothing. Two letters to one ask once.
   * @returns them at their new alias; undefined when they have none. @throws {MuttrError} why they are not followed
   */
  follow(known: Known, first?: Step): Promise<Known | undefined> {
    const under = this.#under.get(known.alias)
    if (under) return under
    const done = this.#follow(known, first).finally(() => this.#under.delete(known.alias))
    this.#under.set(known.alias, done)
    return done
  }

  /** Their key wrote from another alias: their pod is asked whether they moved, and, when it denies that, the network. */
  async heard(known: Known): Promise<Known | undefined> {
    const { life } = this.#parts
    const there = await this.follow(known)
    if (there) return there
    const { alias, certificate: key } = known
    const step = await recorded({ alias, key }, this.#parts, life)
    const isNews = step && step.move.sequence > sequenceOf(known)
    if (isNews) await this.#offer(known, step, 'MOVE_DENIED')
    return undefined
  }

  /** The person believes a move that was not followed. @throws {MuttrError} as {@link follow} */
  async accept(known: Known): Promise<Known | undefined> {
    const { offered } = known.row
    const { clock, crypto } = this.#parts
    if (!offered) return undefined
    const key = known.certificate
    const move = await verifyMove(offered.frame, { key, nowMs: clock.now() }, crypto)
    return this.follow(known, { move, frame: offered.frame, agreed: false, key })
  }

  async #follow(known: Known, first?: Step): Promise<Known | undefined> {
    const { alias, certificate: key, row } = known
    const left = row.followed?.pins ?? []
    const sought: Sought = { alias, key, left, sequence: sequenceOf(known), first }
    const last: { step?: Step } = {}
    try {
      const arrived = await goAfter(sought, this.#parts, {
        signal: this.#parts.life,
        onStep: step => void (last.step = step)
      })
      if (arrived.steps.length === 0 || arrived.alias === alias) return undefined
      await this.#check(sought, arrived)
      await arrived.keep()
      return await this.#arrive(known, arrived)
    } catch (err) {
      const code = codeOf(err)
      if (last.step && code !== undefined && refusals.has(code))
        await this.#offer(known, last.step, code)
      throw err
    }
  }

  /** @throws {MuttrError} `KEY_CHANGED` when the new alias is somebody else's */
  async #check({ left }: Sought, { alias, answer, link, steps }: Arrived): Promise<void> {
    const { clock, crypto } = this.#parts
    const shown = answer.certificate
    const { key } = steps.at(-1)!
    const how = { link, alias, nowMs: clock.now(), crypto }
    const isTheirs = key.pin === shown.pin || (await follow(key, shown, left, how)) !== undefined
    const there = await this.#parts.known(alias)
    const isOther = there && ![key.pin, shown.pin].includes(there.certificate.pin)
    if (!isTheirs || isOther)
      throw new MuttrError('KEY_CHANGED', 'the new alias is of another key than the pinned one')
  }

  async #arrive(known: Known, { alias, steps }: Arrived): Promise<Known> {
    const { settle, change, lookup, emit, onMoved } = this.#parts
    const { sequence, issuedMs: atMs } = steps.at(-1)!.move
    const agreed = steps.every(step => step.agreed)
    const from = { alias: known.alias, sequence, atMs, agreed }
    const there = await this.#parts.known(alias)
    const certificate = await withKnown(steps.at(-1)!.key, there?.certificate)
    const row: ContactRow = {
      ...withKey(known, steps, this.#parts.clock.now()),
      certificate: certificate.bytes,
      ...{ from, moved: null, offered: null, route: null, changed: null, certifiedUntilMs: null },
      knowsUs: known.row.knowsUs || (there?.row.knowsUs ?? false)
    }
    await settle(alias, row, certificate)
    await change(known, { moved: { to: alias, sequence, atMs }, offered: null })
    emit({ type: 'moved', alias: known.alias, to: alias, atMs, agreed })
    const found = await lookup(alias)
    await onMoved(known.alias, alias)
    return found
  }

  /**
   * Their pod did not show an alias. Who moved is asked for where they are, also when it is away.
   * @throws {MuttrError} what was refused, or why they are not followed
   */
  async instead(alias: string, refused: unknown): Promise<Known> {
    const { known, vouched } = this.#parts
    const code = codeOf(refused)
    if (code !== 'ALIAS_MOVED' && !isOutOfReach(code)) throw refused
    const pinned = await known(alias)
    if (code === 'ALIAS_MOVED' && !pinned)
      return this.#first(alias, Object.hasOwn(vouched, alias) ? vouched[alias] : undefined)
    const there =
      pinned && (await (code === 'ALIAS_MOVED' ? this.follow(pinned) : this.seek(pinned)))
    if (!there) throw refused
    return there
  }

  /** Somebody who was never met, whose pod says that they moved. @throws as {@link follow} */
  async #first(alias: string, vouched: string | undefined): Promise<Known> {
    const { pods, life, lookup } = this.#parts
    const link = await pods.questions(readAlias(alias).hostname, life)
    const key = (await link.moved(alias))?.certificate
    if (!key) throw new MuttrError('MOVE_INVALID', 'a pod says that somebody moved, and not where')
    if (vouched !== undefined && vouched !== key.fingerprint)
      throw new MuttrError('KEY_CHANGED', `${alias} shows another key than your link names`)
    const sought = { alias, key, left: [], sequence: -1 }
    const arrived = await goAfter(sought, this.#parts, { signal: life })
    await this.#check(sought, arrived)
    await arrived.keep()
    return lookup(arrived.alias)
  }

  /** The pod of a contact is away: they may have left it. @returns undefined when nothing says so, or it said so just now */
  async seek(known: Known): Promise<Known | undefined> {
    const nowMs = this.#parts.clock.now()
    const askedMs = this.#askedMs.get(known.alias)
    const isUnder = this.#under.has(known.alias)
    if (!isUnder && askedMs !== undefined && askedMs + againMs > nowMs) return undefined
    if (this.#askedMs.size >= askedMax) this.#askedMs.clear()
    this.#askedMs.set(known.alias, nowMs)
    return this.follow(known).catch(err => {
      if (codeOf(err) === 'CANCELLED') throw err
      return undefined
    })
  }

  async #offer(known: Known, { move, frame }: Step, code: string): Promise<void> {
    const { to, sequence, issuedMs: atMs } = move
    const { offered } = known.row
    if (offered?.sequence === sequence && offered.code === code) return
    const said = { to, sequence, atMs, frame, code } as Offered
    await this.#parts.change(known, { offered: said })
    this.#parts.emit({ type: 'not-moved', alias: known.alias, to, code })
  }
}

/** Of the key that their moves were signed by, where another has taken the place of the pinned one since. */
function withKey({ row }: Known, steps: readonly Step[], nowMs: Millis): ContactRow {
  const ways = steps.flatMap(({ way }) => way ?? [])
  const last = ways.at(-1)
  if (!last) return row
  const pins = [...(row.followed?.pins ?? []), ...ways.flatMap(way => way.pins)].slice(-leftMax)
  const { bytes: from, fingerprint: fromFingerprint } = last.last
  const followed = { from, fromFingerprint, atMs: last.atMs, pins }
  return { ...row, followed, verified: false, pinnedMs: nowMs }
}

/** Of the last move that was followed to where they are. */
const sequenceOf = ({ row }: Known): number => row.from?.sequence ?? -1

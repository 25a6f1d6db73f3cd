import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { openMove, verifyMove } from '../../keys/move.ts'
import { withKnown } from '../../keys/revoke.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Move } from '../../wire/move.ts'
import { decodeRecord } from '../../wire/record.ts'
import { decodePerson, personKey } from '../../wire/records/person.ts'
import type { LookedUp, PodQuestions } from '../pod-questions.ts'
import type { Introduced, Pods } from '../pods.ts'
import type { Way } from '../trust/follow.ts'
import { follow } from '../trust/follow.ts'

/** Nobody said anything about the alias. */
export const isOutOfReach = (code: string | undefined): boolean =>
  code === 'POD_UNREACHABLE' || code === 'POD_UNKNOWN' || code === 'PEER_TIMEOUT'

/** One alias of somebody on the way to the next. */
export interface Step {
  readonly move: Move
  readonly frame: Uint8Array
  /** The pod that was left has signed for it. */
  readonly agreed: boolean
  /** The key that said it: the one that was asked about, or one that came after, in this way. */
  readonly key: Certificate
  readonly way?: Way
}

/** Where the steps end: at an alias that its pod shows. */
export interface Arrived {
  readonly alias: string
  readonly answer: LookedUp
  readonly link: PodQuestions
  /** None when nobody has moved. */
  readonly steps: readonly Step[]
  /** They are whom they say there: the pod is kept, as it was introduced. */
  keep(): Promise<void>
}

export interface StepsParts {
  /** Without it no record is read: seeds would see whose, and who asks. */
  dht?: Pick<Dht, 'getRecord'>
  pods: Pick<Pods, 'questions' | 'introduce'>
  clock: Clock
  crypto: Crypto
}

/** Whom to find. */
export interface Sought {
  readonly alias: string
  readonly key: Certificate
  /** Pins of keys that they had before. */
  readonly left: readonly string[]
  /** Of their last move that was followed; -1 before the first. */
  readonly sequence: number
  /** A move that the person believes, whatever its pod says. */
  readonly first?: Step | undefined
}

const recordTimeoutMs = 10_000

/**
 * Goes after somebody from alias to alias: by the word of each pod, countersigned, or, where a pod is away, by the person's own record.
 * At most {@link limits.movesMax} steps, each later than the one before. Source: docs/protocol/moving.md#following
 */
export async function goAfter(
  { alias, key, left, sequence, first }: Sought,
  parts: StepsParts,
  { signal, onStep = () => undefined }: { signal: AbortSignal; onStep?: (step: Step) => void }
): Promise<Arrived> {
  const steps: Step[] = []
  let there: Introduced | undefined
  for (let at: Sought = { alias, key, left, sequence }; ; ) {
    const found = steps.length === 0 && first ? first : await stepFrom(at, there, parts, signal)
    if ('answer' in found)
      return { ...found, alias: at.alias, steps, keep: async () => there?.keep() }
    const { move } = found
    if (steps.length >= limits.movesMax || move.from !== at.alias || move.sequence <= at.sequence)
      throw new MuttrError('MOVE_INVALID', 'a move that leads nowhere, or that an older one is')
    steps.push(found)
    onStep(found)
    there = await parts.pods.introduce(readAlias(move.to).hostname, move.pod, signal)
    const keys = { key: found.key, left: [...at.left, ...(found.way?.pins ?? [])] }
    at = { alias: move.to, ...keys, sequence: move.sequence }
  }
}

async function stepFrom(
  at: Sought,
  there: Introduced | undefined,
  parts: StepsParts,
  signal: AbortSignal
): Promise<Step | Pick<Arrived, 'answer' | 'link'>> {
  try {
    const link = await (there?.questions(signal) ??
      parts.pods.questions(readAlias(at.alias).hostname, signal))
    const answer = await link.lookup(at.alias).catch(err => {
      if (codeOf(err) === 'ALIAS_MOVED') return undefined
      throw err
    })
    return answer ? { answer, link } : await toldBy(link, at, parts)
  } catch (err) {
    const step = isOutOfReach(codeOf(err)) ? await recorded(at, parts, signal) : undefined
    if (step) return step
    throw err
  }
}

/** The former pod's word. @throws {MuttrError} `MOVE_INVALID`, `KEY_CHANGED`, `SIGNATURE_INVALID` */
async function toldBy(
  link: PodQuestions,
  at: Sought,
  { clock, crypto }: StepsParts
): Promise<Step> {
  const told = await link.moved(at.alias)
  if (!told) throw new MuttrError('MOVE_INVALID', 'a pod says that somebody moved, and not where')
  const nowMs = clock.now()
  const key = await withKnown(told.certificate, at.key)
  const how = { link, alias: at.alias, nowMs, crypto }
  const isPinned = key.pin === at.key.pin
  const way = isPinned ? undefined : await follow(at.key, key, at.left, how)
  if (!isPinned && !way)
    throw new MuttrError('KEY_CHANGED', 'a move by another key than the pinned one')
  const move = await verifyMove(told.move, { key, nowMs }, crypto)
  return { move, frame: told.move, agreed: true, key, ...(way && { way }) }
}

/** What the person says in the network, which whoever holds it can withhold. */
export async function recorded(
  { alias, key }: Pick<Sought, 'alias' | 'key'>,
  { dht, clock, crypto }: Pick<StepsParts, 'dht' | 'clock' | 'crypto'>,
  signal: AbortSignal
): Promise<Step | undefined> {
  if (!dht) return undefined
  try {
    const about = { pin: key.pin, from: alias }
    const frame = await dht.getRecord(personKey(key.pin), { signal, timeoutMs: recordTimeoutMs })
    for (const sealed of decodePerson(decodeRecord(frame).body).moves) {
      const opened = openMove(sealed, about)
      if (!opened) continue
      const move = await verifyMove(opened, { key, nowMs: clock.now() }, crypto)
      if (move.from === alias) return { move, frame: opened, agreed: false, key }
    }
  } catch (err) {
    if (codeOf(err) === 'CANCELLED') throw err
  }
  return undefined
}

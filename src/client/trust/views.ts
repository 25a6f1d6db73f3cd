import { equalBytes } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { State } from '../../store/state.ts'
import { array, bytes, literal, mapped, text, tuple, uint } from '../../wire/cbor.ts'
import type { LookupAnswer } from '../../wire/pod.ts'
import { directoryAnswerBytesMax, podSignatureBytesMax } from '../../wire/pod.ts'
import { createSealedTable, type SealedTable } from '../mailbox/sealed-table.ts'
import type { LookedUp } from '../pod-questions.ts'
import type { Self } from '../self.ts'
import { contradicts, readShown, type ShownAnswer } from './shown-answer.ts'
import type { SplitViews } from './split-views.ts'

/** Asks a pod once about an alias, in one way, and hands on what it is told. */
export type Way = (told: (pod: Certificate, answer: LookedUp) => Promise<void>) => Promise<void>

export interface ViewsParts {
  state: State
  self: Pick<Self, 'openCloset'>
  splits: Pick<SplitViews, 'caught'>
  /** The usual way to ask about an alias first, then those on which its pod takes us for somebody else. */
  ways(alias: string): Way[]
  clock: Clock
  log: Log
  /** How often an alias that is asked for anyway is asked for the other ways too; null never, and nothing is kept. */
  everyMs: Millis | null
  life: AbortSignal
}

interface KeptAnswer extends Omit<ShownAnswer, 'alias'> {
  readonly signed: LookupAnswer
}

interface ViewRow {
  readonly alias: string
  /** When the other ways are due again. */
  readonly nextMs: Millis
  /** The pin of the key that signed them. */
  readonly pod: string
  readonly answers: readonly KeptAnswer[]
}

/** Of one key the last two are enough: an answer lasts for two that come after it. */
const answersPerKey = 2
const answersMax = 4
const pageRows = 64

const kept = mapped(
  tuple(
    text(64, 64),
    text(64, 1),
    uint(),
    uint(),
    uint(),
    bytes(1, directoryAnswerBytesMax),
    bytes(1, podSignatureBytesMax)
  ),
  ([pin, fingerprint, certifiedMs, issuedMs, validUntilMs, answer, signature]): KeptAnswer => ({
    ...{ pin, fingerprint, certifiedMs, issuedMs, validUntilMs, signed: { answer, signature } }
  })
)
const row = mapped(
  tuple(
    literal(1),
    text(limits.fullAliasCharsMax, 3),
    uint(),
    text(64, 64),
    array(kept, answersMax)
  ),
  ([, alias, nextMs, pod, answers]): ViewRow => ({ alias, nextMs, pod, answers })
)

/**
 * What pods signed about the aliases that were asked for, as long as it is valid: two answers that no honest pod signs are a proof. So an
 * alias is also asked for as somebody else, and again each hour while its pod has shown two keys. Source: docs/protocol/keys.md#split-views
 */
export class Views {
  readonly #parts: ViewsParts
  readonly #rows: SealedTable<ViewRow>
  #work: Promise<unknown> = Promise.resolve()
  #looking: Promise<void> | undefined

  constructor(parts: ViewsParts) {
    this.#parts = parts
    this.#rows = createSealedTable({
      ...{ state: parts.state, log: parts.log, name: 'views', field: row },
      maxBytes: answersMax * (directoryAnswerBytesMax + podSignatureBytesMax + 256) + 512,
      write: r => [1, r.alias, r.nextMs, r.pod, r.answers.map(written)]
    })
  }

  /** A pod answered. Resolves when what follows from it is done; never rejects. Nothing is kept while the vault is locked. */
  async heard(pod: Certificate, answer: LookedUp): Promise<void> {
    const { everyMs, life } = this.#parts
    if (everyMs === null || life.aborted) return
    await this.#next(async () => {
      if (await this.#take(pod, answer, everyMs)) await this.#ask(answer.alias, 1)
    })
  }

  /** Drops what is over, and asks again about those of whom a pod has shown two keys; who asks while it is at work waits for that. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { life, self, everyMs } = this.#parts
    for (let gt: string | undefined; everyMs !== null && !life.aborted; ) {
      const closet = self.openCloset
      if (!closet) return
      const range = { limit: pageRows, ...(gt !== undefined && { gt }) }
      const { rows, last } = await this.#rows.page(closet, range)
      for (const { key, value } of rows) await this.#next(() => this.#again(key, value))
      if (last === undefined) return
      gt = last
    }
  }

  /** Resolves when nothing is being asked or written. */
  async quiet(): Promise<void> {
    await this.#work
  }

  /** One after the other: of two answers at once neither undoes the other. */
  #next(work: () => Promise<void>): Promise<void> {
    const { log, life } = this.#parts
    const done = this.#work.then(work).catch(err => {
      if (!life.aborted) log.debug('what a pod said is not kept', { code: codeOf(err) })
    })
    this.#work = done
    return done
  }

  async #again(key: string, { alias, answers }: ViewRow): Promise<void> {
    const { state, clock, life } = this.#parts
    if (life.aborted) return
    const valid = answers.filter(({ validUntilMs }) => validUntilMs > clock.now())
    if (valid.length === 0) await state.write([this.#rows.drop(key)])
    else if (new Set(valid.map(({ pin }) => pin)).size > 1) await this.#ask(alias, 0)
  }

  async #ask(alias: string, from: number): Promise<void> {
    const { ways, log, life, everyMs } = this.#parts
    for (const way of ways(alias).slice(from)) {
      if (life.aborted) return
      await way(async (pod, answer) => {
        await this.#take(pod, answer, everyMs!)
      }).catch(err => log.debug('not asked another way', { code: codeOf(err) }))
    }
  }

  /** @returns whether the other ways are due. */
  async #take(
    pod: Certificate,
    { alias, certificate, signed }: LookedUp,
    everyMs: Millis
  ): Promise<boolean> {
    const { state, clock, self, splits } = this.#parts
    const closet = self.openCloset
    // The key's own word ends it, whatever its pod says: there is nothing to choose between.
    if (!closet || certificate.revoked) return false
    const nowMs = clock.now()
    const key = closet.tag(`view ${alias}`)
    const before = await this.#rows.get(key, closet)
    const answers = before?.pod === pod.pin ? before.answers : []
    const isDue = (before?.nextMs ?? 0) <= nowMs
    const isKnown = answers.some(one => equalBytes(one.signed.answer, signed.answer))
    if (isKnown && !isDue) return false
    const fresh = isKnown ? [] : [{ ...(await readShown(pod, signed, nowMs)), signed }]
    const next = newest([...answers, ...fresh], nowMs)
    const nextMs = isDue ? nowMs + everyMs : before!.nextMs
    const row = { alias, nextMs, pod: pod.pin, answers: next }
    await state.write([this.#rows.put(key, row, closet)])
    const [found] = pairsOf(next).filter(([a, b]) => contradicts({ ...a, alias }, { ...b, alias }))
    if (found && fresh.length > 0) {
      const [former, later] = found
      const split = { pod: pod.bytes, former: former.signed, later: later.signed }
      await splits.caught(split, { ...former, alias }, { ...later, alias })
    }
    return isDue
  }
}

const written = (a: KeptAnswer): unknown[] => [
  ...[a.pin, a.fingerprint, a.certifiedMs, a.issuedMs, a.validUntilMs],
  ...[a.signed.answer, a.signed.signature]
]

function newest(answers: readonly KeptAnswer[], nowMs: Millis): KeptAnswer[] {
  const seen = new Map<string, number>()
  return answers
    .filter(({ validUntilMs }) => validUntilMs > nowMs)
    .sort((a, b) => b.issuedMs - a.issuedMs)
    .filter(({ pin }) => {
      const count = (seen.get(pin) ?? 0) + 1
      seen.set(pin, count)
      return count <= answersPerKey
    })
    .slice(0, answersMax)
}

const pairsOf = (answers: readonly KeptAnswer[]): [KeptAnswer, KeptAnswer][] =>
  answers.flatMap(a => answers.map((b): [KeptAnswer, KeptAnswer] => [a, b]))

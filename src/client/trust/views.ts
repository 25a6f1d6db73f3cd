import { equalBytes } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { throwDice } from '../../base/retry.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { State } from '../../store/state.ts'
import { array, bytes, literal, mapped, text, tuple, uint } from '../../wire/cbor.ts'
import type { LookupAnswer } from '../../wire/pod.ts'
import { directoryAnswer, directoryAnswerBytesMax, podSignatureBytesMax } from '../../wire/pod.ts'
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
  random: Random
  log: Log
  /** How often an alias that is asked for anyway is asked for the other ways too; null never, and nothing is kept. */
  everyMs: Millis | null
  life: AbortSignal
}

/** `issuedMs` is no later than when it was heard: a pod whose clock was ahead said it by then. */
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
  /** When each way is to be asked, the usual one first; 0: it is not. */
  readonly asks: readonly Millis[]
}

/** Of one key the last two are enough: an answer lasts for two that come after it. */
const answersPerKey = 2
const answersMax = 4
const waysMax = 8
/** While two keys are shown each way is asked about once an hour, and at another time than the others. */
const againMs = { fromMs: 30 * 60_000, toMs: 90 * 60_000 }
/** What was due while nobody could ask: not all of it in the moment that somebody can. */
const lateMs = { fromMs: 60_000, toMs: 30 * 60_000 }
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
    literal(2),
    text(limits.fullAliasCharsMax, 3),
    uint(),
    text(64, 64),
    array(kept, answersMax),
    array(uint(), waysMax)
  ),
  ([, alias, nextMs, pod, answers, asks]): ViewRow => ({ alias, nextMs, pod, answers, asks })
)

/**
 * What pods signed about the aliases that were asked for, as long as it is valid: two answers that no honest pod signs are a proof. So an
 * alias is also asked for as somebody else, some time later, and again each hour while its pod has shown two keys.
 * Source: docs/protocol/keys.md#split-views
 */
export class Views {
  readonly #parts: ViewsParts
  readonly #rows: SealedTable<ViewRow>
  #work: Promise<unknown> = Promise.resolve()
  #looking: Promise<void> | undefined
  #timer: { atMs: Millis; stop: Disposable } | undefined
  /** Since when the vault is open, as far as that was seen. */
  #openMs: Millis | undefined

  constructor(parts: ViewsParts) {
    this.#parts = parts
    this.#rows = createSealedTable({
      ...{ state: parts.state, log: parts.log, name: 'views', field: row },
      maxBytes: answersMax * (directoryAnswerBytesMax + podSignatureBytesMax + 256) + 768,
      write: r => [2, r.alias, r.nextMs, r.pod, r.answers.map(written), r.asks]
    })
    parts.life.addEventListener('abort', () => this.#timer?.stop[Symbol.dispose]())
  }

  /** A pod answered. Resolves when it is kept, and when it is settled when to ask again; never rejects. Nothing is kept while the vault is locked. */
  async heard(pod: Certificate, answer: LookedUp): Promise<void> {
    const { everyMs, life } = this.#parts
    if (everyMs === null || life.aborted) return
    await this.#next(() => this.#take(pod, answer, everyMs))
  }

  /** Drops what is over, and asks what is due; who asks while it is at work waits for that. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { life, self, everyMs, clock } = this.#parts
    for (let gt: string | undefined; everyMs !== null && !life.aborted; ) {
      const closet = self.openCloset
      if (!closet) {
        this.#openMs = undefined
        return
      }
      this.#openMs ??= clock.now()
      const range = { limit: pageRows, ...(gt !== undefined && { gt }) }
      const { rows, last } = await this.#rows.page(closet, range)
      for (const { key } of rows) await this.#next(() => this.#again(key))
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

  async #again(key: string): Promise<void> {
    const { state, clock, life, self, ways } = this.#parts
    const closet = self.openCloset
    if (life.aborted || !closet) return
    const row = await this.#rows.get(key, closet)
    if (!row) return
    const nowMs = clock.now()
    const answers = newest(row.answers, nowMs)
    if (answers.length === 0) return void (await state.write([this.#rows.drop(key)]))
    const all = ways(row.alias)
    const isDue = (atMs: Millis | undefined): boolean =>
      atMs !== undefined && atMs > 0 && atMs <= nowMs
    const isLate = (atMs: Millis): boolean => isDue(atMs) && atMs < this.#openMs!
    const asks = this.#planned(row.asks, { answers, ways: all.length, isFirst: false }).map(atMs =>
      isLate(atMs) ? this.#inAWhile(lateMs) : atMs
    )
    const due = all.filter((_, i) => isDue(asks[i]))
    // Written first: what fails, or is cut off, is not asked again at once.
    const left = asks.map(atMs => (isDue(atMs) ? 0 : atMs))
    if (left.some((atMs, i) => atMs !== row.asks[i]))
      await state.write([this.#rows.put(key, { ...row, asks: left }, closet)])
    this.#arm(left)
    for (const way of due) await this.#ask(way)
  }

  async #ask(way: Way): Promise<void> {
    const { log, life, everyMs } = this.#parts
    if (life.aborted) return
    await way((pod, answer) => this.#take(pod, answer, everyMs!)).catch(err =>
      log.debug('not asked another way', { code: codeOf(err) })
    )
  }

  /** When each way is asked, with those that are due now and were not settled. */
  #planned(
    asks: readonly Millis[],
    { answers, ways, isFirst }: { answers: readonly KeptAnswer[]; ways: number; isFirst: boolean }
  ): Millis[] {
    const everyMs = this.#parts.everyMs!
    const isTwo = new Set(answers.map(({ pin }) => pin)).size > 1
    const soonMs = this.#parts.clock.now() + againMs.toMs
    return Array.from({ length: Math.min(ways, waysMax) }, (_, way) => {
      const atMs = asks[way] ?? 0
      if (isTwo) return atMs > 0 && atMs <= soonMs ? atMs : this.#inAWhile(againMs)
      if (way === 0) return 0
      const isWanted = isFirst && atMs === 0
      return isWanted ? this.#inAWhile({ fromMs: everyMs / 144, toMs: everyMs / 4 }) : atMs
    })
  }

  #inAWhile({ fromMs, toMs }: { fromMs: Millis; toMs: Millis }): Millis {
    const { clock, random } = this.#parts
    return clock.now() + Math.round(fromMs + (toMs - fromMs) * throwDice(random))
  }

  #arm(asks: readonly Millis[]): void {
    const { clock, life } = this.#parts
    const nowMs = clock.now()
    const atMs = Math.min(...asks.filter(ms => ms > nowMs))
    if (life.aborted || atMs === Number.POSITIVE_INFINITY) return
    if (this.#timer && this.#timer.atMs > nowMs && this.#timer.atMs <= atMs) return
    this.#timer?.stop[Symbol.dispose]()
    // A look that is at work may be past what is due now.
    const stop = clock.after(
      atMs - nowMs,
      () => void Promise.resolve(this.#looking).then(() => this.look())
    )
    this.#timer = { atMs, stop }
  }

  async #take(
    pod: Certificate,
    { alias, certificate, signed }: LookedUp,
    everyMs: Millis
  ): Promise<void> {
    const { state, clock, self, ways } = this.#parts
    const closet = self.openCloset
    // The key's own word ends it, whatever its pod says: there is nothing to choose between.
    if (!closet || certificate.revoked) return
    const nowMs = clock.now()
    this.#openMs ??= nowMs
    const key = closet.tag(`view ${alias}`)
    // One that cannot be read is begun anew.
    const before = await this.#rows.get(key, closet).catch(() => undefined)
    const answers = before?.pod === pod.pin ? before.answers : []
    const isFirst = (before?.nextMs ?? 0) <= nowMs
    const isKnown = answers.some(one => equalBytes(one.signed.answer, signed.answer))
    const fresh = isKnown ? [] : [await heardAt(nowMs, pod, signed)]
    const next = newest([...answers, ...fresh], nowMs)
    const asks = this.#planned(before?.asks ?? [], {
      ...{ answers: next, ways: ways(alias).length, isFirst }
    })
    const nextMs = isFirst ? nowMs + everyMs : before!.nextMs
    const caught = await this.#caught(pod, { alias, answers: next, isFresh: !isKnown })
    if (isKnown && !isFirst && !caught) return
    const row = { alias, nextMs, pod: pod.pin, answers: next, asks }
    await state.write([this.#rows.put(key, row, closet), ...(caught?.changes ?? [])])
    this.#arm(asks)
    caught?.ring()
  }

  /** Looks at all that is kept each time: a proof that found no room, or was cut off, is made of it later. */
  async #caught(
    pod: Certificate,
    { alias, answers, isFresh }: { alias: string; answers: KeptAnswer[]; isFresh: boolean }
  ) {
    const [found] = pairsOf(answers).filter(
      ([a, b]) =>
        contradicts({ ...a, alias }, { ...b, alias }) &&
        contradicts({ ...asSigned(a), alias }, { ...asSigned(b), alias })
    )
    if (!found) return undefined
    const [former, later] = found
    const split = { pod: pod.bytes, former: former.signed, later: later.signed }
    const both = { former: { ...former, alias }, later: { ...later, alias }, isFresh }
    return this.#parts.splits.caught(split, both)
  }
}

async function heardAt(nowMs: Millis, pod: Certificate, signed: LookupAnswer): Promise<KeptAnswer> {
  const { alias: _, ...shown } = await readShown(pod, signed, nowMs)
  return { ...shown, issuedMs: Math.min(shown.issuedMs, nowMs), signed }
}

/** As whoever checks the file reads it. */
const asSigned = (answer: KeptAnswer): KeptAnswer => ({
  ...answer,
  issuedMs: directoryAnswer.decode(answer.signed.answer).issuedMs
})

const written = (a: KeptAnswer): unknown[] => [
  ...[a.pin, a.fingerprint, a.certifiedMs, a.issuedMs, a.validUntilMs],
  ...[a.signed.answer, a.signed.signature]
]

function newest(answers: readonly KeptAnswer[], nowMs: Millis): KeptAnswer[] {
  const seen = new Map<string, number>()
  return (
    answers
      // What was heard later than now was heard by a clock of ours that was ahead, as the pod's may have been.
      .filter(({ validUntilMs, issuedMs }) => validUntilMs > nowMs && issuedMs <= nowMs)
      .sort((a, b) => b.issuedMs - a.issuedMs)
      .filter(({ pin }) => {
        const count = (seen.get(pin) ?? 0) + 1
        seen.set(pin, count)
        return count <= answersPerKey
      })
      .slice(0, answersMax)
  )
}

const pairsOf = (answers: readonly KeptAnswer[]): [KeptAnswer, KeptAnswer][] =>
  answers.flatMap(a => answers.map((b): [KeptAnswer, KeptAnswer] => [a, b]))

import { codeOf } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Clock, Log } from '../base/ports.ts'
import { encodeTombstone, mergeTombstones, readTombstone } from '../wire/tombstone.ts'
import type { Retraction, SentLetter } from './client.ts'
import { failureOf } from './failure.ts'
import type { Self } from './self.ts'
import type { Courier } from './send.ts'
import { elsewhere } from './send.ts'
import type { SentRow } from './sent-rows.ts'
import type { SentStore } from './sent-shape.ts'
import type { Watch } from './watch.ts'

interface RetractParts {
  store: SentStore
  courier: Courier
  watch: Watch
  self: Self
  clock: Clock
  log: Log
  emit: Emit
  /** Takes its files back too. */
  dropFiles(letter: string): Promise<void>
}

/** For readers whose client does not know what a retraction is. */
const words = 'Please forget my earlier letter.'

/**
 * Takes a letter back as far as that still goes, and says how far. Source: docs/protocol/letter.md#taking-a-letter-back
 * @throws {MuttrError} `LETTER_UNKNOWN`, `VAULT_LOCKED`, `LETTER_UNDER_WAY` for one that another device has not sent yet
 */
export async function retract(
  parts: RetractParts,
  id: string,
  signal?: AbortSignal
): Promise<Retraction> {
  const { courier, store } = parts
  const row = await courier.row(id)
  parts.self.closet() // a locked vault is told of before anything is stopped
  if (isQueued(row) && store.isElsewhere(row)) throw elsewhere(id)
  await courier.halt(id)
  const outcome = await withdraw(parts, row, signal)
  await parts.dropFiles(id)
  const asked = outcome === 'too-late' ? await askToForget(parts, row, signal) : nothing
  return { outcome, letter: await courier.letter(row), ...asked }
}

const nothing = { request: null, problem: null }

async function withdraw(
  parts: RetractParts,
  row: SentRow,
  signal: AbortSignal | undefined
): Promise<Retraction['outcome']> {
  const { store, watch, clock, emit, log } = parts
  if (row.stage === 'accepted') return 'too-late'
  if (row.stage === 'expired') return 'expired'
  const wasQueued = isQueued(row)
  row.withdrawing ??= { sinceMs: clock.now(), asked: 0, words: [] }
  row.waiting = null
  if (row.header) row.tombstone = await ownTombstone(parts, row, row.header)
  if (wasQueued) row.stage = 'withdrawn' // its key was told to nobody but holders that may have taken it
  await store.save(row)
  if (wasQueued) emit({ type: 'withdrawn', letter: row.id, took: 0, asked: 0 })
  if (!row.tombstone) return 'cancelled'
  watch.watch(row)
  await watch.look(row, signal).catch(err => {
    if (codeOf(err) === 'INTERNAL') throw err
    log.debug('a letter is not withdrawn yet', { code: codeOf(err) })
  })
  if (wasQueued) return 'cancelled'
  return reached(row)
}

const isQueued = ({ stage }: SentRow): boolean => stage === 'draft' || stage === 'sealed'

const reached = ({ stage }: SentRow): Retraction['outcome'] => {
  if (stage === 'accepted') return 'too-late'
  return stage === 'withdrawn' ? 'withdrawn' : 'unknown'
}

async function ownTombstone(
  { store, self }: RetractParts,
  row: SentRow,
  headerBytes: Uint8Array
): Promise<Uint8Array> {
  const { secrets } = await store.secret(row.id, self.closet())
  const own = { headerBytes, retract: secrets.retract, accept: null, receipt: null }
  return encodeTombstone(row.tombstone ? mergeTombstones(readTombstone(row.tombstone), own) : own)
}

/** Once for each letter. A request that cannot be sent does not hide that it is too late. */
async function askToForget(
  { store, courier }: RetractParts,
  row: SentRow,
  signal: AbortSignal | undefined
): Promise<Pick<Retraction, 'request' | 'problem'>> {
  const before = row.forgetAsked === null ? undefined : await store.find(row.forgetAsked)
  if (before) return { request: await courier.letter(before), problem: null }
  try {
    const draft = { to: row.to, from: row.from, body: words }
    const request: SentLetter = await courier.send(draft, signal, { retracts: row.id })
    return { request, problem: null }
  } catch (err) {
    return { request: null, problem: failureOf(err) }
  }
}

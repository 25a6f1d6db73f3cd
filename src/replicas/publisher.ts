import { sha256, toHex } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import type { Clock, Log, Millis, Random } from '../base/ports.ts'
import type { RecordAuthor } from '../wire/record.ts'
import { decodeRecord, makeRecord, recordKey } from '../wire/record.ts'
import type { RhythmOptions } from './rhythm.ts'
import { Rhythm } from './rhythm.ts'

/** What a publisher needs of a DHT. */
export interface RecordDht {
  putRecord(frame: Uint8Array, options: { signal: AbortSignal }): Promise<{ copies: number }>
  getRecord(key: Uint8Array, options: { signal: AbortSignal }): Promise<Uint8Array>
}

/** One record of one author, while it is the author's turn to sign. */
export interface Statement {
  readonly author: RecordAuthor
  readonly body: Uint8Array
  sign(signed: Uint8Array): Uint8Array | Promise<Uint8Array>
}

export interface PublisherParts {
  dht: RecordDht
  clock: Clock
  random: Random
  log: Log
  kind: string
  /** What the record should say now; undefined when there is nothing to say, or nobody to sign. */
  say(): Promise<Statement | undefined>
  /** W: with fewer copies it is put again soon, since the network is just coming up. */
  quorum: number
  rhythm: RhythmOptions
  /** How often it is looked whether there is something new to say. */
  lookEveryMs: Millis
  /** After each put that reached anybody. `saying` is for {@link RhythmOptions.last}. */
  onPut?(put: { saying: string; atMs: Millis; body: Uint8Array }): Promise<void>
}

/** Keeps a record of ours in the DHT. */
export interface Publisher extends AsyncDisposable {
  /** Looks now whether there is something new to say. */
  look(): void
  /** Resolves when nothing is under way; never rejects. */
  quiet(): Promise<void>
}

interface PutStatement {
  dht: RecordDht
  kind: string
  /** The least that it has. */
  sequence: number
  signal: AbortSignal
}

/** Puts a record once, above a former one of ours. @throws {MuttrError} as {@link RecordDht.putRecord} */
export async function putStatement(
  { dht, kind, sequence, signal }: PutStatement,
  { author, body, sign }: Statement
): Promise<{ copies: number; sequence: number }> {
  const put = async (sequence: number) => {
    const { frame } = await makeRecord({ kind, author, sequence, body }, bytes => sign(bytes))
    return { copies: (await dht.putRecord(frame, { signal })).copies, sequence }
  }
  try {
    return await put(sequence)
  } catch (err) {
    if (codeOf(err) !== 'RECORD_STALE') throw err
    // Our own clock was ahead once, or we were restored from a backup.
    const stored = await dht.getRecord(recordKey(kind, author), { signal })
    return await put(Math.max(sequence, decodeRecord(stored).sequence) + 1)
  }
}

/** Looks at once, and goes on until disposed. */
export function createPublisher(parts: PublisherParts): Publisher {
  const { clock, random, log, kind, lookEveryMs } = parts
  const rhythm = new Rhythm(parts.rhythm)
  const life = new AbortController()
  let sequence = 0
  let timer: Disposable | undefined
  let running: Promise<void> | undefined
  let again = false

  /** @throws {MuttrError} as {@link RecordDht.putRecord} */
  async function put(statement: Statement): Promise<number> {
    const { dht } = parts
    const from = Math.max(sequence + 1, clock.now())
    const { copies, ...said } = await putStatement(
      { dht, kind, sequence: from, signal: life.signal },
      statement
    )
    sequence = said.sequence
    return copies
  }

  async function lookOnce(): Promise<void> {
    const statement = await parts.say()
    if (!statement || life.signal.aborted) return
    const { body } = statement
    const saying = toHex(sha256(body))
    if (!rhythm.isDue(saying, clock.now())) return
    const dice = random.bytes(1)[0]! / 256
    try {
      const copies = await put(statement)
      const atMs = clock.now()
      rhythm.said(saying, copies < parts.quorum ? 'thinly' : 'well', atMs, dice)
      log.debug('record published', { kind, copies })
      await parts.onPut?.({ saying, atMs, body })
    } catch (err) {
      rhythm.said(saying, 'badly', clock.now(), dice)
      if (!life.signal.aborted) log.debug('record not published', { kind, code: codeOf(err) })
    }
  }

  function look(): void {
    if (life.signal.aborted) return
    if (running) {
      again = true
      return
    }
    timer?.[Symbol.dispose]()
    running = lookOnce()
      .catch(err => log.warn('record not published', { kind, err }))
      .finally(() => {
        running = undefined
        if (life.signal.aborted) return
        timer = clock.after(lookEveryMs, look)
        if (again) {
          again = false
          look()
        }
      })
  }

  const quiet = async (): Promise<void> => {
    while (running) await running
  }
  look()
  return {
    look,
    quiet,
    async [Symbol.asyncDispose]() {
      life.abort()
      timer?.[Symbol.dispose]()
      await quiet()
    }
  }
}

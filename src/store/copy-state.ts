import { createHash } from 'node:crypto'
import { MuttrError } from '../base/errors.ts'
import type { Content, WholeState } from './state.ts'

/** How much is in a state; two with the same digest hold the same. */
export interface StateSum {
  rows: number
  logs: number
  entries: number
  /** Sum of the SHA-256 of every piece, modulo 2^256, in hex: the order in which a database gives them makes no difference. */
  digest: string
}

interface CopyOptions {
  signal: AbortSignal
  /** After each thousand pieces, and at the end. */
  onProgress(done: { copied: number; verified: number }): void
}

const everyPieces = 1_000

/**
 * Copies all of a state into an empty one, then reads both again and compares.
 * @throws {MuttrError} `HOME_EXISTS` when the other is not empty, `HOME_DAMAGED` when what arrived differs, `CANCELLED`
 */
export async function copyState(
  from: WholeState,
  to: WholeState,
  { signal, onProgress }: CopyOptions
): Promise<StateSum> {
  const sent = new Summing()
  let copied = 0
  const contents = async function* () {
    for await (const content of from.contents()) {
      throwIfCancelled(signal)
      sent.add(content)
      yield content
      if (++copied % everyPieces === 0) onProgress({ copied, verified: 0 })
    }
  }
  await to.fill(contents())
  const arrived = new Summing()
  let verified = 0
  for await (const content of to.contents()) {
    throwIfCancelled(signal)
    arrived.add(content)
    if (++verified % everyPieces === 0) onProgress({ copied, verified })
  }
  onProgress({ copied, verified })
  const [wanted, got] = [sent.sum(), arrived.sum()]
  if (got.digest !== wanted.digest)
    throw new MuttrError('HOME_DAMAGED', 'what arrived is not what was sent', {
      hint: 'Nothing was switched over; empty the new database and try again.'
    })
  return wanted
}

/** @throws {MuttrError} `CANCELLED` */
export async function sumOf(
  contents: AsyncIterable<Content>,
  signal?: AbortSignal
): Promise<StateSum> {
  const summing = new Summing()
  for await (const content of contents) {
    if (signal) throwIfCancelled(signal)
    summing.add(content)
  }
  return summing.sum()
}

const throwIfCancelled = (signal: AbortSignal): void => {
  if (signal.aborted)
    throw new MuttrError('CANCELLED', 'the copy was stopped; nothing was switched')
}

class Summing {
  #counts = { rows: 0, logs: 0, entries: 0 }
  #sum = 0n

  add(content: Content): void {
    const hash = createHash('sha256')
    const name = (...parts: (string | number)[]) => hash.update(JSON.stringify(parts))
    if ('table' in content) {
      this.#counts.rows += 1
      name('row', content.table, content.key).update(content.value)
    } else if ('entry' in content) {
      this.#counts.entries += 1
      name('entry', content.log, content.sequence).update(content.entry)
    } else {
      this.#counts.logs += 1
      name('log', content.log, content.last)
    }
    this.#sum = BigInt.asUintN(256, this.#sum + BigInt(`0x${hash.digest('hex')}`))
  }

  sum(): StateSum {
    return { ...this.#counts, digest: this.#sum.toString(16).padStart(64, '0') }
  }
}

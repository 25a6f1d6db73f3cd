import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipe } from 'it-pipe'
import { concatBytes } from '../base/bytes.ts'
import { type ErrorCode, MuttrError } from '../base/errors.ts'
import { usage } from './units.ts'

export interface Keyboard extends Readable {
  isTTY?: boolean
}

interface Bound {
  maxBytes: number
  /** What is thrown when there is more. */
  code: ErrorCode
  signal: AbortSignal
}

/** Reads a file, or standard input for `-`, no further than the bound. @throws {MuttrError} `USAGE` when it cannot be read. */
export async function readInput(
  name: string,
  stdin: Readable,
  { maxBytes, code, signal }: Bound
): Promise<Uint8Array> {
  const source = name === '-' ? stdin : await openFile(name)
  const stop = () => source.destroy(new MuttrError('CANCELLED', 'cancelled'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await pipe(source, bounded(spoken(name), maxBytes, code), collected)
  } catch (err) {
    throw err instanceof MuttrError ? err : usage(`${spoken(name)} cannot be read: ${reason(err)}`)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Lets bytes through up to a bound, and ends the source there. */
const bounded = (what: string, maxBytes: number, code: ErrorCode) =>
  async function* (source: AsyncIterable<string | Uint8Array>) {
    let sizeBytes = 0
    for await (const chunk of source) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      sizeBytes += bytes.byteLength
      if (sizeBytes > maxBytes)
        throw new MuttrError(code, `${what} holds more than ${maxBytes} bytes`)
      yield bytes
    }
  }

const collected = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array> =>
  concatBytes(...(await Array.fromAsync(source)))

/** As {@link readInput}, for text. @throws {MuttrError} `USAGE` when it is not UTF-8. */
export async function readText(name: string, stdin: Readable, bound: Bound): Promise<string> {
  const bytes = await readInput(name, stdin, bound)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usage(`${spoken(name)} is not text in UTF-8`)
  }
}

async function openFile(name: string): Promise<Readable> {
  try {
    return (await open(name)).createReadStream()
  } catch (err) {
    throw usage(`${name} cannot be read: ${reason(err)}`)
  }
}

const spoken = (name: string): string => (name === '-' ? 'standard input' : name)

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder'
}
const reason = (err: unknown): string => {
  const { code, message } = err as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? message
}

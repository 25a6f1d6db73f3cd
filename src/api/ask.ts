import { type ErrorCode, isErrorCode, MuttrError } from '../base/errors.ts'
import { asMuttrError } from '../base/failure.ts'
import type { CallOptions } from '../client/client.ts'
import { collect } from './body.ts'
import { apiLimits } from './limits.ts'

export interface AskParts {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** Null before it is known who listens. */
  token: string | null
  fetch?: typeof globalThis.fetch
}

export interface Call extends CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  query?: Record<string, string | number | boolean | undefined>
  json?: unknown
  bytes?: Uint8Array
  /** A body of any length. */
  stream?: ReadableStream<Uint8Array>
}

/** One request; `take` reads the answer when it is a good one. @throws {MuttrError} what the daemon refused with, `DAEMON_UNREACHABLE`, `CANCELLED` */
export type Ask = <T>(
  path: string,
  call: Call,
  take: (answer: Response) => Promise<T>
) => Promise<T>

/** @param ended aborts every request, when the client is disposed. */
export function createAsk(parts: AskParts, ended: AbortSignal): Ask {
  const { url, token, fetch = globalThis.fetch } = parts
  return async (path, call, take) => {
    const stop = call.signal ? AbortSignal.any([call.signal, ended]) : ended
    const target = new URL(path, url)
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) target.searchParams.set(name, String(value))
    let answer: Response | undefined
    try {
      answer = await fetch(target, { ...requestOf(call, token), signal: stop, redirect: 'error' })
      if (!answer.ok) throw await refusal(answer)
      return await take(answer)
    } catch (err) {
      await answer?.body?.cancel().catch(() => {})
      if (stop.aborted) throw new MuttrError('CANCELLED', 'cancelled', { cause: err })
      throw lost(err)
    }
  }
}

function requestOf(
  { method = 'GET', json, bytes, stream }: Call,
  token: string | null
): RequestInit {
  const headers = new Headers(token === null ? {} : { authorization: `Bearer ${token}` })
  if (bytes || stream) headers.set('content-type', 'application/octet-stream')
  else if (json !== undefined) headers.set('content-type', 'application/json')
  if (stream) return { method, headers, body: stream, duplex: 'half' } as RequestInit // the types do not know it yet
  const body = bytes ? new Uint8Array(bytes) : json === undefined ? null : JSON.stringify(json)
  return { method, headers, body }
}

/** The whole body of an answer. */
export const bytesOf = (answer: Response): Promise<Uint8Array> =>
  collect(
    answer.body,
    apiLimits.answerBytesMax,
    () => new MuttrError('WIRE_TOO_LARGE', 'the answer is too large')
  )

/** The body as it comes; what breaks on the way is thrown to who reads it. */
export const streamOf = async ({ body }: Response): Promise<AsyncIterable<Uint8Array>> => {
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      if (body) yield* body
    } catch (err) {
      throw lost(err)
    }
  }
  return read()
}

export const textOf = async (answer: Response): Promise<string> =>
  new TextDecoder().decode(await bytesOf(answer))

export const jsonOf = async <T>(answer: Response): Promise<T> => JSON.parse(await textOf(answer))

async function refusal(answer: Response): Promise<MuttrError> {
  const { error } = await jsonOf<{ error?: { code?: unknown; message?: unknown; hint?: unknown } }>(
    answer
  )
  const message = String(error?.message ?? `the daemon answered ${answer.status}`)
  if (!isErrorCode(error?.code)) return new MuttrError('PEER_REFUSED', message)
  return new MuttrError(error.code, message, { hint: String(error.hint ?? '') })
}

/** What broke on the way and is no error of ours is the connection's fault. */
export function lost(err: unknown): MuttrError {
  const known = asMuttrError(err)
  if (known.code !== 'INTERNAL' || err === known) return known
  return new MuttrError('DAEMON_UNREACHABLE', 'the daemon does not answer', { cause: err })
}

export function atMost(
  value: string | Uint8Array,
  max: number,
  code: ErrorCode,
  what: string
): void {
  const sizeBytes = Buffer.byteLength(value)
  if (sizeBytes > max) throw new MuttrError(code, `${what} holds ${sizeBytes} bytes`)
}

/** A part of a path; never empty, and never `.` or `..`, which URL would take away. */
export const segment = (text: string): string => {
  const written = encodeURIComponent(text.toWellFormed())
  return /^\.{0,2}$/.test(written) ? `~${written}` : written
}

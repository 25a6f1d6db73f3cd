import { ReadableStream } from 'node:stream/web'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { asMuttrError, failureOf } from '../base/failure.ts'
import type { Clock } from '../base/ports.ts'
import { statusOf } from './guard.ts'
import { apiLimits } from './limits.ts'

/** Bodies of any length, in and out. */

type Pieces = AsyncIterable<Uint8Array>

/** An answer that is given out as it is made. */
export const answerOf = (pieces: Pieces): globalThis.ReadableStream =>
  ReadableStream.from(pieces) as globalThis.ReadableStream

/** What is small and there, as a body that could be long. */
export async function* onePiece(bytes: Uint8Array): Pieces {
  yield bytes
}

const incomingOf = (c: Context) => (c.env as Partial<HttpBindings> | undefined)?.incoming

/** A body of any length, as it comes; one that stands still for too long is cut off. */
export async function* flowing(c: Context, clock: Clock): AsyncGenerator<Uint8Array> {
  const reader = c.req.raw.body?.getReader()
  const stop = () => incomingOf(c)?.destroy()
  for (;;) {
    using _timer = clock.after(apiLimits.requestMs, stop)
    const next = await reader?.read()
    if (!next || next.done) return
    yield next.value
  }
}

/** What stands before the first line feed of a body, and what comes behind it. @throws {MuttrError} `WIRE_TOO_LARGE` */
export async function firstLine(
  body: AsyncIterator<Uint8Array>,
  maxBytes: number
): Promise<{ line: Uint8Array; rest: Pieces }> {
  let head: Uint8Array = new Uint8Array()
  for (;;) {
    const end = head.indexOf(0x0a)
    if ((end < 0 ? head.byteLength : end) > maxBytes)
      throw new MuttrError('WIRE_TOO_LARGE', 'the line is too long')
    if (end >= 0) return { line: head.subarray(0, end), rest: behind(head.subarray(end + 1), body) }
    const next = await body.next()
    if (next.done) return { line: head, rest: behind(new Uint8Array(), body) }
    head = concatBytes(head, next.value)
  }
}

async function* behind(first: Uint8Array, body: AsyncIterator<Uint8Array>) {
  if (first.byteLength > 0) yield first
  for (let next = await body.next(); !next.done; next = await body.next()) yield next.value
}

/** Who stops reading it leaves the body open. */
export const leftOpen = (body: AsyncIterator<Uint8Array>): Pieces => behind(new Uint8Array(), body)

/**
 * Says at once what is wrong, and reads on: a program that listens stops there; a browser, which writes all before it looks, comes to
 * read it. Ends with the body, or with who sends it.
 */
export function refusedMeanwhile(c: Context, body: AsyncIterator<Uint8Array>, err: unknown) {
  const said = utf8(JSON.stringify({ error: failureOf(err) }))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield said
    await readOn(body)
  }
  c.header('Connection', 'close')
  c.header('Content-Type', 'application/json')
  c.header('Content-Length', `${said.byteLength}`)
  return c.body(answerOf(pieces()), statusOf(asMuttrError(err)))
}

/** Reads on past what nobody wants. */
async function readOn(body: AsyncIterator<Uint8Array>): Promise<void> {
  for (;;) {
    const next = await body.next().catch(() => undefined)
    if (!next || next.done) return
  }
}

const flows: ReadonlySet<string> = new Set(['/attachments', '/setup/restore'])
const isFlowing = (c: Context): boolean => c.req.method === 'POST' && flows.has(c.req.path)

/** Cuts off who takes too long to send a request; a body of any length may take as long as it flows. */
export function addPatience(app: Hono, clock: Clock): void {
  app.use(async (c, next) => {
    const incoming = incomingOf(c)
    if (!incoming || incoming.complete || isFlowing(c)) return next()
    const stop = () => {
      if (!incoming.complete) incoming.destroy()
    }
    using _timer = clock.after(apiLimits.requestMs, stop)
    await next()
  })
}

import { ReadableStream } from 'node:stream/web'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Clock } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import { apiLimits } from './limits.ts'
import { attaching, attachmentIndex, check } from './schemas.ts'

interface AttachmentParts {
  client: Client
  clock: Clock
}

/** Files of letters, in and out. Source: docs/protocol/local-api.md */
export function addAttachments(app: Hono, { client, clock }: AttachmentParts): void {
  app.post('/attachments', async c => {
    const { signal } = c.req.raw
    const length = Number(c.req.header('content-length') ?? Number.NaN)
    const size = Number.isSafeInteger(length) ? { sizeBytes: length } : {}
    const how = { ...size, ...check(attaching, c.req.query()), signal }
    const taken = await client.attach(flowing(c, clock), how).catch(err => {
      c.header('Connection', 'close') // who still sends is not read any further
      throw err
    })
    return c.json(taken)
  })
  app.get('/attachments', async c => c.json(await client.attachments()))
  app.get('/attachments/:id', async c => c.json(await client.attachment(c.req.param('id'))))
  app.post('/attachments/:id/pause', async c =>
    c.json(await client.pauseAttachment(c.req.param('id')))
  )
  app.post('/attachments/:id/resume', async c =>
    c.json(await client.resumeAttachment(c.req.param('id')))
  )
  addReceived(app, client)
  app.delete('/attachments/:id', async c => {
    await client.dropAttachment(c.req.param('id'))
    return c.json({ deleted: c.req.param('id') })
  })
}

const indexOf = (c: Context): number => check(attachmentIndex, c.req.param('index'))

function addReceived(app: Hono, client: Client): void {
  const path = '/inbox/:id/attachments/:index'
  const letterOf = (c: Context): string => c.req.param('id') ?? ''
  app.post(`${path}/fetch`, async c =>
    c.json(await client.fetchAttachment(letterOf(c), indexOf(c)))
  )
  app.post(`${path}/pause`, async c => c.json(await client.pauseFetch(letterOf(c), indexOf(c))))
  app.delete(path, async c => c.json(await client.forgetAttachment(letterOf(c), indexOf(c))))
  // Never as what it says it is: a page of ours must not show a stranger's file by itself.
  app.get(path, async c => {
    const pieces = await client.openAttachment(letterOf(c), indexOf(c), {
      signal: c.req.raw.signal
    })
    c.header('Content-Type', 'application/octet-stream')
    c.header('Content-Disposition', 'attachment')
    return c.body(ReadableStream.from(pieces) as globalThis.ReadableStream)
  })
}

const incomingOf = (c: Context) => (c.env as Partial<HttpBindings> | undefined)?.incoming

/** A body of any length, as it comes; one that stands still for too long is cut off. */
async function* flowing(c: Context, clock: Clock): AsyncGenerator<Uint8Array> {
  const reader = c.req.raw.body?.getReader()
  const stop = () => incomingOf(c)?.destroy()
  for (;;) {
    using _timer = clock.after(apiLimits.requestMs, stop)
    const next = await reader?.read()
    if (!next || next.done) return
    yield next.value
  }
}

const isFlowing = (c: Context): boolean => c.req.method === 'POST' && c.req.path === '/attachments'

/** Cuts off who takes too long to send a request; an attachment's body may take as long as it flows. */
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

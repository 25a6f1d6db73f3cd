import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Clock } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import { apiLimits } from './limits.ts'
import { attaching, check } from './schemas.ts'

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
  app.delete('/attachments/:id', async c => {
    await client.dropAttachment(c.req.param('id'))
    return c.json({ deleted: c.req.param('id') })
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

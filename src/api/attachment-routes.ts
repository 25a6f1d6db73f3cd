import type { Context, Hono } from 'hono'
import { codeOf } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import type { Downloads } from './downloads.ts'
import { answerOf, flowing, leftOpen, refusedMeanwhile } from './flowing.ts'
import { attaching, attachmentIndex, check } from './schemas.ts'

interface AttachmentParts {
  client: Client
  clock: Clock
  downloads: Downloads
}

/** Files of letters, in and out. Source: docs/protocol/local-api.md */
export function addAttachments(app: Hono, parts: AttachmentParts): void {
  const { client, clock } = parts
  app.post('/attachments', async c => {
    const { signal } = c.req.raw
    const length = Number(c.req.header('content-length') ?? Number.NaN)
    const size = Number.isSafeInteger(length) ? { sizeBytes: length } : {}
    const how = { ...size, ...check(attaching, c.req.query()), signal }
    const body = flowing(c, clock)
    try {
      return c.json(await client.attach(leftOpen(body), how))
    } catch (err) {
      if (codeOf(err) === undefined) throw err
      return refusedMeanwhile(c, body, err)
    }
  })
  app.get('/attachments', async c => c.json(await client.attachments()))
  app.get('/attachments/:id', async c => c.json(await client.attachment(c.req.param('id'))))
  app.post('/attachments/:id/pause', async c =>
    c.json(await client.pauseAttachment(c.req.param('id')))
  )
  app.post('/attachments/:id/resume', async c =>
    c.json(await client.resumeAttachment(c.req.param('id')))
  )
  addReceived(app, parts)
  app.delete('/attachments/:id', async c => {
    await client.dropAttachment(c.req.param('id'))
    return c.json({ deleted: c.req.param('id') })
  })
}

const indexOf = (c: Context): number => check(attachmentIndex, c.req.param('index'))

function addReceived(app: Hono, { client, downloads }: AttachmentParts): void {
  const path = '/inbox/:id/attachments/:index'
  const letterOf = (c: Context): string => c.req.param('id') ?? ''
  app.post(`${path}/fetch`, async c =>
    c.json(await client.fetchAttachment(letterOf(c), indexOf(c)))
  )
  app.post(`${path}/ahead`, async c => c.json(await client.fetchAhead(letterOf(c), indexOf(c))))
  app.post(`${path}/pause`, async c => c.json(await client.pauseFetch(letterOf(c), indexOf(c))))
  app.delete(path, async c => c.json(await client.forgetAttachment(letterOf(c), indexOf(c))))
  // Never as what it says it is: a page of ours must not show a stranger's file by itself.
  app.get(path, async c => {
    const pieces = await client.openAttachment(letterOf(c), indexOf(c), {
      signal: c.req.raw.signal
    })
    c.header('Content-Type', 'application/octet-stream')
    c.header('Content-Disposition', 'attachment')
    return c.body(answerOf(pieces))
  })
  app.post(`${path}/download`, async c => {
    const [letter, index] = [letterOf(c), indexOf(c)]
    const open = (signal: AbortSignal) => client.openAttachment(letter, index, { signal })
    return c.json(await downloads.offer(open, c.req.raw.signal))
  })
}

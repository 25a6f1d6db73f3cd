import type { Hono } from 'hono'
import { z } from 'zod'
import type { Client } from '../client/client.ts'
import { readBody, readJson } from './body.ts'
import { answerOf } from './flowing.ts'
import { apiLimits } from './limits.ts'
import { check, draft, limit, yesOrNo } from './schemas.ts'

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const
const draftLimit = { maxBytes: apiLimits.savedDraftBytesMax, code: 'LETTER_TOO_LARGE' } as const

const importLimit = { maxBytes: apiLimits.importBytesMax, code: 'LETTER_TOO_LARGE' } as const

const listing = z.strictObject({
  limit,
  before: z.string().exactOptional(),
  label: z.string().exactOptional(),
  archived: yesOrNo,
  unread: yesOrNo
})
const opening = z.strictObject({ limit, before: z.string().exactOptional() })
const searching = z.strictObject({ text: z.string(), limit })
const labels = z.array(z.string()).max(64).exactOptional()
const changing = z.strictObject({
  archived: z.boolean().exactOptional(),
  read: z.boolean().exactOptional(),
  label: z.strictObject({ add: labels, remove: labels }).exactOptional()
})
const saving = draft.omit({ draft: true }).extend({
  to: z.string().exactOptional()
})

/** Conversations, drafts and labels. */
export function addMailbox(app: Hono, client: Client): void {
  app.get('/conversations', async c =>
    c.json(await client.conversations(check(listing, c.req.query())))
  )
  app.get('/conversations/:thread', async c =>
    c.json(await client.conversation(c.req.param('thread'), check(opening, c.req.query())))
  )
  app.post('/conversations/:thread', async c => {
    const change = check(changing, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.changeConversation(c.req.param('thread'), change))
  })
  app.delete('/inbox/:id', async c => c.json(await client.deleteReceived(c.req.param('id'))))
  app.delete('/sent/:id', async c => c.json(await client.deleteSent(c.req.param('id'))))
  app.get('/search', async c => {
    const { text, ...options } = check(searching, c.req.query())
    return c.json(await client.search(text, options))
  })
  app.get('/export', c => {
    const pieces = client.exportLetters({ signal: c.req.raw.signal })
    return c.body(answerOf(pieces), 200, { 'Content-Type': 'application/mbox' })
  })
  app.post('/import', async c =>
    c.json(await client.importLetters(await readBody(c.req.raw, importLimit)))
  )
  app.get('/labels', async c => c.json(await client.labels()))
  app.get('/drafts', async c => c.json(await client.drafts()))
  app.post('/drafts', async c =>
    c.json(await client.saveDraft(check(saving, await readJson(c.req.raw, draftLimit))))
  )
  app.put('/drafts/:id', async c => {
    const fields = check(saving, await readJson(c.req.raw, draftLimit))
    return c.json(await client.saveDraft(fields, c.req.param('id')))
  })
  app.delete('/drafts/:id', async c => c.json(await client.deleteDraft(c.req.param('id'))))
}

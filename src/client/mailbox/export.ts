import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Closet } from '../closet.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import { textOfFrame } from './frame.ts'
import { composeMessage } from './mail-message.ts'
import { mboxEntry } from './mbox.ts'

export interface ExportParts {
  self: Pick<Self, 'closet'>
  received: InboxStore
  sent: SentStore
  log: Log
}

/** All letters as one mailbox file, piece by piece: received ones newest first, then sent ones. @throws {MuttrError} `VAULT_LOCKED` */
export function exportLetters(parts: ExportParts): AsyncGenerator<Uint8Array> {
  return entries(parts, parts.self.closet())
}

async function* entries(parts: ExportParts, closet: Closet): AsyncGenerator<Uint8Array> {
  const { received, sent, log } = parts
  for (const source of [received.places(closet), sent.ids()])
    for await (const { direction, ref } of source) {
      const one = direction === 'in' ? oneReceived : oneSent
      const entry = await one(parts, ref, closet).catch(err => {
        log.warn('a letter cannot be exported', { code: codeOf(err) })
        return undefined
      })
      if (entry) yield entry
    }
}

async function oneReceived({ received }: ExportParts, place: string, closet: Closet) {
  const letter = await received.at(place, closet)
  if (!letter) return undefined
  const { row } = letter
  const body = textOfFrame(row, await received.frame(place, closet))
  const { id, thread, parent, fromAlias: from, to, sentMs, subject, mimeType, attachments } = row
  const message = composeMessage({
    ...{ id, thread, parent, from, to: [to], sentMs, subject, mimeType, body, attachments },
    direction: 'in'
  })
  return mboxEntry(message, sentMs)
}

async function oneSent({ sent }: ExportParts, id: string, closet: Closet) {
  const member = await sent.member(id, closet)
  const row = await sent.find(id)
  if (!member || !row) return undefined
  const { mimeType, body, parent } = await sent.secret(id, closet)
  const message = composeMessage({
    ...{ id, thread: member.thread, from: row.from, to: [row.to], sentMs: row.sentMs },
    parent: parent && Buffer.from(parent).toString('hex'),
    ...{ subject: member.subject, mimeType, body: Buffer.from(body).toString('utf8') },
    ...{ attachments: member.attachments, direction: 'out' }
  })
  return mboxEntry(message, row.sentMs)
}

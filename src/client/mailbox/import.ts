import PostalMime from 'postal-mime'
import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { FreshLetter, InboxStore } from '../inbox-store.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import type { Participant } from './conversation-rows.ts'
import { addressBytesMax, participantsMax } from './conversation-rows.ts'
import { messagesOf, tooLarge } from './mbox.ts'
import { snippetOf } from './plain-text.ts'
import type { ImportReport } from './shapes.ts'

export interface ImportParts {
  self: Pick<Self, 'closet' | 'registrations'>
  received: InboxStore
  sent: Pick<SentStore, 'find'>
  clock: Clock
  log: Log
}

/** Of one message, with all its files. */
const messageBytesMax = 32 * 1_024 * 1_024
/** Of its text; what is longer is cut, and says so. */
const bodyBytesMax = 256 * 1_024
const headersBytesMax = 128 * 1_024
const nestingMax = 32
const cutMark = '\n[…]'

/**
 * Takes in mail messages: a mailbox file, a message, or a piece of a file that ends between two messages. They are shown as imported,
 * whatever they say of themselves. What is there already is left alone. @throws {MuttrError} `VAULT_LOCKED`, `DISK_FULL`
 */
export async function importLetters(parts: ImportParts, file: Uint8Array): Promise<ImportReport> {
  const closet = parts.self.closet()
  const report = { imported: 0, known: 0, refused: 0, filesLeftOut: 0 }
  for await (const message of messagesOf([file], messageBytesMax)) {
    const read = message === tooLarge ? undefined : await letterOf(parts, message)
    if (!read) report.refused++
    else if (await isKnown(parts, read.letter.row.id)) report.known++
    else if (!(await parts.received.addLetter(null, read.letter, closet, []))) report.known++
    else {
      report.imported++
      report.filesLeftOut += read.files
    }
  }
  return report
}

async function isKnown({ received, sent }: ImportParts, id: string): Promise<boolean> {
  return (await received.has(id)) || (await sent.find(id).catch(() => undefined)) !== undefined
}

async function letterOf(
  { self, clock, log }: ImportParts,
  message: Uint8Array
): Promise<{ letter: FreshLetter; files: number } | undefined> {
  const mail = await PostalMime.parse(message, {
    maxNestingDepth: nestingMax,
    maxHeadersSize: headersBytesMax
  }).catch(err => {
    log.info('a message cannot be read', { code: codeOf(err) })
    return undefined
  })
  if (!mail || (!mail.from && !mail.date && !mail.messageId)) return undefined
  const own = new Set(self.registrations().map(({ alias }) => alias))
  const from = addressIn(mail.from?.address || mail.from?.name || '')
  const to = [...(mail.to ?? []), ...(mail.cc ?? [])].flatMap(one => {
    const found = addressIn(one.address ?? '')
    return found === '' ? [] : [found]
  })
  const others = [...new Set([from, ...to])].filter(alias => alias !== '' && !own.has(alias))
  const html = mail.text === undefined || mail.text.trim() === '' ? mail.html : undefined
  const body = cut(html ?? mail.text ?? '')
  const said = mail.headers.find(({ key }) => key === 'x-muttr-type')?.value ?? ''
  const known = /^text\/[a-z.+-]{1,40}$/.test(said) ? said : 'text/plain'
  const mimeType = html === undefined ? known : 'text/html'
  const id = idOf(mail.messageId, message)
  const [first] = (mail.references ?? mail.inReplyTo ?? '').match(/<[^<>\s]{1,900}>/g) ?? []
  const atMs = timeOf(mail.date, clock.now())
  const row = {
    ...{ id, thread: first === undefined ? id : idOf(first, message) },
    parent: mail.inReplyTo ? idOf(mail.inReplyTo, message) : null,
    ...{ fromAlias: from, fromFingerprint: '', to: to[0] ?? '' },
    ...{ subject: lineOf(mail.subject ?? ''), mimeType, sentMs: atMs, receivedMs: atMs },
    ...{ expiryMs: atMs, sizeBytes: message.byteLength, key: '' },
    ...{ corrects: null, retracts: null, receiptRequested: false, attachments: 0 }
  }
  const people: Participant[] = others
    .slice(0, participantsMax)
    .map(alias => ({ alias, fingerprint: null }))
  const snippet = snippetOf(mimeType, body)
  const about = { others: people, snippet, isContact: false, read: true, imported: true }
  return { letter: { row, frame: utf8(body), ...about }, files: mail.attachments.length }
}

/** Ours where we wrote it, else made of the message's own, or of all of it. */
function idOf(messageId: string | undefined, message: Uint8Array): string {
  const ours = /^<([0-9a-f]{64})@muttr\.alt>$/.exec(messageId?.trim() ?? '')?.[1]
  const name = messageId?.trim() ? utf8(messageId.trim()) : message
  return ours ?? toHex(sha256(utf8('muttr imported letter 1'), name))
}

function timeOf(date: string | undefined, nowMs: Millis): Millis {
  const atMs = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isFinite(atMs) && atMs >= 0 && atMs <= nowMs ? Math.round(atMs) : nowMs
}

const clean = (text: string): string => text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
const shortened = (text: string, maxBytes: number): string => {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.byteLength <= maxBytes) return text
  return bytes
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
}
const lineOf = (subject: string): string =>
  shortened(clean(subject).trim(), limits.letterSubjectBytesMax)
const addressIn = (text: string): string => shortened(clean(text).trim(), addressBytesMax)

function cut(body: string): string {
  const short = shortened(body.toWellFormed(), bodyBytesMax)
  return short.length < body.length ? `${short}${cutMark}` : short
}

import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Row, State } from '../../store/state.ts'
import { decodeLetter } from '../../wire/letter.ts'
import type { Closet } from '../closet.ts'
import { oldContactTable } from '../contact-rows.ts'
import type { ContactStore } from '../contact-store.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { SentStore } from '../sent-shape.ts'
import { dropRow } from '../table.ts'
import { markTable } from './letter-rows.ts'
import { decodeOldLetter, decodeOldMark, decodeOldSecret } from './old-rows.ts'
import { othersOf } from './others.ts'
import { snippetOf } from './plain-text.ts'

export interface MigrateParts {
  state: State
  log: Log
  closet: Closet
  received: InboxStore
  sent: SentStore
  contacts: ContactStore
  /** Hex, our own. */
  fingerprint: string
}

/** Rows that are moved together. They share their writes. */
const batch = 128
/** There when all was moved. */
const done = { table: 'self', key: 'mailbox' } as const

/**
 * Brings what an older version kept to how it is kept now: letters into conversations, contacts and what was said of letters into the
 * closet. Each row is moved by one write that also takes it from where it was, so it may be killed at any moment and goes on at the next
 * unlock. What cannot be read stays where it is. Source: docs/protocol/store.md#a-clients-state
 */
export async function migrate(parts: MigrateParts): Promise<void> {
  const { state } = parts
  if ((await state.get(done.table, done.key)) !== undefined) return
  await moveContacts(parts)
  // Before what was received: an answer belongs where the letter is that it answers.
  await each(parts, 'sent-text', row => moveSent(parts, row), isOldSent(parts))
  await each(parts, 'inbox', row => moveReceived(parts, row))
  await each(parts, 'inbox-marks', row => moveMark(parts, row))
  await moveCertificates(parts)
  await state.write([{ type: 'put', ...done, value: new Uint8Array([1]) }])
}

/** Goes through a table; a row that fails is logged and left. */
async function each(
  { state, log }: MigrateParts,
  table: string,
  move: (row: Row) => Promise<void>,
  isOld: (row: Row) => boolean = () => true
): Promise<void> {
  for (let gt: string | undefined; ; ) {
    const range = { limit: batch, ...(gt !== undefined && { gt }) }
    const rows = await state.list(table, range)
    if (rows.length === 0) return
    const moves = await Promise.allSettled(rows.filter(isOld).map(row => move(row)))
    for (const one of moves) {
      if (one.status === 'fulfilled') continue
      if (codeOf(one.reason) !== 'HOME_DAMAGED') throw one.reason
      log.warn('an old row stays as it is', { table, error: `${one.reason}` })
    }
    gt = rows.at(-1)!.key
  }
}

async function moveReceived(parts: MigrateParts, { key: place, value }: Row): Promise<void> {
  const { state, closet, received, contacts, fingerprint } = parts
  const row = decodeOldLetter(closet.open(`inbox ${place}`, value))
  const read = (await state.get('inbox-read', place)) !== undefined
  const over = [
    dropRow('inbox', place),
    dropRow('inbox-text', place),
    dropRow('inbox-read', place),
    dropRow('inbox-ids', `${row.id}-${row.fromFingerprint}`)
  ]
  const sealed = await state.get('inbox-text', place)
  if (!sealed) return void (await state.write(over))
  const frame = closet.open(`text ${place}`, sealed)
  const letter = decodeLetter(frame)
  const others = othersOf(letter, fingerprint)
  const snippet = snippetOf(row.mimeType, Buffer.from(letter.body).toString('utf8'))
  const isContact = (await contacts.get(row.fromAlias)) !== undefined
  const counted = { ...row, attachments: letter.attachments.length }
  await received.addLetter(
    null,
    { row: counted, frame, others, snippet, isContact, read },
    closet,
    over
  )
}

/** A secret of today does not open as one of then. */
function isOldSent({ closet }: MigrateParts): (row: Row) => boolean {
  return ({ key, value }) => {
    try {
      decodeOldSecret(closet.open(`sent ${key}`, value))
      return true
    } catch {
      return false
    }
  }
}

async function moveSent({ closet, sent }: MigrateParts, { key, value }: Row): Promise<void> {
  const secret = decodeOldSecret(closet.open(`sent ${key}`, value))
  const row = await sent.find(key)
  if (row) await sent.adopt(row, secret, closet)
}

async function moveMark({ state, log, closet }: MigrateParts, { key, value }: Row): Promise<void> {
  const tag = closet.tag(`letter ${key}`)
  const mark = markTable(state, log).put(tag, decodeOldMark(value), closet)
  await state.write([mark, dropRow('inbox-marks', key)])
}

async function moveContacts({ state, log, contacts }: MigrateParts): Promise<void> {
  const old = oldContactTable(state, log)
  for (const { key, value } of await old.list()) await contacts.save(key, value, [old.drop(key)])
}

/** They were named by fingerprints. */
async function moveCertificates({ state, sent }: MigrateParts): Promise<void> {
  for (const { key, value } of await state.list('sent-certificates'))
    if (/^[0-9a-f]{40}$|^[0-9a-f]{64}$/.test(key))
      await sent.keepCertificate(key, value, [dropRow('sent-certificates', key)])
}

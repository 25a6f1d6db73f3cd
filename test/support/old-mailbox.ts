import type { Closet } from '../../src/client/closet.ts'
import { noFlags } from '../../src/client/compose.ts'
import { oldContactTable } from '../../src/client/contact-rows.ts'
import type { LetterRow } from '../../src/client/mailbox/letter-rows.ts'
import type { SentRow } from '../../src/client/sent-rows.ts'
import { freshRow, sentTable } from '../../src/client/sent-rows.ts'
import { sortableTime } from '../../src/client/table.ts'
import type { Change, State } from '../../src/store/state.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { encodeLetter } from '../../src/wire/letter.ts'
import { dice, quiet } from './client-world.ts'
import { letterRow } from './mailbox.ts'

/** What a version before conversations wrote: byte for byte as it did. */

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const put = (table: string, key: string, value: Uint8Array): Change => ({
  type: 'put',
  table,
  key,
  value
})
export const ownPrint = '0b'.repeat(20)

/** A letter that bob got. */
export function oldReceived(id: string, closet: Closet, read: boolean): Change[] {
  const row = letterRow(id, { thread: 'e0'.repeat(32), subject: `letter ${id}` })
  const place = `${sortableTime(row.receivedMs)}-${row.key}`
  const frame = encodeLetter({
    ...{ id: hex(row.id), thread: hex(row.thread), parent: null, sentMs: row.sentMs },
    sender: { fingerprint: hex(row.fromFingerprint), alias: row.fromAlias },
    recipients: [{ fingerprint: hex(ownPrint), alias: row.to }],
    ...{ mimeType: row.mimeType, subject: row.subject, body: Buffer.from(`body ${id}`) },
    ...{ attachments: [], flags: noFlags, accept: null, certificate: null }
  })
  return [
    put('inbox', place, closet.seal(`inbox ${place}`, oldLetterRow(row))),
    put('inbox-text', place, closet.seal(`text ${place}`, frame)),
    put('inbox-ids', `${row.id}-${row.fromFingerprint}`, Buffer.from(place)),
    put(
      'inbox-marks',
      `${row.id}-${row.fromFingerprint}`,
      encodeCbor([1, hex('c0'.repeat(32)), 5, null])
    ),
    ...(read ? [put('inbox-read', place, new Uint8Array())] : [])
  ]
}

const oldLetterRow = (r: LetterRow): Uint8Array =>
  encodeCbor([
    2,
    [hex(r.id), hex(r.thread), null],
    [r.fromAlias, hex(r.fromFingerprint), r.to],
    [r.subject, r.mimeType],
    [r.sentMs, r.receivedMs, r.expiryMs],
    r.sizeBytes,
    hex(r.key),
    [null, null, false]
  ])

/** A letter that bob sent. */
export function oldSent(
  id: string,
  closet: Closet,
  state: State,
  stage: SentRow['stage']
): Change[] {
  const row = freshRow({
    ...{ id: id.repeat(32), from: 'bob@one.test', to: 'alice@one.test', via: null },
    ...{ sentMs: Number.parseInt(id, 16), expiryMs: 1e12, sizeBytes: 1_024 }
  })
  row.stage = stage
  const key = `${sortableTime(row.sentMs)}-${row.id}`
  const secret = encodeCbor([
    2,
    dice.bytes(32),
    dice.bytes(32),
    hex('e0'.repeat(32)),
    null,
    'text/plain',
    `sent ${id}`,
    Buffer.from(`said ${id}`),
    [null, null, false]
  ])
  return [
    sentTable(state, quiet).put(key, row),
    put('sent-ids', row.id, Buffer.from(key)),
    put('sent-text', row.id, closet.seal(`sent ${row.id}`, secret)),
    ...(stage === 'accepted' ? [] : [put('sent-watch', row.id, Buffer.from(key))])
  ]
}

/** Somebody bob knows. The first version had three fields less. */
export function oldContact(alias: string, certificate: Uint8Array, state: State): Change {
  const made = oldContactTable(state, quiet).put(alias, {
    ...{ certificate, pinnedMs: 7, verified: true, certifiedUntilMs: null, changed: null },
    ...{ route: null, knowsUs: true, seenMs: 7, followed: null, disputed: null },
    ...{ moved: null, from: null, offered: null }
  })
  const value = encodeCbor([1, certificate, 7, true, null, null, null, true])
  return made.type === 'put' ? { ...made, value } : made
}

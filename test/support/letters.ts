import fc from 'fast-check'
import { limits } from '../../src/base/limits.ts'
import type { Letter, Party } from '../../src/wire/letter.ts'
import { bytesOf, recordOf } from './hostile-frames.ts'

const id = bytesOf(32)
const wellFormed = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).filter(text => text.isWellFormed())

const party: fc.Arbitrary<Party> = recordOf({
  fingerprint: fc.oneof(bytesOf(20), bytesOf(32)),
  alias: wellFormed(60)
})

/** Any letter that may be written. */
export const anyLetter: fc.Arbitrary<Letter> = recordOf({
  id,
  thread: id,
  parent: fc.option(id),
  sender: party,
  recipients: fc.array(party, { minLength: 1, maxLength: 4 }),
  sentMs: fc.maxSafeNat(),
  mimeType: fc.constantFrom('text/plain', 'text/markdown; charset=utf-8', 'message/rfc822'),
  subject: wellFormed(60).map(text => text.replaceAll(/\p{Cc}/gu, ' ')),
  body: fc.uint8Array({ maxLength: 300 }),
  attachments: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 3 }),
  flags: recordOf({
    retracts: fc.option(id),
    corrects: fc.option(id),
    receiptRequested: fc.boolean(),
    escrowDisclosed: fc.boolean()
  }),
  accept: fc.option(id),
  certificate: fc.option(fc.uint8Array({ minLength: 1, maxLength: 200 }))
})

/** A letter with nothing remarkable in it. */
export const plainLetter = (changes: Partial<Letter> = {}): Letter => ({
  id: new Uint8Array(32).fill(1),
  thread: new Uint8Array(32).fill(1),
  parent: null,
  sender: { fingerprint: new Uint8Array(20).fill(2), alias: 'alice@one.test' },
  recipients: [{ fingerprint: new Uint8Array(20).fill(3), alias: 'bob@two.test' }],
  sentMs: 1_767_225_600_000,
  mimeType: 'text/plain',
  subject: 'Grüße',
  body: new TextEncoder().encode('Hello, Bob'),
  attachments: [],
  flags: { retracts: null, corrects: null, receiptRequested: false, escrowDisclosed: false },
  accept: new Uint8Array(32).fill(4),
  certificate: null,
  ...changes
})

export const fullBody = new Uint8Array(limits.letterBodyBytesMax)

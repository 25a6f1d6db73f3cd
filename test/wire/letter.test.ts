import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Letter } from '../../src/wire/letter.ts'
import { decodeLetter, encodeLetter, isMimeType } from '../../src/wire/letter.ts'
import { hostile } from '../support/hostile-frames.ts'
import { anyLetter, fullBody, plainLetter } from '../support/letters.ts'

describe('a letter', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyLetter, letter => {
        assert.deepEqual(decodeLetter(new Uint8Array(encodeLetter(letter))), letter)
      })
    )
  })

  it('meets any bytes with a value, LETTER_INVALID or WIRE_TOO_LARGE', () => {
    hostile({
      valid: anyLetter.map(letter => new Uint8Array(encodeLetter(letter))),
      read: bytes => new Uint8Array(encodeLetter(decodeLetter(bytes))),
      codes: ['LETTER_INVALID'],
      maxBytes: limits.blobBytesMax
    })
  })

  it('holds 48 KiB and not a byte more', () => {
    encodeLetter(plainLetter({ body: fullBody }))
    const body = new Uint8Array(fullBody.byteLength + 1)
    assert.throws(() => encodeLetter(plainLetter({ body })), { code: 'LETTER_TOO_LARGE' })
  })

  const party = plainLetter().sender
  const refused: [string, Partial<Letter>][] = [
    ['nobody to read it', { recipients: [] }],
    ['65 readers', { recipients: Array.from({ length: 65 }, () => party) }],
    ['a fingerprint of 21 bytes', { sender: { ...party, fingerprint: new Uint8Array(21) } }],
    ['a subject of two lines', { subject: 'one\ntwo' }],
    ['a subject that moves the cursor', { subject: '\u001b[2J' }],
    ['a subject of 999 bytes', { subject: 'a'.repeat(999) }],
    ['half a surrogate pair', { subject: '\ud800' }],
    ['no MIME type', { mimeType: 'text' }],
    ['a MIME type that ends the header', { mimeType: 'text/plain\r\nX: y' }],
    ['a time before 1970', { sentMs: -1 }],
    ['a time that is no whole number', { sentMs: 0.5 }],
    ['an empty attachment', { attachments: [new Uint8Array()] }],
    ['a preimage of 31 bytes', { accept: new Uint8Array(31) }],
    ['a certificate of more than 64 KiB', { certificate: new Uint8Array(64 * 1_024 + 1) }]
  ]
  for (const [what, changes] of refused)
    it(`is not written with ${what}`, () => {
      assert.throws(() => encodeLetter(plainLetter(changes)), { code: 'LETTER_INVALID' })
    })

  it('knows MIME types by their look alone', () => {
    for (const type of ['application/vnd.muttr.poll', 'text/x-c++', 'text/plain; charset=utf-8'])
      assert.ok(isMimeType(type), type)
    for (const type of ['', '/', 'text/', 'TEXT/PLAIN', 'a b/c', `text/${'x'.repeat(255)}`])
      assert.ok(!isMimeType(type), type)
  })
})

describe('the letter vectors', () => {
  interface Vectors {
    valid: { what: string; frame: string; id: string; to: string[]; subject: string }[]
    invalid: { why: string; frame: string }[]
  }
  const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
  let vectors: Vectors

  before(async () => {
    const file = new URL('../vectors/letter.json', import.meta.url)
    vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
  })

  it('hold', () => {
    for (const { what, frame, id, to, subject } of vectors.valid) {
      const letter = decodeLetter(raw(frame))
      assert.equal(toHex(letter.id), id, what)
      assert.equal(letter.subject, subject, what)
      assert.deepEqual(
        letter.recipients.map(({ alias }) => alias),
        to,
        what
      )
      assert.equal(toHex(encodeLetter(letter)), frame, what)
    }
    for (const { why, frame } of vectors.invalid) {
      let code: string | undefined
      try {
        decodeLetter(raw(frame))
      } catch (err) {
        code = codeOf(err)
      }
      assert.equal(code, 'LETTER_INVALID', why)
    }
  })
})

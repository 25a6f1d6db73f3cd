import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import { fits, fitsRule, readCddl } from '../support/cddl.ts'
import { cddlFile, composeCddl, readBlocks } from '../support/cddl-file.ts'
import { formats } from '../support/cddl-formats.ts'
import { ofType, spoil } from '../support/cddl-values.ts'
import { vectorFrames } from '../support/cddl-vectors.ts'

const blocks = readBlocks()
const text = composeCddl(blocks)
const rules = readCddl(text)
/** What is carried inside a byte string has a decoder of its own, and the outer one does not look at it. */
const outer = readCddl(text.replaceAll(/ \.cbor [a-z-]+/g, ''))
const name = (rule: string) => ({ kind: 'name', name: rule }) as const

/** @returns whether the decoder took the frame; it may refuse with a coded error only. */
function takes(read: (frame: Uint8Array) => unknown, frame: Uint8Array): boolean {
  try {
    read(frame)
    return true
  } catch (err) {
    if (codeOf(err) === undefined) throw err
    return false
  }
}

describe('the schemas', () => {
  it('stand word for word in muttr.cddl (else: node test/support/cddl-file.ts)', () => {
    assert.equal(readFileSync(cddlFile, 'utf8'), text)
  })

  it('of JSON are whole, too', () => {
    for (const { page, text: schema } of blocks.filter(({ json }) => json))
      assert.doesNotThrow(() => readCddl(schema), page)
  })

  for (const [rule, frames] of Object.entries(vectorFrames()))
    it(`describe the vectors of ${rule}`, () => {
      assert.ok(frames.length > 0)
      for (const frame of frames) {
        assert.ok(fitsRule(rules, rule, frame), toHex(frame))
        const format = formats[rule]
        if (format) assert.ok(takes(format.read, frame), toHex(frame))
      }
    })

  for (const [rule, { read, more }] of Object.entries(formats)) {
    it(`say of ${rule} what the decoder says`, () => {
      const valid = ofType(rules, name(rule))
      fc.assert(
        fc.property(valid, value => {
          assert.ok(fits(rules, name(rule), value), 'the schema describes its own values')
          const frame = encodeCbor(value)
          if (more === undefined) assert.ok(isTooLarge(read, frame) || takes(read, frame))
        }),
        { numRuns: 50 }
      )
    })

    it(`refuse what the decoder of ${rule} refuses`, () => {
      const known = (vectorFrames()[rule] ?? []).map(frame =>
        decodeCbor(frame, rule, value => value, 2 ** 20)
      )
      const valid = ofType(rules, name(rule))
      const value = known.length > 0 ? fc.oneof(valid, fc.constantFrom(...known)) : valid
      fc.assert(
        fc.property(value, fc.nat(0x7fff_ffff), (whole, pick) => {
          const frame = encodeCbor(spoil(whole, pick))
          if (takes(read, frame))
            assert.ok(fitsRule(outer, rule, frame), toHex(frame).slice(0, 200))
        }),
        { numRuns: 200 }
      )
    })
  }
})

/** Frames have bounds of their own, below what their fields add up to. */
function isTooLarge(read: (frame: Uint8Array) => unknown, frame: Uint8Array): boolean {
  try {
    read(frame)
    return false
  } catch (err) {
    return codeOf(err) === 'WIRE_TOO_LARGE'
  }
}

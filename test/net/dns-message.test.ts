import assert from 'node:assert/strict'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import type { DnsQuestion } from '../../src/net/dns-message.ts'
import { decodeAnswer, encodeQuestion } from '../../src/net/dns-message.ts'

const asked: DnsQuestion = { id: 0x1234, name: '_muttr._tcp.one.pods', type: 'SRV' }
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const question = hex('06 5f6d75747472 04 5f746370 03 6f6e65 04 706f6473 00 0021 0001')
/** An alias of the name, then where it leads, with pointers into the question and the record before. */
const records = hex(`
  c00c 0005 0001 0000003c 0004 01 61 c018
  c032 0021 0001 0000003c 000a 0000 0005 1144 01 62 c01c
`)
const answer = (flags = '81a0', count = 2) =>
  Buffer.concat([
    hex(`1234 ${flags} 0001`),
    Buffer.from([0, count]),
    hex('0000 0000'),
    question,
    records
  ])

describe('messages of the DNS', () => {
  it('ask for one thing, and whether it is proved', () => {
    assert.equal(
      Buffer.from(encodeQuestion(asked)).toString('hex'),
      `1234012000010000000000${'01'}${question.toString('hex')}00002904d0000000000000`
    )
    assert.equal(encodeQuestion({ ...asked, unchecked: true })[3], 0x30)
  })

  it('answer it, through aliases and pointers', () => {
    const { code, authentic, truncated, services } = decodeAnswer(answer(), asked)
    assert.deepEqual([code, authentic, truncated], [0, true, false])
    assert.deepEqual(services, [{ priority: 0, weight: 5, port: 4_420, name: 'b.pods' }])
    assert.equal(decodeAnswer(answer('8180'), asked).authentic, false)
    assert.equal(decodeAnswer(answer('8182', 0), asked).code, 2)
    assert.deepEqual(decodeAnswer(answer('8380'), asked).services, [])
    const text = hex('c00c 0010 0001 0000003c 0006 02 6162 00 01 63')
    const said = Buffer.from(answer('8180', 1).subarray(0, 12 + question.length))
    said.writeUInt8(16, said.length - 3)
    const { texts } = decodeAnswer(Buffer.concat([said, text]), { ...asked, type: 'TXT' })
    assert.deepEqual(texts, ['abc'])
  })

  it('are refused when they answer something else, or lead in circles', () => {
    const refused = { code: 'WIRE_MALFORMED' }
    assert.throws(() => decodeAnswer(answer(), { ...asked, id: 1 }), refused)
    assert.throws(() => decodeAnswer(answer(), { ...asked, type: 'TXT' }), refused)
    assert.throws(() => decodeAnswer(answer(), { ...asked, name: 'two.pods' }), refused)
    assert.throws(() => decodeAnswer(answer('01a0'), asked), refused)
    const circle = answer()
    circle.writeUInt16BE(0xc000 | (12 + question.length), 12 + question.length)
    assert.throws(() => decodeAnswer(circle, asked), refused)
  })

  it('meet any bytes with a value or a coded error', () => {
    const read = (bytes: Uint8Array) => {
      try {
        decodeAnswer(bytes, asked)
      } catch (err) {
        assert.equal(codeOf(err), 'WIRE_MALFORMED')
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), read))
    const whole = answer()
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.nat(255),
        fc.nat(whole.length),
        (at, value, length) => {
          const changed = Buffer.from(whole)
          changed[at] = value
          read(changed.subarray(0, length))
          read(changed)
        }
      ),
      { numRuns: 2_000 }
    )
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import { readWords, wordsOf } from '../../src/keys/mnemonic.ts'
import { verificationWords } from '../../src/keys/words.ts'
import { bytesOf } from '../support/hostile-frames.ts'

const pin = bytesOf(32).map(toHex)

describe('words to compare keys by', () => {
  it('are the same for both, and others for any other pair', () => {
    fc.assert(
      fc.property(pin, pin, pin, (a, b, c) => {
        fc.pre(b !== c)
        const words = verificationWords(a, b)
        assert.equal(words.length, 12)
        assert.deepEqual(verificationWords(b, a), words)
        assert.notDeepEqual(verificationWords(a, c), words)
      })
    )
  })

  it('are what the page says', () => {
    const words = verificationWords('00'.repeat(32), 'ff'.repeat(32))
    const said = 'nice tumble actor any turkey title disagree robust rigid wise remove faint'
    assert.equal(words.join(' '), said)
  })

  it('are read however they were typed, and a wrong word is told from another key', () => {
    const words = verificationWords('11'.repeat(32), '22'.repeat(32))
    assert.deepEqual(wordsOf(readWords(`  ${words.join('\n ').toUpperCase()}`)), words)
    for (const wrong of [
      '',
      words.slice(1).join(' '),
      [...words, 'zoo'].join(' '),
      words.with(3, 'muttr').join(' '),
      words.toSorted().join(' ')
    ])
      assert.throws(() => readWords(wrong), { code: 'USAGE' })
    fc.assert(
      fc.property(fc.string(), typed => {
        assert.throws(() => readWords(typed), { code: 'USAGE' })
      })
    )
  })
})

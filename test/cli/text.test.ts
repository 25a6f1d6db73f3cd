import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  createStyle,
  cut,
  json,
  line,
  pairs,
  paragraphs,
  table,
  widthOf
} from '../../src/cli/text.ts'
import {
  formatBytes,
  formatDuration,
  formatTime,
  grouped,
  parseCount,
  parseDuration
} from '../../src/cli/units.ts'

const harmful = /\p{Cc}|\p{Bidi_Control}|\p{Cs}|[\u2028\u2029]/u
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const plain = createStyle(false)

describe("strangers' text on a terminal", () => {
  it('keeps every script and emoji as it is', () => {
    for (const text of ['Ça va?', '你好', 'שלום', 'مرحبا', 'हिन्दी', '👩‍👩‍👧 ok', 'a\u00a0b'])
      assert.equal(line(text), text)
  })

  it('neither hides nor piles up', () => {
    assert.equal(line('pay\u200bpal\u2060\u00ad\u3164\u{e0041}'), 'paypal\ufffd')
    assert.equal(line(`z${'\u0301'.repeat(300)}`), `z${'\u0301'.repeat(4)}`)
    assert.equal(widthOf(line('\u200b\u0301')), 0)
    assert.equal(line('❤️ ᠮᠣ\u180bᠩ'), '❤️ ᠮᠣ\u180bᠩ')
  })

  it('never holds a control character or a bidi override', () =>
    fc.assert(
      fc.property(anyText, text => {
        assert.doesNotMatch(line(text), harmful)
        assert.equal(line(line(text)), line(text))
        assert.doesNotMatch(paragraphs(text).replace(/[\n\t]/g, ''), harmful)
      })
    ))

  it('is the same value in JSON, which is one harmless line', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const written = json([value, text])
        assert.doesNotMatch(written, harmful)
        assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify([value, text])))
      })
    ))

  it('takes the columns it is given', () => {
    assert.equal(widthOf('你好 ok'), 7)
    assert.equal(widthOf('e\u0301'), 1)
    assert.equal(cut('你好吗', 5), '你好…')
    assert.equal(cut('short', 5), 'short')
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 20 }), (text, columns) =>
        assert.ok(widthOf(cut(line(text), columns)) <= columns)
      )
    )
  })

  it('cannot make a line of its own in a table or a list', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(anyText, anyText), { maxLength: 5 }), rows => {
        const shown = table({ style: plain, heads: ['A', 'B'], rows, columns: 80 })
        assert.equal(shown.split('\n').length, rows.length + 1)
        const listed = pairs(plain, [
          ['name', rows.map(([first]) => first)],
          ['b', 'c']
        ])
        assert.equal(listed.split('\n').length, rows.length + 1)
      })
    ))
})

describe('units', () => {
  it('reads lengths of time', () => {
    const read = ['30s', '30m', '12h', '7d', '1.5h', '2 w'].map(parseDuration)
    assert.deepEqual(read, [30_000, 1_800_000, 43_200_000, 604_800_000, 5_400_000, 1_209_600_000])
    for (const wrong of ['', '7', 'd', '-1d', '0h', '1e3d', '7 days', '1y', '٣d', '1h30m'])
      assert.throws(() => parseDuration(wrong), { code: 'USAGE' })
  })

  it('reads counts in a range', () => {
    assert.equal(parseCount('20', 1, 20), 20)
    for (const wrong of ['0', '21', '-1', '1.5', '0x1', '', ' 1'])
      assert.throws(() => parseCount(wrong, 1, 20), { code: 'USAGE' })
  })

  it('writes sizes, times and fingerprints as people read them', () => {
    assert.deepEqual([0, 1023, 1024, 10_240, 5 * 1024 ** 3, 2 ** 60].map(formatBytes), [
      '0 B',
      '1023 B',
      '1.0 KiB',
      '10 KiB',
      '5.0 GiB',
      '1048576 TiB'
    ])
    assert.deepEqual([-5, 40_000, 90_000, 7_200_000, 864_000_000].map(formatDuration), [
      '0 s',
      '40 s',
      '2 min',
      '2 h',
      '10 d'
    ])
    const noon = new Date(2026, 2, 1, 12, 5).getTime()
    assert.equal(formatTime(noon, noon + 3_600_000), '12:05')
    assert.equal(formatTime(noon, noon + 86_400_000), '2026-03-01 12:05')
    assert.equal(formatTime(Number.NaN, noon), '?')
    assert.equal(grouped('ab12cd34'), 'AB12 CD34')
  })
})

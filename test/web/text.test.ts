import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MuttrError } from '../../src/base/errors.ts'
import { stepsOf } from '../../src/web/data/steps.ts'
import { apart, count, grouped, moment, size, when } from '../../src/web/text/format.ts'
import { hintHere } from '../../src/web/text/hints.ts'
import { lookalikeOf } from '../../src/web/text/lookalike.ts'
import { tokensOf } from '../../src/web/text/markdown.ts'
import { pieces, plainOf } from '../../src/web/text/tricks.ts'
import { sentLetters } from '../support/page-letters.ts'

const nowMs = new Date(2026, 4, 13, 12, 0).getTime()
const hourMs = 3_600_000

describe("the page's texts", () => {
  it('show what would be obeyed or not seen by its number', () => {
    assert.equal(plainOf('invoice\u202efdp.exe'), 'invoice[U+202E]fdp.exe')
    assert.equal(plainOf('pay\u200bpal'), 'pay[U+200B]pal')
    assert.equal(plainOf('a\u0007\u001b[31mb'), 'a[U+0007][U+001B][31mb')
    assert.equal(plainOf('tag\u{e0041}\ufeff'), 'tag[U+E0041][U+FEFF]')
    assert.equal(plainOf('two\nlines'), 'two[U+000A]lines')
    assert.deepEqual(pieces('two\nlines\t.', true), [{ text: 'two\nlines\t.', trick: null }])
  })

  it('name no command to who sits at the page, where the page has a place for it', () => {
    const codes = ['LINK_INVALID', 'LINK_REFUSED', 'PEER_TIMEOUT', 'PEER_UNREACHABLE'] as const
    for (const code of [...codes, 'ALIAS_MISSING', 'KEY_CHANGED', 'LETTER_HELD'] as const) {
      assert.doesNotMatch(hintHere(code, 'Run `muttr device link` there again.'), /`muttr /, code)
      assert.equal(hintHere(code, 'Try again later.'), 'Try again later.')
      assert.doesNotMatch(hintHere(code, new MuttrError(code, 'x').hint), /`muttr /, code)
    }
    const gone = 'Is `muttr up` still running?'
    assert.equal(hintHere('DAEMON_UNREACHABLE', gone), gone, 'there the page is at its end')
  })

  it('leave what people write as it is', () => {
    for (const text of ['Ça va ?', 'שלום', 'مرحبا', '你好', 'नमस्ते', '👩‍🚀', 'Łódź', ''])
      assert.equal(plainOf(text), text.toWellFormed())
  })

  it('cut towers of marks down', () => {
    const tower = `Z${'\u0301'.repeat(200)}algo`
    assert.ok(plainOf(tower).length < 12)
  })

  it('hold no bidi control and no control character, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
        const shown = pieces(text, true).filter(piece => piece.trick === null)
        for (const piece of shown)
          assert.doesNotMatch(piece.text, /\p{Bidi_Control}|(?![\n\t])\p{Cc}/u)
      }),
      { numRuns: 50 }
    )
  })

  it('say when, as short as it can be told from others', () => {
    assert.match(when(nowMs - hourMs, nowMs), /^11[:.]00/)
    assert.doesNotMatch(when(nowMs - 30 * hourMs, nowMs), /\d/)
    assert.match(when(nowMs - 40 * 24 * hourMs, nowMs), /3/)
    assert.match(when(nowMs - 400 * 24 * hourMs, nowMs), /2025/)
    assert.match(moment(nowMs - 30 * hourMs, nowMs), /\D+06[:.]00/)
    assert.equal(apart(nowMs + 3 * 24 * hourMs, nowMs), 'in 3 days')
    assert.equal(apart(nowMs - 2 * hourMs, nowMs), '2 hours ago')
    assert.equal(apart(nowMs - 1_000, nowMs), 'just now')
  })

  it('say how much', () => {
    assert.deepEqual([0, 999, 1_024, 1_536, 1_048_576, 94_000_000].map(size), [
      '0 B',
      '999 B',
      '1 KiB',
      '1.5 KiB',
      '1 MiB',
      '89.6 MiB'
    ])
    assert.deepEqual([count(1, 'seed'), count(12_000, 'seed')], ['1 seed', '12,000 seeds'])
    assert.deepEqual(grouped('abcdef0123'), ['ABCD', 'EF01', '23'])
  })

  it('warn of a name that can be taken for a known one', () => {
    const known = ['alice@one.test', 'bob@two.test']
    assert.equal(lookalikeOf('a1ice@one.test', known), 'alice@one.test')
    assert.equal(lookalikeOf('al.ice@0ne.test', known), 'alice@one.test')
    assert.equal(lookalikeOf('alice@one.test', known), undefined)
    assert.equal(lookalikeOf('carol@one.test', known), undefined)
  })
})

describe('Markdown', () => {
  const types = (body: string) => tokensOf(body).map(token => token.type)

  it('is read as what it is', () => {
    const read = types('# Title\n\nwords\n\n- one\n- two').filter(type => type !== 'space')
    assert.deepEqual(read, ['heading', 'paragraph', 'list'])
    assert.deepEqual(types('> > > deep'), ['blockquote'])
  })

  it('is plain text where reading it would take too long', () => {
    for (const body of [
      '__a'.repeat(16_000),
      '['.repeat(48_000),
      `${'>'.repeat(5_000)} deep`,
      '- '.repeat(5_000),
      Array.from({ length: 400 }, (_, i) => `${'  '.repeat(i)}- x`).join('\n')
    ])
      assert.deepEqual(types(body), ['unread'], body.slice(0, 20))
  })
})

describe('the steps of a sent letter', () => {
  const letters = sentLetters(nowMs)
  const drawn = (state: string) =>
    stepsOf(letters.find(letter => letter.state === state)!, nowMs).map(
      step => `${step.name}: ${step.state}`
    )

  it('are done as far as somebody signed for them', () => {
    assert.deepEqual(drawn('queued'), [
      'Written: done',
      'Stored: todo',
      'Announced: todo',
      'Accepted: todo'
    ])
    assert.deepEqual(drawn('stored'), [
      'Written: done',
      'Stored, 8 of 8: done',
      'Announced: todo',
      'Accepted: todo'
    ])
    assert.deepEqual(drawn('announced').slice(2), ['Announced: done', 'Accepted: todo'])
    assert.deepEqual(drawn('accepted').slice(2), ['Announced: done', 'Accepted: done'])
    assert.deepEqual(drawn('withdrawn').slice(2), ['Announced: done', 'Withdrawn: done'])
  })

  it('do not take the word of the own pod for a signature', () => {
    const stored = letters.find(({ state }) => state === 'stored')!
    const handed = { pod: 'one.test', atMs: nowMs }
    const step = stepsOf({ ...stored, handed }, nowMs)[2]!
    assert.deepEqual([step.name, step.state, step.atMs], ['Announced', 'now', null])
    assert.match(step.by, /^one\.test has the notice and passes it on\. Their pod has not signed/)
  })

  it('say who signed, and when', () => {
    const [, stored, announced, accepted] = stepsOf(letters[3]!, nowMs)
    assert.match(stored!.by, /^8 seeds signed/)
    assert.equal(stored!.atMs, letters[3]!.copies.at(-1)!.storedMs)
    assert.match(announced!.by, /^one\.test signed/)
    assert.match(accepted!.by, /Their own key signed/)
    assert.equal(accepted!.atMs, letters[3]!.accepted!.receipt!.atMs)
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import { checkReserved, foldHostname, foldName, readAlias, skeleton } from '../../src/pod/alias.ts'

const nameChars = [...'abcdefghijklmnopqrstuvwxyz0123456789._+-']

describe('an alias', () => {
  it('is folded to lower case', () => {
    assert.equal(foldName('Alice.B+News_1'), 'alice.b+news_1')
    assert.equal(readAlias('Alice@Pod.Example').full, 'alice@pod.example')
  })

  it('holds 1 to 64 characters of a subset of dot-atom', () => {
    for (const good of ['a', '7', 'a.b', 'a-b', 'a+b', 'a_b', 'a--b', 'x'.repeat(64)])
      assert.equal(foldName(good), good)
    const bad = ['', 'x'.repeat(65), '.a', 'a.', 'a..b', '-a', 'a-', '+a', 'a_', 'a b', 'a@b']
    for (const text of [
      ...bad,
      'a!b',
      'a\0b',
      '\u0430lice',
      '\uff41lice',
      'a\u0301',
      '\u017f',
      '\u212a',
      'a.-b',
      '"a"'
    ])
      assert.throws(() => foldName(text), { code: 'ALIAS_INVALID' }, text)
  })

  it('needs a pod, when read whole', () => {
    for (const text of ['alice', '@pod.example', 'alice@', 'alice@-x', 'alice@a..b', 'a@b@c d'])
      assert.throws(() => readAlias(text), { code: 'ALIAS_INVALID' }, text)
    for (const text of ['10.0.0.5', '0x7f.1', '0X7F000001', '2130706433', 'pod.example.1'])
      assert.throws(() => foldHostname(text), { code: 'ALIAS_INVALID' }, text)
    assert.equal(foldHostname('1.10.pod2'), '1.10.pod2')
    assert.equal(foldHostname('LOCALHOST'), 'localhost')
    assert.throws(() => foldHostname('a'.repeat(64)), { code: 'ALIAS_INVALID' })
    assert.throws(() => foldHostname(`${'a.'.repeat(127)}a`), { code: 'ALIAS_INVALID' })
  })

  it('meets any text with a folded name or ALIAS_INVALID', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 80, unit: 'binary' }),
      fc.string({ maxLength: 70, unit: fc.constantFrom(...nameChars, 'A', 'Z') })
    )
    fc.assert(
      fc.property(text, given => {
        try {
          const name = foldName(given)
          assert.match(name, /^[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?$/)
          assert.equal(foldName(name), name)
          assert.ok(!name.includes('..'))
        } catch (err) {
          assert.equal(codeOf(err), 'ALIAS_INVALID')
        }
      }),
      { numRuns: 1_000 }
    )
  })
})

describe('a look', () => {
  it('is shared by names that are taken for one another', () => {
    const pairs = [
      ['alice', 'a1ice'],
      ['alice', 'al1ce'],
      ['alice', 'a.lice'],
      ['alice', 'a_l-i+ce'],
      ['bob', 'b0b'],
      ['modern', 'rnodern'],
      ['will', 'vvill'],
      ['dave', 'clave'],
      ['chris', 'chri5'],
      ['mum', 'r.num']
    ] as const
    for (const [a, b] of pairs) assert.equal(skeleton(a), skeleton(b), `${a} ${b}`)
  })

  it('is not shared by names that look different', () => {
    const names = ['alice', 'bob', 'carol', 'dave', 'eve', 'alice2', 'alice3', 'user1', 'user10']
    assert.equal(new Set(names.map(skeleton)).size, names.length)
  })

  it('is its own look, and empty for no alias', () => {
    const name = fc.string({ minLength: 1, maxLength: 64, unit: fc.constantFrom(...nameChars) })
    fc.assert(
      fc.property(name, text => {
        const look = skeleton(text)
        assert.equal(skeleton(look), look)
        if (/[a-z0-9]/.test(text)) assert.notEqual(look, '')
      })
    )
  })

  it('is refused when it is that of a name the pod keeps', () => {
    for (const name of ['postmaster', 'abuse', 'admin', 'root', 'security', 'muttr', 'no-reply'])
      assert.throws(() => checkReserved(name), { code: 'ALIAS_RESERVED' }, name)
    for (const name of ['adm1n', 'r00t', 'post.master', 'rnuttr', 'vvebmaster', 'n0reply'])
      assert.throws(() => checkReserved(name), { code: 'ALIAS_CONFUSABLE' }, name)
    for (const name of ['alice', 'bob', 'rooted', 'ada']) checkReserved(name)
  })
})

describe('the alias vectors', () => {
  interface Vectors {
    folded: { given: string; name: string }[]
    invalid: string[]
    looks: { given: string; look: string }[]
    reserved: string[]
    confusable: string[]
  }

  it('hold', async () => {
    const file = new URL('../vectors/alias.json', import.meta.url)
    const vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
    for (const { given, name } of vectors.folded) assert.equal(foldName(given), name)
    for (const given of vectors.invalid)
      assert.throws(() => foldName(given), { code: 'ALIAS_INVALID' }, given)
    for (const { given, look } of vectors.looks) assert.equal(skeleton(foldName(given)), look)
    for (const given of vectors.reserved)
      assert.throws(() => checkReserved(foldName(given)), { code: 'ALIAS_RESERVED' }, given)
    for (const given of vectors.confusable)
      assert.throws(() => checkReserved(foldName(given)), { code: 'ALIAS_CONFUSABLE' }, given)
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { openSearchIndex, wordsOf } from '../../../src/client/mailbox/search-index.ts'
import { ClientWorld } from '../../support/client-world.ts'

const letter = (body: string, atMs = 1) => ({ atMs, subject: '', who: '', body })

describe('the search index', () => {
  it('finds every letter by each of its words, and by how they begin', async () => {
    using index = await openSearchIndex()
    const word = fc.stringMatching(/^[a-z0-9äöüßéñжд中文字]{1,8}$/)
    let n = 0
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), words => {
        const key = `k${n++}`
        index.add(key, letter(words.join(' '), n))
        const [first = ''] = wordsOf(words[0]!)
        for (const asked of [words.slice(0, 2), [first.slice(0, 2)]])
          assert.equal(index.find(wordsOf(asked.join(' ')), 1)[0], key)
      }),
      { numRuns: 200 }
    )
  })

  it('takes anything for a question, and answers by words alone', async () => {
    using index = await openSearchIndex()
    index.add('a', letter('The "quick" brown fox* OR (alice@one.test)'))
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => void index.find(wordsOf(text), 5)))
    for (const asked of ['QUICK', 'fox', 'alice@one.test', 'brown" "the', 'qui the'])
      assert.deepEqual(index.find(wordsOf(asked), 5), ['a'], asked)
    for (const asked of ['slow', 'quick slow', 'uick', ''])
      assert.deepEqual(index.find(wordsOf(asked), 5), [], asked)
  })

  it('gives the newest first, forgets what is removed, and says when it is full', async () => {
    using index = await openSearchIndex(64)
    for (const [key, at] of Object.entries({ a: 5, b: 9, c: 7, d: 9 }))
      index.add(key, letter('same', at))
    assert.deepEqual(index.find(['same'], 3), ['d', 'b', 'c'])
    index.remove('b')
    assert.deepEqual([index.has('b'), index.find(['same'], 2)], [false, ['d', 'c']])
    let added = 0
    while (added < 9_000 && index.add(`more ${added}`, letter(`word${added} other${added * 7}`)))
      added++
    assert.ok(added > 2_048 && added < 9_000, `${added}`)
    assert.equal(index.find(['same'], 9).length, 3)
  })
})

describe('searching', () => {
  it('finds letters received and sent, follows what comes and goes, and is shut with the vault', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const send = async (subject: string, body: string) => {
      world.clock.advance(1_000)
      const sent = await alice.client.send({ to: 'bob@one.test', subject, body })
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
      return sent
    }
    const first = await send('Harvest', `${'So. '.repeat(200)}The Äpfel are ripe, come at noon`)
    await send('Nothing', '<b>')
    const [found, ...more] = await bob.client.search('apfel RIPE')
    assert.deepEqual(
      [found?.id, found?.direction, found?.subject, found?.with, more],
      [first.id, 'in', 'Harvest', ['alice@one.test'], []]
    )
    assert.match(found!.snippet, /^….*ripe, come at noon/)
    assert.equal((await alice.client.search('harv'))[0]?.direction, 'out')
    const second = await send('Harvest again', 'more')
    const ids = async () => (await bob.client.search('harvest alice')).map(({ id }) => id)
    assert.deepEqual(await ids(), [second.id, first.id])
    await bob.client.deleteReceived(first.id)
    assert.deepEqual(await ids(), [second.id])
    bob.client.lock()
    await assert.rejects(bob.client.search('harvest'), { code: 'VAULT_LOCKED' })
    await bob.client.unlock(bob.person)
    assert.deepEqual(await ids(), [second.id])
    assert.deepEqual(await bob.client.search('…!'), [])
  })
})

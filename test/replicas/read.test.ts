import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Answer } from '../../src/replicas/read.ts'
import { isRepairDue, ReadRepair } from '../../src/replicas/read.ts'
import { RecordRead } from '../../src/replicas/records.ts'
import { compareRecords } from '../../src/wire/record.ts'
import { ed25519Author, recordBy } from '../support/record-authors.ts'

const holders = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

describe('read repair', () => {
  it('gives copies to the two nearest that have none, once all have said', () => {
    const repair = new ReadRepair(holders)
    const answers: Answer[] = ['blob', 'none', 'failed', 'none', 'none', 'blob', 'blob', 'blob']
    for (const [i, peer] of holders.entries()) {
      assert.deepEqual(repair.pushes(), [])
      repair.heard(peer, answers[i]!)
    }
    assert(repair.complete)
    assert.deepEqual(repair.pushes(), ['b', 'd'])
  })

  it('never brings back what anybody shows to be released', () => {
    const repair = new ReadRepair(holders)
    repair.heard('a', 'none')
    repair.heard('h', 'tombstone')
    assert(repair.complete)
    assert.deepEqual(repair.pushes(), [])
  })

  it('gives at most two away, to those that lack it, whatever they answer', () => {
    const answer = fc.constantFrom<Answer>('none', 'blob', 'tombstone', 'failed')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...holders, 'stranger'), answer)), said => {
        const repair = new ReadRepair(holders)
        for (const [peer, what] of said) repair.heard(peer, what)
        const pushes = repair.pushes()
        assert(pushes.length <= 2 && pushes.every(peer => holders.includes(peer)))
        const isReleased = said.some(([peer, what]) => peer !== 'stranger' && what === 'tombstone')
        if (isReleased) assert.deepEqual(pushes, [])
      })
    )
  })

  it('is due after a lack on the way, and else for one read in sixteen', () => {
    assert(isRepairDue({ lacking: 1, lot: 0.9 }))
    assert(!isRepairDue({ lacking: 0, lot: 1 / 16 }))
    assert(isRepairDue({ lacking: 0, lot: 0.06 }))
  })
})

describe('reading a record', () => {
  it('takes the best of the answers and names those behind it', async () => {
    const author = ed25519Author(1)
    const list = await Promise.all(
      [1, 2, 3, 3].map((sequence, i) => recordBy(author, { sequence, body: `${i}` }))
    )
    const best = list.toSorted(compareRecords)[0]!
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 8 }), held => {
        const read = new RecordRead()
        for (const [i, which] of held.entries()) read.heard(`peer ${i}`, list[which] ?? null)
        const there = held.map(which => list[which]).filter(r => r !== undefined)
        const winner = there.toSorted(compareRecords)[0]
        assert.equal(read.best, winner)
        assert.equal(read.answers, held.length)
        const behind = held.flatMap((which, i) =>
          winner && list[which] !== winner ? [`peer ${i}`] : []
        )
        assert.deepEqual(read.behind(), behind)
      })
    )
    const read = new RecordRead()
    for (const record of list) read.heard(record.frame.join(), record)
    assert.equal(read.best, best)
  })
})

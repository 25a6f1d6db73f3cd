import assert from 'node:assert/strict'
import type { LetterRow } from '../../src/client/mailbox/letter-rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import { dice } from '../support/client-world.ts'
import { fresh, letterRow, mailStores } from '../support/mailbox.ts'

describe('what a letter says about an earlier one', () => {
  it('counts only for letters of the same key, in whichever order they came', async () => {
    const { received: store, closet } = mailStores(memoryState())
    const mallory = 'bb'.repeat(20)
    const row = letterRow
    const add = (letter: LetterRow) => {
      const notice = {
        pod: 'one.test',
        sizeBytes: 1,
        slip: dice.bytes(9),
        address: null,
        failures: 0
      }
      const about = { ...notice, key: Buffer.from(letter.key, 'hex'), expiryMs: 1e12 }
      return store.addLetter(about, fresh(letter), closet, [])
    }
    const old = '01'.repeat(32)
    await add(row('05', { corrects: old, sentMs: 5 }))
    await add(row('06', { corrects: old, sentMs: 3 }))
    await add(row('07', { retracts: old, corrects: old, fromFingerprint: mallory, sentMs: 9 }))
    await add(row('01'))
    const letters = await store.list({ limit: 9, unread: false }, closet)
    const mark = () => letters.find(one => one.row.id === old)?.mark
    assert.deepEqual(mark(), { correctedBy: '05'.repeat(32), forgetAsked: null })
    await add(row('08', { retracts: old }))
    const { mark: later } = await store.find(old, closet)
    assert.deepEqual(later, { correctedBy: '05'.repeat(32), forgetAsked: '08'.repeat(32) })
  })
})

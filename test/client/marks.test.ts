import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { closetOf } from '../../src/client/closet.ts'
import type { LetterRow } from '../../src/client/inbox-rows.ts'
import { createInboxStore } from '../../src/client/inbox-store.ts'
import { memoryState } from '../../src/store/memory.ts'
import { dice, quiet } from '../support/client-world.ts'

describe('what a letter says about an earlier one', () => {
  it('counts only for letters of the same key, in whichever order they came', async () => {
    const state = memoryState()
    const store = createInboxStore(state, quiet)
    const closet = closetOf(dice.bytes(32), dice)
    const [alice, mallory] = ['aa'.repeat(20), 'bb'.repeat(20)]
    const row = (id: string, says: Partial<LetterRow> = {}): LetterRow => ({
      id: id.repeat(32),
      thread: id.repeat(32),
      parent: null,
      fromAlias: 'alice@one.test',
      fromFingerprint: alice,
      to: 'bob@one.test',
      subject: id,
      mimeType: 'text/plain',
      sentMs: 1,
      receivedMs: Number.parseInt(id, 16),
      expiryMs: 1e12,
      sizeBytes: 1_024,
      key: toHex(dice.bytes(32)),
      corrects: null,
      retracts: null,
      receiptRequested: false,
      ...says
    })
    const add = (letter: LetterRow) => {
      const notice = { pod: 'one.test', sizeBytes: 1, slip: dice.bytes(9), failures: 0 }
      const about = { ...notice, key: Buffer.from(letter.key, 'hex'), expiryMs: 1e12 }
      return store.addLetter(about, { row: letter, frame: new Uint8Array(1) }, closet, [])
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

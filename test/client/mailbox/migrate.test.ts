import assert from 'node:assert/strict'
import type { Closet } from '../../../src/client/closet.ts'
import { closetOf } from '../../../src/client/closet.ts'
import { createContactStore } from '../../../src/client/contact-store.ts'
import { noJournal } from '../../../src/client/devices/journal.ts'
import { migrate } from '../../../src/client/mailbox/migrate.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { State } from '../../../src/store/state.ts'
import { dice, quiet } from '../../support/client-world.ts'
import { mailStores } from '../../support/mailbox.ts'
import { oldContact, oldReceived, oldSent, ownPrint } from '../../support/old-mailbox.ts'

const certificate = new Uint8Array(9)
const thread = 'e0'.repeat(32)

/** A home of an older version: ten letters received, three of them read, two sent, one of them on its way, and a contact. */
async function oldHome(state: State, closet: Closet): Promise<void> {
  const ids = Array.from({ length: 10 }, (_, i) => (0x10 + i).toString(16))
  await state.write([
    ...ids.flatMap((id, i) => oldReceived(id, closet, i < 3)),
    ...oldSent('30', closet, state, 'accepted'),
    ...oldSent('31', closet, state, 'announced'),
    oldContact('alice@one.test', certificate, state),
    { type: 'put', table: 'sent-certificates', key: 'aa'.repeat(20), value: certificate }
  ])
}

function storesOn(state: State, closet: Closet) {
  const stores = mailStores(state, closet)
  const self = { closet: () => closet, openCloset: closet }
  const contacts = createContactStore({ state, log: quiet, self, journal: noJournal })
  const run = () => migrate({ state, log: quiet, ...stores, contacts, fingerprint: ownPrint })
  return { ...stores, contacts, run }
}

async function holds(state: State, closet: Closet): Promise<void> {
  const { received, sent, conversations, contacts } = storesOn(state, closet)
  const letters = await received.list({ limit: 99, unread: false }, closet)
  assert.deepEqual(
    letters.map(({ row }) => [row.subject, row.read, row.snippet]),
    Array.from({ length: 10 }, (_, i) => {
      const id = (0x19 - i).toString(16)
      return [`letter ${id}`, i > 6, `body ${id}`]
    })
  )
  assert.ok(letters.every(({ mark }) => mark.correctedBy === 'c0'.repeat(32)))
  const { rows } = await conversations.page({ limit: 9 }, closet)
  assert.deepEqual(
    rows.map(row => [row.thread, row.letters, row.unread, row.snippet]),
    [[thread, 12, 7, 'said 31']]
  )
  const listed = await sent.list({ limit: 9 })
  assert.deepEqual(
    listed.map(({ id, stage }) => [id.slice(0, 2), stage]),
    [
      ['31', 'announced'],
      ['30', 'accepted']
    ]
  )
  assert.deepEqual(
    (await sent.watched()).map(({ id }) => id.slice(0, 2)),
    ['31']
  )
  assert.equal((await contacts.get('alice@one.test'))?.verified, true)
  assert.deepEqual(await sent.certificate('aa'.repeat(20)), certificate)
  for (const table of ['inbox', 'inbox-text', 'inbox-ids', 'inbox-read', 'inbox-marks', 'contacts'])
    assert.deepEqual(await state.list(table), [], table)
  assert.equal((await state.list('sent')).length, 1)
}

/** A disk that takes so many writes, and after that the process is gone. */
function until(state: State, writes: number): State {
  let left = writes
  return {
    ...state,
    async write(changes) {
      if (left-- <= 0) throw new Error('killed')
      return state.write(changes)
    }
  }
}

describe('a mailbox of an older version', () => {
  it('is brought to today’s form once, and nothing of it is lost', async () => {
    const state = memoryState()
    const closet = closetOf(dice.bytes(32), dice)
    await oldHome(state, closet)
    await storesOn(state, closet).run()
    await holds(state, closet)
    const before = await state.list('mail')
    await storesOn(state, closet).run()
    assert.deepEqual(await state.list('mail'), before)
  })

  it('goes on where it was after a kill at each of its writes', async () => {
    for (let writes = 0; ; writes++) {
      const state = memoryState()
      const closet = closetOf(dice.bytes(32), dice)
      await oldHome(state, closet)
      const killed = await storesOn(until(state, writes), closet)
        .run()
        .then(
          () => false,
          () => true
        )
      if (writes % 3 === 0)
        await storesOn(until(state, 2), closet)
          .run()
          .catch(() => undefined)
      await storesOn(state, closet).run()
      await holds(state, closet)
      if (!killed) {
        assert.ok(writes > 14)
        break
      }
    }
  })

  it('keeps what cannot be read where it is, and all else comes over', async () => {
    const state = memoryState()
    const closet = closetOf(dice.bytes(32), dice)
    await oldHome(state, closet)
    const [spoiled] = await state.list('inbox')
    const value = spoiled!.value.slice(1)
    await state.write([{ type: 'put', table: 'inbox', key: spoiled!.key, value }])
    const { run, received } = storesOn(state, closet)
    await run()
    assert.equal((await received.list({ limit: 99, unread: false }, closet)).length, 9)
    assert.deepEqual(await state.list('inbox'), [{ key: spoiled!.key, value }])
  })
})

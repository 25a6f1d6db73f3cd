import assert from 'node:assert/strict'
import { createAudit } from '../../src/pod/office/audit.ts'
import { ordered, tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'

const by = { kind: 'operator', name: 'olga' } as const
const deed = (subject: string) => ({ by, action: 'test', subject, detail: 'because' })
const note = (state: State, subject: string, atMs = 5) =>
  createAudit(state).act(atMs, async () => ({ changes: [], deed: deed(subject), result: subject }))

describe('the audit log', () => {
  it('is a chain, read from its end', async () => {
    const state = memoryState()
    const audit = createAudit(state)
    assert.deepEqual(await audit.list({ limit: 10 }), [])
    for (const subject of ['a', 'b', 'c']) assert.equal(await note(state, subject), subject)
    const [last, middle, first] = await audit.list({ limit: 10 })
    assert.deepEqual([first?.subject, middle?.subject, last?.subject], ['a', 'b', 'c'])
    assert.equal(first?.previous, '0'.repeat(64))
    assert.equal(last?.previous, middle?.hash)
    assert.deepEqual(await audit.list({ before: 3, limit: 1 }), [middle])
    const found = { entries: 3, from: 1, head: last?.hash, brokenAt: null }
    assert.deepEqual(await audit.check(), { ...found, found: null })
    assert.equal((await audit.check(first?.hash)).found, true)
    assert.equal((await audit.check('ab'.repeat(32))).found, false)
  })

  it('has one end when two processes write at once', async () => {
    const state = memoryState()
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map(subject => note(state, subject)))
    const check = await createAudit(state).check()
    assert.deepEqual([check.entries, check.brokenAt], [5, null])
  })

  it('shows what was changed, taken out or cut off', async () => {
    const state = memoryState()
    for (const subject of ['a', 'b', 'c', 'd']) await note(state, subject)
    const head = (await createAudit(state).check()).head
    const [, second, third] = await state.list(tables.audit)
    const changed = Buffer.from(third!.value).toString('latin1').replace('because', 'in vain')
    const value = new Uint8Array(Buffer.from(changed, 'latin1'))
    await state.write([{ type: 'put', table: tables.audit, key: ordered(3), value }])
    assert.equal((await createAudit(state).check()).brokenAt, 4)
    await state.write([
      { type: 'put', table: tables.audit, key: ordered(3), value: third!.value },
      { type: 'delete', table: tables.audit, key: second!.key }
    ])
    assert.equal((await createAudit(state).check()).brokenAt, 2)
    await state.write([
      { type: 'put', table: tables.audit, key: second!.key, value: second!.value },
      { type: 'delete', table: tables.audit, key: ordered(4) }
    ])
    const cut = await createAudit(state).check(head)
    assert.deepEqual([cut.brokenAt, cut.found], [null, false])
  })

  it('drops the oldest, and still knows what follows what', async () => {
    const state = memoryState()
    for (let i = 0; i < 12; i++) await note(state, `${i}`)
    const audit = createAudit(state)
    assert.equal(await audit.sweep(5), 7)
    assert.equal(await audit.sweep(5), 0)
    const check = await audit.check()
    assert.deepEqual([check.entries, check.from, check.brokenAt], [5, 8, null])
    await note(state, 'more')
    assert.equal((await audit.list({ limit: 1 }))[0]?.sequence, 13)
  })

  it('writes nothing where what was to be done is refused', async () => {
    const state = memoryState()
    const refused = createAudit(state).act(5, async () => Promise.reject(new Error('no')))
    await assert.rejects(refused, /no/)
    assert.deepEqual(await state.list(tables.audit), [])
  })
})

import assert from 'node:assert/strict'
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { utf8 } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { journaledRows } from '../../src/store/journaled-rows.ts'
import type { RowChange, Rows } from '../../src/store/rows.ts'
import { memoryRows } from '../../src/store/rows.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const key = (n: number) => utf8(`key ${n}`)
const value = (n: number) => utf8(`value ${n}`)
const put = (n: number): RowChange => ({ key: key(n), value: value(n) })
const everything = { gte: utf8('k'), lt: utf8('l') }

/** A database that can be told to refuse, and what was written to it in one batch each. */
function fakeDatabase() {
  const rows = memoryRows()
  const batches: (readonly RowChange[])[] = []
  const database = {
    isFull: false,
    batches,
    rows: {
      ...rows,
      async write(changes: readonly RowChange[]) {
        if (database.isFull) throw new MuttrError('DISK_FULL', 'no room')
        batches.push(changes)
        await rows.write(changes)
      },
      async [Symbol.asyncDispose]() {} // it is opened again
    } satisfies Rows
  }
  return database
}

/** Opened and left as by a process that is killed, after these writes; the journal is in `path`. */
async function killedAfter(path: string, database: Rows, ...writes: RowChange[][]) {
  const rows = await journaledRows(database, path)
  for (const changes of writes) await rows.write(changes)
  return rows
}

async function assertHolds(rows: Rows, numbers: readonly number[]) {
  const found = await rows.range(everything)
  assert.deepEqual(
    found,
    numbers.map(n => [key(n), value(n)])
  )
}

describe('a journal', () => {
  it('gives what is in it before the database has it, and then by one batch', async () => {
    await using folder = await temporaryFolder()
    const database = fakeDatabase()
    const rows = await killedAfter(folder.path, database.rows, [put(1), put(2)], [put(3)])
    await rows.write([{ key: key(2), value: null }])
    assert.equal(database.batches.length, 0)
    assert.deepEqual(rows.readNow(key(1)), value(1))
    assert.deepEqual(await rows.get(key(2)), undefined)
    assert.deepEqual(await rows.getMany([key(1), key(2), key(3)]), [value(1), undefined, value(3)])
    await assertHolds(rows, [1, 3])
    assert.equal(database.batches.length, 1)
    assert.equal((await readFile(join(folder.path, 'journal.0'))).byteLength, 0)
  })

  it('is read by the next process', async () => {
    await using folder = await temporaryFolder()
    const { rows: database } = fakeDatabase()
    const killed = await killedAfter(folder.path, database, [put(1)])
    await assertHolds(killed, [1]) // turns to the other file
    await killed.write([put(2), put(3)])
    await killed.write([{ key: key(1), value: null }])
    await assertHolds(await journaledRows(database, folder.path), [2, 3])
  })

  it('loses only the entry that was cut, whole', async () => {
    await using folder = await temporaryFolder()
    const { rows: database } = fakeDatabase()
    await killedAfter(folder.path, database, [put(1)], [put(2), put(3)])
    const file = join(folder.path, 'journal.0')
    await truncate(file, (await readFile(file)).byteLength - 1)
    const next = await journaledRows(database, folder.path)
    await next.write([put(4)])
    await assertHolds(await journaledRows(database, folder.path), [1, 4])
  })

  it('is not believed where the database is further, as after a power failure', async () => {
    await using folder = await temporaryFolder()
    const { rows: database } = fakeDatabase()
    const file = join(folder.path, 'journal.0')
    const rows = await killedAfter(folder.path, database, [put(1)], [put(2)])
    const old = await readFile(file)
    await rows.write([{ key: key(1), value: null }])
    await assertHolds(rows, [2])
    await writeFile(file, old)
    await assertHolds(await journaledRows(database, folder.path), [2])
  })

  it('stops at the first bytes that are no entry, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 80 }), async garbage => {
        await using folder = await temporaryFolder()
        const { rows: database } = fakeDatabase()
        await killedAfter(folder.path, database, [put(1)])
        await appendFile(join(folder.path, 'journal.0'), garbage)
        await assertHolds(await journaledRows(database, folder.path), [1])
      }),
      { numRuns: 50 }
    )
  })

  it('keeps what it took while the database is full, takes no more than fits, and moves it when there is room', async () => {
    await using folder = await temporaryFolder()
    const database = fakeDatabase()
    const rows = await killedAfter(folder.path, database.rows, [put(1)])
    database.isFull = true
    await assert.rejects(rows.range(everything), { code: 'DISK_FULL' })
    assert.deepEqual(await rows.get(key(1)), value(1))
    await assert.rejects(rows.write([put(2)]), { code: 'DISK_FULL' })
    assert.equal(await rows.get(key(2)), undefined)
    database.isFull = false
    await rows.write([put(3)])
    await assertHolds(rows, [1, 3])
  })

  it('moves by itself when much has come, and lets large writes pass', async () => {
    await using folder = await temporaryFolder()
    const database = fakeDatabase()
    const rows = await journaledRows(database.rows, folder.path)
    const large = { key: key(0), value: new Uint8Array(100_000) }
    await rows.write([put(1)])
    await rows.write([large])
    assert.equal(database.batches.length, 1)
    for (let n = 0; n < 100; n++)
      await rows.write([{ key: key(n), value: new Uint8Array(10_000).fill(n) }])
    assert.ok(database.batches.length > 2 && database.batches.length < 10)
    for (let n = 0; n < 100; n++) assert.equal((await rows.get(key(n)))?.[0], n)
  })
})

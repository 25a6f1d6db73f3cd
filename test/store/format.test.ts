import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts'
import { levelRows } from '../../src/store/level-rows.ts'
import type { Rows } from '../../src/store/rows.ts'
import { memoryRows } from '../../src/store/rows.ts'
import { seedFormat } from '../../src/store/seed-rows.ts'
import { createSeedStore } from '../../src/store/seed-store.ts'
import { stateFormat } from '../../src/store/state-rows.ts'
import { createState } from '../../src/store/state-store.ts'
import { blobOf, hourMs, noonMs } from '../support/store-blobs.ts'
import { temporaryFolder } from '../support/store-folder.ts'

interface Vectors {
  seed: { format: string; rows: [key: string, value: string][] }
  state: { format: string; rows: [key: string, value: string][] }
}
const file = new URL('../vectors/store.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

/** All rows of what `fill` writes, before the rows are gone. */
async function rowsOf(fill: (rows: Rows) => Promise<void>) {
  const rows = memoryRows()
  await fill(rows)
  const all = await rows.range({ gte: new Uint8Array(), lt: new Uint8Array([255]) })
  return all.map(([key, value]) => [toHex(key), toHex(value)])
}

describe('the format on disk', () => {
  it('of a seed store is that of the vectors', async () => {
    const [kept, released] = [blobOf(1, 10), blobOf(2, 10)]
    const written = await rowsOf(async rows => {
      const store = createSeedStore(rows, { capBytes: 10_000, counted: { blobs: 0, bytes: 0 } })
      await store.putBlob(kept)
      await store.putBlob(released)
      await store.putTombstone(released.key, utf8('a tombstone'), released.header.expiryMs)
      await store.putRecord(new Uint8Array(32).fill(7), utf8('a record'), noonMs + 2 * hourMs)
    })
    assert.deepEqual(written, vectors.seed.rows)
  })

  it('of a state is that of the vectors', async () => {
    const written = await rowsOf(async rows => {
      const state = createState(rows)
      const entries = ['one', 'two', 'three'].map(utf8)
      await state.write(entries.map(entry => ({ type: 'append', log: 'a log', entry })))
      await state.write([
        { type: 'put', table: 'a table', key: 'schlüssel', value: utf8('value') },
        { type: 'trim', log: 'a log', through: 2 }
      ])
    })
    assert.deepEqual(written, vectors.state.rows)
  })

  it('of a later version is left alone, and that is no damage', async () => {
    for (const [found, wanted, code] of [
      ['muttr state 2', stateFormat, 'STATE_NEWER'],
      ['muttr client state 2', stateFormat, 'STATE_NEWER'],
      ['muttr seed store 10', seedFormat, 'STATE_NEWER'],
      ['muttr pod state 3', 'muttr pod state 2', 'STATE_NEWER'],
      ['muttr pod state 2', stateFormat, 'HOME_DAMAGED'],
      ['muttr state 2', seedFormat, 'HOME_DAMAGED'],
      ['muttr seed store 1', 'muttr seed store 2', 'HOME_DAMAGED'],
      ['something 2', 'something 1', 'HOME_DAMAGED']
    ] as const) {
      await using folder = await temporaryFolder()
      {
        await using _made = await levelRows(folder.path, { format: found, sync: false })
      }
      const opened = levelRows(folder.path, { format: wanted, sync: false })
      await assert.rejects(opened, { code }, `${found} as ${wanted}`)
      await using again = await levelRows(folder.path, { format: found, sync: false })
      assert.equal(Buffer.from((await again.get(fromHex('00', 1)!))!).toString(), found)
    }
  })

  for (const [what, format] of [
    ['seed', seedFormat],
    ['state', stateFormat]
  ] as const)
    it(`names itself in the first row of a ${what}`, async () => {
      await using folder = await temporaryFolder()
      await using rows = await levelRows(folder.path, { format, sync: false })
      const first = await rows.get(fromHex('00', 1)!)
      assert.equal(Buffer.from(first!).toString(), vectors[what].format)
    })
})

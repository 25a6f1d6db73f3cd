import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts'
import { readRecovery } from '../../src/client/backup/backup.ts'
import { openStream } from '../../src/keys/sealed-stream.ts'
import type { BackupItem } from '../../src/wire/backup.ts'
import { backupFiles, encodeBackupItem, readBackupItems } from '../../src/wire/backup.ts'
import { bytesOf, recordOf } from '../support/hostile-frames.ts'

const vector = JSON.parse(readFileSync(new URL('../vectors/backup.json', import.meta.url), 'utf8'))

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}
const read = (bytes: Uint8Array, size = 97) =>
  Array.fromAsync(readBackupItems(inParts(bytes, size)))

const file: fc.Arbitrary<BackupItem> = recordOf({
  type: fc.constant('file' as const),
  name: fc.constantFrom(...backupFiles),
  content: fc.uint8Array({ maxLength: 300 })
})
const row: fc.Arbitrary<BackupItem> = recordOf({
  type: fc.constant('row' as const),
  table: fc.string({ minLength: 1, maxLength: 20 }),
  key: fc.string({ maxLength: 20 }),
  value: fc.uint8Array({ maxLength: 300 })
})
const podItem: fc.Arbitrary<BackupItem> = fc.oneof(
  recordOf({
    type: fc.constant('pod-row' as const),
    table: fc.string({ minLength: 1, maxLength: 20 }),
    key: fc.string({ maxLength: 20 }),
    value: fc.uint8Array({ maxLength: 300 })
  }),
  recordOf({
    type: fc.constant('pod-log' as const),
    log: fc.string({ minLength: 1, maxLength: 20 }),
    last: fc.maxSafeNat()
  }),
  recordOf({
    type: fc.constant('pod-entry' as const),
    log: fc.string({ minLength: 1, maxLength: 20 }),
    sequence: fc.maxSafeNat(),
    entry: fc.uint8Array({ maxLength: 300 })
  })
)
const head: fc.Arbitrary<BackupItem> = recordOf({
  type: fc.constant('head' as const),
  madeMs: fc.maxSafeNat(),
  fingerprint: bytesOf(20).map(toHex)
})
const whole = fc
  .tuple(
    head,
    fc.array(file, { maxLength: 4 }),
    fc.array(fc.oneof(row, podItem), { maxLength: 10 })
  )
  .map(([first, files, rows]): BackupItem[] => [
    first,
    ...files,
    ...rows,
    { type: 'end', rows: rows.length }
  ])
const bytes = (items: readonly BackupItem[]) => concatBytes(...items.map(encodeBackupItem))

describe('the items of a backup', () => {
  it('come back, in parts of any size', async () => {
    await fc.assert(
      fc.asyncProperty(whole, fc.integer({ min: 1, max: 999 }), async (items, size) => {
        assert.deepEqual(await read(bytes(items), size), items)
      })
    )
  })

  it('are refused when one is missing, twice there or cut short', async () => {
    await fc.assert(
      fc.asyncProperty(whole, fc.nat(), async (items, at) => {
        const i = at % items.length
        const isFile = items[i]!.type === 'file'
        const without = items.toSpliced(i, 1)
        if (!isFile) await assert.rejects(read(bytes(without)), { code: 'BACKUP_INVALID' })
        const twice = items.toSpliced(i, 0, items[i]!)
        if (!isFile) await assert.rejects(read(bytes(twice)), { code: 'BACKUP_INVALID' })
        const all = bytes(items)
        const cut = all.subarray(0, at % all.byteLength)
        await assert.rejects(read(cut), { code: 'BACKUP_INVALID' })
      })
    )
  })

  it('are those of the vector, in a file that its words open', async () => {
    const sealed = fromHex(vector.file, vector.file.length / 2)!
    const opened = openStream(readRecovery(vector.words), inParts(sealed, 50))
    const items = await Array.fromAsync(readBackupItems(opened))
    const shown = items.map(item => ({
      ...item,
      ...('content' in item && { content: toHex(item.content) }),
      ...('value' in item && { value: toHex(item.value) }),
      ...('entry' in item && { entry: toHex(item.entry) }),
      frame: toHex(encodeBackupItem(item).subarray(4))
    }))
    assert.deepEqual(shown, vector.items)
    assert.equal(toHex(readRecovery(vector.words)), vector.secret)
  })

  it('meet any bytes with BACKUP_INVALID', async () => {
    const frame = (payload: Uint8Array) =>
      concatBytes(new Uint8Array([0, 0, 0, payload.byteLength]), payload)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array(), fc.uint8Array({ maxLength: 200 }).map(frame)),
        async wild => {
          await assert.rejects(read(wild), { code: 'BACKUP_INVALID' })
        }
      )
    )
    await assert.rejects(read(new Uint8Array([255, 255, 255, 255])), { code: 'BACKUP_INVALID' })
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { backupBodyBytes, backupKeys } from '../../src/keys/backup-record.ts'
import { readWords } from '../../src/keys/mnemonic.ts'
import { makeRecord, readRecord, recordKeyOf } from '../../src/wire/record.ts'
import { backupKind, decodeBackupPlace, encodeBackupPlace } from '../../src/wire/records/backup.ts'
import { dice } from '../support/client-world.ts'

const { words, network: vector } = JSON.parse(
  readFileSync(new URL('../vectors/backup.json', import.meta.url), 'utf8')
)
const bytes = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
const place = {
  ...{ madeMs: vector.madeMs, sizeBytes: vector.sizeBytes, expiryMs: vector.expiryMs },
  ...{ fileKey: bytes(vector.fileKey), roots: vector.roots.map(bytes) }
}
const invalid = { code: 'BACKUP_INVALID' }

describe('the record of a backup', () => {
  const keys = backupKeys(readWords(words))

  it('is found and opened by the words alone', async () => {
    assert.equal(toHex(keys.author), vector.author)
    assert.equal(toHex(recordKeyOf(backupKind, 0, keys.author)), vector.key)
    assert.equal(toHex(encodeBackupPlace(place)), vector.place)
    const nonce = { bytes: () => bytes(vector.nonce) }
    assert.equal(toHex(keys.seal(bytes(vector.place), nonce)), vector.body)
    const author = { scheme: 0 as const, bytes: keys.author }
    const said = { kind: backupKind, author, sequence: vector.sequence, body: bytes(vector.body) }
    const { frame } = await makeRecord(said, keys.sign)
    assert.equal(toHex(frame), vector.record)
    const read = await readRecord(bytes(vector.record), { nowMs: 0, wanted: bytes(vector.key) })
    assert.deepEqual(decodeBackupPlace(keys.open(read.body)), place)
  })

  it('has one size, whatever is in it', () => {
    for (const length of [0, 1, 300, 510])
      assert.equal(keys.seal(new Uint8Array(length), dice).byteLength, backupBodyBytes)
    assert.throws(() => keys.seal(new Uint8Array(511), dice), TypeError)
  })

  it('does not open when it was changed, cut or made longer, nor with other words', () => {
    const body = bytes(vector.body)
    const other = backupKeys(new Uint8Array(16))
    assert.throws(() => other.open(body), invalid)
    for (const cut of [0, 1, 28, body.byteLength - 1])
      assert.throws(() => keys.open(body.subarray(0, cut)), invalid)
    assert.throws(() => keys.open(new Uint8Array([...body, 0])), invalid)
    for (const at of [0, 12, 300, body.byteLength - 1]) {
      const changed = body.slice()
      changed[at]! ^= 1
      assert.throws(() => keys.open(changed), invalid)
    }
  })

  it('names as many roots as its size takes, and nothing else is read', () => {
    assert.throws(() => encodeBackupPlace({ ...place, sizeBytes: 2 ** 30 }), invalid)
    assert.throws(() => encodeBackupPlace({ ...place, sizeBytes: 0, roots: [] }), invalid)
    assert.throws(() => encodeBackupPlace({ ...place, fileKey: new Uint8Array(31) }), invalid)
    const encoded = bytes(vector.place)
    for (let cut = 0; cut < encoded.byteLength; cut += 7)
      assert.throws(() => decodeBackupPlace(encoded.subarray(0, cut)), invalid)
  })
})

import assert from 'node:assert/strict'
import { toHex } from '../../../src/base/bytes.ts'
import { readRecovery } from '../../../src/client/backup/backup.ts'
import { fetchBackup, findBackup } from '../../../src/client/backup/find.ts'
import type { BackupKeys } from '../../../src/keys/backup-record.ts'
import { backupKeys } from '../../../src/keys/backup-record.ts'
import { openStream } from '../../../src/keys/sealed-stream.ts'
import type { Spool } from '../../../src/store/spool.ts'
import { memorySpool } from '../../../src/store/spool.ts'
import { readBackupItems } from '../../../src/wire/backup.ts'
import { makeRecord } from '../../../src/wire/record.ts'
import type { BackupPlace } from '../../../src/wire/records/backup.ts'
import { backupKind, encodeBackupPlace } from '../../../src/wire/records/backup.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, dice } from '../../support/client-world.ts'

const invalid = { code: 'BACKUP_INVALID' }
const { signal } = new AbortController()

describe('a backup that somebody looks for in the network', () => {
  let world: ClientWorld
  let bob: Tester
  let secret: Uint8Array
  let keys: BackupKeys
  beforeEach(async () => {
    world = await ClientWorld.make()
    bob = await world.join('bob', { networkBackup: { mode: 'off', maxBytes: 2 ** 22 } })
    for (let i = 0; i < 3; i++)
      await bob.client.saveDraft({ to: 'alice@one.test', body: toHex(dice.bytes(60_000)) })
    secret = readRecovery((await bob.client.recovery()).join(' '))
    keys = backupKeys(secret)
    await bob.client.makeNetworkBackup()
    await bob.seen('backed-up')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const find = (): Promise<BackupPlace> =>
    findBackup(keys, { dht: world.dht, clock: world.clock, signal })
  /** Time goes on whenever the fetch waits for a second attempt. */
  const fetch = (place: BackupPlace, spool: Spool = memorySpool()) =>
    fetchBackup(place, {
      ...{ dht: world.dht, clock: world.clock, random: dice, spool, signal },
      onProgress: (_, problem) => {
        if (problem) setImmediate(() => world.clock.advance(60_000))
      }
    })
  const all = async (place: BackupPlace) => {
    for await (const _ of readBackupItems(openStream(secret, fetch(place))));
  }
  /** What the record says from now on, as its author or as another. */
  async function say(body: Uint8Array, by: BackupKeys = keys): Promise<Uint8Array> {
    const author = { scheme: 0 as const, bytes: by.author }
    const said = { kind: backupKind, author, sequence: world.clock.now() + 1_000, body }
    const { frame } = await makeRecord(said, by.sign)
    const [key] = [...world.dht.records.keys()]
    world.dht.records.set(key!, frame)
    return frame
  }
  const sealed = (place: BackupPlace) => keys.seal(encodeBackupPlace(place), dice)

  it('is found with its words, and all of it comes back', async () => {
    const place = await find()
    assert(place.sizeBytes > 262_144, 'more chunks than one')
    const tables = new Set<string>()
    for await (const item of readBackupItems(openStream(secret, fetch(place))))
      if (item.type === 'row') tables.add(item.table)
    assert(tables.has('drafts'))
  })

  it('is not found with other words', async () => {
    keys = backupKeys(new Uint8Array(16))
    await assert.rejects(find(), { code: 'RECORD_UNKNOWN' })
  })

  it('is not taken from another author, nor out of a body that was cut or sealed by another', async () => {
    const place = await find()
    const mallory = backupKeys(new Uint8Array(16))
    await say(mallory.seal(encodeBackupPlace(place), dice), mallory)
    await assert.rejects(find(), invalid)
    await say(mallory.seal(encodeBackupPlace(place), dice))
    await assert.rejects(find(), invalid)
    await say(sealed(place).subarray(0, 300))
    await assert.rejects(find(), invalid)
    await say(keys.seal(new Uint8Array(200), dice))
    await assert.rejects(find(), invalid)
  })

  it('is refused when its record lies about the size, the key or where it lies', async () => {
    const place = await find()
    for (const lie of [
      { sizeBytes: place.sizeBytes - 1 },
      { sizeBytes: place.sizeBytes + 1 },
      { fileKey: dice.bytes(32) },
      { roots: place.roots.toReversed() }
    ]) {
      await say(sealed({ ...place, ...lie }))
      await assert.rejects(all(await find()), invalid, Object.keys(lie)[0]!)
    }
    await say(sealed({ ...place, expiryMs: world.clock.now() - (world.clock.now() % 3_600_000) }))
    await assert.rejects(find(), { code: 'BLOB_EXPIRED' })
  })

  it('is refused when a chunk of it is gone, and waits for one that comes back', async () => {
    const place = await find()
    const [[key, blob] = []] = [...world.dht.blobs]
    world.dht.blobs.delete(key!)
    await assert.rejects(all(place), invalid)
    world.dht.blobs.set(key!, blob!)
    world.dht.getFails = 'PEER_TIMEOUT'
    let waited = 0
    const fetched = fetchBackup(place, {
      ...{ dht: world.dht, clock: world.clock, random: dice, spool: memorySpool(), signal },
      onProgress: (_, problem) => {
        if (!problem) return
        if (++waited > 20) world.dht.getFails = null
        setImmediate(() => world.clock.advance(600_000))
      }
    })
    for await (const _ of readBackupItems(openStream(secret, fetched)));
    assert(waited > 20)
  })

  it('is not begun where there is no room for it', async () => {
    const small = memorySpool({ capBytes: 100_000 })
    await assert.rejects(Array.fromAsync(fetch(await find(), small)), {
      code: 'DISK_FULL'
    })
  })
})

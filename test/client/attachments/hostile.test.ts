import assert from 'node:assert/strict'
import { sha256, toHex, utf8 } from '../../../src/base/bytes.ts'
import { MuttrError } from '../../../src/base/errors.ts'
import type { MuttrEvent } from '../../../src/base/events.ts'
import { Outbox } from '../../../src/base/outbox.ts'
import { Ahead } from '../../../src/client/attachments/ahead.ts'
import type { LetterWithFiles } from '../../../src/client/attachments/downloads.ts'
import { Downloads } from '../../../src/client/attachments/downloads.ts'
import type { SpoolCaps } from '../../../src/client/attachments/room.ts'
import { closetOf } from '../../../src/client/closet.ts'
import type { Self } from '../../../src/client/self.ts'
import { chunkCipher } from '../../../src/keys/chunk.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { Spool } from '../../../src/store/spool.ts'
import { memorySpool } from '../../../src/store/spool.ts'
import type { Manifest } from '../../../src/wire/attachment.ts'
import {
  chunkAt,
  chunkContentBytes,
  encodeManifest,
  shapeOf
} from '../../../src/wire/attachment.ts'
import { makeBlob } from '../../../src/wire/blob.ts'
import { dice, quiet } from '../../support/client-world.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { FakeDht } from '../../support/fake-dht.ts'
import { fakeDht } from '../../support/fake-dht.ts'

const fileKey = sha256(utf8('file key'))
const hourMs = 3_600_000
const clock = fakeClock()
const expiryMs = Math.ceil(clock.now() / hourMs) * hourMs + 24 * hourMs

describe('a hostile attachment', () => {
  let dht: FakeDht
  let spool: Spool
  let caps: SpoolCaps
  let events: MuttrEvent[]
  let wake: () => void
  beforeEach(() => {
    dht = fakeDht(clock)
    spool = memorySpool()
    caps = { outBytes: 0, inBytes: 2 ** 41, reserveBytes: 0 }
    events = []
    wake = () => undefined
  })

  const make = () => {
    const closet = closetOf(new Uint8Array(32), dice)
    const life = new AbortController().signal
    const state = memoryState()
    const ahead = new Ahead({
      ...{ state, clock, random: dice, log: quiet, life, outbox: new Outbox() },
      pods: { identified: () => Promise.reject(new MuttrError('POD_UNREACHABLE', 'away')) },
      onChange: () => undefined,
      onForgotten: () => undefined
    })
    return new Downloads({
      ...{ dht, spool, caps, clock, random: dice, log: quiet, state, ahead, life },
      self: { locked: false, closet: () => closet } as unknown as Self,
      contacts: { known: async () => undefined },
      strangerFetch: { get: async (_, key) => dht.get(key), problems: [] },
      emit(event) {
        events.push(event)
        wake()
      }
    })
  }

  const put = (sealed: Uint8Array): Uint8Array => {
    const blob = makeBlob(sealed, { expiryMs, retract: dice.bytes(32), accept: null })
    dht.blobs.set(toHex(blob.key), blob)
    return blob.key
  }

  const withFile = (of: Partial<Manifest>): LetterWithFiles => ({
    id: toHex(dice.bytes(32)),
    key: toHex(dice.bytes(32)),
    fromAlias: 'mallory@one.test',
    fromFingerprint: 'ab'.repeat(20),
    to: 'bob@one.test',
    manifests: [
      encodeManifest({
        ...{ name: 'x', mimeType: 'text/plain', sizeBytes: 10, expiryMs, fileKey, roots: [] },
        ...of
      })
    ]
  })

  /** @returns how a fetch of it ends. */
  async function endOf(letter: LetterWithFiles) {
    await using downloads = make()
    await downloads.fetch(letter, 0)
    for (;;) {
      const [file] = downloads.show(letter)
      if (file?.state !== 'fetching') return { file, content: await given(downloads, letter) }
      await new Promise<void>(resolve => (wake = resolve))
    }
  }
  const given = async (downloads: Downloads, letter: LetterWithFiles) => {
    try {
      return Buffer.concat(await Array.fromAsync(await downloads.open(letter, 0)))
    } catch {
      return null
    }
  }
  async function lost(letter: LetterWithFiles): Promise<void> {
    const { file, content } = await endOf(letter)
    assert.deepEqual([file?.state, file?.problem?.code], ['lost', 'ATTACHMENT_INVALID'])
    assert.equal(content, null, 'nothing of it leaves')
  }

  it("that points at somebody else's blob gives nothing of it away", async () => {
    await lost(withFile({ roots: [put(dice.bytes(1_024))] }))
    const cipher = await chunkCipher(sha256(utf8('another key')))
    const foreign = await cipher.seal(chunkAt(shapeOf(10), 0), new Uint8Array(10), dice.bytes(12))
    await lost(withFile({ roots: [put(foreign)] }))
  })

  it('that lies about its size is refused, whichever way', async () => {
    const cipher = await chunkCipher(fileKey)
    const honest = await cipher.seal(chunkAt(shapeOf(10), 0), utf8('0123456789'), dice.bytes(12))
    const roots = [put(honest)]
    const { content } = await endOf(withFile({ roots }))
    assert.equal(content?.toString(), '0123456789')
    await lost(withFile({ roots, sizeBytes: 9 }))
    await lost(withFile({ roots, sizeBytes: 5_000 }))
  })

  it('whose keys lead back to themselves, or around, ends', async () => {
    const cipher = await chunkCipher(fileKey)
    const sizeBytes = 9 * chunkContentBytes
    const shape = shapeOf(sizeBytes)
    const place = chunkAt(shape, 9)
    const anywhere = Buffer.alloc(place.contentBytes, dice.bytes(32))
    const first = put(await cipher.seal(place, anywhere, dice.bytes(12)))
    const around = Buffer.alloc(place.contentBytes, first)
    const second = put(await cipher.seal(place, around, dice.bytes(12)))
    await lost(withFile({ sizeBytes, roots: [second] }))
    assert.ok(dht.gets < 20, `${dht.gets} gets`)
  })

  it('whose keys lead nowhere is asked for less and less often', async () => {
    const cipher = await chunkCipher(fileKey)
    const sizeBytes = 50 * chunkContentBytes
    const shape = shapeOf(sizeBytes)
    const top = chunkAt(shape, shape.chunks - 1)
    const same = Buffer.alloc(top.contentBytes, dice.bytes(32))
    const root = put(await cipher.seal(top, same, dice.bytes(12)))
    const downloads = make()
    const letter = withFile({ sizeBytes, roots: [root] })
    await downloads.fetch(letter, 0)
    while (!downloads.show(letter)[0]?.problem) await new Promise<void>(resolve => (wake = resolve))
    assert.equal(downloads.show(letter)[0]?.problem?.code, 'BLOB_UNKNOWN')
    assert.ok(dht.gets < 8, `${dht.gets} gets`)
    await downloads.forget(letter, 0)
    assert.deepEqual(await spool.names(), [])
    await downloads[Symbol.asyncDispose]()
  })

  it('larger than there is room for is not begun', async () => {
    caps = { ...caps, inBytes: 2 ** 30 }
    const letter = withFile({
      sizeBytes: 2 ** 33,
      roots: Array(shapeOf(2 ** 33).roots).fill(dice.bytes(32))
    })
    await using downloads = make()
    await assert.rejects(downloads.fetch(letter, 0), { code: 'DISK_FULL' })
    assert.equal(dht.gets, 0)
  })

  it('on a disk that fills meanwhile waits, and goes on when there is room', async () => {
    const cipher = await chunkCipher(fileKey)
    const sealed = await cipher.seal(chunkAt(shapeOf(10), 0), utf8('0123456789'), dice.bytes(12))
    const letter = withFile({ roots: [put(sealed)] })
    let isFull = true
    const { freeBytes } = spool
    spool = { ...spool, freeBytes: async () => (isFull ? 0 : freeBytes()) }
    const downloads = make()
    await downloads.fetch(letter, 0)
    while (!downloads.show(letter)[0]?.problem) await new Promise<void>(resolve => (wake = resolve))
    assert.equal(downloads.show(letter)[0]?.problem?.code, 'DISK_FULL')
    isFull = false
    downloads.wake()
    while (downloads.show(letter)[0]?.state !== 'here')
      await new Promise<void>(resolve => (wake = resolve))
    await downloads[Symbol.asyncDispose]()
  })

  it('that the disk spoils is not given out, and is fetched again', async () => {
    const cipher = await chunkCipher(fileKey)
    const sealed = await cipher.seal(chunkAt(shapeOf(10), 0), utf8('0123456789'), dice.bytes(12))
    const letter = withFile({ roots: [put(sealed)] })
    const downloads = make()
    const isHere = async () => {
      while (downloads.show(letter)[0]?.state !== 'here')
        await new Promise<void>(resolve => (wake = resolve))
    }
    await downloads.fetch(letter, 0)
    await isHere()
    const [name] = (await spool.names()).filter(one => one.endsWith('.chunks'))
    await using file = await spool.open(name!)
    await file.write(100, Uint8Array.of(1, 2, 3))
    const reading = Array.fromAsync(await downloads.open(letter, 0))
    await assert.rejects(reading, { code: 'ATTACHMENT_WAITING' })
    await isHere()
    assert.equal((await given(downloads, letter))?.toString(), '0123456789')
    await downloads[Symbol.asyncDispose]()
  })
})

import { sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Contact, Handler, PeerId, PeerKeys, Place } from '../base/ports.ts'
import { placeOfKey } from '../routing/distance.ts'
import type { Table } from '../routing/table.ts'
import type { SeedStore } from '../store/store.ts'
import { checkExpiry, checkSealed, readHeader } from '../wire/blob.ts'
import type { DhtMethod, Held } from '../wire/dht.ts'
import * as dht from '../wire/dht.ts'
import { decodeRecord } from '../wire/record.ts'
import { readTombstone, saysOf } from '../wire/tombstone.ts'
import type { Meter } from './meter.ts'
import type { RecordShelf } from './record-shelf.ts'
import type { Toll } from './toll.ts'
import type { TombstoneShelf } from './tombstone-shelf.ts'

export interface ServeParts {
  clock: Clock
  keys: PeerKeys
  store: SeedStore
  table: Table
  meter: Meter
  replicas: number
  shelf: RecordShelf
  tombstones: TombstoneShelf
  toll: Toll
  placeOf(peer: PeerId): Place
}

type Answers = Record<DhtMethod, Handler>

/** What all answers need: who may ask so much, and whom to name. */
function createDesk({ clock, table, meter, placeOf, replicas }: ServeParts) {
  const near = (place: Place, from: PeerId, count: number = replicas): Contact[] =>
    table
      .nearest(place, count + 1)
      .filter(c => c.peer !== from)
      .slice(0, count)
  return {
    near,
    admit(from: PeerId, putBytes = 0) {
      if (!meter.admits(from, putBytes, clock.now()))
        throw new MuttrError('LIMIT_EXCEEDED', 'more requests or bytes than one peer is given')
      table.seen(from, clock.now())
    },
    /** The R nearest we know, without those the asker named: so that its picture of a neighbourhood is set right. */
    corrections(key: Uint8Array, from: PeerId, known: Uint8Array): Contact[] {
      const tails = dht.readTails(known)
      return near(placeOfKey(key), from).filter(c => !tails.has(dht.tailOf(placeOf(c.peer))))
    }
  }
}
type Desk = ReturnType<typeof createDesk>

/** Answers what other seeds ask. Whatever is to be stored is checked first, in full. Source: docs/protocol/dht.md */
export function createAnswers(parts: ServeParts): Answers {
  const desk = createDesk(parts)
  return { ...peerAnswers(parts, desk), ...blobAnswers(parts, desk), ...recordAnswers(parts, desk) }
}

const peerAnswers = ({ keys, table }: ServeParts, { admit, near }: Desk) => ({
  async ping(frame: Uint8Array, from: PeerId) {
    admit(from)
    const nonce = dht.decodePing(frame)
    return dht.encodePong(nonce && keys.sign(dht.pongBytes(nonce)))
  },
  async 'find-node'(frame: Uint8Array, from: PeerId) {
    admit(from)
    return dht.encodeContacts(near(dht.decodeFindNode(frame), from, table.k))
  }
})

const blobAnswers = (parts: ServeParts, { admit, near, corrections }: Desk) => ({
  async put(frame: Uint8Array, from: PeerId) {
    admit(from, frame.byteLength)
    const { clock, keys, store, toll } = parts
    const { headerBytes, sealed, stamp, known } = dht.decodePut(frame)
    const { key, header } = readHeader(headerBytes)
    checkExpiry(header, clock.now())
    const { lengthBytes, expiryMs } = header
    const asked = toll(from, { key, lengthBytes, expiryMs }, stamp)
    if (asked !== undefined) return dht.encodePutAnswer([1, asked])
    checkSealed(header, sealed)
    await store.putBlob({ key, header, headerBytes, sealed, stamp: stamp! })
    const storedMs = clock.now()
    const signature = keys.sign(dht.storedBytes(key, expiryMs, storedMs))
    const contacts = corrections(key, from, known)
    return dht.encodePutAnswer([0, { expiryMs, storedMs, signature, contacts }])
  },

  async get(frame: Uint8Array, from: PeerId) {
    admit(from)
    const { clock, store } = parts
    const key = dht.decodeGet(frame)
    const blob = await store.getBlob(key, clock.now())
    if (blob) return dht.encodeGetAnswer([1, blob.headerBytes, blob.sealed, blob.stamp])
    const tombstone = await store.getTombstone(key, clock.now())
    if (tombstone) return dht.encodeGetAnswer([2, tombstone])
    return dht.encodeGetAnswer([0, near(placeOfKey(key), from)])
  },

  async have(frame: Uint8Array, from: PeerId) {
    admit(from)
    const { nonce, keys, says } = dht.decodeHave(frame)
    const out: Held[] = []
    for (const [i, key] of keys.entries()) {
      const [held, provedBytes] = await heldOf(parts, key, nonce, says[i])
      if (provedBytes > 0) admit(from, provedBytes)
      out.push(held)
    }
    return dht.encodeHeld(out)
  },

  async release(frame: Uint8Array, from: PeerId) {
    admit(from, frame.byteLength)
    const { clock, keys, tombstones } = parts
    const strange = () => admit(from, limits.strangeTombstoneBytes)
    const { key, stands, more } = await tombstones.put(dht.decodeRelease(frame), strange)
    const atMs = clock.now()
    const shown = { retract: stands.retract !== null, accept: stands.accept !== null }
    const signature = keys.sign(dht.releasedBytes(key, shown, atMs))
    return dht.encodeReleased({ tombstone: more, atMs, signature })
  }
})

/** @returns what we hold of `key`, and how many bytes were read to prove it. */
async function heldOf(
  { clock, store }: ServeParts,
  key: Uint8Array,
  nonce: Uint8Array | null,
  says = 0
): Promise<[Held, number]> {
  const tombstone = await store.getTombstone(key, clock.now())
  if (tombstone)
    return [says > 0 && says === saysOf(readTombstone(tombstone)) ? [3] : [2, tombstone], 0]
  if (!nonce) {
    const [holding] = await store.holding([key], clock.now())
    return [holding === 'blob' ? [1, null] : [0], 0]
  }
  const blob = await store.getBlob(key, clock.now())
  return blob ? [[1, sha256(nonce, blob.sealed)], blob.sealed.byteLength] : [[0], 0]
}

const recordAnswers = (parts: ServeParts, { admit, near, corrections }: Desk) => ({
  async 'record-get'(frame: Uint8Array, from: PeerId) {
    admit(from)
    const key = dht.decodeRecordGet(frame)
    const record = (await parts.store.getRecord(key, parts.clock.now())) ?? null
    return dht.encodeRecordAnswer({ record, contacts: near(placeOfKey(key), from) })
  },

  async 'record-put'(frame: Uint8Array, from: PeerId) {
    admit(from, frame.byteLength)
    const { record, stamp, known } = dht.decodeRecordPut(frame)
    const { key } = decodeRecord(record) // its signature costs more to check than its stamp
    const asked = parts.toll(from, { key, lengthBytes: record.byteLength }, stamp)
    if (asked !== undefined) return dht.encodeRecordPutAnswer([1, asked])
    const { newer } = await parts.shelf.put(record)
    const contacts = corrections(key, from, known)
    return dht.encodeRecordPutAnswer([0, { record: newer, contacts }])
  }
})

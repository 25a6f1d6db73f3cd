import { sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Clock, Contact, Handler, PeerId, PeerKeys, Place } from '../base/ports.ts'
import { placeOfKey } from '../routing/distance.ts'
import type { Table } from '../routing/table.ts'
import type { SeedStore } from '../store/store.ts'
import { checkExpiry, readBlob } from '../wire/blob.ts'
import type { DhtMethod, Held } from '../wire/dht.ts'
import * as dht from '../wire/dht.ts'
import { readTombstone } from '../wire/tombstone.ts'
import type { Meter } from './meter.ts'
import type { RecordShelf } from './record-shelf.ts'

export interface ServeParts {
  clock: Clock
  keys: PeerKeys
  store: SeedStore
  table: Table
  meter: Meter
  replicas: number
  shelf: RecordShelf
  placeOf(peer: PeerId): Place
}

type Answers = Record<DhtMethod, Handler>

/** Answers what other seeds ask. Whatever is to be stored is checked first, in full. Source: docs/protocol/dht.md */
export function createAnswers(parts: ServeParts): Answers {
  const { clock, store, table, meter, keys, shelf } = parts
  const admit = (from: PeerId, putBytes: number) => {
    if (!meter.admits(from, putBytes, clock.now()))
      throw new MuttrError('LIMIT_EXCEEDED', 'more requests or bytes than one peer is given')
    table.seen(from, clock.now())
  }
  const near = (place: Place, from: PeerId, count: number): Contact[] =>
    table
      .nearest(place, count + 1)
      .filter(c => c.peer !== from)
      .slice(0, count)
  /** The R nearest we know, without those the asker named: so that its picture of a neighbourhood is set right. */
  const corrections = (key: Uint8Array, from: PeerId, known: Uint8Array): Contact[] => {
    const tails = dht.readTails(known)
    const isNew = (c: Contact) => !tails.has(dht.tailOf(parts.placeOf(c.peer)))
    return near(placeOfKey(key), from, parts.replicas).filter(isNew)
  }

  const put = async (frame: Uint8Array, from: PeerId) => {
    admit(from, frame.byteLength)
    const { headerBytes, sealed, known } = dht.decodePut(frame)
    const blob = readBlob(headerBytes, sealed)
    checkExpiry(blob.header, clock.now())
    await store.putBlob(blob)
    const { key, header } = blob
    const storedMs = clock.now()
    const signature = keys.sign(dht.storedBytes(key, header.expiryMs, storedMs))
    const contacts = corrections(key, from, known)
    return dht.encodeStored({ expiryMs: header.expiryMs, storedMs, signature, contacts })
  }

  const get = async (frame: Uint8Array, from: PeerId) => {
    admit(from, 0)
    const key = dht.decodeGet(frame)
    const blob = await store.getBlob(key, clock.now())
    if (blob) return dht.encodeGetAnswer([1, blob.headerBytes, blob.sealed])
    const tombstone = await store.getTombstone(key, clock.now())
    if (tombstone) return dht.encodeGetAnswer([2, tombstone])
    return dht.encodeGetAnswer([0, near(placeOfKey(key), from, parts.replicas)])
  }

  const held = async (key: Uint8Array, nonce: Uint8Array | null, from: PeerId): Promise<Held> => {
    const tombstone = await store.getTombstone(key, clock.now())
    if (tombstone) return [2, tombstone]
    if (!nonce) {
      const [holding] = await store.holding([key], clock.now())
      return holding === 'blob' ? [1, null] : [0]
    }
    const blob = await store.getBlob(key, clock.now())
    if (!blob) return [0]
    admit(from, blob.sealed.byteLength) // proving costs us a read and a hash of it all
    return [1, sha256(nonce, blob.sealed)]
  }

  return {
    async ping(frame, from) {
      admit(from, 0)
      const nonce = dht.decodePing(frame)
      return dht.encodePong(nonce && keys.sign(dht.pongBytes(nonce)))
    },
    async 'find-node'(frame, from) {
      admit(from, 0)
      return dht.encodeContacts(near(dht.decodeFindNode(frame), from, table.k))
    },
    get,
    put,
    async have(frame, from) {
      admit(from, 0)
      const { nonce, keys: wanted } = dht.decodeHave(frame)
      const out: Held[] = []
      for (const key of wanted) out.push(await held(key, nonce, from))
      return dht.encodeHeld(out)
    },
    async release(frame, from) {
      admit(from, frame.byteLength)
      const tombstone = dht.decodeRelease(frame)
      const { key, header } = readTombstone(tombstone)
      checkExpiry(header, clock.now())
      await store.putTombstone(key, tombstone, header.expiryMs)
      return dht.encodeEmpty()
    },
    async 'record-get'(frame, from) {
      admit(from, 0)
      const key = dht.decodeRecordGet(frame)
      const record = (await store.getRecord(key, clock.now())) ?? null
      return dht.encodeRecordAnswer({
        record,
        contacts: near(placeOfKey(key), from, parts.replicas)
      })
    },
    async 'record-put'(frame, from) {
      admit(from, frame.byteLength)
      const { record, known } = dht.decodeRecordPut(frame)
      const { key, newer } = await shelf.put(record)
      return dht.encodeRecordAnswer({ record: newer, contacts: corrections(key, from, known) })
    }
  }
}

import { codeOf } from '../base/errors.ts'
import type { Clock, Log, Millis, Place } from '../base/ports.ts'
import type { Stray } from '../replicas/eviction.ts'
import { Eviction } from '../replicas/eviction.ts'
import { commonPrefix, placeOfKey } from '../routing/distance.ts'
import { overheadBytes } from '../store/seed-rows.ts'
import type { SeedStore } from '../store/store.ts'

interface RoomParts {
  store: SeedStore
  clock: Clock
  log: Log
  /** Our own place. */
  self: Place
  /** As {@link Admission.isStray}. */
  isStray(place: Place): boolean
}

export interface Room {
  /** The store, where what is full makes room by {@link relieve} before it refuses. */
  readonly store: SeedStore
  /** Whether so much may fit, as far as that can be told without looking through the store. */
  mayTake(key: Uint8Array, ownBytes: number): boolean
  /** Blobs dropped to make room, since the start. */
  evicted(): number
  /** Brings the store below its cap as far as what may give way allows: after the cap was lowered. */
  relieve(): Promise<void>
}

const expiredAtOnce = 1_000
/** A walk that found nothing to drop is not repeated sooner: it reads every row. */
const walkEveryMs: Millis = 5 * 60_000
/** A blob's header and stamp, which an entry does not tell the size of. */
const usualHeaderBytes = 128
/** So much more is freed at once where it can be, so that not every put into a full store has to. */
const slackBytes = 1024 * 1024

/**
 * What a full store gives up, in this order: what has expired; then blobs that others are responsible for, the farthest first, of
 * those as far the soonest to expire. Never what we are responsible for. What comes makes room only from what is farther than
 * itself. Source: docs/protocol/admission.md#a-full-store
 */
export function createRoom(parts: RoomParts): Room {
  const { store, clock, log, self, isStray } = parts
  const eviction = new Eviction()
  let walkedMs = Number.NEGATIVE_INFINITY
  let making = Promise.resolve()
  let dropped = 0

  async function walk(): Promise<void> {
    eviction.clear()
    for await (const { key, kind, expiryMs, lengthBytes } of store.entries()) {
      if (kind !== 'blob') continue
      const place = placeOfKey(key)
      if (!isStray(place)) continue
      const bytes = lengthBytes + usualHeaderBytes + overheadBytes
      eviction.offer({ key, bytes, expiryMs, sharedBits: commonPrefix(self, place) })
    }
    eviction.settle()
    walkedMs = clock.now()
  }

  const isWalkDue = (): boolean =>
    (eviction.size === 0 && eviction.more) || clock.now() - walkedMs >= walkEveryMs

  /** Walks when what is known is used up, and from time to time. */
  async function strays(bytes: number, sharedBits: number): Promise<Stray[]> {
    const isDue = isWalkDue()
    const known = eviction.take(bytes + slackBytes, sharedBits)
    if (known.length > 0) return known
    if (isDue) await walk()
    const found = eviction.take(bytes + slackBytes, sharedBits)
    return found.length > 0 ? found : eviction.take(bytes, sharedBits)
  }

  /** @returns whether anything was freed. */
  async function free(bytes: number, sharedBits: number): Promise<boolean> {
    if ((await store.expire(clock.now(), expiredAtOnce)) > 0) return true
    const before = dropped
    for (const { key } of await strays(bytes, sharedBits)) {
      if (!isStray(placeOfKey(key))) continue // it has come nearer since the walk
      await store.drop(key)
      dropped += 1
    }
    if (dropped > before) log.debug('made room', { blobs: dropped - before })
    return dropped > before
  }

  /** Frees until `bytes` fit. @returns false when nothing more may give way. */
  async function make(bytes: number, sharedBits: number): Promise<boolean> {
    for (let missing = over(bytes); missing > 0; missing = over(bytes))
      if (!(await free(missing, sharedBits))) return false
    return true
  }

  /** One after the other, so that two do not free the same. */
  function inTurn(work: () => Promise<boolean>): Promise<boolean> {
    const turn = making.then(work, work)
    making = turn.then(
      () => {},
      () => {}
    )
    return turn
  }

  const over = (bytes: number): number => {
    const { bytes: used, capBytes } = store.usage()
    return used + bytes - capBytes
  }

  async function retried<T>(key: Uint8Array, ownBytes: number, put: () => Promise<T>): Promise<T> {
    try {
      return await put()
    } catch (err) {
      if (codeOf(err) !== 'STORE_FULL') throw err
      const sharedBits = commonPrefix(self, placeOfKey(key))
      if (!(await inTurn(() => make(ownBytes + overheadBytes, sharedBits)))) throw err
      return put()
    }
  }

  return {
    store: {
      ...store,
      putBlob(blob) {
        const { key, headerBytes, stamp, sealed } = blob
        const ownBytes = headerBytes.byteLength + stamp.byteLength + sealed.byteLength
        return retried(key, ownBytes, () => store.putBlob(blob))
      },
      putTombstone: (key, frame, expiryMs) =>
        retried(key, frame.byteLength, () => store.putTombstone(key, frame, expiryMs)),
      putRecord: (key, frame, expiryMs) =>
        retried(key, frame.byteLength, () => store.putRecord(key, frame, expiryMs))
    },
    mayTake(key, ownBytes) {
      if (over(ownBytes + overheadBytes) <= 0) return true
      if (!isWalkDue()) return eviction.hasFarther(commonPrefix(self, placeOfKey(key)))
      inTurn(async () => {
        if (isWalkDue()) await walk()
        return true
      }).catch(err => log.debug('no look through the store', { err }))
      return true // as far as we know; who asks next is told better
    },
    evicted: () => dropped,
    async relieve() {
      await inTurn(() => make(0, Number.POSITIVE_INFINITY))
    }
  }
}

import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { AlongBlob } from '../wire/along.ts'
import { alongBytesMax } from '../wire/along.ts'
import type { Blob } from '../wire/blob.ts'
import type { Entry } from '../wire/notice.ts'
import { decodeStored } from '../wire/notice.ts'

/** What the seed of a pod's node holds as one of the network's: it asks nobody. */
export type Held = (key: Uint8Array, nowMs: Millis) => Promise<Blob | undefined>

/** The blobs that one session is given along with its pushes. Source: docs/protocol/pod.md#blobs-along-with-a-push */
export interface Along {
  /** Up to so many sealed bytes each; none until it has said so. */
  want(bytes: number): void
  of(entries: readonly Entry[], nowMs: Millis): Promise<AlongBlob[]>
}

export function createAlong({ held, log }: { held: Held; log: Log }): Along {
  let wanted = 0
  return {
    want(bytes) {
      wanted = bytes
    },
    async of(entries, nowMs) {
      if (wanted === 0) return []
      const blobs: AlongBlob[] = []
      let room = alongBytesMax
      for (const { frame } of entries) {
        const { key, sizeBytes } = decodeStored(frame)
        // Smaller ones than the least that a letter takes are nobody's letters, and would be many.
        if (sizeBytes < limits.sealedSizes[0] || sizeBytes > Math.min(wanted, room)) continue
        const blob = await held(key, nowMs).catch(err => {
          log.warn('pod.blob-not-read', { err })
          return undefined
        })
        // What the notice says of its size is its sender's word.
        if (blob?.sealed.byteLength !== sizeBytes) continue
        room -= sizeBytes
        blobs.push({ headerBytes: blob.headerBytes, sealed: blob.sealed })
      }
      return blobs
    }
  }
}

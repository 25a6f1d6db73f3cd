import { toHex } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import type { Clock, Log, PeerId } from '../base/ports.ts'
import type { AlongBlob } from '../wire/along.ts'
import type { Blob } from '../wire/blob.ts'
import { checkExpiry, readBlob } from '../wire/blob.ts'
import type { Notice } from '../wire/notice.ts'

interface Along {
  readonly blob: Blob
  /** The peer of the pod that brought it. */
  readonly from: PeerId
}

/** Sealed letters that pods sent along with their notices: in memory, each for who opens it first. */
export interface Carried {
  /** What our pods are asked for: sealed bytes up to so many, 0 for none. */
  readonly wantedBytes: number
  /** Keeps those that belong to these notices and are what they say to be; all others are fetched as if nothing had come. */
  keep(blobs: readonly AlongBlob[], notices: readonly Notice[], from: PeerId): void
  take(key: Uint8Array): Along | undefined
}

/** Of all pods, until they are opened; the oldest give way, and are fetched instead. */
const bytesMax = 2 * 1024 * 1024

export function createCarried({
  clock,
  log,
  wantedBytes
}: {
  clock: Clock
  log: Log
  wantedBytes: number
}): Carried {
  const here = new Map<string, Along>()
  let bytes = 0
  const drop = (id: string): Along | undefined => {
    const along = here.get(id)
    here.delete(id)
    bytes -= along?.blob.sealed.byteLength ?? 0
    return along
  }
  return {
    wantedBytes,
    keep(blobs, notices, from) {
      const keys = new Set(notices.map(({ key }) => toHex(key)))
      for (const { headerBytes, sealed } of blobs)
        try {
          if (sealed.byteLength > wantedBytes) continue
          const blob = readBlob(headerBytes, sealed)
          checkExpiry(blob.header, clock.now())
          const id = toHex(blob.key)
          if (!keys.has(id)) continue
          drop(id)
          here.set(id, { blob, from })
          bytes += sealed.byteLength
        } catch (err) {
          log.info('a pod sent along what is no blob', { code: codeOf(err) })
        }
      for (const id of here.keys()) {
        if (bytes <= bytesMax) break
        drop(id)
      }
    },
    take: key => drop(toHex(key))
  }
}

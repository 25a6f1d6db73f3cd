import { limits } from '../base/limits.ts'
import type { Blob } from './blob.ts'
import { array, bytes, mapped, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import type { Entry } from './notice.ts'
import { entries, entriesBytesMax } from './notice.ts'

/** Sealed bytes up to so many come along with pushes of this session; 0: none. Source: docs/protocol/pod.md#blobs-along-with-a-push */
export const along: Codec<{ bytes: number }> = codec(
  'a word on blobs along with pushes',
  16,
  tuple(uint(limits.alongBlobBytesMax)),
  ([bytes]) => ({ bytes }),
  ({ bytes }) => [bytes]
)

/** As it is in the network; whoever takes it checks it. */
export type AlongBlob = Pick<Blob, 'headerBytes' | 'sealed'>

/** So many of the largest. */
export const alongBytesMax = 4 * limits.alongBlobBytesMax
const blobsMax = alongBytesMax / limits.sealedSizes[0]

const blob = mapped(
  tuple(bytes(1, limits.blobHeaderBytesMax), bytes(1, limits.alongBlobBytesMax)),
  ([headerBytes, sealed]): AlongBlob => ({ headerBytes, sealed })
)
const blobs = (value: unknown): AlongBlob[] => {
  const list = array(blob, blobsMax)(value)
  if (list.reduce((sum, { sealed }) => sum + sealed.byteLength, 0) > alongBytesMax)
    throw new TypeError('too many bytes along')
  return list
}

/** What the pod pushes to who asked for it. */
export const pushAlong: Codec<{ entries: readonly Entry[]; blobs: readonly AlongBlob[] }> = codec(
  'a push of notices with blobs',
  entriesBytesMax + alongBytesMax + blobsMax * (limits.blobHeaderBytesMax + 16),
  tuple(entries, blobs),
  ([entries, blobs]) => ({ entries, blobs }),
  p => [p.entries.map(e => [e.sequence, e.frame]), p.blobs.map(b => [b.headerBytes, b.sealed])]
)

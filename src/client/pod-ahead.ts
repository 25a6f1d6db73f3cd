import type { AheadKeys, AheadRequest, AheadStatus } from '../wire/ahead.ts'
import * as wire from '../wire/ahead.ts'
import type { Blob } from '../wire/blob.ts'
import { readBlob } from '../wire/blob.ts'
import { nothing } from '../wire/pod.ts'
import { podMethods } from '../wire/pod-methods.ts'

/**
 * Asks a pod to fetch files ahead, on a link where it knows who we are. Every method throws what the pod refuses with: `METHOD_UNKNOWN` when
 * it fetches nothing ahead, `LIMIT_EXCEEDED`, `ATTACHMENT_UNKNOWN` for a file that it knows nothing of. Source: docs/protocol/ahead.md
 */
export interface PodAhead {
  /** Also for a file that it was asked for before. */
  ask(request: AheadRequest): Promise<AheadStatus>
  addKeys(request: AheadKeys): Promise<AheadStatus>
  status(task: Uint8Array): Promise<AheadStatus>
  /** @returns undefined while the pod does not have it. @throws {MuttrError} `BLOB_INVALID` for anything but the blob of the key */
  take(task: Uint8Array, chunk: number, key: Uint8Array): Promise<Blob | undefined>
  drop(task: Uint8Array): Promise<void>
}

export function podAhead(
  ask: (method: string, payload: Uint8Array) => Promise<Uint8Array>
): PodAhead {
  const { ahead, aheadKeys, aheadStatus, aheadTake, aheadDrop } = podMethods
  const status = async (method: string, payload: Uint8Array) =>
    wire.aheadStatus.decode(await ask(method, payload))
  return {
    ask: request => status(ahead, wire.aheadRequest.encode(request)),
    addKeys: request => status(aheadKeys, wire.aheadKeys.encode(request)),
    status: task => status(aheadStatus, wire.aheadTask.encode({ task })),
    async take(task, chunk, key) {
      const found = wire.aheadChunk.decode(
        await ask(aheadTake, wire.aheadTake.encode({ task, chunk }))
      )
      return found ? readBlob(found.headerBytes, found.sealed, key) : undefined
    },
    async drop(task) {
      nothing.decode(await ask(aheadDrop, wire.aheadTask.encode({ task })))
    }
  }
}

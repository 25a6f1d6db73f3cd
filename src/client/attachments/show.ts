import { failureOf } from '../../base/failure.ts'
import type { Millis } from '../../base/ports.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { decodeManifest } from '../../wire/attachment.ts'
import type { ReceivedAttachment } from '../client.ts'
import { fileName } from './file-name.ts'

/** A letter's file as nobody has asked for it yet. One whose manifest cannot be read hides neither the letter nor its other files. */
export function untouched(frame: Uint8Array, index: number, nowMs: Millis): ReceivedAttachment {
  const idle = { index, haveBytes: 0, bytesPerSecond: null, remainingMs: null, ahead: null }
  try {
    const manifest = decodeManifest(frame)
    const state = manifest.expiryMs <= nowMs ? 'expired' : 'remote'
    return { ...idle, ...said(manifest, index), state, problem: null }
  } catch (err) {
    const name = fileName('', index)
    const unknown = { name, type: 'application/octet-stream', sizeBytes: 0, expiryMs: 0 }
    return { ...idle, ...unknown, state: 'lost', problem: failureOf(err) }
  }
}

const said = ({ name, mimeType, sizeBytes, expiryMs }: Manifest, index: number) => ({
  name: fileName(name, index),
  type: mimeType,
  sizeBytes,
  expiryMs
})

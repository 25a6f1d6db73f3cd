import type { Failure, Millis } from '../base/ports.ts'

/** A file on its way out. Rates and what is left are of the last seconds, null while nothing is known of them. */
export interface Attachment {
  direction: 'out'
  id: string
  name: string
  type: string
  sizeBytes: number
  /**
   * `sealing`: being read and sealed; `storing`: chunks go to their holders; `stored`: as many hold each as it takes for a letter;
   * `failed`: its source ended early, or it expired.
   */
  state: 'sealing' | 'storing' | 'stored' | 'paused' | 'failed'
  sealedBytes: number
  storedBytes: number
  bytesPerSecond: number | null
  remainingMs: Millis | null
  problem: Failure | null
  expiryMs: Millis
}

/** A file that came with a letter. The name is cleaned: no path, nothing that turns the reading order round. */
export interface ReceivedAttachment {
  /** From 0, within its letter. */
  index: number
  name: string
  type: string
  sizeBytes: number
  expiryMs: Millis
  /** `remote`: nothing was fetched; `here`: all of it is on this disk; `lost`: the network has it no longer, or it is not what the letter says. */
  state: 'remote' | 'fetching' | 'here' | 'paused' | 'expired' | 'lost'
  haveBytes: number
  bytesPerSecond: number | null
  remainingMs: Millis | null
  problem: Failure | null
  /** What a pod of ours has of it that was asked to fetch it ahead; null when none was. */
  ahead: FetchedAhead | null
}

export interface FetchedAhead {
  pod: string
  /** `asking`: the pod does not know all keys yet; `fetching`; `kept`: it has what can be had; `refused`: see `problem`. */
  state: 'asking' | 'fetching' | 'kept' | 'refused'
  /** Of the file, as the pod said last. */
  haveBytes: number
  problem: Failure | null
}

export interface AttachOptions {
  /** Of the file alone, without a path. */
  name: string
  /** MIME type; `application/octet-stream` unless told. */
  type?: string
  /** How long the network keeps it; 30 days unless told, at most 100. */
  lifeMs?: Millis
  /** As far as it is known: one that ends elsewhere is refused. */
  sizeBytes?: number
  /** As of a {@link Draft}. */
  via?: string
  signal?: AbortSignal
}

/** A file on its way, out or in. */
export type Transfer =
  | Attachment
  | (ReceivedAttachment & { direction: 'in'; letter: string; from: string })

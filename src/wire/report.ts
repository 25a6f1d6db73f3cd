import { limits } from '../base/limits.ts'
import { bytes, nullable, oneOf, text, tuple } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import { asked } from './pod.ts'

export type ReportKind = 'spam' | 'abuse' | 'impersonation' | 'other'
export const reportKinds: readonly ReportKind[] = ['spam', 'abuse', 'impersonation', 'other']

/** What somebody tells a pod about one of its aliases. Nothing in it is proved. Source: docs/protocol/pod.md#reports */
export interface Report {
  readonly name: string
  readonly kind: ReportKind
  readonly text: string
  /** The id of the letter that it is about. 32 bytes. */
  readonly letter: Uint8Array | null
}

export const report: Codec<Report> = codec(
  'a report',
  limits.fullAliasCharsMax + limits.podNoteBytesMax + 96,
  tuple(asked, oneOf(...reportKinds), text(limits.podNoteBytesMax), nullable(bytes(32))),
  ([name, kind, text, letter]) => ({ name, kind, text, letter }),
  r => [r.name, r.kind, r.text, r.letter]
)

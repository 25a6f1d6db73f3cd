import { limits } from '../base/limits.ts'
import { bytes, decodeCbor, encodeCbor, literal, mapped, tuple } from './cbor.ts'
import type { LookupAnswer } from './pod.ts'
import { directoryAnswerBytesMax, podSignatureBytesMax } from './pod.ts'

/** Two answers of one pod that no honest pod signs. Nothing in it is checked yet. Source: docs/protocol/proof.md#a-split-view */
export interface SplitView {
  /** The pod's OpenPGP certificate, binary. */
  readonly pod: Uint8Array
  /** Shows the key that was certified first, and was signed after the other was certified. */
  readonly former: LookupAnswer
  /** Shows the key that was certified later, and was signed last. */
  readonly later: LookupAnswer
}

const label = 'muttr split view 1'

const answer = mapped(
  tuple(bytes(1, directoryAnswerBytesMax), bytes(1, podSignatureBytesMax)),
  ([answer, signature]): LookupAnswer => ({ answer, signature })
)
const splitView = mapped(
  tuple(literal(label), bytes(1, limits.certificateBytesMax), answer, answer),
  ([, pod, former, later]): SplitView => ({ pod, former, later })
)

const answerFields = ({ answer, signature }: LookupAnswer): unknown[] => [answer, signature]

export const encodeSplitView = ({ pod, former, later }: SplitView): Uint8Array =>
  encodeCbor([label, pod, answerFields(former), answerFields(later)])

export const decodeSplitView = (file: Uint8Array): SplitView =>
  decodeCbor(file, 'a proof of a split view', splitView, limits.splitViewBytesMax, 'PROOF_INVALID')

/** An array of four of which the first is the label: enough to tell this file from a letter's proof. */
const start = encodeCbor([label, 0, 0, 0]).subarray(0, -3)

export const isSplitView = (file: Uint8Array): boolean =>
  file.byteLength >= start.byteLength && start.every((byte, i) => file[i] === byte)

import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Field } from '../../wire/cbor.ts'
import {
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { NoticeRow } from '../inbox-rows.ts'
import type { Policy } from './request.ts'

/** A pod's word that is larger is asked for again rather than kept. */
export const keptCertificateBytesMax = 8 * 1_024

/** What the pod of the sender's alias said about the key that the slip names. */
export type PodWord = 'unasked' | 'certified' | 'unsaid'

/** A notice that waits for the person's word, or has it and waits to be opened; sealed in the closet. */
export interface RequestRow {
  readonly notice: NoticeRow
  readonly alias: string
  /** Hex. */
  readonly fingerprint: string
  readonly atMs: Millis
  readonly word: PodWord
  /** The sender's, when its pod certified it: later slips are checked without asking again. */
  readonly certificate: Uint8Array | null
  /** The person let it in; it is in the queue until it was opened. */
  readonly accepted: boolean
}

const fingerprint = mapped(bytes(20, 32), toHex)
const words: readonly PodWord[] = ['unasked', 'certified', 'unsaid']

const whole = mapped(
  tuple(
    literal(2),
    tuple(
      text(limits.hostnameCharsMax, 1),
      bytes(32),
      uint(limits.blobBytesMax, 1),
      uint(),
      bytes(1, limits.slipBytes),
      nullable(bytes(32))
    ),
    tuple(text(limits.fullAliasCharsMax, 3), fingerprint),
    uint(),
    tuple(uint(words.length - 1), nullable(bytes(1, keptCertificateBytesMax))),
    bool
  ),
  ([
    ,
    [pod, key, sizeBytes, expiryMs, slip, address],
    sender,
    atMs,
    [word, certificate],
    accepted
  ]) =>
    ({
      notice: { pod, key, sizeBytes, expiryMs, slip, address, failures: 0 },
      alias: sender[0],
      fingerprint: sender[1],
      atMs,
      word: words[word]!,
      certificate,
      accepted
    }) satisfies RequestRow
)

/** Version 1 lacks the address of the notice. */
const requestRow: Field<RequestRow> = value => {
  const [version, notice, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  const isOld = version === 1 && Array.isArray(notice)
  return whole(isOld ? [2, [...(notice as unknown[]), null], ...rest] : value)
}

export const encodeRequest = ({ notice: n, ...row }: RequestRow): Uint8Array =>
  encodeCbor([
    2,
    [n.pod, n.key, n.sizeBytes, n.expiryMs, n.slip, n.address],
    [row.alias, new Uint8Array(Buffer.from(row.fingerprint, 'hex'))],
    row.atMs,
    [words.indexOf(row.word), row.certificate],
    row.accepted
  ])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeRequest = (plaintext: Uint8Array): RequestRow =>
  decodeCbor(plaintext, 'a request', requestRow, 12 * 1_024, 'HOME_DAMAGED')

/** What the person chose for an alias; sealed in the closet. */
export interface PolicyRow {
  readonly alias: string
  readonly policy: Policy
  /** Hex; with `pull` for somebody who is no contact, the only key that it is for. */
  readonly fingerprint: string | null
  readonly sinceMs: Millis
}

const policyRow = mapped(
  tuple(
    literal(1),
    text(limits.fullAliasCharsMax, 3),
    oneOf('pull', 'ask', 'ignore'),
    nullable(fingerprint),
    uint()
  ),
  ([, alias, policy, fingerprint, sinceMs]): PolicyRow => ({
    alias,
    policy,
    fingerprint,
    sinceMs
  })
)

export const encodePolicy = (r: PolicyRow): Uint8Array =>
  encodeCbor([
    1,
    r.alias,
    r.policy,
    r.fingerprint && new Uint8Array(Buffer.from(r.fingerprint, 'hex')),
    r.sinceMs
  ])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodePolicy = (plaintext: Uint8Array): PolicyRow =>
  decodeCbor(plaintext, 'a policy', policyRow, 1_024, 'HOME_DAMAGED')

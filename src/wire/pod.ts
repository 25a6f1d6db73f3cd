import { sha256 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import {
  array,
  bool,
  bytes,
  encodeCbor,
  literal,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import type { Entry } from './notice.ts'
import { entries, entriesBytesMax } from './notice.ts'
import type { PodStanding } from './pod-standing.ts'
import { standingBytesMax, standingField, writeStanding } from './pod-standing.ts'

/** `/muttr/pod/1`: the private channel between a client and a pod. Source: docs/protocol/pod.md */
export const podProtocol = '/muttr/pod/1'

/** Label of a pod record's signature, of a directory answer's. */
export const podRecordLabel = 'muttr pod 1'
export const directoryLabel = 'muttr directory 1'

export type Policy = 'open' | 'invite' | 'approval' | 'closed'
export const policies: readonly Policy[] = ['open', 'invite', 'approval', 'closed']

/** Of what a pod signs with its certificate. */
export const podSignatureBytesMax = 1_024
export const podRecordBytesMax = 3_072
const statementBytesMax = 8 * 1_024
const inviteCharsMax = 64

const time = uint()
const name = text(limits.aliasCharsMax, 1)
/** A name of the pod; whole, as in `alice@old.example`, under a hostname that the pod had before. */
export const asked: Field<string> = value => {
  const isWhole = typeof value === 'string' && /^[^@]{1,64}@[^@]{1,253}$/.test(value)
  return isWhole ? text(limits.fullAliasCharsMax)(value) : name(value)
}
const hostname = text(limits.hostnameCharsMax, 1)
const peerId = text(limits.peerIdCharsMax, 1)
const certificate = bytes(1, limits.certificateBytesMax)
const signature = bytes(1, podSignatureBytesMax)

/** A frame that says nothing: some requests, some answers. */
export const nothing: Codec<void> = codec(
  'an empty frame',
  8,
  tuple(),
  () => undefined,
  () => []
)

/** Processes that serve one pod. */
export const podPeersMax = 16

/** Names that a pod had before, and answers for. */
export const formerNamesMax = 4

/** Binds a pod's hostname, peer keys and HPKE key; signed with its OpenPGP key under {@link podRecordLabel}. */
export interface PodRecord {
  readonly hostname: string
  /** Of each process that serves the pod, one usually; 1 to {@link podPeersMax}. */
  readonly peers: readonly PeerId[]
  /** X25519 public key to which notices are sealed. 32 bytes. */
  readonly hpkeKey: Uint8Array
  readonly policy: Policy
  /** The pod holds recovery material for its people: whoever has it can read along. */
  readonly escrow: boolean
  /** Where it takes notices as datagrams, beside its other address; null where it takes none. */
  readonly udp: number | null
  /** Hostnames that it had before and still answers for, newest first; at most {@link formerNamesMax}. */
  readonly former: readonly string[]
  /** Grows with each change. */
  readonly sequence: number
  readonly issuedMs: Millis
}

const recordFields = [
  literal(1),
  hostname,
  array(peerId, podPeersMax, 1),
  bytes(32),
  oneOf(...policies),
  bool,
  nullable(uint(65_535, 1)),
  uint(),
  time
] as const
const recordField = tuple(...recordFields)
/** A pod that never had another name says nothing of it. */
const renamedField = tuple(...recordFields, array(hostname, formerNamesMax, 1))

export const podRecord: Codec<PodRecord> = codec(
  'a pod record',
  podRecordBytesMax,
  value => {
    const isRenamed = Array.isArray(value) && value.length > recordFields.length
    return isRenamed ? renamedField(value) : ([...recordField(value), []] as const)
  },
  ([, hostname, peers, hpkeKey, policy, escrow, udp, sequence, issuedMs, former]) => ({
    ...{ hostname, peers, hpkeKey, policy, escrow, udp, former, sequence, issuedMs }
  }),
  r => [
    ...[1, r.hostname, r.peers, r.hpkeKey, r.policy, r.escrow, r.udp, r.sequence, r.issuedMs],
    ...(r.former.length > 0 ? [r.former] : [])
  ]
)

export interface HelloAnswer {
  /** A {@link podRecord}, as signed. */
  readonly record: Uint8Array
  readonly signature: Uint8Array
  /** The pod's OpenPGP certificate, binary. */
  readonly certificate: Uint8Array
}

export const helloAnswer: Codec<HelloAnswer> = codec(
  'a hello answer',
  limits.certificateBytesMax + podRecordBytesMax + podSignatureBytesMax + 64,
  tuple(bytes(1, podRecordBytesMax), signature, certificate),
  ([record, signature, certificate]) => ({ record, signature, certificate }),
  a => [a.record, a.signature, a.certificate]
)

export const challengeAnswer: Codec<{ nonce: Uint8Array }> = codec(
  'a challenge',
  64,
  tuple(bytes(32)),
  ([nonce]) => ({ nonce }),
  a => [a.nonce]
)

export interface Identify {
  readonly certificate: Uint8Array
  /** The device statement, see docs/protocol/device.md. */
  readonly statement: Uint8Array
  readonly timeMs: Millis
  /** The device key over {@link identifyBytes}. 64 bytes. */
  readonly answer: Uint8Array
}

export const identify: Codec<Identify> = codec(
  'an identification',
  limits.certificateBytesMax + statementBytesMax + 128,
  tuple(certificate, bytes(1, statementBytesMax), time, bytes(64)),
  ([certificate, statement, timeMs, answer]) => ({ certificate, statement, timeMs, answer }),
  i => [i.certificate, i.statement, i.timeMs, i.answer]
)

/**
 * What a device key signs to identify: good for one pod, one peer, one nonce, one moment, one statement; on a thin channel
 * (docs/protocol/thin.md) for one connection too.
 */
export const identifyBytes = (o: {
  hostname: string
  pod: PeerId
  self: PeerId
  nonce: Uint8Array
  timeMs: Millis
  statement: Uint8Array
  binding?: Uint8Array | null | undefined
}): Uint8Array => {
  const told = [o.hostname, o.pod, o.self, o.nonce, o.timeMs, sha256(o.statement)]
  return o.binding === undefined
    ? encodeCbor(['muttr identify 1', ...told])
    : encodeCbor(['muttr identify thin 1', ...told, o.binding])
}

export interface IdentifyAnswer {
  /** Of aliases on this pod, without the hostname. */
  readonly names: string[]
  readonly standing: PodStanding
}

export const identifyAnswer: Codec<IdentifyAnswer> = codec(
  'an identification answer',
  64 * (limits.aliasCharsMax + 2) + standingBytesMax + 32,
  tuple(array(name, 64), standingField),
  ([names, standing]) => ({ names, standing }),
  a => [a.names, writeStanding(a.standing)]
)

export interface Register {
  readonly name: string
  readonly certificate: Uint8Array
  readonly invite: string | null
  /** What the applicant says of themselves, where operators approve of each. */
  readonly note: string | null
}

export const register: Codec<Register> = codec(
  'a registration',
  limits.certificateBytesMax + limits.podNoteBytesMax + 512,
  tuple(
    asked,
    certificate,
    nullable(text(inviteCharsMax, 1)),
    nullable(text(limits.podNoteBytesMax, 1))
  ),
  ([name, certificate, invite, note]) => ({ name, certificate, invite, note }),
  r => [r.name, r.certificate, r.invite, r.note]
)

export interface RegisterAnswer {
  /** With the pod's certification of the alias. */
  readonly certificate: Uint8Array
  readonly untilMs: Millis
}

export const registerAnswer: Codec<RegisterAnswer> = codec(
  'a registration answer',
  limits.certificateBytesMax + 64,
  tuple(certificate, time),
  ([certificate, untilMs]) => ({ certificate, untilMs }),
  a => [a.certificate, a.untilMs]
)

/** A request about one alias: `release`, `lookup`. */
export const aliasRequest: Codec<{ name: string }> = codec(
  'a request about an alias',
  limits.fullAliasCharsMax + 8,
  tuple(asked),
  ([name]) => ({ name }),
  r => [r.name]
)

/** A certificate that its owner revoked, to be shown from now on under an alias. */
export const revoke: Codec<{ name: string; certificate: Uint8Array }> = codec(
  'a revocation',
  limits.certificateBytesMax + limits.fullAliasCharsMax + 32,
  tuple(asked, certificate),
  ([name, certificate]) => ({ name, certificate }),
  r => [r.name, r.certificate]
)

/** A person's word that a device acts for them no more. */
export const dismiss: Codec<{ dismissal: Uint8Array }> = codec(
  'a dismissal',
  limits.deviceStatementBytesMax + 16,
  tuple(bytes(1, limits.deviceStatementBytesMax)),
  ([dismissal]) => ({ dismissal }),
  d => [d.dismissal]
)

/** A directory answer, signed by the pod's OpenPGP key under {@link directoryLabel}. */
export interface DirectoryAnswer {
  /** `alice@pod.example` */
  readonly alias: string
  readonly certificate: Uint8Array
  /** Where a first letter is announced. 32 bytes. */
  readonly intro: Uint8Array
  readonly hpkeKey: Uint8Array
  readonly issuedMs: Millis
  readonly validUntilMs: Millis
}

export const directoryAnswerBytesMax = limits.certificateBytesMax + 512

export const directoryAnswer: Codec<DirectoryAnswer> = codec(
  'a directory answer',
  directoryAnswerBytesMax,
  tuple(
    literal(1),
    text(limits.fullAliasCharsMax, 3),
    certificate,
    bytes(32),
    bytes(32),
    time,
    time
  ),
  ([, alias, certificate, intro, hpkeKey, issuedMs, validUntilMs]) => ({
    alias,
    certificate,
    intro,
    hpkeKey,
    issuedMs,
    validUntilMs
  }),
  a => [1, a.alias, a.certificate, a.intro, a.hpkeKey, a.issuedMs, a.validUntilMs]
)

export interface LookupAnswer {
  /** A {@link directoryAnswer}, as signed. */
  readonly answer: Uint8Array
  readonly signature: Uint8Array
}

export const lookupAnswer: Codec<LookupAnswer> = codec(
  'a lookup answer',
  directoryAnswerBytesMax + podSignatureBytesMax + 16,
  tuple(bytes(1, directoryAnswerBytesMax), signature),
  ([answer, signature]) => ({ answer, signature }),
  a => [a.answer, a.signature]
)

/** A sealed notice of exactly {@link limits.noticeBytesMax} bytes. */
export const submit: Codec<{ notice: Uint8Array }> = codec(
  'a sealed notice',
  limits.noticeBytesMax + 8,
  tuple(bytes(limits.noticeBytesMax)),
  ([notice]) => ({ notice }),
  s => [s.notice]
)

export interface SubmitAnswer {
  readonly atMs: Millis
  /** The pod's peer key over `announcedBytes` (./notice.ts). 64 bytes. */
  readonly signature: Uint8Array
}

export const submitAnswer: Codec<SubmitAnswer> = codec(
  'a receipt of a notice',
  128,
  tuple(time, bytes(64)),
  ([atMs, signature]) => ({ atMs, signature }),
  a => [a.atMs, a.signature]
)

/** A place in the device's mailbox: `listen` (from where), `acknowledge` (through where). */
export const cursor: Codec<{ sequence: number }> = codec(
  'a cursor',
  16,
  tuple(uint()),
  ([sequence]) => ({ sequence }),
  c => [c.sequence]
)

export interface ListenAnswer {
  /** Where the playback starts: nothing at or before it is owed to this device. */
  readonly from: number
  /** The last notice there when the pushes began; what comes later is pushed. */
  readonly head: number
}

export const listenAnswer: Codec<ListenAnswer> = codec(
  'a listen answer',
  32,
  tuple(uint(), uint()),
  ([from, head]) => ({ from, head }),
  a => [a.from, a.head]
)

export const playback: Codec<{ after: number; limit: number }> = codec(
  'a playback request',
  32,
  tuple(uint(), uint(limits.playbackPageMax, 1)),
  ([after, limit]) => ({ after, limit }),
  p => [p.after, p.limit]
)

export interface Page {
  readonly entries: readonly Entry[]
  /** Everything up to here was looked at; where the next page starts. */
  readonly through: number
}

export const page: Codec<Page> = codec(
  'a page of notices',
  entriesBytesMax,
  tuple(entries, uint()),
  ([entries, through]) => ({ entries, through }),
  p => [p.entries.map(e => [e.sequence, e.frame]), p.through]
)

/** What the pod pushes. */
export const push: Codec<{ entries: readonly Entry[] }> = codec(
  'a push of notices',
  entriesBytesMax,
  tuple(entries),
  ([entries]) => ({ entries }),
  p => [p.entries.map(e => [e.sequence, e.frame])]
)

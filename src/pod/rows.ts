import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Change } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  oneOf,
  text,
  tuple,
  uint
} from '../wire/cbor.ts'

/** What a pod keeps in its tables. Source: docs/protocol/pod.md, "What a pod keeps". */
export interface Row<T> {
  encode(value: T): Uint8Array
  /** @throws {MuttrError} `HOME_DAMAGED` */
  decode(row: Uint8Array): T
}

export const row = <T, A>(
  what: string,
  field: Field<A>,
  read: (value: A) => T,
  write: (value: T) => unknown[],
  maxBytes = 1_024
): Row<T> => ({
  encode: value => encodeCbor(write(value)),
  decode: frame => decodeCbor(frame, what, mapped(field, read), maxBytes, 'HOME_DAMAGED')
})

/**
 * Hex SHA-256 of the primary key packet that the account began with: stronger than a v4 fingerprint, of which a stranger can make two
 * alike. A key that succeeds another has the account of that one.
 */
export type AccountId = string
const account = text(64, 64)
const time = uint()

/** Who did something: an operator, by the name that they gave, or an account. */
export interface Maker {
  readonly kind: 'operator' | 'account'
  readonly name: string
}
export const maker: Field<Maker> = mapped(
  tuple(oneOf('operator', 'account'), text(limits.operatorBytesMax, 1)),
  ([kind, name]) => ({ kind, name })
)

export interface AccountRow {
  readonly fingerprint: string
  readonly createdMs: Millis
  readonly seenMs: Millis
}
export const accountRow: Row<AccountRow> = row(
  'an account',
  tuple(literal(1), text(64, 40), time, time),
  ([, fingerprint, createdMs, seenMs]) => ({ fingerprint, createdMs, seenMs }),
  a => [1, a.fingerprint, a.createdMs, a.seenMs]
)

export interface AliasRow {
  readonly account: AccountId
  readonly state: 'active' | 'quarantined'
  /** End of the certification, or of the quarantine. */
  readonly untilMs: Millis
  /** Grows with each change; a cached answer of another revision is void. */
  readonly revision: number
  /** With the pod's certification; empty once released. */
  readonly certificate: Uint8Array
}
export const aliasRow: Row<AliasRow> = row(
  'an alias',
  tuple(
    literal(1),
    account,
    oneOf('active', 'quarantined'),
    time,
    uint(),
    bytes(0, limits.certificateBytesMax)
  ),
  ([, account, state, untilMs, revision, certificate]) => ({
    account,
    state,
    untilMs,
    revision,
    certificate
  }),
  a => [1, a.account, a.state, a.untilMs, a.revision, a.certificate],
  limits.certificateBytesMax + 256
)

/** Which account a key has, where that is another than its own pin says; the key itself is past when another has succeeded it. */
export interface HolderRow {
  readonly account: AccountId
  readonly current: boolean
}
export const holderRow: Row<HolderRow> = row(
  'a holder',
  tuple(literal(1), account, bool),
  ([, account, current]) => ({ account, current }),
  h => [1, h.account, h.current]
)

/** A key that another has succeeded. */
export interface SuccessionRow {
  readonly takenMs: Millis
  /** The old key's, with what was revoked of it since. */
  readonly certificate: Uint8Array
  /** Both keys' word. */
  readonly succession: Uint8Array
}
export const successionRow: Row<SuccessionRow> = row(
  'a succession',
  tuple(
    literal(1),
    time,
    bytes(1, limits.certificateBytesMax),
    bytes(1, limits.signedSuccessionBytesMax)
  ),
  ([, takenMs, certificate, succession]) => ({ takenMs, certificate, succession }),
  s => [1, s.takenMs, s.certificate, s.succession],
  limits.certificateBytesMax + limits.signedSuccessionBytesMax + 32
)

export interface DeviceRow {
  readonly peer: PeerId
  /** End of its statement; from then on nothing is kept for it. */
  readonly untilMs: Millis
  /** Everything up to here was acknowledged. */
  readonly cursor: number
  readonly seenMs: Millis
}
export const deviceRow: Row<DeviceRow> = row(
  'a device',
  tuple(literal(1), text(limits.peerIdCharsMax), time, uint(), time),
  ([, peer, untilMs, cursor, seenMs]) => ({ peer, untilMs, cursor, seenMs }),
  d => [1, d.peer, d.untilMs, d.cursor, d.seenMs]
)

/** Of a device of which something holds for some time. */
export interface MarkRow {
  readonly untilMs: Millis
}
export const markRow: Row<MarkRow> = row(
  'what holds of a device',
  tuple(literal(1), time),
  ([, untilMs]) => ({ untilMs }),
  m => [1, m.untilMs]
)

/** Counts of a mailbox. Several processes may write it at once, so `head` may lag behind and never runs ahead. */
export interface BoxRow {
  readonly head: number
  /** Everything up to here was dropped. */
  readonly trimmed: number
  readonly count: number
  readonly bytes: number
}
export const boxRow: Row<BoxRow> = row(
  'a mailbox',
  tuple(literal(1), uint(), uint(), uint(), uint()),
  ([, head, trimmed, count, bytes]) => ({ head, trimmed, count, bytes }),
  b => [1, b.head, b.trimmed, b.count, b.bytes]
)

export interface AnswerRow {
  readonly revision: number
  /** From then on a fresh one is signed. */
  readonly renewMs: Millis
  readonly answer: Uint8Array
  readonly signature: Uint8Array
}
export const answerRow: Row<AnswerRow> = row(
  'a cached answer',
  tuple(literal(1), uint(), time, bytes(1, limits.certificateBytesMax + 512), bytes(1, 1_024)),
  ([, revision, renewMs, answer, signature]) => ({ revision, renewMs, answer, signature }),
  a => [1, a.revision, a.renewMs, a.answer, a.signature],
  limits.certificateBytesMax + 2_048
)

export interface InviteRow {
  readonly uses: number
  readonly untilMs: Millis
  readonly createdMs: Millis
  /** The operator who made it, or the account. */
  readonly by: Maker
  readonly note: string
  readonly revoked: boolean
}
export const inviteRow: Row<InviteRow> = row(
  'an invite',
  tuple(literal(1), uint(), time, time, maker, text(limits.podNoteBytesMax), bool),
  ([, uses, untilMs, createdMs, by, note, revoked]) => ({
    uses,
    untilMs,
    createdMs,
    by,
    note,
    revoked
  }),
  i => [1, i.uses, i.untilMs, i.createdMs, [i.by.kind, i.by.name], i.note, i.revoked],
  2_048
)

export interface SignedRow {
  readonly frame: Uint8Array
  readonly signature: Uint8Array
  /** SHA-256 of the signing key's primary key packet. */
  readonly signer: Uint8Array
}
export const signedRow: Row<SignedRow> = row(
  'a signed record',
  tuple(literal(1), bytes(1, 2_048), bytes(1, 1_024), bytes(32)),
  ([, frame, signature, signer]) => ({ frame, signature, signer }),
  s => [1, s.frame, s.signature, s.signer],
  4_096
)

/** What a process of a pod does for who asks. */
export const offersRow: Row<readonly string[]> = row(
  'what a process offers',
  tuple(literal(1), array(text(16, 1), 16)),
  ([, offers]) => offers,
  offers => [1, [...offers]],
  512
)

export const tables = {
  accounts: 'accounts',
  aliases: 'aliases',
  /** `SKELETON/GENERATION` -> alias: who holds a look. Inserted, never put, so that one of two at once wins. */
  claims: 'claims',
  /** `ALIAS/REVISION`: inserted with each change of an alias, so that of two changes to the same revision one fails. */
  revisions: 'revisions',
  /** `ACCOUNT/ALIAS` */
  owned: 'owned',
  /** `ACCOUNT/ALIAS`, while in quarantine. */
  released: 'released',
  /** Pins of keys that were revoked. */
  revoked: 'revoked',
  /** By pin, of keys that succeeded or were succeeded. */
  holders: 'holders',
  /** `ACCOUNT/FINGERPRINT` of the old key. Inserted, so that a key has one successor. */
  successions: 'successions',
  /** By whole alias: where its owner went. */
  moves: 'moves',
  /** By alias: under which of the pod's hostnames it is certified, where that is not the one of now alone. */
  places: 'places',
  /** `ACCOUNT/DEVICE KEY` */
  devices: 'devices',
  /** `ACCOUNT/DEVICE KEY`: let in no more. */
  dismissed: 'dismissed',
  /** `ACCOUNT/DEVICE KEY`: may still listen under a key that was left, to hear of the new one. */
  behind: 'behind',
  boxes: 'boxes',
  /** `ACCOUNT/SHA-256 of key and slip`: what stands in the mailbox already. */
  seen: 'seen',
  /** `EPOCH/ALIAS` -> address */
  intros: 'intros',
  /** By address: whose it is, and what is done with what comes for it. */
  addresses: 'addresses',
  /** `OWNER/ADDRESS`: those that their owner made. */
  ownAddresses: 'own-addresses',
  /** By address, of those that a key has: the key, and the pod that paid. Inserted, so that it is counted once; written with `addresses` always. */
  keyAddresses: 'key-addresses',
  /** By issuer, and `*`: how many of these there are. */
  keyCounts: 'key-counts',
  /** `ISSUER/TURN`: inserted with each change of a count, so that of two that read the same one is late. */
  keyTurns: 'key-turns',
  /** `ADDRESS/NUMBER` -> mark of a notice. Inserted, so that an address takes no more than it is good for. */
  addressUses: 'address-uses',
  /** `OWNER/ADDRESS/MARK` -> notice that waits to be asked for. */
  held: 'held',
  answers: 'answers',
  /** Hash of a Web Key Directory -> alias, while it is somebody's. */
  hashes: 'hashes',
  /** `KEY ID/FINGERPRINT` -> account */
  keys: 'keys',
  invites: 'invites',
  /** `INVITE/NUMBER` -> account; empty for the one that a revocation took, so that no use comes after it. */
  inviteUses: 'invite-uses',
  /** By account: who may not do all that others may. */
  standings: 'standings',
  /** `ACCOUNT/TURN`: inserted with what a standing decides about, so that of two that read the same one is late. */
  turns: 'turns',
  quotas: 'quotas',
  /** By account: who asks for an alias. Inserted, so that of one account one waits. */
  applications: 'applications',
  /** By the hash of what is told and by whom. Inserted, so that the same is told once. */
  reports: 'reports',
  /** Networks of those who wait -> account. Inserted, so that of one network one waits. */
  applicantNetworks: 'applicant-networks',
  /** By sequence: what operators did. Inserted, so that the chain has no two ends. */
  audit: 'audit',
  /** `ACCOUNT/SHA-256 of the sealed notice`: notices for other pods, and what became of them. */
  queue: 'queue',
  /** Other pods, by hostname. */
  peers: 'peers',
  /** By hostname: other pods that a signed zone has vouched for. */
  zones: 'signed-zones',
  /** What operators said of other pods, by hostname. */
  peerWords: 'peer-words',
  /** Who may use the admin page, by name. */
  operators: 'operators',
  /** By the SHA-256 of what lets somebody in: sessions, and links that are good once. */
  operatorSessions: 'operator-sessions',
  operatorLinks: 'operator-links',
  /** By session: when it was last used. A table of its own, so that a late write never brings an ended session back. */
  operatorSeen: 'operator-seen',
  /** `EPOCH`: the pod's own keys for tokens. Inserted, so that it has one for each. */
  tokenKeys: 'token-keys',
  /** `EPOCH/HOSTNAME`: keys for tokens that other pods have shown. Inserted, so that one of each counts. */
  tokenKeysSeen: 'token-keys-seen',
  /** `DAY/ACCOUNT/NUMBER`: a request for tokens that was met. Inserted, so that an account gets no more than it may. */
  tokensGiven: 'tokens-given',
  /** `EPOCH/HOSTNAME/NONCE` -> SHA-256 of the notice that it was spent for. Inserted, so that it is spent once. */
  tokensSpent: 'tokens-spent',
  /** A ring of notices for addresses nobody has: their writing takes as long as the others'. */
  nobody: 'nobody',
  pod: 'pod'
} as const

export const mailLog = (account: AccountId): string => `mail/${account}`

/** Ascending as text. */
export const ordered = (n: number): string => String(n).padStart(10, '0')

/** The range of keys that begin with `prefix/`. */
export const under = (prefix: string): { gte: string; lt: string } => ({
  gte: `${prefix}/`,
  lt: `${prefix}0` // '0' follows '/' in ASCII
})

export const putAccount = (account: AccountId, row: AccountRow): Change => ({
  type: 'put',
  table: tables.accounts,
  key: account,
  value: accountRow.encode(row)
})

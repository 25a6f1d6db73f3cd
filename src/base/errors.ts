/**
 * Every way in which the world can refuse us. Codes are API: fixed within a major version, also over the wire.
 * Messages are for people and may change. The kind decides a command's exit status, the hint says what to do.
 */
type Kind = 'usage' | 'refused' | 'network' | 'internal'

const codes = {
  // How a command was called, or what a file of ours says.
  USAGE: ['usage', 'See `muttr --help`.'],
  CONFIG_INVALID: ['usage', 'Correct the named field in muttr.json; unknown fields are refused.'],
  NETWORK_INVALID: ['usage', 'See bootstrap/README.md for what a network file holds.'],
  LINK_INVALID: ['usage', 'Copy the whole `muttr:` link, without line breaks.'],
  SCENARIO_INVALID: ['usage', 'See docs/guides/research.md for what a scenario holds.'],
  NODE_TOO_OLD: ['usage', 'Install Node.js 24 or newer.'],

  // The home folder and the vault.
  HOME_MISSING: ['refused', 'Make one with `muttr init --name NAME`.'],
  HOME_EXISTS: ['refused', 'Choose another folder with --home, or use the identity that is there.'],
  HOME_IN_USE: ['refused', 'Another muttr process runs on this folder; stop it, or talk to it.'],
  ADDRESS_IN_USE: ['refused', 'Another program listens there; change `listen` in muttr.json.'],
  ADDRESS_DENIED: [
    'refused',
    'Ports below 1024 need the capability CAP_NET_BIND_SERVICE, which bootstrap/muttr-pod.service gives; or let a proxy stand in front.'
  ],
  HOME_DAMAGED: ['refused', 'Restore the folder from a backup; `muttr doctor` says what is wrong.'],
  PASSPHRASE_MISSING: ['refused', 'Give --passphrase-file FILE or MUTTR_PASSPHRASE.'],
  PASSPHRASE_WRONG: ['refused', 'Check the passphrase; nothing was changed.'],
  VAULT_LOCKED: ['refused', 'Give the passphrase when the seed starts.'],
  RECOVERY_WRONG: [
    'refused',
    'Check the twelve words; they must be of the identity in the backup.'
  ],
  BACKUP_INVALID: ['refused', 'Use another copy of the backup; nothing was restored.'],
  VAULT_DAMAGED: ['refused', 'Restore the vault file from a backup.'],
  STATE_UNREACHABLE: [
    'network',
    'Check that the PostgreSQL of `--store` runs; nothing that was acknowledged is lost.'
  ],
  STATE_READ_ONLY: ['network', 'The PostgreSQL of `--store` takes no writes; see its own log.'],
  STATE_UNFIT: ['refused', 'See docs/guides/pod.md for what the database must be.'],
  STATE_OLD: [
    'refused',
    'Stop every process of the pod that is older, then start this one, or run `muttr pod upgrade`.'
  ],
  STATE_NEWER: [
    'refused',
    'Use the newer muttr; or go back to what was there before: `muttr pod upgrade --undo`.'
  ],

  // Keys and sealed things.
  KEY_INVALID: ['refused', 'The key is not one Muttr can use; see docs/protocol/keys.md.'],
  KEY_CHANGED: [
    'refused',
    'Compare fingerprints with the person, then `muttr contacts accept ALIAS`.'
  ],
  KEY_REVOKED: [
    'refused',
    'Its owner took the key back: ask them for their new address, by another way.'
  ],
  MOVE_INVALID: [
    'refused',
    'Not a word of this key that holds, or an old one; see docs/protocol/moving.md.'
  ],
  MOVE_DENIED: [
    'refused',
    'Their pod does not agree. Ask them by another way, then `muttr contacts` shows how to accept it.'
  ],
  SUCCESSION_INVALID: [
    'refused',
    'The old key did not name the new one, or may not any more; see docs/protocol/succession.md.'
  ],
  KEY_EXPIRED: ['refused', 'Ask them to extend it; what waits goes when their pod shows that.'],
  SEAL_REFUSED: ['refused', 'The sealed bytes break a limit of docs/protocol/sealing.md.'],
  SIGNATURE_INVALID: ['refused', 'What was signed is not what arrived, or another key signed it.'],
  STATEMENT_INVALID: [
    'refused',
    'The device statement is expired, foreign or not signed by the person.'
  ],
  DEVICE_UNKNOWN: ['refused', 'See `muttr devices` for the devices there are.'],
  LINK_REFUSED: [
    'refused',
    'Run `muttr device link` on the other device again, and give the new one its new code.'
  ],
  DEVICE_REVOKED: ['refused', 'Link this device anew from one that is yours.'],
  SYNC_INVALID: ['refused', 'An entry breaks docs/protocol/sync.md; update both devices.'],

  // Letters.
  LETTER_HELD: [
    'refused',
    'It waited when a backup was made: `muttr resend ID`, or `muttr retract ID` to let it be.'
  ],
  LETTER_UNKNOWN: ['refused', 'See `muttr inbox` or `muttr sent` for the letters there are.'],
  LETTER_INVALID: ['refused', 'The letter breaks docs/protocol/letter.md.'],
  LETTER_FORGED: ['refused', 'Signed by another than its sender, or written for another reader.'],
  LETTER_UNDER_WAY: [
    'refused',
    'Take it back first (`muttr retract ID`), or wait until it was accepted or has expired.'
  ],
  LETTER_TOO_LARGE: ['refused', 'A body holds at most 48 KiB.'],
  ATTACHMENT_UNKNOWN: ['refused', 'See `muttr attachments` for those there are.'],
  ATTACHMENT_INVALID: [
    'refused',
    'It is not what its letter says; see docs/protocol/attachment.md. Ask the sender for another.'
  ],
  PROOF_INVALID: [
    'refused',
    'Something in the file does not hold; nothing in it is to be believed.'
  ],
  PROOF_UNKNOWN: ['refused', 'See `muttr alarms` for what is proven.'],
  REQUEST_UNKNOWN: ['refused', 'See `muttr requests` for who asks to be read.'],
  CONTACT_UNKNOWN: ['refused', 'See `muttr contacts`.'],
  ADDRESS_UNKNOWN: ['refused', 'See `muttr address list` for those that you handed out.'],

  // Blobs and records.
  BLOB_UNKNOWN: ['refused', 'It was never stored, has expired, or its holders are away.'],
  BLOB_INVALID: ['refused', 'Key, hash or length do not match the header.'],
  BLOB_TOO_LARGE: ['refused', 'A blob holds at most 256 KiB.'],
  BLOB_EXPIRED: ['refused', 'The expiry is in the past, or more than 100 days away.'],
  BLOB_RELEASED: ['refused', 'The sender withdrew it, or the recipient accepted it.'],
  STAMP_MISSING: ['refused', 'Nothing is stored without a stamp; see docs/protocol/stamp.md.'],
  STAMP_INVALID: [
    'refused',
    'Not a stamp, or issued at a wrong time; is the clock of this machine right?'
  ],
  STAMP_TOO_LOW: ['refused', 'Seeds are pressed and ask for more work than this put was to spend.'],
  RECORD_UNKNOWN: ['refused', 'Nobody asked holds such a record.'],
  RECORD_INVALID: ['refused', 'The record is not signed by its author, or breaks a limit.'],
  RECORD_STALE: ['refused', 'A newer record is stored; read it and sign a higher sequence.'],
  STORE_FULL: ['refused', 'The cap on stored bytes is reached; try other seeds or later.'],
  DISK_FULL: ['refused', 'Free some disk space; nothing stored was lost.'],
  DISK_FAILED: ['refused', 'Check the disk, how it is mounted and who may write to the folder.'],

  // Pods.
  ALIAS_UNKNOWN: ['refused', 'Check the spelling; the pod knows no such alias.'],
  ALIAS_INVALID: [
    'refused',
    'Use 1 to 64 letters, digits and . _ - + (not at the ends, no double dots).'
  ],
  ALIAS_MOVED: ['refused', 'Its owner has another address now; the pod says which.'],
  ALIAS_RESERVED: ['refused', 'Choose another alias; this one is kept for the pod itself.'],
  ALIAS_CONFUSABLE: ['refused', 'Choose an alias that cannot be mistaken for another.'],
  ALIAS_MISSING: ['refused', 'Register one first: `muttr register ALIAS@POD`.'],
  ALIAS_TAKEN: ['refused', 'Choose another alias.'],
  ALIAS_QUARANTINED: ['refused', 'It belonged to somebody else within the last year.'],
  REGISTRATION_WAITS: ['refused', 'The operator decides; your node asks again by itself.'],
  REGISTRATION_REFUSED: ['refused', 'The operator of the pod said no; choose another pod.'],
  REGISTRATION_CLOSED: ['refused', 'The pod takes no new aliases; choose another pod.'],
  INVITE_INVALID: ['refused', 'The pod needs an invite; ask its operator for a code.'],
  ACCOUNT_SUSPENDED: [
    'refused',
    'Letters still come in. Ask the operator of the pod, or wait until the time is over.'
  ],
  ACCOUNT_REMOVED: ['refused', 'The pod has let this account go; take an alias at another pod.'],
  ACCOUNT_UNKNOWN: ['refused', 'See `muttr pod accounts` for those there are.'],
  ALIAS_REVOKED: [
    'refused',
    'The pod has taken this name back from its owner. Ask them for another address, by another way.'
  ],
  APPLICATION_UNKNOWN: ['refused', 'See `muttr pod requests` for those who wait.'],
  REPORT_UNKNOWN: ['refused', 'See `muttr pod reports` for those that are open.'],
  OPERATOR_UNKNOWN: ['refused', 'See `muttr pod admin list` for those there are.'],
  OPERATOR_EXISTS: ['refused', 'Let them in again with `muttr pod admin link NAME`.'],
  LOGIN_REFUSED: [
    'refused',
    'On the machine of the pod, `muttr pod admin link` lets you in without a password.'
  ],
  SESSION_UNKNOWN: ['refused', 'It is over already.'],
  ROLE_REFUSED: ['refused', 'Ask an owner of the pod.'],
  INVITE_UNKNOWN: ['refused', 'See `muttr pod invites` for those there are.'],
  IDENTIFY_REFUSED: [
    'refused',
    'The device statement or its answer was not for this pod, peer, nonce and time.'
  ],
  IDENTIFY_FIRST: ['refused', 'Identify with a device statement before this request.'],
  NOTICE_INVALID: ['refused', 'The notice cannot be opened with the key of this pod.'],
  POD_UNKNOWN: ['refused', 'Name the pod in muttr.json or join a network that lists it.'],
  RELAY_REFUSED: ['refused', 'A pod relays for people with an alias there, and so much of it.'],
  CLOCK_WRONG: [
    'refused',
    'Set the clock of this machine, best by NTP; if it is right, the other one is wrong. What waits is tried again.'
  ],
  POD_TOO_OLD: ['refused', 'Nothing was changed. Ask its operator for a newer version of Muttr.'],
  FEDERATION_REFUSED: [
    'refused',
    'The pod takes notices from the pods on its list, or from its own people alone; ask its operator.'
  ],
  BLIND_INVALID: [
    'refused',
    'What went through a relay does not open; if it happens again, ask by another pod.'
  ],
  TOKEN_INVALID: [
    'refused',
    'The pod takes no token that is not of a pod it knows, for it, and of these weeks.'
  ],
  TOKEN_SPENT: ['refused', 'Each token is good once; the next attempt takes another.'],
  TOKEN_KEY_FALSE: [
    'refused',
    'The own pod shows others another key for tokens than us, and could tell us apart by it: ask its operator.'
  ],
  POD_CHANGED: ['refused', 'The pod shows another key than the pinned one; ask its operator.'],

  // The door of a pod.
  CERTIFICATE_INVALID: [
    'refused',
    'Give a certificate for the hostname with its chain, and its key, both PEM; the last good one stays in use.'
  ],
  ORDER_FAILED: [
    'network',
    'The authority must reach http://HOSTNAME on port 80, and this machine the authority. The former certificate stays in use; it is tried again within hours, and at once when the pod is started again.'
  ],

  // The desktop.
  DESKTOP_MISSING: [
    'refused',
    'Notifications need `notify-send` (libnotify) and a desktop session with D-Bus; `muttr on-letter` needs neither.'
  ],

  // The local API.
  API_REFUSED: ['refused', 'The local API takes only its own token, and nothing from web pages.'],

  BROWSER_MISSING: ['refused', 'Open the address that `muttr page` prints.'],

  // Simulations.
  OUTPUT_EXISTS: ['refused', 'Choose another folder with --out, or remove what is there.'],
  OUTPUT_DAMAGED: ['refused', 'Remove the named file and run again, which makes it anew.'],
  RUN_DIFFERS: [
    'refused',
    'Replay it with the commit, the version and the Node that its plan.json names, and without changes of your own.'
  ],
  RUN_STUCK: ['refused', 'Run it alone with `muttr sim run` and see how it ends.'],
  MEMORY_SHORT: ['refused', 'Take fewer nodes or threads, or `--scale wide`.'],

  // Any peer.
  LIMIT_EXCEEDED: ['refused', 'Slow down; the peer named its limit.'],
  METHOD_UNKNOWN: ['refused', 'The peer does not offer this request.'],
  PEER_REFUSED: ['refused', 'The peer refused without a code we know.'],
  WIRE_MALFORMED: ['refused', 'The bytes are not of the protocol; see docs/protocol.'],
  WIRE_TOO_LARGE: ['refused', 'The frame is larger than the protocol allows.'],
  WIRE_VERSION: ['refused', 'The peer speaks another version of the protocol.'],

  PEER_TIMEOUT: ['network', 'The peer did not answer in time; try again.'],
  PEER_UNREACHABLE: ['network', 'The peer cannot be dialled; is it online?'],
  PEER_CLOSED: ['network', 'The connection ended before the answer came; try again.'],
  RELAY_UNREACHABLE: [
    'network',
    'The relay does not answer, and nobody was asked past it; try again.'
  ],
  POD_UNREACHABLE: ['network', 'The pod does not answer; letters wait and nothing is lost.'],
  DNS_BOGUS: [
    'network',
    'Somebody forges the DNS on the way here, or the zone was signed badly: nothing of it was believed. Ask whose pod it is by another way.'
  ],
  NETWORK_EMPTY: ['network', 'No seed was reached; check the network file and the connection.'],
  QUORUM_MISSED: ['network', 'Too few seeds took a copy; the letter waits and is tried again.'],
  ATTACHMENT_WAITING: ['network', 'Its file is still on its way; the letter follows by itself.'],
  DAEMON_UNREACHABLE: ['network', 'Start the seed with `muttr up`.'],
  CANCELLED: ['network', 'The request was cancelled.'],
  QUEUE_FAILED: ['network', 'Check the address after --queue, and that the PostgreSQL there runs.'],

  INTERNAL: ['internal', 'A mistake of ours: please report it with the output of `muttr doctor`.']
} as const satisfies Record<string, readonly [Kind, string]>

export type ErrorCode = keyof typeof codes

export interface MuttrErrorOptions extends ErrorOptions {
  /** Says what to do, where the general hint of the code is too general. */
  hint?: string
}

/** What the world did to us. Our own mistakes throw AssertionError, which nobody catches. */
export class MuttrError extends Error {
  override readonly name = 'MuttrError'
  readonly code: ErrorCode
  readonly hint: string
  constructor(code: ErrorCode, message: string, { hint, ...options }: MuttrErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.hint = hint ?? codes[code][1]
  }
  get kind(): Kind {
    return codes[this.code][0]
  }
}

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(codes, code)

/** All codes, for the page that lists them. */
export const errorCodes = codes as Readonly<Record<ErrorCode, readonly [Kind, string]>>

/** @returns the error's code when it is one of ours, else undefined. */
export const codeOf = (err: unknown): ErrorCode | undefined =>
  err instanceof MuttrError ? err.code : undefined

/**
 * What becomes of each table of a client's state when a device is linked: `person` goes along, `letters` with history only, and what
 * `stays` is what this device does, or knows of itself alone. A backup holds all of them. Source: docs/decisions/058-linking.md
 */
const tables = {
  // Who the person is, whom they know, and what they decided.
  registrations: 'person',
  people: 'person',
  policies: 'person',
  relations: 'person',
  published: 'person',
  alarms: 'person',
  'split-views': 'person',
  pods: 'person',
  'pod-peers': 'person',
  'pod-papers': 'person',
  'found-pods': 'person',
  applications: 'person',
  'person-record': 'person',
  'subkeys-shown': 'person',
  'subkeys-erased': 'person',
  'revocations-shown': 'person',
  succession: 'person',
  'successions-taken': 'person',
  // The devices, what each has said, and what this one had said when it was copied.
  devices: 'person',
  'sync-self': 'person',
  'sync-taken': 'person',
  'sync-signers': 'person',
  'sync-made': 'person',
  'sync-last': 'person',
  // Blobs and notices that are done with: nobody has to be asked for them again.
  'inbox-done': 'person',
  'inbox-expiry': 'person',

  mail: 'letters',
  'mail-text': 'letters',
  'mail-ids': 'letters',
  'mail-marks': 'letters',
  conversations: 'letters',
  'conversation-letters': 'letters',
  drafts: 'letters',
  requests: 'letters',
  // Sent letters, all as those of the past are kept.
  'sent-past': 'letters',
  'sent-text': 'letters',
  'sent-ids': 'letters',
  'sent-certificates': 'letters',

  // On their way, and whoever began that goes on with it.
  outbox: 'stays',
  'sent-watch': 'stays',
  handed: 'stays',
  'sent-blob': 'stays',
  'sent-over': 'stays',
  'sent-expiry': 'stays',
  correspondents: 'stays',
  attachments: 'stays',
  'letter-attachments': 'stays',
  'attachment-letters': 'stays',
  'network-backup': 'stays',
  releases: 'stays',
  notices: 'stays',
  fetched: 'stays',
  'fetched-sizes': 'stays',
  ahead: 'stays',
  'fetched-files': 'stays',
  'sync-aliases': 'person',
  'sync-out': 'stays',
  'sync-acks': 'stays',
  'sync-events': 'stays',
  'sync-holds': 'stays',
  'sync-sent': 'stays',
  'sync-seal': 'stays',
  'sync-dismissals': 'stays',
  'sync-strange': 'stays',
  // Of this device alone.
  statements: 'stays',
  canary: 'stays',
  // What pods told this device, while it is valid: another one is told by itself.
  views: 'stays',
  // How pods did that it asked for addresses of keys, and what it paid there.
  polls: 'stays',
  // How an older version kept things; what is there still could not be read.
  contacts: 'stays',
  inbox: 'stays',
  'inbox-text': 'stays',
  'inbox-ids': 'stays',
  'inbox-read': 'stays',
  'inbox-marks': 'stays'
} as const satisfies Record<string, 'person' | 'letters' | 'stays'>

/** Rows of `self`, each of its own kind: the key of the closet, the certificate, the words of backups, how letters are kept. */
const ownRows: readonly string[] = ['closet', 'certificate', 'recovery', 'mailbox']

/** Sent letters that something is done for, in the clear; they go along as letters of the past. */
export const sentRows = 'sent'

export const knownTables: readonly string[] = ['self', sentRows, ...Object.keys(tables)]

/** A row goes along as it is. */
export function goesAlong(
  { table, key }: { table: string; key: string },
  history: boolean
): boolean {
  if (table === 'self') return ownRows.includes(key)
  const fate = Object.hasOwn(tables, table) ? tables[table as keyof typeof tables] : 'stays'
  return fate === 'person' || (history && fate === 'letters')
}

import { createHash } from 'node:crypto'
import type { Alarm, Contact, ReceivedLetter, SentLetter, Status } from '../../src/client/client.ts'
import type { LetterRequest } from '../../src/client/requests/request.ts'

export const nowMs = Date.UTC(2026, 2, 1, 12)
export const idOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export const bobsFingerprint = idOf('bob').slice(0, 40)

export function contactOf(alias: string, changes: Partial<Contact> = {}): Contact {
  return {
    alias,
    fingerprint: idOf(alias.split('@')[0] ?? '').slice(0, 40),
    pin: idOf(`pin ${alias}`),
    pinnedMs: nowMs,
    seenMs: nowMs,
    lapsed: null,
    revocation: null,
    verified: false,
    certifiedByPod: true,
    withdrawn: null,
    escrow: false,
    podTrust: 'file',
    succession: null,
    disputed: null,
    moved: null,
    offered: null,
    invited: false,
    changedTo: null,
    policy: 'pull',
    ...changes
  }
}

export function requestOf(alias: string, changes: Partial<LetterRequest> = {}): LetterRequest {
  return {
    id: idOf(`request ${alias}`),
    alias,
    fingerprint: idOf(alias).slice(0, 40),
    certifiedByPod: true,
    contact: false,
    looksLike: null,
    invited: null,
    pod: 'one.test',
    letters: 1,
    sizeBytes: 4096,
    atMs: nowMs,
    expiryMs: nowMs + 30 * 86_400_000,
    ...changes
  }
}

export function letterOf(changes: Partial<ReceivedLetter> = {}): ReceivedLetter {
  return {
    id: idOf('letter 1'),
    thread: idOf('letter 1'),
    parent: null,
    from: {
      alias: 'bob@two.test',
      fingerprint: bobsFingerprint,
      verified: false,
      certifiedByPod: true
    },
    to: 'alice@one.test',
    subject: 'Lunch',
    mimeType: 'text/plain',
    body: 'At one?\n',
    sentMs: nowMs,
    receivedMs: nowMs + 40,
    expiryMs: nowMs + 30 * 86_400_000,
    sizeBytes: 1024,
    key: idOf('key 1'),
    read: false,
    receiptRequested: false,
    imported: false,
    corrects: null,
    retracts: null,
    correctedBy: null,
    forgetAsked: null,
    attachments: [],
    ...changes
  }
}

export const status: Status = {
  name: 'alice',
  fingerprint: idOf('alice').slice(0, 40),
  locked: false,
  network: 'local',
  peer: '12D3KooWFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake',
  addresses: ['/ip4/127.0.0.1/tcp/4420'],
  homes: { wanted: 'account', made: 'account', pods: [] },
  neighbours: 8,
  known: 9,
  store: { blobs: 2, bytes: 2048, capBytes: 1024 ** 3 },
  node: {
    profile: 'light',
    connections: { open: 9, max: 24 },
    reach: { how: 'direct', reason: 'peers have dialled /ip4/1.2.3.4/tcp/4420' },
    relaying: null,
    door: null,
    traffic: {
      inBytes: 4096,
      outBytes: 1024,
      upBytesPerSecond: 512 * 1024,
      downBytesPerSecond: null
    },
    admission: {
      priceFactor: 3,
      refusals: { LIMIT_EXCEEDED: 7 },
      evicted: 2,
      networkSize: 40
    },
    repair: {
      sweeps: 3,
      checked: 40,
      pushed: 2,
      pushedBytes: 2048,
      dropped: 1,
      lastSweepMs: Date.UTC(2026, 2, 1, 11),
      waiting: 0
    },
    asked: {
      lookups: { 'asked for': 40, refresh: 120 },
      pings: { candidate: 9, silent: 30 },
      unanswered: { silent: 2 },
      forwards: { 'find-node': 12, ping: 3 },
      astray: { ping: 1 }
    }
  },
  pods: [
    {
      hostname: 'one.test',
      connected: true,
      identified: true,
      aliases: ['alice@one.test'],
      waiting: [],
      escrow: false,
      problem: null,
      trust: 'file',
      found: null
    }
  ],
  asks: 'openly',
  outbox: { waiting: 0 },
  inbox: { waiting: 0, relays: [], requests: 1 },
  alarms: [],
  backupMs: null,
  networkBackup: { mode: 'off', elsewhere: false, last: null, making: null, problem: null }
}

export const alarmOf = (alias: string): Alarm => ({
  alias,
  what: 'key',
  shown: 'ee'.repeat(20),
  detail: 'one.test shows another key.',
  hint: 'Ask its operator.',
  sinceMs: nowMs - 3_600_000,
  lastMs: nowMs,
  standing: true
})

export function sentLetter(
  to: string,
  subject: string,
  changes: Partial<SentLetter> = {}
): SentLetter {
  const waits = to.startsWith('waiting')
  const isRead = to.startsWith('read')
  return {
    id: idOf(`to ${to}`),
    thread: idOf(`to ${to}`),
    from: 'alice@one.test',
    to,
    fingerprint: bobsFingerprint,
    subject,
    sentMs: nowMs,
    expiryMs: nowMs + 30 * 86_400_000,
    sizeBytes: 1024,
    key: idOf(`key ${to}`),
    state: waits ? 'queued' : isRead ? 'accepted' : 'announced',
    copies: waits
      ? []
      : Array.from({ length: 8 }, (_, i) => ({ holder: `12D3${i}`, storedMs: nowMs })),
    wanted: 8,
    announced: waits ? null : { pod: 'two.test', atMs: nowMs },
    handed: null,
    waiting: waits
      ? {
          code: 'NETWORK_EMPTY',
          message: 'no seed was reached',
          hint: 'Check the connection.',
          retryAtMs: nowMs + 60_000
        }
      : null,
    asked: waits ? null : { atMs: nowMs, answered: 8, wanted: 8, holders: isRead ? 0 : 8 },
    receiptRequested: isRead,
    accepted: isRead ? { receipt: { atMs: nowMs, fingerprint: bobsFingerprint } } : null,
    withdrawing: null,
    corrects: null,
    retracts: null,
    correctedBy: null,
    attachments: [],
    forgetAsked: null,
    ...changes
  }
}

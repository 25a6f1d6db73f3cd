import type { PodOperator } from '../../src/api/operator.ts'
import type { PodOverview } from '../../src/api/overview.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { OperatorView } from '../../src/pod/admin/admin.ts'
import type { PeerState } from '../../src/pod/federation/federation.ts'
import type { PortsView } from '../../src/pod/federation/ports.ts'
import type { Finding } from '../../src/pod/health.ts'
import type { InviteView } from '../../src/pod/invites.ts'
import type { AccountView } from '../../src/pod/office/accounts.ts'
import type { ApplicationView } from '../../src/pod/office/applications.ts'
import type { ReportView } from '../../src/pod/office/reports.ts'
import type { RateView } from '../../src/pod/office/settings.ts'

const nowMs = Date.UTC(2026, 2, 1, 12)
const by = { kind: 'operator' as const, name: 'olga' }

const testInvite: InviteView = {
  ...{ id: '3fa9c2d1', state: 'open', uses: 3, used: 1, accounts: ['ab'.repeat(32)] },
  ...{ createdMs: nowMs, untilMs: Date.UTC(2026, 3, 1), by, note: 'the \u001b[31mchoir' }
}

const testAccount: AccountView = {
  ...{ account: 'ab'.repeat(32), fingerprint: 'cd'.repeat(20), state: 'active', standing: null },
  ...{ createdMs: nowMs, seenMs: nowMs, notices: 3, noticeBytes: 3_600 },
  aliases: [
    { name: 'mallory', state: 'active', untilMs: nowMs },
    { name: 'old', state: 'quarantined', untilMs: nowMs }
  ],
  devices: [{ device: 'ef'.repeat(32), peer: '12D3KooWFake', seenMs: nowMs, untilMs: nowMs }],
  ahead: { files: 1, bytes: 262_144 },
  quota: { aliases: null, notices: 5, noticeBytes: null, aheadBytes: null, invites: null },
  bounds: { aliases: 8, notices: 5, noticeBytes: 2 ** 20, aheadBytes: 2 ** 29, invites: 0 }
}

const testApplication: ApplicationView = {
  ...{ account: 'cd'.repeat(32), fingerprint: 'ef'.repeat(20), alias: 'carol@one.test' },
  ...{ state: 'waiting', reason: '', note: 'alto\u202e', network: '192.0.2', atMs: nowMs },
  untilMs: nowMs
}
const testReport: ReportView = {
  ...{ id: 'fa'.repeat(16), alias: 'mallory@one.test', kind: 'spam', text: 'buy\u001b[2J' },
  ...{ letter: 'ab'.repeat(32), atMs: nowMs, account: null, network: '192.0.2' },
  ...{ isOpen: true, answer: '' }
}
const testParent = { hostname: 'test', fingerprint: 'ab'.repeat(20), untilMs: nowMs }
const testNames = { always: ['root'], reserved: ['mayor'], allowed: [] }
const testRate: RateView = {
  ...{ rate: 'noticesPerAccount', burst: 5, perHour: 60 },
  usual: { burst: 4_000, perHour: 72_000 }
}

const testPorts: PortsView = {
  wanted: { tcp: 4420, https: true, udp: 4420 },
  seen: [
    {
      ...{ pod: 'two.test', at: '192.0.2.7', tcp: 'timeout', https: 'open', udp: 'open' },
      shown: 'ab'.repeat(20)
    }
  ],
  silent: [{ pod: 'three.test', code: 'POD_UNREACHABLE' }]
}

const testPeer: PeerState = {
  ...{ hostname: 'two.test', standing: 'none', pin: 'ab'.repeat(32), seenMs: nowMs, failures: 3 },
  ...{ retryMs: nowMs + 480_000, code: 'POD_UNREACHABLE', queued: 12 },
  friend: {
    ...{ presence: 'silent', saidMs: nowMs - 3_600_000, version: '0.1.0', policy: 'invite' },
    ...{ federation: 'open', load: 1, capabilities: ['thin', 'udp'] }
  }
}

const testOperator: OperatorView = {
  ...{ name: 'olga', role: 'owner', hasPassword: true, hasCodes: false },
  ...{ createdMs: nowMs, loginMs: null }
}
export const testOverview: PodOverview = {
  ...{ hostname: 'one.test', fingerprint: 'ab'.repeat(20), version: '0.1.0', startedMs: nowMs },
  ...{ policy: 'approval', escrow: true, federation: 'list', accountsMax: 10_000 },
  usage: { accounts: 3, aliases: 4, notices: 5, bytes: 6_000, sessions: 2, queued: 12 },
  ...{ waiting: 1, reports: 1, processes: 1, neighbours: 8, backupMs: null },
  door: {
    mode: 'acme',
    untilMs: nowMs,
    problem: { code: 'ORDER_FAILED', message: 'the authority says no', hint: 'See port 80.' }
  },
  disk: { freeBytes: 2 ** 33, totalBytes: 2 ** 35 },
  memory: { freeBytes: 2 ** 28, totalBytes: 2 ** 30, processBytes: 2 ** 27 }
}
export const testFinding: Finding = {
  ...{ what: 'network', level: 'warning', code: 'NETWORK_SMALL', detail: '3 nodes' },
  ...{ hint: 'More seeds.', used: 0.5 }
}

const known = <T>(who: string, then: () => Promise<T>): Promise<T> =>
  who === 'nobody' ? Promise.reject(new MuttrError('ACCOUNT_UNKNOWN', who)) : then()

/** An operator's calls with nothing behind them. @param calls gets each of them with what it was given. */
export function createFakeOperator(calls: [string, Record<string, unknown>][] = []): PodOperator {
  const note = <T>(name: string, given: object, result: T): Promise<T> => {
    calls.push([name, { ...given }])
    return Promise.resolve(result)
  }
  return {
    invite: ({ signal: _, ...options } = {}) =>
      note('invite', options, {
        ...{ id: testInvite.id, code: 'c0de', link: 'muttr:abc', pod: 'one.test' },
        ...{ uses: options.uses ?? 1, note: options.note ?? '', untilMs: testInvite.untilMs }
      }),
    drain: async ({ onProgress, signal, ...given } = {}) => {
      onProgress?.({ state: 'draining', sessions: 2, of: 3 })
      if (given.by === 'nobody') throw new MuttrError('CANCELLED', 'the pod serves on')
      return await note('drain', given, { state: 'drained', sessions: 0, of: 3 })
    },
    drainState: () => note('drainState', {}, { state: 'serving', sessions: 3, of: 0 }),
    serveAgain: () => note('serveAgain', {}, { state: 'serving', sessions: 0, of: 3 }),
    ports: () => note('ports', {}, testPorts),
    overview: () => note('overview', {}, testOverview),
    examine: () => note('examine', {}, [testFinding]),
    operators: () => note('operators', {}, [testOperator]),
    addOperator: (name, options) =>
      note('addOperator', { name, ...options }, { ...testOperator, name, role: options.role }),
    setRole: (name, options) =>
      note('setRole', { name, ...options }, { ...testOperator, role: options.role }),
    async removeOperator(name, options = {}) {
      if (name !== 'olga') throw new MuttrError('OPERATOR_UNKNOWN', name)
      return await note('removeOperator', { name, ...options }, testOperator)
    },
    resetOperator: (name, options = {}) =>
      note('resetOperator', { name, ...options }, { ...testOperator, hasPassword: false }),
    loginLink: (options = {}) =>
      note('loginLink', options, {
        ...{ operator: 'olga', token: 'ef'.repeat(32), untilMs: nowMs, problem: null },
        url: `https://one.test/admin/#link=${'ef'.repeat(32)}`
      }),
    processes: () => note('processes', {}, [{ peer: '12D3KooWFake', isThis: true }]),
    async removeProcess(peer, options = {}) {
      if (peer === '12D3KooWFake') throw new MuttrError('USAGE', 'a process cannot take itself out')
      await note('removeProcess', { peer, ...options }, undefined)
    },
    certify: (certificate, options = {}) =>
      note(
        'certify',
        { certificate, ...options },
        { ...testParent, hostname: 'eu.one.test', certificates: 'two blocks' }
      ),
    parent: () => note('parent', {}, testParent),
    async setParent(certificates, options = {}) {
      if (certificates === 'forged') throw new MuttrError('SIGNATURE_INVALID', 'forged')
      return await note('setParent', { certificates, ...options }, testParent)
    },
    removeParent: (options = {}) => note('removeParent', options, undefined),
    invites: () => note('invites', {}, [testInvite]),
    async revokeInvite(id, options = {}) {
      if (!testInvite.id.startsWith(id)) throw new MuttrError('INVITE_UNKNOWN', id)
      return note('revokeInvite', { id, ...options }, { ...testInvite, state: 'revoked' as const })
    },
    accounts: (filter = {}) =>
      note('accounts', filter, { accounts: [testAccount], next: filter.limit === 1 ? 'ab' : null }),
    account: who => known(who, () => note('account', { who }, testAccount)),
    suspend: (who, options) =>
      known(who, () =>
        note(
          'suspend',
          { who, ...options },
          {
            ...testAccount,
            ...{ state: 'suspended' as const },
            standing: { reason: options.reason, sinceMs: nowMs, untilMs: null }
          }
        )
      ),
    resume: (who, options = {}) =>
      known(who, () => note('resume', { who, ...options }, testAccount)),
    remove: (who, options) =>
      known(who, () =>
        note('remove', { who, ...options }, { ...testAccount, state: 'removed' as const })
      ),
    setQuota: (who, options) =>
      known(who, () => note('setQuota', { who, ...options }, testAccount)),
    exportAccount: (who, options = {}) =>
      known(who, () =>
        note(
          'exportAccount',
          { who, ...options },
          {
            ...{ format: 'muttr pod account 1' as const, pod: 'one.test', madeMs: nowMs },
            ...{
              account: testAccount.account,
              tables: { owned: [{ row: 'x' }] },
              mail: [],
              ahead: []
            }
          }
        )
      ),
    revokeAlias: (alias, options) =>
      note('revokeAlias', { alias, ...options }, { alias, account: testAccount.account }),
    freeAlias: (alias, options = {}) =>
      note('freeAlias', { alias, ...options }, { alias, account: testAccount.account }),
    requests: () => note('requests', {}, [testApplication]),
    approve: (who, options = {}) =>
      note('approve', { who, ...options }, { ...testApplication, state: 'approved' as const }),
    refuse: (who, options) =>
      note('refuse', { who, ...options }, { ...testApplication, state: 'refused' as const }),
    reports: () => note('reports', {}, [testReport]),
    closeReport: (id, options) =>
      note('closeReport', { id, ...options }, { ...testReport, isOpen: false }),
    names: () => note('names', {}, testNames),
    reserve: (names, options = {}) => note('reserve', { names, ...options }, testNames),
    allow: (names, options = {}) => note('allow', { names, ...options }, testNames),
    rates: () => note('rates', {}, [testRate]),
    setRate: (rate, options) =>
      note('setRate', { rate, ...options }, { ...testRate, burst: options.burst }),
    resetRate: (rate, options = {}) => note('resetRate', { rate, ...options }, testRate),
    peers: () => note('peers', {}, { policy: 'list', peers: [testPeer] }),
    allowPeer: (hostname, options = {}) =>
      note('allowPeer', { hostname, ...options }, { ...testPeer, standing: 'allowed' }),
    blockPeer: (hostname, options = {}) =>
      note('blockPeer', { hostname, ...options }, { ...testPeer, standing: 'blocked' }),
    audit: (options = {}) =>
      note('audit', options, [
        {
          ...{ sequence: 7, atMs: nowMs, by, action: 'invite.make', subject: testInvite.id },
          ...{ detail: 'uses 3. ', previous: '0'.repeat(64), hash: 'cd'.repeat(32) }
        }
      ]),
    checkAudit: hash =>
      note('checkAudit', hash === undefined ? {} : { hash }, {
        ...{ entries: 7, from: 1, head: 'cd'.repeat(32), brokenAt: null },
        found: hash === undefined ? null : hash === 'cd'.repeat(32)
      })
  }
}

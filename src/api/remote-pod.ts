import { MuttrError } from '../base/errors.ts'
import type { PortsView } from '../pod/federation/ports.ts'
import type { Finding } from '../pod/health.ts'
import { type Ask, type Call, jsonOf, segment } from './ask.ts'
import type { DrainNews, PodOperator } from './operator.ts'
import { readEvents } from './sse.ts'

/** The operator's calls over the local API. Source: docs/protocol/local-api.md#a-pods-operators */
export function remotePod(ask: Ask): PodOperator {
  const get = <T>(path: string, query: Call['query'] = {}) => ask(path, { query }, jsonOf<T>)
  const post = <T>(path: string, json: unknown = {}, call: Call = {}) =>
    ask(path, { ...call, method: 'POST', json }, jsonOf<T>)
  return {
    invite: ({ signal, ...options } = {}) =>
      post('/pod/invites', options, signal ? { signal } : {}),
    invites: () => get('/pod/invites'),
    revokeInvite: (id, options) => post(`/pod/invites/${segment(id)}/revoke`, options),
    accounts: (filter = {}) => get('/pod/accounts', { ...filter }),
    account: who => get(`/pod/accounts/${segment(who)}`),
    suspend: (who, options) => post(`/pod/accounts/${segment(who)}/suspend`, options),
    resume: (who, options) => post(`/pod/accounts/${segment(who)}/resume`, options),
    remove: (who, options) => post(`/pod/accounts/${segment(who)}/remove`, options),
    setQuota: (who, options) => post(`/pod/accounts/${segment(who)}/quota`, options),
    exportAccount: (who, options) => post(`/pod/accounts/${segment(who)}/export`, options),
    revokeAlias: (alias, options) => post(`/pod/aliases/${segment(alias)}/revoke`, options),
    freeAlias: (alias, options) => post(`/pod/aliases/${segment(alias)}/free`, options),
    requests: () => get('/pod/requests'),
    approve: (who, options) => post(`/pod/requests/${segment(who)}/approve`, options),
    refuse: (who, options) => post(`/pod/requests/${segment(who)}/refuse`, options),
    reports: () => get('/pod/reports'),
    closeReport: (id, options) => post(`/pod/reports/${segment(id)}/close`, options),
    names: () => get('/pod/names'),
    reserve: (names, options) => post('/pod/names/reserve', { names, ...options }),
    allow: (names, options) => post('/pod/names/allow', { names, ...options }),
    rates: () => get('/pod/rates'),
    setRate: (rate, options) => post(`/pod/rates/${segment(rate)}`, options),
    resetRate: (rate, options) => post(`/pod/rates/${segment(rate)}/reset`, options),
    peers: () => get('/pod/peers'),
    allowPeer: (hostname, options) => post(`/pod/peers/${segment(hostname)}/allow`, options),
    blockPeer: (hostname, options) => post(`/pod/peers/${segment(hostname)}/block`, options),
    ports: ({ signal } = {}) => ask('/pod/ports', signal ? { signal } : {}, jsonOf<PortsView>),
    overview: () => get('/pod/overview'),
    examine: ({ signal } = {}) => ask('/pod/doctor', signal ? { signal } : {}, jsonOf<Finding[]>),
    operators: () => get('/pod/operators'),
    addOperator: (name, options) => post('/pod/operators', { name, ...options }),
    setRole: (name, options) => post(`/pod/operators/${segment(name)}/role`, options),
    removeOperator: (name, options) => post(`/pod/operators/${segment(name)}/remove`, options),
    resetOperator: (name, options) => post(`/pod/operators/${segment(name)}/reset`, options),
    loginLink: options => post('/pod/login-links', options),
    processes: () => get('/pod/processes'),
    removeProcess: async (peer, options) => {
      await post(`/pod/processes/${segment(peer)}/remove`, options)
    },
    certify: (certificate, options) => post('/pod/certify', { certificate, ...options }),
    parent: () => get('/pod/parent'),
    setParent: (certificates, options) => post('/pod/parent', { certificates, ...options }),
    removeParent: async options => {
      await post('/pod/parent/remove', options)
    },
    async drain({ signal, onProgress, ...options } = {}) {
      const call = { method: 'POST', json: options, ...(signal && { signal }) } as const
      return await ask('/pod/drain', call, async ({ body }) => {
        for await (const news of readEvents<DrainNews>(body!)) {
          if (news.type === 'failed') {
            const { code, message } = news.error
            throw new MuttrError(code, message, news.error)
          }
          const { type, ...state } = news
          if (type === 'parted') return state
          onProgress?.(state)
        }
        throw new MuttrError('DAEMON_UNREACHABLE', 'the pod ended meanwhile')
      })
    },
    drainState: () => get('/pod/drain'),
    serveAgain: () => post('/pod/drain/cancel'),
    audit: (options = {}) => get('/pod/audit', { ...options }),
    checkAudit: hash => get('/pod/audit/check', { hash })
  }
}

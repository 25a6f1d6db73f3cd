import type { Invite, InviteOptions, PodOperator } from '../api/operator.ts'
import type { PodOverview } from '../api/overview.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { makeJoinLink } from '../config/join-link.ts'
import type { Door } from '../https/open.ts'
import { peerKeys } from '../net/peer-key.ts'
import type { PodPeers } from '../pod/federation/federation.ts'
import type { Finding } from '../pod/health.ts'
import type { Pod } from '../pod/pod.ts'
import type { Maker } from '../pod/rows.ts'
import { adminUrl, loginUrl } from './admin-url.ts'
import type { Home } from './home.ts'

interface Parts {
  home: Home
  pod: Pod
  /** Where people dial it now. */
  addresses: () => readonly string[]
  door: () => Door | undefined
  overview: () => Promise<PodOverview>
  /** All that a pod needs, one look at a time. */
  examine: (signal?: AbortSignal) => Promise<Finding[]>
}

/**
 * What the local API and the admin page let a pod's operators do: the pod's office, and what needs the home.
 * @param as under whose name everything is noted; what each call says unless told
 */
export function podOperator(parts: Parts, as?: string): PodOperator {
  const { home, pod, addresses } = parts
  const { office, admin } = pod
  const operator = (by?: string): Maker => makerNamed(as ?? by)
  return {
    async invite({ by, uses, lifeMs, note }: InviteOptions = {}): Promise<Invite> {
      const { code, invite } = await office.invite(operator(by), {
        ...(uses !== undefined && { uses }),
        ...(lifeMs !== undefined && { lifeMs }),
        ...(note !== undefined && { note })
      })
      const { id, untilMs } = invite
      const link = linkWith(home, pod, addresses(), code)
      const said = { uses: invite.uses, note: invite.note }
      return { id, code, link, pod: pod.hostname, ...said, untilMs }
    },
    invites: () => office.invites(),
    revokeInvite: (id, { by } = {}) => office.revokeInvite(operator(by), id),
    accounts: filter => office.accounts(filter),
    account: who => office.account(who),
    suspend: (who, { by, ...o }) => office.suspend(operator(by), who, o),
    resume: (who, { by } = {}) => office.resume(operator(by), who),
    remove: (who, { by, ...o }) => office.remove(operator(by), who, o),
    setQuota: (who, { by, ...quota }) => office.setQuota(operator(by), who, quota),
    exportAccount: (who, { by } = {}) => office.export(operator(by), who),
    revokeAlias: (alias, { by, ...o }) => office.revokeAlias(operator(by), alias, o),
    freeAlias: (alias, { by } = {}) => office.freeAlias(operator(by), alias),
    requests: () => office.requests(),
    approve: (who, { by } = {}) => office.approve(operator(by), who),
    refuse: (who, { by, ...o }) => office.refuse(operator(by), who, o),
    reports: () => office.reports(),
    closeReport: (id, { by, ...o }) => office.closeReport(operator(by), id, o),
    names: () => office.names(),
    reserve: (names, { by } = {}) => office.reserve(operator(by), names),
    allow: (names, { by } = {}) => office.allow(operator(by), names),
    rates: () => office.rates(),
    setRate: (name, { by, ...rate }) => office.setRate(operator(by), name, rate),
    resetRate: (name, { by } = {}) => office.setRate(operator(by), name, null),
    peers: async () => peers(pod).view(),
    allowPeer: async (hostname, { by, fingerprint } = {}) =>
      peers(pod).allow(operator(by), hostname, fingerprint),
    blockPeer: async (hostname, { by } = {}) => peers(pod).block(operator(by), hostname),
    ports: async ({ signal } = {}) => peers(pod).ports(signal ?? new AbortController().signal),
    processes: () => office.processes(),
    removeProcess: (peer, { by } = {}) => office.removeProcess(operator(by), peer),
    certify: (certificate, { by, ...o } = {}) => office.certify(operator(by), certificate, o),
    parent: () => office.parent(),
    setParent: (certificates, { by } = {}) => office.setParent(operator(by), certificates),
    removeParent: ({ by } = {}) => office.removeParent(operator(by)),
    async drain({ by, leave, ...how } = {}) {
      if (leave && (await office.processes()).length === 1)
        throw new MuttrError('USAGE', 'no other process serves the pod', {
          hint: 'Without --leave it ends as well, and stays the pod.'
        })
      await pod.drain.run(how)
      if (leave) await office.leave(operator(by))
      return pod.drain.state()
    },
    drainState: async () => pod.drain.state(),
    async serveAgain() {
      pod.drain.resume()
      return pod.drain.state()
    },
    overview: parts.overview,
    examine: ({ signal } = {}) => parts.examine(signal),
    operators: () => admin.operators(),
    addOperator: (name, { by, role }) => admin.add(operator(by), name, role),
    setRole: (name, { by, role }) => admin.setRole(operator(by), name, role),
    removeOperator: (name, { by } = {}) => admin.remove(operator(by), name),
    resetOperator: (name, { by } = {}) => admin.reset(operator(by), name),
    async loginLink({ by, name } = {}) {
      const link = await admin.link(operator(by), name)
      const door = parts.door()
      const page = adminUrl(home.config, door)
      const problem = page === null ? null : (door?.status.problem ?? null)
      return { ...link, url: page && loginUrl(page, link.token), problem }
    },
    audit: options => office.audit(options),
    checkAudit: hash => office.checkAudit(hash)
  }
}

/** @throws {MuttrError} `FEDERATION_REFUSED` */
function peers(pod: Pod): PodPeers {
  if (pod.peers) return pod.peers
  throw new MuttrError('FEDERATION_REFUSED', 'this pod has nothing to do with others')
}

/** @throws {MuttrError} `USAGE` */
export function makerNamed(name = 'operator'): Maker {
  const isName = name.isWellFormed() && name.trim() !== ''
  if (!isName || Buffer.byteLength(name) > limits.operatorBytesMax)
    throw new MuttrError('USAGE', `an operator's name has 1 to ${limits.operatorBytesMax} bytes`)
  return { kind: 'operator', name }
}

/** Everything a newcomer needs: the network with this pod in it, and a code. */
function linkWith(home: Home, pod: Pod, addresses: readonly string[], code: string): string {
  const { hostname } = pod
  const others = home.network.pods.filter(other => other.hostname !== hostname)
  const listed = home.network.pods.find(other => other.hostname === hostname)
  const itself = listed ?? {
    hostname,
    addresses: addresses.map(a => `${a}/p2p/${peerKeys(home.privateKey).self}`),
    fingerprint: pod.certificate.fingerprint
  }
  const network = { ...home.network, pods: [itself, ...others] }
  return makeJoinLink({ network, pod: hostname, invite: code, contact: null })
}

import type {
  Clock,
  DatagramDoor,
  Log,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  Random
} from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openPgp } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { Dht } from '../seed/dht.ts'
import type { Spool } from '../store/spool.ts'
import type { State } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import { podProtocol } from '../wire/pod.ts'
import { podMethods } from '../wire/pod-methods.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import { standing as wireStanding } from '../wire/pod-standing.ts'
import { createAddresses } from './addresses/addresses.ts'
import { openKeyAddresses } from './addresses/keyed.ts'
import type { Admin } from './admin/admin.ts'
import { createAdmin } from './admin/admin.ts'
import { openAhead } from './ahead/ahead.ts'
import { foldHostname } from './alias.ts'
import type { Held } from './along.ts'
import { createBlind } from './blind/blind.ts'
import { createChain } from './chain.ts'
import { takeDatagrams } from './datagrams.ts'
import { createDirectory } from './directory.ts'
import { createDismissals } from './dismissals.ts'
import type { Drain } from './drain.ts'
import { createDrain } from './drain.ts'
import type { FederationParts, PodPeers } from './federation/federation.ts'
import { openFederation } from './federation/federation.ts'
import { tellNews } from './federation/news.ts'
import { createGates } from './gates.ts'
import { recordedNames } from './hostnames.ts'
import { createInvites } from './invites.ts'
import type { AheadLimits, PodLimits } from './limits.ts'
import { aheadLimits, podLimits, podTimes } from './limits.ts'
import { Mailbox } from './mailbox.ts'
import type { Measure } from './measure.ts'
import { noMeasure } from './measure.ts'
import { createMoves } from './moves.ts'
import type { News } from './news.ts'
import { newsOf, watchNews } from './news.ts'
import { createApplications } from './office/applications.ts'
import { createAudit } from './office/audit.ts'
import type { Office } from './office/office.ts'
import { createOffice } from './office/open.ts'
import { createQuotas } from './office/quotas.ts'
import { createReports } from './office/reports.ts'
import { readSettings, withRates } from './office/settings.ts'
import { createStandings } from './office/standings.ts'
import type { PublicDirectory } from './public-directory.ts'
import { createPublicDirectory } from './public-directory.ts'
import { createReception } from './reception.ts'
import { openRecord } from './record.ts'
import { Registry } from './registry.ts'
import { namesAre, openHostnames } from './renaming.ts'
import type { Desk } from './session.ts'
import { serveSession } from './session.ts'
import { createSweeper } from './sweep.ts'
import { takeNotice } from './take-notice.ts'
import { openTokens } from './token/tokens.ts'

export interface PodParts {
  network: Pick<Network, 'accept'>
  /** As {@link Network.subnetOf}; without it peers are counted one by one. */
  subnetOf?: Network['subnetOf']
  clock: Clock
  random: Random
  log: Log
  /** OpenPGP unless told. */
  crypto?: Crypto
  /** The pod's own; not closed by the pod. */
  state: State
  /** Other processes serve the pod too, over the same state. */
  isShared?: boolean
  /** The pod's OpenPGP key: it certifies aliases, and signs the pod record and directory answers. */
  person: Person
  keys: PeerKeys
  /** X25519 key to which notices are sealed: `makeHpkeKey` of src/keys/hpke.ts. */
  hpke: { publicKey: Uint8Array; secret: Uint8Array }
  hostname: string
  policy: Policy
  /** It holds recovery material for its people, and says so to everybody. */
  escrow?: boolean
  limits?: Partial<PodLimits>
  /** Where files are kept that are fetched for people who are away; none are unless told. */
  ahead?: { spool: Spool; reserveBytes: number; limits?: Partial<AheadLimits> }
  /** Whether there is memory for one session more; there is unless told. */
  hasRoom?: () => boolean
  /** Nothing is counted unless told. */
  measure?: Measure
  /** How other pods are found and had to do with; not at all unless told. */
  federation?: FederationParts
  /** What its record announces beside its fields: docs/protocol/pod.md#what-a-pod-offers. */
  offers?: readonly string[]
  /** Another process has begun under other names: this one serves nobody any more. */
  onRenamed?: () => void
  /** Where notices come as datagrams; nowhere unless told. Only a pod that takes notices of anybody may. */
  datagrams?: DatagramDoor
}

/** Gives aliases, answers whose they are, and keeps notices. Serves `/muttr/pod/1`. Source: docs/protocol/pod.md */
export interface Pod extends AsyncDisposable {
  readonly hostname: string
  /** Names that it had before and answers for, newest first. */
  readonly former: readonly string[]
  readonly certificate: Certificate
  /** Its signed record, as `hello` answers: a `helloAnswer` of src/wire/pod.ts. */
  hello(): Promise<Uint8Array>
  readonly directory: PublicDirectory
  /** What its operators do and see. */
  readonly office: Office
  /** Who they are, and their logins. */
  readonly admin: Admin
  /** @returns whose device a peer is that has identified here and is connected, when that person took an alias here. */
  userOf(peer: PeerId): Promise<string | undefined>
  /** From now on what the node's own seed holds goes along with pushes, to who wants it. */
  bringAlong(held: Held): void
  /** From now on there is a network to fetch from: files for people who are away, blobs for those who ask blindly. */
  fetchAhead(dht: Pick<Dht, 'get' | 'release'>): void
  /** Drops what has expired; done by itself every ten minutes. */
  sweep(): Promise<void>
  usage(): {
    accounts: number
    aliases: number
    notices: number
    bytes: number
    sessions: number
    /** Notices that wait to be passed on to other pods. */
    queued: number
  }
  /** Undefined for a pod that has nothing to do with others. */
  readonly peers: PodPeers | undefined
  readonly drain: Drain
}

/** @throws {MuttrError} `ALIAS_INVALID` when `hostname` is none, `HOME_DAMAGED` when the state is not a pod's. */
export async function createPod({ crypto = openPgp, ...parts }: PodParts): Promise<Pod> {
  const { network, clock, random, log, state, person, keys, hpke, policy } = parts
  const hostname = foldHostname(parts.hostname)
  const limits: PodLimits = { ...podLimits, ...parts.limits }
  const invites = createInvites({ state, random, invitesMax: limits.invitesMax })
  const audit = createAudit(state)
  const admin = createAdmin({ state, audit, clock, random, hostname })
  const standings = createStandings(state)
  const quotas = createQuotas(state)
  const applications = createApplications(state, limits)
  const reports = createReports(state, limits)
  let settings = await readSettings(state)
  const names = await openHostnames(state, hostname)
  const registry = await Registry.open({
    ...{ state, crypto, person, hostname, names, policy, invites, limits },
    settings: () => settings
  })
  const addresses = createAddresses({ state, perOwnerMax: limits.addressesPerAccountMax })
  const mailbox = await Mailbox.open({ state, limits, addresses })
  const keyAddresses = await openKeyAddresses({ state, mailbox, limits })
  const hpkeKey = hpke.publicKey
  const own = { state, crypto, person, hostname }
  const moves = createMoves({ ...own, names, registry })
  const directory = createDirectory({ ...own, names, random, hpkeKey, registry, moves })
  const chain = createChain({ ...own, clock, audit })
  const record = await openRecord({
    ...{ ...own, names, clock, keys, hpke, policy, certificate: chain.certificate },
    escrow: parts.escrow ?? false,
    udp: parts.datagrams?.port ?? null,
    offers: parts.offers ?? []
  })
  const gates = createGates(() => withRates(limits, settings), parts.subnetOf)
  const dismissals = createDismissals(state)
  const aheadBounds = { ...aheadLimits, ...parts.ahead?.limits }
  const ahead =
    parts.ahead && aheadBounds.accountBytes > 0
      ? await openAhead({
          ...parts.ahead,
          ...{ clock, log, limits: aheadBounds },
          bytesFor: async account => (await quotas.of(account)).aheadBytes
        })
      : undefined
  const about = { state, clock, random, log, crypto, keys, hostname, limits, hello: record.hello }
  /** How full it is, in four steps. */
  const load = (): number => {
    const { notices } = mailbox.usage()
    const full = Math.max(notices / limits.noticesMax, reception.size / limits.sessionsMax)
    return [0.25, 0.6, 0.9].filter(step => full >= step).length
  }
  const federation =
    parts.federation &&
    (await openFederation({
      ...parts.federation,
      ...about,
      ...{ audit, standings, registration: policy, isShared: parts.isShared === true, load },
      ...{ pin: person.certificate.pin, former: names.former },
      take: (notice, nowMs) =>
        takeNotice({ crypto, hpkeSecret: hpke.secret, gates, mailbox, keys, datagrams }, notice, {
          peer: keys.self,
          nowMs
        }),
      tell: told => tellNews(reception.sessions(), told, clock.now()),
      arriving: () => datagrams
    }))
  const office = createOffice({
    ...{ ...own, hostnames: names, clock, random, limits, aheadBytes: aheadBounds.accountBytes },
    ...{
      registry,
      mailbox,
      addresses,
      ahead,
      invites,
      standings,
      quotas,
      applications,
      reports,
      audit
    },
    ...{ record, keys, chain, queue: federation?.queue }
  })
  const measure = parts.measure ?? noMeasure
  const datagrams =
    parts.datagrams &&
    takeDatagrams({
      ...{ clock, log, crypto, gates, measure, door: parts.datagrams, hpkeSecret: hpke.secret },
      deliver: (notice, nowMs) => mailbox.deliver(notice, nowMs)
    })
  let joined: Pick<Dht, 'get' | 'release'> | undefined
  const tokens = federation && (await openTokens({ ...about, names, person, federation }))
  const blind =
    federation &&
    tokens &&
    createBlind({
      ...{ ...about, names, hpkeSecret: hpke.secret, registry, moves, directory, mailbox },
      ...{ gates, federation, datagrams, tokens, keyAddresses },
      dht: () => joined
    })
  let held: Held = async () => undefined
  const shared = {
    held: (key: Uint8Array, nowMs: Millis) => held(key, nowMs),
    blind,
    tokens,
    measure,
    datagrams,
    office,
    federation,
    dismissals,
    standings,
    standing,
    reports,
    names,
    clock,
    random,
    log,
    crypto,
    state,
    keys,
    registry,
    moves,
    directory,
    mailbox,
    addresses,
    gates,
    ahead
  }

  async function standing(account: string, nowMs: Millis): Promise<PodStanding> {
    const { reason, untilMs } = (await standings.of(account, nowMs)) ?? {}
    const suspended = reason === undefined ? null : { reason, untilMs: untilMs ?? null }
    return { suspended, application: await applications.of(account, nowMs) }
  }
  /** Whoever is here is told what the pod has decided, or sent away. */
  async function decidedAbout(account: string, nowMs: Millis): Promise<void> {
    const isRemoved = (await standings.of(account, nowMs))?.state === 'removed'
    const frame = wireStanding.encode(await standing(account, nowMs))
    for (const [session, served] of reception.sessions()) {
      if (served.identity(nowMs)?.account !== account) continue
      if (isRemoved) void session[Symbol.asyncDispose]()
      else
        session
          .request(podMethods.standing, frame, { timeoutMs: podTimes.pushTimeoutMs })
          .catch(err => log.debug('pod.standing-not-told', { peer: session.peer, err }))
    }
  }
  /** What this process said under its former name would be of a pod that there is no more. */
  async function renamedBy(): Promise<void> {
    const now = await recordedNames(state)
    if (!now || namesAre(names, now)) return
    log.warn('pod.renamed', { from: hostname, to: now.hostname })
    reception.close()
    for (const [session] of reception.sessions()) void session[Symbol.asyncDispose]()
    parts.onRenamed?.()
  }
  /** Of every process, this one too. */
  async function told(said: News): Promise<void> {
    const nowMs = clock.now()
    if (said.what === 'standing') return await decidedAbout(said.account, nowMs)
    if (said.what === 'settings') {
      settings = await readSettings(state)
      return gates.renew()
    }
    if (said.what === 'names') return await renamedBy()
    if (said.what === 'peers') return await federation?.peers.reload()
    for (const [session, served] of reception.sessions()) {
      const here = served.identity(nowMs)
      if (said.what === 'gone') {
        if (here?.pin === said.pin && !here.isBehind) void session[Symbol.asyncDispose]()
      } else if (said.what === 'dismissed') {
        const isIt = here?.account === said.account && here.device === said.device
        if (isIt) void session[Symbol.asyncDispose]()
      } else if (here?.account === said.account) {
        const { account, device, peer, untilMs } = here
        await mailbox.meet(account, device, { peer, untilMs, nowMs })
      }
    }
  }
  async function tell(said: News): Promise<void> {
    await state.write([newsOf(said)])
    await news.settled()
  }

  const name: Desk['name'] = (session, peer) => reception.name(session, peer)
  const desk: Desk = { ...shared, hpkeSecret: hpke.secret, record, tell, name }
  const reception = createReception({
    hasRoom: parts.hasRoom,
    onShed: () => measure.shed(),
    limits,
    log,
    serve: session => serveSession(session, desk)
  })
  const sweeper = createSweeper({
    ...{ clock, log, state, registry, moves, mailbox, addresses, directory, invites },
    ...{ dismissals, ahead, keyAddresses },
    ...{ admin, audit, auditMax: limits.auditMax, isShared: parts.isShared === true },
    ...{ federation, standings, applications, reports, tokens },
    sweepNews: () => news.sweep()
  })
  const news = await watchNews(state, told, log.warn)
  federation?.begin()
  network.accept(podProtocol, session => reception.take(session))

  return {
    hostname,
    former: names.former,
    certificate: person.certificate,
    office,
    admin,
    hello: record.hello,
    directory: createPublicDirectory({ state, clock, registry, names }),
    async userOf(peer) {
      for (const served of reception.of(peer)) {
        const account = served.identity(clock.now())?.account
        if (account === undefined || !(await registry.account(account))) continue
        if (!(await standings.of(account, clock.now()))) return account
      }
      return undefined
    },
    bringAlong(own) {
      held = own
    },
    fetchAhead(dht) {
      joined = dht
      ahead?.begin(dht)
    },
    sweep: () => sweeper.sweep(),
    usage: () => ({
      ...registry.usage(),
      ...mailbox.usage(),
      sessions: reception.size,
      queued: federation?.queue.usage().queued ?? 0
    }),
    peers: federation?.operator,
    drain: createDrain({
      ...{ clock, log, reception, forwarder: federation?.forwarder },
      others: async () => (await record.processes()).flatMap(p => (p.isThis ? [] : [p.peer]))
    }),
    async [Symbol.asyncDispose]() {
      await datagrams?.[Symbol.asyncDispose]()
      await news[Symbol.asyncDispose]()
      await reception[Symbol.asyncDispose]()
      tokens?.[Symbol.dispose]()
      await federation?.[Symbol.asyncDispose]()
      await sweeper[Symbol.asyncDispose]()
      await ahead?.[Symbol.asyncDispose]()
    }
  }
}

import { equalBytes } from '../base/bytes.ts'
import type {
  Clock,
  Log,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  Random,
  Session
} from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Person } from '../keys/person.ts'
import { signDetached } from '../keys/sign.ts'
import type { State } from '../store/state.ts'
import type { Policy } from '../wire/pod.ts'
import { helloAnswer, podProtocol, podRecord, podRecordLabel } from '../wire/pod.ts'
import { foldHostname } from './alias.ts'
import { createDirectory } from './directory.ts'
import { createGates } from './gates.ts'
import { createInvites } from './invites.ts'
import type { PodLimits } from './limits.ts'
import { podLimits, podTimes } from './limits.ts'
import { Mailbox } from './mailbox.ts'
import { Registry } from './registry.ts'
import { signedRow, tables } from './rows.ts'
import type { Desk, Served } from './session.ts'
import { serveSession } from './session.ts'
import { sweep } from './sweep.ts'

export interface PodParts {
  network: Pick<Network, 'accept'>
  clock: Clock
  random: Random
  log: Log
  /** The pod's own; not closed by the pod. */
  state: State
  /** The pod's OpenPGP key: it certifies aliases, and signs the pod record and directory answers. */
  person: Person
  keys: PeerKeys
  /** X25519 key to which notices are sealed: `makeHpkeKey` of src/keys/hpke.ts. */
  hpke: { publicKey: Uint8Array; secret: Uint8Array }
  hostname: string
  policy: Policy
  limits?: Partial<PodLimits>
}

/** Gives aliases, answers whose they are, and keeps notices. Serves `/muttr/pod/1`. Source: docs/protocol/pod.md */
export interface Pod extends AsyncDisposable {
  readonly hostname: string
  readonly certificate: Certificate
  /** A code for `uses` new aliases within `lifeMs`. */
  invite(o: { uses: number; lifeMs: Millis }): Promise<string>
  /** Drops what has expired; done by itself every ten minutes. */
  sweep(): Promise<void>
  usage(): { accounts: number; aliases: number; notices: number; bytes: number; sessions: number }
}

export async function createPod(parts: PodParts): Promise<Pod> {
  const { clock, log, state, person, random } = parts
  const hostname = foldHostname(parts.hostname)
  const limits: PodLimits = { ...podLimits, ...parts.limits }
  const invites = createInvites({ state, random })
  const registry = await Registry.open({ ...parts, hostname, invites, limits })
  const mailbox = await Mailbox.open({ state, limits })
  const hpkeKey = parts.hpke.publicKey
  const directory = createDirectory({ state, random, person, hostname, hpkeKey, registry })
  const hello = await makeHello(parts, hostname)
  const served = new Map<Session, Served>()
  const desk: Desk = {
    ...parts,
    hostname,
    hpkeSecret: parts.hpke.secret,
    registry,
    directory,
    mailbox,
    gates: createGates(limits),
    hello: async () => hello,
    *present(account) {
      for (const one of served.values()) {
        const identity = one.identity(clock.now())
        if (identity?.account === account) yield identity
      }
    }
  }
  let ended = false

  const ofPeer = new Map<PeerId, number>()
  const count = (peer: PeerId, more: number): void => {
    const sessions = (ofPeer.get(peer) ?? 0) + more
    if (sessions > 0) ofPeer.set(peer, sessions)
    else ofPeer.delete(peer)
  }
  const take = (session: Session): void => {
    const { peer } = session
    const full =
      served.size >= limits.sessionsMax || (ofPeer.get(peer) ?? 0) >= limits.sessionsPerPeerMax
    if (ended || full) {
      log.debug('pod.session-refused', { peer })
      void session[Symbol.asyncDispose]()
      return
    }
    count(peer, 1)
    served.set(session, serveSession(session, desk))
    void session.closed.then(() => {
      served.get(session)?.[Symbol.dispose]()
      served.delete(session)
      count(peer, -1)
    })
  }

  let timer: Disposable | undefined
  let sweeping: Promise<void> = Promise.resolve()
  const sweepOnce = (): Promise<void> => {
    sweeping = sweeping.then(() =>
      sweep({
        state,
        registry,
        mailbox,
        directory,
        invites,
        log,
        nowMs: clock.now(),
        ended: () => ended
      })
    )
    return sweeping
  }
  const schedule = (): void => {
    timer = clock.after(podTimes.sweepEveryMs, () => {
      sweepOnce()
        .catch(err => log.warn('pod.sweep-failed', { err }))
        .then(() => ended || schedule())
    })
  }
  schedule()
  parts.network.accept(podProtocol, take)

  return {
    hostname,
    certificate: person.certificate,
    invite: ({ uses, lifeMs }) => invites.make({ uses, untilMs: clock.now() + lifeMs }),
    sweep: sweepOnce,
    usage: () => ({ ...registry.usage(), ...mailbox.usage(), sessions: served.size }),
    async [Symbol.asyncDispose]() {
      ended = true
      timer?.[Symbol.dispose]()
      await Promise.all([...served.keys()].map(session => session[Symbol.asyncDispose]()))
      for (const one of served.values()) one[Symbol.dispose]()
      await sweeping.catch(() => undefined)
    }
  }
}

/** The signed pod record with the certificate: the former one where nothing changed, else the next in sequence. */
async function makeHello(
  { state, person, keys, hpke, policy, clock }: PodParts,
  hostname: string
): Promise<Uint8Array> {
  const certificate = person.certificate.bytes
  const row = await state.get(tables.pod, 'record')
  const last = row && signedRow.decode(row)
  const lastRecord = last && podRecord.decode(last.frame)
  const same =
    lastRecord?.hostname === hostname &&
    lastRecord.peer === keys.self &&
    lastRecord.policy === policy &&
    equalBytes(lastRecord.hpkeKey, hpke.publicKey)
  const signer = await state.get(tables.pod, 'signer')
  const pin = new Uint8Array(Buffer.from(person.certificate.pin, 'hex'))
  if (last && same && signer && equalBytes(signer, pin))
    return helloAnswer.encode({ record: last.frame, signature: last.signature, certificate })
  const nowMs = clock.now()
  const record = podRecord.encode({
    hostname,
    peer: keys.self,
    hpkeKey: hpke.publicKey,
    policy,
    sequence: Math.max((lastRecord?.sequence ?? 0) + 1, nowMs),
    issuedMs: nowMs
  })
  const signature = await signDetached(person, podRecordLabel, record, nowMs)
  await state.write([
    {
      type: 'put',
      table: tables.pod,
      key: 'record',
      value: signedRow.encode({ frame: record, signature })
    },
    { type: 'put', table: tables.pod, key: 'signer', value: pin }
  ])
  return helloAnswer.encode({ record, signature, certificate })
}

import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Clock, PeerId, PeerKeys } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { Change, State } from '../store/state.ts'
import type { PodRecord, Policy } from '../wire/pod.ts'
import { helloAnswer, podPeersMax, podRecord, podRecordLabel } from '../wire/pod.ts'
import type { PodNames } from './hostnames.ts'
import { newsOf } from './news.ts'
import { tookNames } from './renamed-since.ts'
import { gotNames, namesAre, namesWanted, renamedMeanwhile } from './renaming.ts'
import type { SignedRow } from './rows.ts'
import { offersRow, signedRow, tables, under } from './rows.ts'

interface Parts {
  state: State
  clock: Clock
  crypto: Crypto
  person: Person
  keys: PeerKeys
  hpke: { publicKey: Uint8Array }
  names: PodNames
  policy: Policy
  escrow: boolean
  /** Where it takes datagrams. */
  udp: number | null
  /** What else this process does for who asks; the pod offers what any of them does: docs/protocol/pod.md#what-a-pod-offers. */
  offers: readonly string[]
  /** The pod's as it shows it to everybody. */
  certificate: () => Promise<Uint8Array>
}

/** A process that serves a pod. */
export interface ProcessView {
  readonly peer: PeerId
  /** The one that was asked. */
  readonly isThis: boolean
}

/** The signed pod record, which all processes of the pod share. */
export interface PodRecordShelf {
  /** The answer to `hello`: the newest record, whichever process signed it, with the certificate. */
  hello(): Promise<Uint8Array>
  processes(): Promise<ProcessView[]>
  /**
   * What takes a process that is no more out of the record, for as long as nobody else changes it. @throws {MuttrError} `USAGE` for this one and for
   * one that does not stand there
   */
  without(peer: PeerId): Promise<readonly Change[]>
  /** The same of this one, which ends for good. @throws {MuttrError} `USAGE` for the last one */
  leave(): Promise<readonly Change[]>
}

const key = 'record'
const attemptsMax = 16
/** Who read a record so many changes ago does not write any more. */
const marksKept = 16

/**
 * Sees to it that this process stands in the record. What was signed before is shown again as long as nothing in it changed; else the next in sequence
 * is signed and kept. Of two processes that change it at once, one begins again: a change is inserted by the sequence of what it changes.
 * @throws {MuttrError} `LIMIT_EXCEEDED` for one process too many
 */
export async function openRecord(parts: Parts): Promise<PodRecordShelf> {
  const { state, keys } = parts
  for (let attempt = 0; ; attempt++) {
    const join = (peers: readonly PeerId[]) =>
      peers.includes(keys.self) ? peers : [...peers, keys.self]
    if ((await state.write(await next(parts, join))).ok) break
    if (attempt === attemptsMax)
      throw new MuttrError('LIMIT_EXCEEDED', 'the record is being changed all the time')
  }
  return {
    async hello() {
      const { frame: record, signature } = (await kept(state))!
      const certificate = await parts.certificate()
      return helloAnswer.encode({ record, signature, certificate })
    },
    async processes() {
      const { peers } = podRecord.decode((await kept(state))!.frame)
      return peers.map(peer => ({ peer, isThis: peer === keys.self }))
    },
    async without(peer) {
      if (peer === keys.self)
        throw new MuttrError('USAGE', 'a process cannot take itself out', {
          hint: 'Run the command on another process of the pod, with this one stopped.'
        })
      const changes = await next(parts, peers => peers.filter(other => other !== peer))
      if (changes.length === 0) throw new MuttrError('USAGE', `${peer} serves this pod no more`)
      return changes
    },
    async leave() {
      const others = (peers: readonly PeerId[]) => peers.filter(peer => peer !== keys.self)
      const { peers } = podRecord.decode((await kept(state))!.frame)
      if (others(peers).length === 0)
        throw new MuttrError('USAGE', 'no other process serves the pod', {
          hint: 'Without --leave it ends as well, and stays the pod.'
        })
      return await next(parts, others)
    }
  }
}

async function kept(state: State): Promise<SignedRow | undefined> {
  const row = await state.get(tables.pod, key)
  return row && signedRow.decode(row)
}

/**
 * @returns nothing when the record would stay as it is; else what is refused when somebody else changed it meanwhile.
 * @throws {MuttrError} `CONFIG_INVALID` where another process has begun under other names since
 */
async function next(
  { state, clock, crypto, person, keys, hpke, names, policy, escrow, udp, offers: own }: Parts,
  choose: (peers: readonly PeerId[]) => readonly PeerId[]
): Promise<readonly Change[]> {
  const signer = new Uint8Array(Buffer.from(person.certificate.pin, 'hex'))
  const known = await kept(state)
  const last = known && podRecord.decode(known.frame)
  const wanted = await namesWanted(state)
  const isWanted = wanted !== undefined && namesAre(names, wanted)
  if (last && !isWanted && !namesAre(names, last)) throw renamedMeanwhile(names, last)
  const said = {
    hostname: names.hostname,
    former: names.former,
    peers: choose(last?.peers ?? []),
    policy,
    escrow,
    udp,
    hpkeKey: hpke.publicKey
  }
  if (said.peers.length > podPeersMax)
    throw new MuttrError('LIMIT_EXCEEDED', `${podPeersMax} processes serve the pod already`)
  const saidBefore = known ? await crypto.offersIn(known.signature) : []
  const { offers, changes } = await offersOf(
    state,
    { self: keys.self, own, saidBefore },
    said.peers
  )
  const isOffered = changes.length === 0 && saidBefore.join() === offers.join()
  const isSaid = isOffered && last && isSame(last, said) && equalBytes(known.signer, signer)
  // Names that the operator gave once more are signed once more: later than whatever else was said.
  if (isSaid && !isWanted) return []
  const nowMs = clock.now()
  const sequence = Math.max((last?.sequence ?? 0) + 1, nowMs)
  const frame = podRecord.encode({ ...said, sequence, issuedMs: nowMs })
  const signature = await crypto.signDetached(person, podRecordLabel, frame, nowMs, offers)
  const marks = await state.list(tables.pod, under('after'))
  const mark = `after/${String(last?.sequence ?? 0).padStart(16, '0')}`
  return [
    { type: 'insert', table: tables.pod, key: mark, value: new Uint8Array() },
    { type: 'put', table: tables.pod, key, value: signedRow.encode({ frame, signature, signer }) },
    ...(isWanted ? [gotNames, await tookNames(state, sequence)] : []),
    ...changes,
    ...(last && !namesAre(names, last) ? [newsOf({ what: 'names' })] : []),
    ...marks
      .slice(0, -marksKept)
      .map((row): Change => ({ type: 'delete', table: tables.pod, key: row.key }))
  ]
}

/**
 * What the processes that serve the pod offer together: each writes down its own. Of one that has not, since it is of an older program, it is not known
 * which of what the pod offers it does, so nothing of that goes.
 */
async function offersOf(
  state: State,
  { self, own, saidBefore }: Record<'own' | 'saidBefore', readonly string[]> & { self: PeerId },
  peers: readonly PeerId[]
): Promise<{ offers: readonly string[]; changes: readonly Change[] }> {
  const rows = await state.list(tables.pod, under('offers'))
  const written = new Map(
    rows.map(({ key, value }) => [key.slice('offers/'.length), offersRow.decode(value)])
  )
  const changes: Change[] = [...written.keys()]
    .filter(peer => !peers.includes(peer))
    .map(peer => ({ type: 'delete', table: tables.pod, key: `offers/${peer}` }))
  const of = (peer: PeerId) => (peer === self ? own : (written.get(peer) ?? saidBefore))
  if (peers.includes(self) && written.get(self)?.join() !== own.join())
    changes.push({
      ...{ type: 'put', table: tables.pod, key: `offers/${self}`, value: offersRow.encode(own) }
    })
  return { offers: [...new Set(peers.flatMap(of))].sort(), changes }
}

type Said = Pick<
  PodRecord,
  'hostname' | 'former' | 'peers' | 'policy' | 'escrow' | 'udp' | 'hpkeKey'
>

const isSame = (last: PodRecord, now: Said): boolean =>
  last.hostname === now.hostname &&
  last.former.join() === now.former.join() &&
  last.peers.join() === now.peers.join() &&
  last.policy === now.policy &&
  last.escrow === now.escrow &&
  last.udp === now.udp &&
  equalBytes(last.hpkeKey, now.hpkeKey)

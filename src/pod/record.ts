import { equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Clock, PeerId, PeerKeys } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import type { Change, State } from '../store/state.ts'
import type { PodRecord, Policy } from '../wire/pod.ts'
import { helloAnswer, podPeersMax, podRecord, podRecordLabel } from '../wire/pod.ts'
import type { SignedRow } from './rows.ts'
import { signedRow, tables, under } from './rows.ts'

interface Parts {
  state: State
  clock: Clock
  crypto: Crypto
  person: Person
  keys: PeerKeys
  hpke: { publicKey: Uint8Array }
  hostname: string
  policy: Policy
  escrow: boolean
}

/** The signed pod record, which all processes of the pod share. */
export interface PodRecordShelf {
  /** The answer to `hello`: the newest record, whichever process signed it, with the certificate. */
  hello(): Promise<Uint8Array>
  /** Takes a process that is no more out of the record. @returns whether it stood there. @throws {MuttrError} `USAGE` for this one */
  remove(peer: PeerId): Promise<boolean>
  peers(): Promise<readonly PeerId[]>
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
  const { state, keys, person } = parts
  const certificate = person.certificate.bytes
  await change(parts, peers => (peers.includes(keys.self) ? peers : [...peers, keys.self]))
  return {
    async hello() {
      const { frame: record, signature } = (await kept(state))!
      return helloAnswer.encode({ record, signature, certificate })
    },
    async remove(peer) {
      if (peer === keys.self)
        throw new MuttrError('USAGE', 'a process cannot take itself out', {
          hint: 'Run the command on another process of the pod, with this one stopped.'
        })
      let stood = false
      await change(parts, peers => {
        stood = peers.includes(peer)
        return peers.filter(other => other !== peer)
      })
      return stood
    },
    peers: async () => podRecord.decode((await kept(state))!.frame).peers
  }
}

async function kept(state: State): Promise<SignedRow | undefined> {
  const row = await state.get(tables.pod, key)
  return row && signedRow.decode(row)
}

async function change(
  parts: Parts,
  choose: (peers: readonly PeerId[]) => readonly PeerId[]
): Promise<void> {
  const { state, clock, crypto, person, hpke, hostname, policy, escrow } = parts
  const signer = new Uint8Array(Buffer.from(person.certificate.pin, 'hex'))
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const known = await kept(state)
    const last = known && podRecord.decode(known.frame)
    const peers = choose(last?.peers ?? [])
    if (peers.length > podPeersMax)
      throw new MuttrError('LIMIT_EXCEEDED', `${podPeersMax} processes serve the pod already`)
    const hpkeKey = hpke.publicKey
    if (
      known &&
      isSame(last!, { hostname, peers, policy, escrow, hpkeKey }) &&
      equalBytes(known.signer, signer)
    )
      return
    const nowMs = clock.now()
    const sequence = Math.max((last?.sequence ?? 0) + 1, nowMs)
    const said = { hostname, peers, hpkeKey, policy, escrow }
    const record = podRecord.encode({ ...said, sequence, issuedMs: nowMs })
    const signature = await crypto.signDetached(person, podRecordLabel, record, nowMs)
    const value = signedRow.encode({ frame: record, signature, signer })
    const marks = await state.list(tables.pod, under('after'))
    const mark = `after/${String(last?.sequence ?? 0).padStart(16, '0')}`
    const { ok } = await state.write([
      { type: 'insert', table: tables.pod, key: mark, value: new Uint8Array() },
      { type: 'put', table: tables.pod, key, value },
      ...marks
        .slice(0, -marksKept)
        .map((row): Change => ({ type: 'delete', table: tables.pod, key: row.key }))
    ])
    if (ok) return
  }
  throw new MuttrError('LIMIT_EXCEEDED', 'the record is being changed all the time')
}

type Said = Pick<PodRecord, 'hostname' | 'peers' | 'policy' | 'escrow' | 'hpkeKey'>

const isSame = (last: PodRecord, now: Said): boolean =>
  last.hostname === now.hostname &&
  last.peers.join() === now.peers.join() &&
  last.policy === now.policy &&
  last.escrow === now.escrow &&
  equalBytes(last.hpkeKey, now.hpkeKey)

import { codeOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis, PeerId } from '../base/ports.ts'
import { isOutside } from '../pod/finding.ts'
import type { PodPlace } from '../pod/place.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import { array, literal, mapped, text, tuple, uint } from '../wire/cbor.ts'
import { podPeersMax } from '../wire/pod.ts'
import { decodeRecord } from '../wire/record.ts'
import { decodeWhereabouts, whereaboutsKey } from '../wire/records/whereabouts.ts'
import { createTable } from './table.ts'

/** Finds pods again whose known addresses do not answer, by their records in the DHT. Source: docs/protocol/pod.md#where-a-pod-is */
export interface MovedPods {
  /**
   * Newer addresses of a pod, with `/p2p/`. A record only moves a pod: it must be by the peer id we know, about the pinned
   * certificate, and not older than what was used before. Into private networks it moves only a pod that was known to be in one.
   * @param fingerprint the pinned one, hex.
   * @returns empty when there is no such record. @throws {MuttrError} `CANCELLED`
   */
  find(place: PodPlace, fingerprint: string, signal: AbortSignal): Promise<readonly string[]>
  /** Remembers the peer that showed the pinned certificate of a pod, and those it named beside itself. */
  met(hostname: string, peer: PeerId, peers: readonly PeerId[]): Promise<void>
  /** Who showed the pod's certificate last. */
  peerOf(hostname: string): Promise<PeerId | undefined>
}

interface Met {
  readonly peer: PeerId
  /** Of the newest record of this peer that was believed. */
  readonly sequence: number
  /** All that serve the pod, it among them. */
  readonly peers: readonly PeerId[]
}

const lookupTimeoutMs: Millis = 5_000
/** Of one pod: some that the network file names, some that it named itself, and the one met last. */
const peersMax = 6

const peerId = text(limits.peerIdCharsMax, 1)
const metRow = mapped(
  tuple(literal(1), peerId, uint(), array(peerId, podPeersMax, 1)),
  ([, peer, sequence, peers]): Met => ({ peer, sequence, peers })
)

export function createMovedPods(parts: {
  dht: Pick<Dht, 'getRecord'>
  state: State
  log: Log
  /** For a Muttr that lives in private networks; it does not unless told. */
  allowLocal?: boolean
}): MovedPods {
  const { dht, state, log, allowLocal = false } = parts
  const rows = createTable({
    state,
    log,
    name: 'pod-peers',
    field: metRow,
    write: (m: Met) => [1, m.peer, m.sequence, m.peers],
    maxBytes: 2_048
  })
  const metBefore = (hostname: string): Promise<Met | undefined> =>
    rows.get(hostname).catch(() => undefined)

  async function ask(peer: PeerId, place: PodPlace, fingerprint: string, signal: AbortSignal) {
    const key = whereaboutsKey(peer)
    if (!key) return undefined
    try {
      const frame = await dht.getRecord(key, { signal, timeoutMs: lookupTimeoutMs })
      const { body, sequence } = decodeRecord(frame)
      const said = decodeWhereabouts(body)
      // It may have another name by now: what it shows there says whether it was this one.
      return said.fingerprint === fingerprint
        ? { peer, sequence, addresses: said.addresses }
        : undefined
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      log.debug('no record of a pod', { pod: place.hostname, code: codeOf(err) })
      return undefined
    }
  }

  return {
    async find(place, fingerprint, signal) {
      const before = await metBefore(place.hostname)
      const known = before ? [...before.peers, before.peer] : []
      // Of one that stands there twice the last counts: who was met last is among those that are asked.
      const peers = [...new Set([...peersOf(place), ...known].reverse())].slice(0, peersMax)
      const asked = await Promise.all(peers.map(peer => ask(peer, place, fingerprint, signal)))
      const found = asked
        .filter(one => one !== undefined)
        .filter(({ peer, sequence }) => peer !== before?.peer || sequence >= before.sequence)
        // One that is no more has said nothing for long.
        .toSorted((a, b) => b.sequence - a.sequence)
      if (found.length === 0) return []
      const own = before ? found.find(({ peer }) => peer === before.peer) : found[0]
      if (own) {
        const { peer, sequence } = own
        const row = { peer, sequence, peers: before?.peers ?? [peer] }
        await state.write([rows.put(place.hostname, row)])
      }
      log.info('a pod is asked for where its records say', { pod: place.hostname })
      const isNear = allowLocal || !place.addresses.every(isOutside)
      return found.flatMap(({ peer, addresses }) =>
        addresses.filter(a => isNear || isOutside(a)).map(a => `${a}/p2p/${peer}`)
      )
    },
    async met(hostname, peer, peers) {
      const before = await metBefore(hostname)
      const same = before?.peer === peer
      if (same && before.peers.join() === peers.join()) return
      const sequence = same ? before.sequence : 0
      await state.write([rows.put(hostname, { peer, sequence, peers })])
    },
    peerOf: async hostname => (await metBefore(hostname))?.peer
  }
}

const peersOf = ({ addresses }: PodPlace): string[] =>
  addresses.flatMap(address => address.split('/p2p/')[1] ?? [])

import { codeOf, MuttrError } from '../../base/errors.ts'
import type { PeerKeys, Random } from '../../base/ports.ts'
import { throwDice } from '../../base/retry.ts'
import type { Dht } from '../../seed/dht.ts'
import { blindBlob, blindGet, blindMethods, blindRelease, blindReleased } from '../../wire/blind.ts'
import { readBlob } from '../../wire/blob.ts'
import { releasedBytes } from '../../wire/dht.ts'
import { readTombstone } from '../../wire/tombstone.ts'
import type { Asking } from './asking.ts'

interface Parts {
  asking: Pick<Asking, 'ask' | 'relayFor'>
  /** Pods of the network, by hostname. */
  pods(): readonly string[]
  random: Random
  keys: Pick<PeerKeys, 'verify'>
  life: AbortSignal
}

/** Pods that are asked in turn before one gives up for now. */
const podsMax = 3
/** It is the pod that fails, or the way to it, and another may not. */
const elsewhere: ReadonlySet<string> = new Set([
  'POD_UNREACHABLE',
  'POD_UNKNOWN',
  'POD_TOO_OLD',
  'POD_CHANGED',
  'RELAY_REFUSED',
  'FEDERATION_REFUSED',
  'LIMIT_EXCEEDED',
  'METHOD_UNKNOWN',
  'NETWORK_EMPTY',
  'BLIND_INVALID'
])

/** Reads from the network by the hands of other pods than the own ones: the own one sees who reads, the other one what. */
export function createBlindDht(parts: Parts): Pick<Dht, 'get' | 'release'> {
  const { asking, pods, random, keys, life } = parts

  /** Another one each time, so that none sees all that one reads. */
  async function anywhere(method: string, payload: Uint8Array, size: 'medium' | 'large') {
    const left = pods().filter(hostname => asking.relayFor(hostname) !== undefined)
    let last: unknown = new MuttrError('RELAY_UNREACHABLE', 'no other pod is known to read from')
    for (let tries = 0; tries < podsMax && left.length > 0; tries++) {
      const [hostname] = left.splice(Math.floor(throwDice(random) * left.length), 1)
      try {
        return await asking.ask(hostname!, method, payload, { size, signal: life })
      } catch (err) {
        if (!elsewhere.has(codeOf(err) ?? '')) throw err
        last = err
      }
    }
    throw codeOf(last) === 'RELAY_UNREACHABLE'
      ? last
      : new MuttrError('RELAY_UNREACHABLE', 'no other pod reads for us now', { cause: last })
  }

  return {
    async get(key) {
      const frame = await anywhere(blindMethods.get, blindGet.encode({ key }), 'large')
      const { headerBytes, stamp, sealed, from } = blindBlob.decode(frame)
      return { blob: { ...readBlob(headerBytes, sealed, key), stamp }, from, hops: 0 }
    },
    async release(tombstone) {
      const request = blindRelease.encode({ tombstone })
      const frame = await anywhere(blindMethods.release, request, 'medium')
      const { took, asked, needed } = blindReleased.decode(frame)
      const { key } = readTombstone(tombstone)
      const words = took.filter(({ holder, signature, ...said }) =>
        keys.verify(holder, releasedBytes(key, said, said.atMs), signature)
      )
      return { asked, took: words, needed, tombstones: [] }
    }
  }
}

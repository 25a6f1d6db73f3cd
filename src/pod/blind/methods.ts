import { MuttrError } from '../../base/errors.ts'
import type { Dht } from '../../seed/dht.ts'
import { blindBlob, blindGet, blindMethods, blindRelease, blindReleased } from '../../wire/blind.ts'
import { movedAnswer } from '../../wire/move.ts'
import * as wire from '../../wire/pod.ts'
import { successionAnswer, successionRequest } from '../../wire/succession.ts'
import { signedTokenKeys, tokenKeysRequest, tokenSubmit } from '../../wire/token.ts'
import type { Directory } from '../directory.ts'
import type { Gates } from '../gates.ts'
import type { PodLimits } from '../limits.ts'
import type { Moves } from '../moves.ts'
import type { Registry } from '../registry.ts'
import type { Tokens } from '../token/tokens.ts'
import type { BlindMethods, Through } from './target.ts'
import { createTurns } from './turns.ts'

interface Parts {
  directory: Pick<Directory, 'lookup'>
  registry: Pick<Registry, 'successor'>
  moves: Pick<Moves, 'find' | 'owner'>
  gates: Gates
  limits: Pick<PodLimits, 'blindGetsAtOncePerRelayMax' | 'blindGetsAtOnceMax'>
  tokens: Pick<Tokens, 'door'>
  /** Whether a pod of this name, or this one, was met before. */
  isKnown(hostname: string): boolean
  /** Undefined as long as there is no network. */
  dht(): Pick<Dht, 'get' | 'release'> | undefined
  /** Takes a notice as from the relay. @returns the receipt's signature. */
  take(notice: Uint8Array, through: Through): Promise<Uint8Array>
}

/** Below the relay's own patience. */
const networkMs = 20_000

/** What this pod does for those it does not know. Source: docs/protocol/blind.md#what-can-be-asked */
export function createBlindMethods(parts: Parts): BlindMethods {
  const { directory, registry, moves, gates, limits, dht, take, tokens, isKnown } = parts
  const gets = createTurns('requests to the network', {
    eachMax: limits.blindGetsAtOncePerRelayMax,
    max: limits.blindGetsAtOnceMax
  })
  const joined = (): Pick<Dht, 'get' | 'release'> => {
    const network = dht()
    if (!network) throw new MuttrError('NETWORK_EMPTY', 'the pod has no network yet')
    return network
  }
  /** A pod asks for its people; for others it counts as if they had asked openly. */
  const asked = ({ peer, isPod, nowMs }: Through): void => {
    if (!isPod) gates.lookup(peer, undefined, nowMs)
  }
  return {
    async [blindMethods.lookup](payload, through) {
      const { nowMs } = through
      const { name } = wire.aliasRequest.decode(payload)
      asked(through)
      return wire.lookupAnswer.encode(await directory.lookup(name, nowMs))
    },
    async [blindMethods.succession](payload, through) {
      const { nowMs } = through
      const { name, fingerprint } = successionRequest.decode(payload)
      asked(through)
      const account = await moves.owner(name, nowMs)
      return successionAnswer.encode(await registry.successor(account, fingerprint))
    },
    async [blindMethods.moved](payload, through) {
      const { nowMs } = through
      const { name } = wire.aliasRequest.decode(payload)
      asked(through)
      return movedAnswer.encode((await moves.find(name, nowMs)) ?? null)
    },
    async [blindMethods.submit](payload, through) {
      const { notice } = wire.submit.decode(payload)
      if (through.isPod) gates.pod(through.relay, through.nowMs)
      else gates.notice(through.peer, undefined, through.nowMs)
      const signature = await take(notice, through)
      return wire.submitAnswer.encode({ atMs: through.nowMs, signature })
    },
    async [blindMethods.submitToken](payload, through) {
      const { relay, peer, nowMs } = through
      const spent = tokenSubmit.decode(payload)
      // A pod that was never met is looked for, which costs others something.
      if (!isKnown(spent.issuer)) gates.lookup(peer, undefined, nowMs)
      await tokens.door.take(
        { ...spent, thing: spent.notice },
        {
          nowMs,
          before: () => gates.token(relay, nowMs),
          signed: () => gates.pod(spent.issuer, nowMs)
        }
      )
      const signature = await take(spent.notice, through)
      return wire.submitAnswer.encode({ atMs: nowMs, signature })
    },
    async [blindMethods.tokenKeys](payload, { peer, nowMs }) {
      const { hostname } = tokenKeysRequest.decode(payload)
      if (!isKnown(hostname)) gates.lookup(peer, undefined, nowMs)
      return signedTokenKeys.encode(await tokens.door.keysOf(hostname))
    },
    async [blindMethods.get](payload, { relay, nowMs, signal }) {
      const { key } = blindGet.decode(payload)
      gates.blindGet(relay, nowMs)
      const network = joined()
      const { blob, from } = await gets.run(relay, () =>
        network.get(key, { signal, timeoutMs: networkMs })
      )
      return blindBlob.encode({ ...blob, from })
    },
    async [blindMethods.release](payload, { relay, nowMs, signal }) {
      const { tombstone } = blindRelease.decode(payload)
      gates.blindGet(relay, nowMs)
      const network = joined()
      const { took, asked, needed } = await gets.run(relay, () =>
        network.release(tombstone, { signal, timeoutMs: networkMs })
      )
      return blindReleased.encode({ took, asked, needed })
    }
  }
}

import { concatBytes, utf8 } from '../../base/bytes.ts'
import { checkKeyDeed } from '../../keys/address-key.ts'
import { blindMethods } from '../../wire/blind.ts'
import { keyMade, keyMake, keyPage, keyRequest } from '../../wire/key-address.ts'
import { nothing } from '../../wire/pod.ts'
import type { BlindMethods } from '../blind/target.ts'
import type { Gates } from '../gates.ts'
import type { Hostnames } from '../hostnames.ts'
import type { Tokens } from '../token/tokens.ts'
import type { KeyAddresses } from './keyed.ts'

interface Parts {
  /** Of this pod, with those that it had before: who holds a key may know it by any. */
  names: Pick<Hostnames, 'hostname' | 'former'>
  keyAddresses: KeyAddresses
  tokens: Pick<Tokens, 'door'>
  gates: Pick<Gates, 'lookup' | 'token' | 'keyAddress'>
  isKnown(hostname: string): boolean
}

/** What keys of addresses ask within the seal. Source: docs/protocol/anonymous.md#what-is-asked */
export function keyAddressMethods(parts: Parts): BlindMethods {
  const { names, keyAddresses, tokens, gates, isKnown } = parts
  const pods = [names.hostname, ...names.former]
  return {
    async [blindMethods.keyMake](payload, { relay, peer, nowMs }) {
      const { request, issuer, token } = keyMake.decode(payload)
      checkKeyDeed(request, 'make', { pods, nowMs })
      if (!isKnown(issuer)) gates.lookup(peer, undefined, nowMs)
      const thing = concatBytes(utf8('muttr key address 1'), request.key)
      await tokens.door.take(
        { token, issuer, thing },
        {
          nowMs,
          before: () => gates.token(relay, nowMs),
          signed: () => gates.keyAddress(issuer, nowMs)
        }
      )
      const { key, number: untilMs } = request
      return keyMade.encode({ untilMs: await keyAddresses.make({ key, untilMs, issuer }, nowMs) })
    },
    async [blindMethods.keyDrop](payload, { nowMs }) {
      const request = keyRequest.decode(payload)
      checkKeyDeed(request, 'drop', { pods, nowMs })
      await keyAddresses.drop(request.key)
      return nothing.encode()
    },
    async [blindMethods.keyPoll](payload, { nowMs }) {
      const request = keyRequest.decode(payload)
      checkKeyDeed(request, 'poll', { pods, nowMs })
      return keyPage.encode(await keyAddresses.poll(request.key, request.number, nowMs))
    }
  }
}

import { limits } from '../base/limits.ts'
import { nothing } from '../wire/pod.ts'
import type { AddressChanges, KeptAddress } from '../wire/pod-addresses.ts'
import * as wire from '../wire/pod-addresses.ts'
import { podMethods } from '../wire/pod-methods.ts'

/**
 * Asks our own pod about the addresses that we made there, on a link where it knows who we are. Every method throws what the pod refuses
 * with: `METHOD_UNKNOWN` when it is an older one, `LIMIT_EXCEEDED`. Source: docs/protocol/address.md#at-the-pod
 */
export interface PodAddresses {
  /** So many in one request as fit; the same again changes nothing. */
  change(changes: AddressChanges): Promise<void>
  all(): Promise<KeptAddress[]>
  /** Has what waits there handed over, as if it came now. @returns how many notices */
  ask(addresses: readonly Uint8Array[]): Promise<number>
}

const perRequest = limits.addressesPageMax

export function podAddresses(
  ask: (method: string, payload: Uint8Array) => Promise<Uint8Array>
): PodAddresses {
  return {
    async change({ set, drop }) {
      for (let at = 0; at < Math.max(set.length, drop.length); at += perRequest) {
        const part = {
          set: set.slice(at, at + perRequest),
          drop: drop.slice(at, at + perRequest)
        }
        nothing.decode(await ask(podMethods.addresses, wire.addressChanges.encode(part)))
      }
    },
    async all() {
      const found: KeptAddress[] = []
      for (;;) {
        const after = found.at(-1)?.address ?? null
        const frame = await ask(podMethods.addressPage, wire.addressesAfter.encode({ after }))
        const { addresses } = wire.addressPage.decode(frame)
        found.push(...addresses)
        // A pod that lies about its pages must not hold us for ever.
        if (addresses.length < perRequest || found.length >= addressesMax) return found
      }
    },
    async ask(addresses) {
      let count = 0
      for (let at = 0; at < addresses.length; at += perRequest) {
        const part = { addresses: addresses.slice(at, at + perRequest) }
        const frame = await ask(podMethods.addressAsk, wire.addressesAsked.encode(part))
        count += wire.addressesAnswer.decode(frame).count
      }
      return count
    }
  }
}

/** More than any pod lets one account have. */
const addressesMax = 100_000

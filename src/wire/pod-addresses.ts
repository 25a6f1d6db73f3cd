import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import { array, bytes, mapped, nullable, oneOf, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// What a client asks of its own pod about the addresses that it made. Source: docs/protocol/address.md#at-the-pod

/** What a pod does with a notice: pushes it now, keeps it until it is asked for, or lets it fall. */
export type AddressPolicy = 'pull' | 'ask' | 'ignore'
export const addressPolicy: Field<AddressPolicy> = oneOf('pull', 'ask', 'ignore')

const address = bytes(32)
const uses = nullable(uint(limits.addressUsesMax, 1))

/** An address as its maker wants it. */
export interface WantedAddress {
  /** 32 random bytes. */
  readonly address: Uint8Array
  readonly policy: AddressPolicy
  /** The pod may end it earlier; null: as late as it can be. */
  readonly untilMs: Millis | null
  /** So many letters, and no more; null: as many as come. */
  readonly uses: number | null
}

const wanted = mapped(
  tuple(address, addressPolicy, nullable(uint()), uses),
  ([address, policy, untilMs, uses]): WantedAddress => ({ address, policy, untilMs, uses })
)

const perRequest = limits.addressesPageMax

export interface AddressChanges {
  readonly set: readonly WantedAddress[]
  readonly drop: readonly Uint8Array[]
}

export const addressChanges: Codec<AddressChanges> = codec(
  'changes of addresses',
  perRequest * 100 + 64,
  tuple(array(wanted, perRequest), array(address, perRequest)),
  ([set, drop]) => ({ set, drop }),
  c => [c.set.map(w => [w.address, w.policy, w.untilMs, w.uses]), c.drop]
)

/** From where on addresses are listed, in their order; null: from the first. */
export const addressesAfter: Codec<{ after: Uint8Array | null }> = codec(
  'a request for addresses',
  64,
  tuple(nullable(address)),
  ([after]) => ({ after }),
  r => [r.after]
)

/** An address as its pod has it. */
export interface KeptAddress {
  readonly address: Uint8Array
  readonly policy: AddressPolicy
  readonly untilMs: Millis
  /** How many letters it still takes. */
  readonly uses: number | null
  /** Notices that wait to be asked for, up to {@link limits.addressWaitingMax}. */
  readonly waiting: number
}

const kept = mapped(
  tuple(
    address,
    addressPolicy,
    uint(),
    nullable(uint(limits.addressUsesMax)),
    uint(limits.addressWaitingMax)
  ),
  ([address, policy, untilMs, uses, waiting]): KeptAddress => ({
    ...{ address, policy, untilMs, uses, waiting }
  })
)

/** Fewer than {@link limits.addressesPageMax} are the last. */
export const addressPage: Codec<{ addresses: readonly KeptAddress[] }> = codec(
  'a page of addresses',
  perRequest * 100 + 64,
  tuple(array(kept, perRequest)),
  ([addresses]) => ({ addresses }),
  p => [p.addresses.map(k => [k.address, k.policy, k.untilMs, k.uses, k.waiting])]
)

/** What waits at these is to be handed over. */
export const addressesAsked: Codec<{ addresses: readonly Uint8Array[] }> = codec(
  'a request for what waits',
  perRequest * 40 + 64,
  tuple(array(address, perRequest)),
  ([addresses]) => ({ addresses }),
  r => [r.addresses]
)

/** How many notices were handed over. */
export const addressesAnswer: Codec<{ count: number }> = codec(
  'how many notices were waiting',
  16,
  tuple(uint()),
  ([count]) => ({ count }),
  a => [a.count]
)

import { toHex } from '../../base/bytes.ts'
import type { Millis } from '../../base/ports.ts'
import type { Field } from '../../wire/cbor.ts'
import { bytes, literal, mapped, nullable, text, tuple, uint } from '../../wire/cbor.ts'
import type { AddressPolicy } from '../../wire/pod-addresses.ts'
import { addressPolicy } from '../../wire/pod-addresses.ts'
import type { AccountId, Row } from '../rows.ts'
import { row } from '../rows.ts'

/** Whom an address leads to: an account that the pod knows, or whoever holds an Ed25519 key. */
export type Owner =
  | { readonly kind: 'account'; readonly account: AccountId }
  | { readonly kind: 'key'; readonly key: Uint8Array }

/** Names a mailbox: an account's is its id, so that no key is taken for an account. */
export const ownerId = (owner: Owner): string =>
  owner.kind === 'account' ? owner.account : `key-${toHex(owner.key)}`

/** @param id of a key, as {@link ownerId} says */
export const keyOf = (id: string): Uint8Array =>
  new Uint8Array(Buffer.from(id.slice('key-'.length), 'hex'))

export const isOfKey = (id: string): boolean => id.startsWith('key-')

export const ofAccount = (account: AccountId): Owner => ({ kind: 'account', account })

/** What a pod does with what comes for an address. Source: docs/protocol/address.md#at-the-pod */
export interface AddressRow {
  readonly owner: Owner
  readonly policy: AddressPolicy
  /** Accepted until then. */
  readonly untilMs: Millis
  /** So many letters, and no more; null: as many as come. */
  readonly uses: number | null
}

const account = text(64, 64)
const owner: Field<Owner> = value =>
  typeof value === 'string' ? ofAccount(account(value)) : { kind: 'key', key: bytes(32)(value) }

const whole = mapped(
  tuple(literal(2), owner, addressPolicy, uint(), nullable(uint())),
  ([, owner, policy, untilMs, uses]): AddressRow => ({ owner, policy, untilMs, uses })
)
/** Version 1 says whose it is and until when: backups have it, and states of version 1. */
const field: Field<AddressRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  if (version !== 1) return whole(value)
  const [account, untilMs, ...more] = rest
  return whole([2, account, 'pull', untilMs, null, ...more])
}

export const addressRow: Row<AddressRow> = row(
  'an address',
  field,
  read => read,
  ({ owner, policy, untilMs, uses }) => [
    2,
    owner.kind === 'account' ? owner.account : owner.key,
    policy,
    untilMs,
    uses
  ]
)

/** What takes notices as they come: an intro address. */
export const openRow = (account: AccountId, untilMs: Millis): Uint8Array =>
  addressRow.encode({ owner: ofAccount(account), policy: 'pull', untilMs, uses: null })

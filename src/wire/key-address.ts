import { sha256, utf8 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bool, bytes, encodeCbor, mapped, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import type { Entry } from './notice.ts'
import { entries } from './notice.ts'
import { tokenBytes } from './token.ts'

// Addresses that belong to whoever holds a key, and to no account: made and polled within the blind seal. Source: docs/protocol/anonymous.md

const label = 'muttr key address 1'

/** What can be done about one: `number` is until when it is wanted, through where notices were taken, or 0. */
export type KeyDeed = 'make' | 'drop' | 'poll'

/** So many notices fit the smallest sealed answer, so that a poll looks like anything else that is small. */
export const keyPageMax = 3

/** It commits to the key: nobody else can have it, at whatever pod. 32 bytes that look random. */
export const keyAddress = (key: Uint8Array): Uint8Array => sha256(utf8(`${label}\0`), key)

/** What a key signs, for one pod and one moment. */
export const keyDeedBytes = (
  deed: KeyDeed,
  { pod, atMs, number }: { pod: string; atMs: Millis; number: number }
): Uint8Array => encodeCbor([label, deed, pod, atMs, number])

/** What holds a key asks of the pod that has its address. The pod is not named again: it is the one that opened the seal. */
export interface KeyRequest {
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array
  readonly atMs: Millis
  readonly number: number
  /** By the key, of {@link keyDeedBytes}. 64 bytes. */
  readonly signature: Uint8Array
}

const request = mapped(
  tuple(bytes(32), uint(), uint(), bytes(64)),
  ([key, atMs, number, signature]): KeyRequest => ({ key, atMs, number, signature })
)
const writeRequest = (r: KeyRequest): unknown[] => [r.key, r.atMs, r.number, r.signature]

/** `key-poll`, `key-drop` */
export const keyRequest: Codec<KeyRequest> = codec(
  'a request by the key of an address',
  128,
  request,
  read => read,
  writeRequest
)

/** `key-make`: paid for by some account of a pod. */
export interface KeyMake {
  readonly request: KeyRequest
  /** Hostname of the pod that signed the token. */
  readonly issuer: string
  readonly token: Uint8Array
}

export const keyMake: Codec<KeyMake> = codec(
  'a request for an address of a key',
  128 + tokenBytes + limits.hostnameCharsMax + 16,
  tuple(request, text(limits.hostnameCharsMax, 1), bytes(tokenBytes)),
  ([request, issuer, token]) => ({ request, issuer, token }),
  m => [writeRequest(m.request), m.issuer, m.token]
)

/** Until when the address is taken now. */
export const keyMade: Codec<{ untilMs: Millis }> = codec(
  'an address of a key',
  16,
  tuple(uint()),
  ([untilMs]) => ({ untilMs }),
  m => [m.untilMs]
)

/** What waits at an address of a key, the oldest first. */
export interface KeyPage {
  readonly untilMs: Millis
  /** To be named once all of it is kept: then it is dropped. */
  readonly through: number
  /** Whether more waits behind it. */
  readonly more: boolean
  readonly entries: readonly Entry[]
}

const storedBytesMax = 1_200
export const keyPage: Codec<KeyPage> = codec(
  'what waits at an address of a key',
  keyPageMax * (storedBytesMax + 20) + 48,
  tuple(
    uint(),
    uint(),
    bool,
    mapped(
      array(value => value, keyPageMax),
      entries
    )
  ),
  ([untilMs, through, more, entries]) => ({ untilMs, through, more, entries }),
  p => [p.untilMs, p.through, p.more, p.entries.map(e => [e.sequence, e.frame])]
)

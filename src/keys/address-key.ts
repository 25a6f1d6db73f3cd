import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { KeyDeed, KeyRequest } from '../wire/key-address.ts'
import { keyAddress, keyDeedBytes } from '../wire/key-address.ts'
import { makeDevice, verifyDevice } from './device.ts'

// Who holds the key of an address may say what becomes of it. Source: docs/protocol/anonymous.md

interface About {
  /** Hostname of the pod that is asked. */
  readonly pod: string
  readonly nowMs: Millis
}

/** @param seed 32 random bytes, the secret. @returns 32 bytes, that a correspondent is told. */
export const addressOf = (seed: Uint8Array): Uint8Array => keyAddress(makeDevice(seed).publicKey)

export function signKeyDeed(
  seed: Uint8Array,
  deed: KeyDeed,
  { pod, nowMs, number }: About & { number: number }
): KeyRequest {
  const { publicKey: key, sign } = makeDevice(seed)
  const atMs = Math.floor(nowMs)
  return { key, atMs, number, signature: sign(keyDeedBytes(deed, { pod, atMs, number })) }
}

/** @param about.pods the hostnames of the pod that is asked. @throws {MuttrError} `CLOCK_WRONG`; `SIGNATURE_INVALID` for another deed, pod, time or number than was signed */
export function checkKeyDeed(
  { key, atMs, number, signature }: KeyRequest,
  deed: KeyDeed,
  { pods, nowMs }: { pods: readonly string[]; nowMs: Millis }
): void {
  if (Math.abs(atMs - nowMs) > limits.clockSkewMs)
    throw new MuttrError('CLOCK_WRONG', 'a request of another time')
  const isFor = (pod: string): boolean =>
    verifyDevice(key, keyDeedBytes(deed, { pod, atMs, number }), signature)
  if (!pods.some(isFor))
    throw new MuttrError('SIGNATURE_INVALID', 'the key of the address has not signed this')
}

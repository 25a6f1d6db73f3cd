import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { beforeRevocation } from '../../keys/revoke.ts'
import { mayBeFollowed, saidByOld, verifySuccession } from '../../keys/succession.ts'
import { decodeSignedSuccession } from '../../wire/succession.ts'
import type { Followed } from '../contact-rows.ts'
import type { PodQuestions, Successor } from '../pod-questions.ts'

/** From a key that is known to the one that a pod shows now, by what the keys between them signed. */
export interface Way {
  /** The last of the former keys, as its pod shows it. */
  readonly last: Certificate
  /** Pins of the former keys, oldest first. */
  readonly pins: readonly string[]
  /** When the last of them named its successor, as it says. */
  readonly atMs: Millis
}

export interface Following {
  link: Pick<PodQuestions, 'hostname' | 'successor'>
  alias: string
  nowMs: Millis
  crypto: Crypto
}

/**
 * Follows the statements of a key and of those after it, as the pod keeps them, to the key that it shows: at most
 * {@link limits.successionsMax} steps, none of them back. @param left pins of keys that were left before.
 * @returns undefined when they do not lead there. @throws {MuttrError} when the pod cannot be asked. Source: docs/protocol/succession.md#following
 */
export async function follow(
  from: Certificate,
  to: Certificate,
  left: readonly string[],
  how: Following
): Promise<Way | undefined> {
  const { nowMs } = how
  if (!(await mayBeFollowed(from, nowMs))) return undefined
  const pins: string[] = []
  let found = await successorOf(from.fingerprint, how)
  if (found?.certificate.pin !== from.pin) return undefined
  for (let step = 0; found && step < limits.successionsMax; step++) {
    const { certificate: old, succession } = found
    pins.push(old.pin)
    const next = nameOf(succession)
    if (!next || [...left, ...pins].includes(next.pin)) return undefined
    const after: Successor | undefined =
      next.pin === to.pin ? undefined : await successorOf(next.fingerprint, how)
    const key = after?.certificate ?? to
    const atMs = await checked(succession, { old, next: key }, how)
    if (atMs === undefined) return undefined
    if (key.pin === to.pin) return { last: old, pins, atMs }
    found = after
  }
  return undefined
}

/** A letter that was written before a key was left lives so long. */
const formerLifeMs = limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs

/** Whether a contact left this key so lately that letters which it signed before may still be on their way. */
export const isOfBefore = (
  followed: Followed | null,
  fingerprint: string,
  nowMs: Millis
): followed is Followed =>
  followed?.fromFingerprint === fingerprint && followed.atMs + formerLifeMs > nowMs

/**
 * A key that is known by its fingerprint alone, as from a card or a letter under way, when it leads to the one that is shown; as it was before
 * its owner revoked it.
 */
export async function formerKey(
  fingerprint: string,
  shown: Certificate,
  how: Following
): Promise<Certificate | undefined> {
  const old = (await successorOf(fingerprint, how))?.certificate
  if (old?.fingerprint !== fingerprint) return undefined
  return (await follow(old, shown, [], how)) && (await beforeRevocation(old))
}

/** Whether a key that was left has signed for another than the one it was left for: one of the two is not its owner's. */
export async function isForked(
  left: Certificate,
  successor: string,
  how: Following
): Promise<boolean> {
  const found = await successorOf(left.fingerprint, how)
  const next = found && nameOf(found.succession)
  if (!next || next.pin === successor) return false
  return (await saysSo(found, left, how)) !== undefined
}

/** A key that was left, as the pod has it now: with what its owner revoked since. */
export async function lastKnown(
  left: Certificate,
  how: Following
): Promise<Certificate | undefined> {
  const found = await successorOf(left.fingerprint, how)
  return found?.certificate.pin === left.pin ? found.certificate : undefined
}

/** Whether a pod shows a word of this very key for a successor. @returns the successor's fingerprint */
export async function namedBy(own: Certificate, how: Following): Promise<string | undefined> {
  const found = await successorOf(own.fingerprint, how)
  return found && (await saysSo(found, own, how))
}

async function saysSo(
  { succession }: Successor,
  old: Certificate,
  { link, nowMs, crypto }: Following
): Promise<string | undefined> {
  try {
    const shown = { old, pod: link.hostname, nowMs }
    return (await saidByOld(succession, shown, crypto)).next.fingerprint
  } catch {
    return undefined
  }
}

/** @returns undefined also of a pod that does not know the question, or answers with junk. */
async function successorOf(
  fingerprint: string,
  { link, alias }: Following
): Promise<Successor | undefined> {
  try {
    return (await link.successor(alias, fingerprint)) ?? undefined
  } catch (err) {
    if (nothing.has(codeOf(err) ?? '')) return undefined
    throw err
  }
}

const nothing: ReadonlySet<string> = new Set([
  ...['METHOD_UNKNOWN', 'ALIAS_UNKNOWN', 'KEY_INVALID', 'WIRE_MALFORMED', 'WIRE_TOO_LARGE']
])

function nameOf(frame: Uint8Array) {
  try {
    return decodeSignedSuccession(frame).succession.next
  } catch {
    return undefined
  }
}

async function checked(
  frame: Uint8Array,
  keys: { old: Certificate; next: Certificate },
  { link, nowMs, crypto }: Following
): Promise<Millis | undefined> {
  try {
    const shown = { ...keys, pod: link.hostname, nowMs }
    return (await verifySuccession(frame, shown, crypto)).issuedMs
  } catch {
    return undefined
  }
}

import { equalBytes, sha256, toHex, utf8 } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Millis, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import { ownKey } from '../../keys/person.ts'
import { expiryAt } from '../../wire/blob.ts'
import type { Slip } from '../../wire/notice.ts'
import { sealNotice, sealSlip } from '../compose.ts'

const label = utf8('muttr probe 1\0')
const lifeMs = 3 * 24 * 3_600_000

/** A notice of ours to ourselves, about a blob that is nowhere: for the pod like any other. */
export interface Probe {
  /** Of the blob, hex. */
  readonly key: string
  readonly sentMs: Millis
  readonly expiryMs: Millis
}

const letterOf = (key: Uint8Array): Uint8Array => sha256(label, key)

/** Whether an opened slip is of a probe; who signed it is still to be checked. */
export const isProbe = (slip: Slip, reader: Person): boolean =>
  ownKey(reader, slip.fingerprint) !== undefined && equalBytes(slip.letter, letterOf(slip.key))

/** A probe for an address, with its notice sealed to the pod, to be submitted when the probe is written down. */
export async function makeProbe(
  to: { alias: string; intro: Uint8Array; hpkeKey: Uint8Array },
  { person, random, crypto, nowMs }: ProbeParts
): Promise<{ probe: Probe; notice: Uint8Array }> {
  const key = random.bytes(32)
  const expiryMs = expiryAt(nowMs + lifeMs)
  const slip = await sealSlip({
    from: person,
    alias: to.alias,
    to: person.certificate,
    letter: letterOf(key),
    ...{ key, nowMs, crypto }
  })
  const [sizeBytes] = limits.sealedSizes
  const notice = { address: to.intro, key, sizeBytes, expiryMs, slip }
  return {
    probe: { key: toHex(key), sentMs: nowMs, expiryMs },
    notice: await sealNotice(notice, to.hpkeKey, crypto)
  }
}

interface ProbeParts {
  person: Person
  random: Random
  crypto: Crypto
  nowMs: Millis
}

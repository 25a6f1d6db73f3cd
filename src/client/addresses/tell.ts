import { fromHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { readAlias } from '../../pod/alias.ts'
import { encodeOffer } from '../../wire/address.ts'
import { expiryAt } from '../../wire/blob.ts'
import { sealNotice } from '../compose.ts'
import type { Contacts } from '../contacts.ts'
import type { Passing } from '../passing.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import type { Relation } from './relation-rows.ts'

export interface TellParts {
  contacts: Pick<Contacts, 'reader' | 'route' | 'forgetRoute'>
  self: Pick<Self, 'person'>
  pods: Pick<Pods, 'questions' | 'identified' | 'certificateOf'>
  passing: Pick<Passing, 'way'>
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  life: AbortSignal
}

/** So long the correspondent's pod keeps it. */
const lifeMs: Millis = limits.blobLifeMsMax

/**
 * Tells a correspondent, signed and sealed, where their letters are announced from now on: in a slip, with the key of a blob that is nowhere. It goes to
 * their intro address, the way that letters to them go.
 * @returns false for two whose keys leave no room for it. @throws {MuttrError} when it is to be tried again: `POD_UNREACHABLE`, `VAULT_LOCKED`, …
 */
export type Tell = (relation: Relation) => Promise<boolean>

export const createTell =
  (parts: TellParts): Tell =>
  async ({ us, them, ours, renew }) => {
    const { contacts, self, clock, random, crypto, life } = parts
    const nowMs = clock.now()
    const from = self.person()
    const expiryMs = expiryAt(nowMs + lifeMs)
    const { certificate } = await contacts.reader(them, expiryMs, life)
    const { route } = await contacts.route(them, life)
    const key = random.bytes(32)
    const offer = encodeOffer({
      ...{ fingerprint: from.certificate.fingerprint, alias: us },
      to: { fingerprint: certificate.fingerprint, alias: them },
      ...{ key, madeMs: Math.max(Math.floor(nowMs), ours?.madeMs ?? 0), place: ours, renew }
    })
    const sizes = [limits.slipBytes]
    const how = { from, to: certificate, sizes, nowMs, brief: true }
    const slip = await crypto.seal(offer, how).catch(err => {
      if (codeOf(err) !== 'LETTER_TOO_LARGE') throw err
      return undefined
    })
    if (!slip) return false
    const [sizeBytes] = limits.sealedSizes
    const body = { address: route.intro, key, sizeBytes, expiryMs, slip }
    const notice = await sealNotice(body, route.hpkeKey, crypto)
    if (!(await passOn(parts, { us, them, notice, expiryMs }))) await submit(parts, them, notice)
    return true
  }

/** @returns whether our own pod takes care of it. */
async function passOn(
  { pods, passing, life, log }: TellParts,
  told: { us: string; them: string; notice: Uint8Array; expiryMs: Millis }
): Promise<boolean> {
  const { us, them, notice, expiryMs } = told
  const own = passing.way({ from: us, to: them, place: null })
  if (own === undefined) return false
  const { hostname } = readAlias(them)
  try {
    const pin = (await pods.certificateOf(hostname))?.pin
    const link = await pods.identified(own, life)
    await link.queue.give({ notice, hostname, pin: pin ? fromHex(pin, 32)! : null, expiryMs })
    return true
  } catch (err) {
    if (codeOf(err) === 'CANCELLED') throw err
    log.debug('an address goes past the own pod', { pod: own, code: codeOf(err) })
    return false
  }
}

async function submit({ pods, contacts, life }: TellParts, them: string, notice: Uint8Array) {
  const pod = await pods.questions(readAlias(them).hostname, life)
  await pod.submit(notice).catch(async err => {
    // The pod has a new key: the next attempt asks for it.
    if (codeOf(err) === 'NOTICE_INVALID') await contacts.forgetRoute(them)
    throw err
  })
}

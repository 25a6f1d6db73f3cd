import { fromHex, toHex } from '../../src/base/bytes.ts'
import { makeSecrets, sealLetter, sealSlip } from '../../src/client/compose.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import type { Person } from '../../src/keys/person.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt } from '../../src/wire/blob.ts'
import type { Letter } from '../../src/wire/letter.ts'
import type { ClientWorld } from './client-world.ts'
import { dice } from './client-world.ts'
import { plainLetter } from './letters.ts'

export const hourMs = 3_600_000
export const bytesOf = (hex: string) => fromHex(hex, hex.length / 2)!

export interface Crafted {
  /** Who signs the letter; says nothing of what stands in it. */
  by: Person
  to: Certificate
  letter?: Partial<Letter>
  /** Who signs the slip, and what it says, when not the same. */
  slipBy?: Person
  slipFor?: Uint8Array
  slipAlias?: string
}

/** A letter as somebody might make it who does not use our client. */
export async function craft(
  world: ClientWorld,
  o: Crafted
): Promise<{ blob: Blob; slip: Uint8Array }> {
  const { by, to, slipBy = by } = o
  const nowMs = world.clock.now()
  const id = dice.bytes(32)
  const letter = plainLetter({
    id,
    thread: id,
    sender: { fingerprint: bytesOf(by.certificate.fingerprint), alias: 'mallory@one.test' },
    recipients: [{ fingerprint: bytesOf(to.fingerprint), alias: 'bob@one.test' }],
    sentMs: nowMs,
    certificate: by.certificate.bytes,
    ...o.letter
  })
  const secrets = makeSecrets(dice)
  const expiryMs = expiryAt(nowMs + 30 * 24 * hourMs)
  const blob = await sealLetter({ letter, secrets, from: by, to, expiryMs, nowMs })
  const slip = await sealSlip({
    from: slipBy,
    alias: o.slipAlias ?? letter.sender.alias,
    to,
    letter: letter.id,
    key: o.slipFor ?? blob.key,
    nowMs
  })
  return { blob, slip }
}

/** Stores a blob and announces it to bob. */
export async function post(
  world: ClientWorld,
  blob: Pick<Blob, 'key'> & Partial<Blob>,
  slip: Uint8Array,
  { expiryMs = expiryAt(world.clock.now() + 24 * hourMs), sizeBytes = 4_096 } = {}
): Promise<void> {
  if (blob.sealed) world.dht.blobs.set(toHex(blob.key), blob as Blob)
  await world.pod().deliver('bob@one.test', { key: blob.key, sizeBytes, expiryMs, slip })
}

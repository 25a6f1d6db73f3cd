import { promisify } from 'node:util'
import { inflate, inflateRaw } from 'node:zlib'
import type { AnyPacket, CompressedDataPacket, Config } from 'openpgp'
import * as openpgp from 'openpgp'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { allPackets, collected, settings } from './openpgp.ts'
import type { PacketView } from './packets.ts'
import { tags, walkPackets } from './packets.ts'

/** What sealed bytes may be before and after decryption. Source: docs/protocol/sealing.md */

const { aead } = openpgp.enums

/**
 * Checks the outside of a stranger's sealed bytes without any cryptography: one to four session keys for public keys, then one
 * encrypted and integrity protected packet, nothing else. @throws {MuttrError} `SEAL_REFUSED`
 */
export function checkEnvelope(sealed: Uint8Array): void {
  if (sealed.byteLength > limits.blobBytesMax)
    throw sealRefused(`${sealed.byteLength} sealed bytes`)
  let packets: PacketView[]
  try {
    packets = walkPackets(sealed, limits.sealedRecipientsMax + 1)
  } catch (cause) {
    throw sealRefused('not whole OpenPGP packets, or too many', cause)
  }
  const body = packets.pop()
  if (packets.length === 0 || packets.some(({ tag }) => tag !== tags.pkesk))
    throw sealRefused('not sealed to one to four public keys')
  const mode = body && modeOf(body)
  if (mode === undefined) throw sealRefused('not encrypted with integrity protection')
  if (mode !== 'fast' && body!.bodyBytes > limits.sealedSlowModeBytesMax)
    throw sealRefused(`${body!.bodyBytes} bytes in OCB or EAX`)
}

/** Chunks of 1 KiB (2^(4 + 6)) to 4 MiB: thousands of tiny ones cost a quarter of a second. */
const chunkSizeMin = 4
const chunkSizeMax = 16

/** Version 1 runs in CFB and version 2 in GCM at the speed of the machine; OCB and EAX run in JavaScript. */
function modeOf({ tag, head }: PacketView): 'fast' | 'slow' | undefined {
  const [version, , mode, chunkSize = 255] = head
  if (tag === tags.encrypted && version === 1) return 'fast'
  const isAead = tag === tags.encrypted ? version === 2 : tag === tags.aead && version === 1
  if (!isAead || chunkSize < chunkSizeMin || chunkSize > chunkSizeMax) return undefined
  if (mode === aead.gcm) return 'fast'
  return mode === aead.eax || mode === aead.ocb ? 'slow' : undefined
}

export const sealRefused = (message: string, cause?: unknown): MuttrError =>
  new MuttrError('SEAL_REFUSED', message, { cause })

/** A signed message as it may stand inside: exactly one signature over one literal packet, compressed or not. */
export interface SignedBody {
  readonly message: openpgp.Message<Uint8Array>
  readonly plaintext: Uint8Array
  readonly signature: openpgp.SignaturePacket
}

/** @throws {MuttrError} `SEAL_REFUSED` */
export function signedBody(decrypted: readonly AnyPacket[]): SignedBody {
  const packets =
    decrypted.length === 1 && isCompressed(decrypted[0]!) ? decrypted[0].packets : decrypted
  const one = <T extends AnyPacket>(kind: new () => T): T | undefined => {
    const found = packets.filter(packet => packet instanceof kind)
    return found.length === 1 ? (found[0] as T) : undefined
  }
  const literal = one(openpgp.LiteralDataPacket)
  const signature = one(openpgp.SignaturePacket)
  const onePass = packets.length === 3 ? one(openpgp.OnePassSignaturePacket) : undefined
  if (!literal || !signature || packets.length !== (onePass ? 3 : 2))
    throw sealRefused('not one literal packet with one signature')
  const { getBytes } = literal as unknown as { getBytes(): Uint8Array }
  const list = new openpgp.PacketList<AnyPacket>()
  list.push(...packets)
  return { message: new openpgp.Message(list), plaintext: getBytes.call(literal), signature }
}

const inflaters = { 1: promisify(inflateRaw), 2: promisify(inflate) } as const

type BoundedCompressed = AnyPacket & { packets: readonly AnyPacket[] }
const bounded = new WeakSet<object>()
const isCompressed = (packet: AnyPacket): packet is BoundedCompressed => bounded.has(packet)

/**
 * Settings for one decryption, with a reader of compressed packets in place of the library's: that one refuses what Sequoia 0.27 writes
 * (Node's DecompressionStream is strict about the end of the data), nests, and takes as many packets as there are.
 * This one takes a single packet, ZIP or ZLIB, at most {@link limits.decompressedBytesMax}, nothing compressed inside.
 */
export function settingsForOpening(): Config {
  let seen = 0
  class Compressed {
    static readonly tag = tags.compressed
    packets: readonly AnyPacket[] = []
    async read(data: unknown): Promise<void> {
      if (++seen > 1) throw new Error('a second compressed packet')
      this.packets = await inflated(await collected(data))
      bounded.add(this)
    }
    write(): Uint8Array {
      throw new TypeError('only ever read')
    }
  }
  const additional = [Compressed as unknown as typeof CompressedDataPacket]
  return { ...settings, additionalAllowedPackets: additional }
}

async function inflated(body: Uint8Array): Promise<readonly AnyPacket[]> {
  const algorithm = body[0]
  if (algorithm !== 1 && algorithm !== 2)
    throw new Error('compressed neither with ZIP nor with ZLIB')
  const bytes = await inflaters[algorithm](body.subarray(1), {
    maxOutputLength: limits.decompressedBytesMax
  })
  const { LiteralDataPacket, OnePassSignaturePacket, SignaturePacket, PacketList } = openpgp
  const allowed = Object.fromEntries(
    [LiteralDataPacket, OnePassSignaturePacket, SignaturePacket].map(kind => [kind.tag, kind])
  )
  const list = await PacketList.fromBinary(
    new Uint8Array(bytes),
    allowed as unknown as Parameters<typeof PacketList.fromBinary>[1],
    settings
  )
  return await allPackets(list)
}

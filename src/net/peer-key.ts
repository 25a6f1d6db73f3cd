import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import { chmod, link, open, readFile, rm } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MuttrError } from '../base/errors.ts'
import type { PeerKeys } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import { parsePeer } from './place.ts'

export type PrivateKey = Ed25519PrivateKey

export const makePeerKey = (): Promise<PrivateKey> => generateKeyPair('Ed25519')

/**
 * Reads the node's key (libp2p's protobuf form), or makes one, readable by its owner alone.
 * @throws {MuttrError} `HOME_DAMAGED` when the file holds something else.
 */
export async function loadPeerKey(file: string): Promise<PrivateKey> {
  const known = await readKey(file)
  if (known) return known
  const made = await makePeerKey()
  // Written beside and linked: a crash leaves no half key, and of two processes the first one's key stands for both.
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(privateKeyToProtobuf(made))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(draft, file)
    return made
  } catch (cause) {
    const other = (cause as NodeJS.ErrnoException).code === 'EEXIST' && (await readKey(file))
    if (other) return other
    throw cause
  } finally {
    await rm(draft, { force: true })
  }
}

async function readKey(file: string): Promise<PrivateKey | undefined> {
  let raw: Uint8Array
  try {
    raw = await readFile(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new MuttrError('HOME_DAMAGED', `cannot read ${file}`, { cause })
  }
  try {
    const key = privateKeyFromProtobuf(raw)
    if (key.type !== 'Ed25519') throw new TypeError(`a ${key.type} key`)
    await chmod(file, 0o600).catch(() => undefined) // a read-only disk; `doctor` tells of what others can read
    return key
  } catch (cause) {
    throw new MuttrError('HOME_DAMAGED', `${file} holds no Ed25519 peer key`, { cause })
  }
}

const keyOf = recent(1_024, (peer): KeyObject | null => {
  try {
    const { publicKey, type } = parsePeer(peer)
    if (type !== 'Ed25519' || publicKey === undefined) return null
    const x = Buffer.from(publicKey.raw).toString('base64url')
    return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
  } catch {
    return null
  }
})

export function peerKeys(privateKey: PrivateKey): PeerKeys {
  const d = Buffer.from(privateKey.raw.subarray(0, 32)).toString('base64url')
  const x = Buffer.from(privateKey.publicKey.raw).toString('base64url')
  const jwk = { kty: 'OKP', crv: 'Ed25519', d, x }
  const secret = createPrivateKey({ format: 'jwk', key: jwk })
  return {
    self: peerIdFromPrivateKey(privateKey).toString(),
    sign: bytes => new Uint8Array(sign(null, bytes, secret)),
    verify(peer, bytes, signature) {
      const key = signature.byteLength === 64 ? keyOf(peer) : null
      return key !== null && verify(null, bytes, key, signature)
    }
  }
}

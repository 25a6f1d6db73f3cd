import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { PeerKeys } from '../../src/base/ports.ts'
import { keyOfPeer, peerOfKey } from '../../src/wire/contact.ts'

const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Ed25519 peer keys without libp2p, the same for the same 32 bytes. */
export function makeKeys(seed: Uint8Array): PeerKeys {
  const der = Buffer.concat([seedPrefix, seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return {
    self: peerOfKey(new Uint8Array(spki.subarray(publicPrefix.length))),
    sign: bytes => new Uint8Array(sign(null, bytes, secret)),
    verify(peer, bytes, signature) {
      const key = keyOfPeer(peer)
      if (!key) return false
      const publicKey = createPublicKey({
        key: Buffer.concat([publicPrefix, key]),
        format: 'der',
        type: 'spki'
      })
      return verify(null, bytes, publicKey, signature)
    }
  }
}

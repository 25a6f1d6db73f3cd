import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { MuttrError } from '../../src/base/errors.ts'
import type { DhtRecord, RecordAuthor, VerifyRecord } from '../../src/wire/record.ts'
import { makeRecord } from '../../src/wire/record.ts'

export interface TestAuthor {
  author: RecordAuthor
  sign(bytes: Uint8Array): Uint8Array
}

/** An Ed25519 author, the same for the same `n`. */
export function ed25519Author(n: number): TestAuthor {
  const seed = createHash('sha256').update(`author ${n}`).digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return {
    author: { scheme: 0, bytes: new Uint8Array(spki.subarray(12)) },
    sign: bytes => new Uint8Array(sign(null, bytes, secret))
  }
}

/** Stands for OpenPGP: its "signature" is a hash of the author's packets and the bytes, which only tests take for one. */
export function packetAuthor(body: Uint8Array): TestAuthor & { verifyRecord: VerifyRecord } {
  const packets = Uint8Array.of(0xc6, body.byteLength, ...body, 0xce, 1, 7)
  const hash = (author: Uint8Array, bytes: Uint8Array) =>
    new Uint8Array(createHash('sha256').update(author).update(bytes).digest())
  return {
    author: { scheme: 1, bytes: packets },
    sign: bytes => hash(packets, bytes),
    async verifyRecord({ author, signed, signature }) {
      if (Buffer.compare(hash(author, signed), signature) !== 0)
        throw new MuttrError('SIGNATURE_INVALID', 'not the hash that tests take for a signature')
    }
  }
}

export const recordBy = (
  { author, sign: signIt }: TestAuthor,
  {
    kind = 'pod',
    sequence = 1,
    body = 'body'
  }: { kind?: string; sequence?: number; body?: string } = {}
): Promise<DhtRecord> =>
  makeRecord({ kind, author, sequence, body: new Uint8Array(Buffer.from(body)) }, signIt)

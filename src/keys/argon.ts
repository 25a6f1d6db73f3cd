import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { utf8 } from '../base/bytes.ts'

/** How a passphrase becomes a key: Argon2id (RFC 9106). */
export interface Stretching {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
  readonly salt: Uint8Array
}

const argon2Async = promisify(argon2)

/** 32 bytes. The same passphrase typed on another keyboard may come composed differently, so it is brought to NFC. */
export const stretch = (
  passphrase: string,
  { memoryKiB, passes, lanes, salt }: Stretching
): Promise<Buffer> =>
  argon2Async('argon2id', {
    message: utf8(passphrase.normalize('NFC')),
    nonce: salt,
    parallelism: lanes,
    tagLength: 32,
    memory: memoryKiB,
    passes
  })

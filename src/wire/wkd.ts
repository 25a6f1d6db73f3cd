import { hash } from 'node:crypto'

const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769'

/** By which a Web Key Directory names the part before the `@`: SHA-1 of it in lower case, in z-base-32, 32 characters. */
export function wkdHash(localPart: string): string {
  const digest = hash('sha1', localPart.toLowerCase(), 'buffer')
  let text = ''
  let [bits, held] = [0, 0]
  for (const byte of digest) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(held >> (bits - 5)) & 31]
    held &= (1 << bits) - 1
  }
  return text
}

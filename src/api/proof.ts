import { createHmac, timingSafeEqual } from 'node:crypto'
import { fromHex, sha256, utf8 } from '../base/bytes.ts'
import type { Random } from '../base/ports.ts'

/** A fresh token for one run of the daemon: 32 random bytes in hex. */
export const makeToken = (random: Random): string => Buffer.from(random.bytes(32)).toString('hex')

/** Compares in a time that does not tell where two texts differ, nor how long the wanted one is. */
export const sameSecret = (given: string, wanted: string): boolean =>
  timingSafeEqual(sha256(utf8(given)), sha256(utf8(wanted)))

/**
 * The daemon's answer to a nonce. It shows a command that the right process listens on the port of an old api.json, before any
 * letter or token is sent there. Source: docs/protocol/local-api.md
 */
export const proofOf = (token: string, nonce: string): string =>
  createHmac('sha256', token).update(`muttr local api 1 ${nonce}`).digest('hex')

export const isNonce = (text: string): boolean => fromHex(text, 32) !== undefined

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { PeerId } from '../base/ports.ts'
import type { Knock } from '../wire/link.ts'
import { knockBytes } from '../wire/link.ts'

/** One exchange between a device that is there and one that comes. Source: docs/protocol/link.md */
export interface LinkTerms {
  /** Of the code, 16 bytes. */
  readonly secret: Uint8Array
  /** Of the device that is there, for one proof: 16 bytes. */
  readonly nonce: Uint8Array
  /** The device that is there. */
  readonly host: PeerId
}

type Said = Pick<Knock, 'card' | 'history'>

const derive = ({ secret, nonce }: LinkTerms, info: string, length: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, nonce, info, length))

/** Shows that the code is known, without telling it. @returns 32 bytes */
export function proveLink(said: Said, terms: LinkTerms): Uint8Array {
  const key = derive(terms, 'muttr link proof 1', 32)
  return new Uint8Array(createHmac('sha256', key).update(knockBytes(said, terms)).digest())
}

/** In constant time. */
export const provesLink = ({ proof, ...said }: Knock, terms: LinkTerms): boolean =>
  timingSafeEqual(proof, proveLink(said, terms))

/** What the stream of this exchange is sealed under: 16 bytes. */
export const linkStreamSecret = (terms: LinkTerms): Uint8Array =>
  derive(terms, 'muttr link stream 1', 16)

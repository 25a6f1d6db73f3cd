import { openRequest, sealRequest } from './blind.ts'
import { readCertificate } from './certificate.ts'
import { certify, checkCertification } from './certify.ts'
import { hpkeOpen, hpkeSeal } from './hpke.ts'
import { primaryFingerprint } from './packets.ts'
import { addAlias, withCertificate } from './person.ts'
import { open, seal } from './seal.ts'
import { offersIn, signDetached, verifyDetached } from './sign.ts'
import { blind, checkTokenKey, makeTokenKey, signBlinded, verifyToken } from './token.ts'

/**
 * What pods and clients do with people's keys. {@link openPgp} ships and is taken unless told; a virtual world, where a thousand people
 * write for months, hands in stand-ins.
 */
export interface Crypto {
  readonly readCertificate: typeof readCertificate
  readonly primaryFingerprint: typeof primaryFingerprint
  readonly certify: typeof certify
  readonly checkCertification: typeof checkCertification
  readonly addAlias: typeof addAlias
  readonly withCertificate: typeof withCertificate
  readonly seal: typeof seal
  readonly open: typeof open
  readonly signDetached: typeof signDetached
  readonly verifyDetached: typeof verifyDetached
  readonly offersIn: typeof offersIn
  readonly hpkeSeal: typeof hpkeSeal
  readonly hpkeOpen: typeof hpkeOpen
  readonly sealRequest: typeof sealRequest
  readonly openRequest: typeof openRequest
  readonly makeTokenKey: typeof makeTokenKey
  readonly checkTokenKey: typeof checkTokenKey
  readonly signBlinded: typeof signBlinded
  readonly verifyToken: typeof verifyToken
  readonly blind: typeof blind
}

export const openPgp: Crypto = {
  readCertificate,
  primaryFingerprint,
  certify,
  checkCertification,
  addAlias,
  withCertificate,
  seal,
  open,
  signDetached,
  verifyDetached,
  offersIn,
  hpkeSeal,
  hpkeOpen,
  sealRequest,
  openRequest,
  makeTokenKey,
  checkTokenKey,
  signBlinded,
  verifyToken,
  blind
}

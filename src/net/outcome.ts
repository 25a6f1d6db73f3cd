import type { PortOutcome } from '../base/ports.ts'

const byCode: ReadonlyMap<unknown, PortOutcome> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-name'],
  ['CERT_HAS_EXPIRED', 'certificate-expired'],
  ['CERT_NOT_YET_VALID', 'certificate-expired'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificate'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate']
])
const depthMax = 8

/** Why a connection was not made, from what Node, OpenSSL or libp2p threw; `other` for all that was not the network's doing. */
export function outcomeOf(err: unknown, depth = 0): PortOutcome {
  if (typeof err !== 'object' || err === null || depth > depthMax) return 'other'
  const { code, cause, errors } = err as { code?: unknown; cause?: unknown; errors?: unknown }
  const known = byCode.get(code)
  if (known !== undefined) return known
  // Of several addresses any that somebody answers at says more.
  const inner = [...(Array.isArray(errors) ? errors : []), ...(cause === undefined ? [] : [cause])]
  const found = inner.map(one => outcomeOf(one, depth + 1)).filter(one => one !== 'other')
  return found[0] ?? 'other'
}

import type { ErrorCode } from '../../base/errors.ts'
import { TargetRefusal } from '../blind/asking.ts'

/** What says that a pod is not there for this any more. */
const away: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['POD_UNREACHABLE', 'POD_UNKNOWN', 'POD_CHANGED', 'POD_TOO_OLD', 'BLIND_INVALID'] as const),
  ...(['FEDERATION_REFUSED', 'METHOD_UNKNOWN', 'WIRE_MALFORMED', 'PEER_REFUSED'] as const),
  ...(['NOTICE_INVALID', 'ADDRESS_UNKNOWN'] as const)
])
/** Whatever a pod refuses with counts too. What a relay refuses with does not. */
export const isOfTarget = (err: unknown, code: ErrorCode): boolean =>
  err instanceof TargetRefusal || away.has(code)

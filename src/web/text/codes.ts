/** What is pasted into one field may belong into another. Source: docs/protocol/link.md, docs/protocol/join-link.md */
const device = 'muttr:device?'

export const isDeviceCode = (pasted: string): boolean => pasted.trim().startsWith(device)

export const isJoinLink = (pasted: string): boolean =>
  pasted.trim().startsWith('muttr:') && !isDeviceCode(pasted)

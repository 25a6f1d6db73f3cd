import type { ErrorCode } from '../../base/errors.ts'

const linkAgain =
  'Choose “Link a new device” on the device that you have, and give its new code to the new one.'

/** What to do, for who sits at the page: where the node's own words name commands. */
const here: Partial<Record<ErrorCode, string>> = {
  ALIAS_MISSING: 'Take one under Settings.',
  CONTACT_UNKNOWN: 'Those you know are under Contacts.',
  DEVICE_UNKNOWN: 'Your devices are under Settings.',
  DEVICE_REVOKED: linkAgain,
  KEY_CHANGED:
    'Compare keys with the person. Then answer under Contacts, or import there the key file that they give you.',
  MOVE_DENIED: 'Ask them by another way, then answer under Contacts.',
  PROOF_UNKNOWN: 'What is proven is said above every place, until you have seen it.',
  LETTER_HELD: 'It waited when a backup was made: send it, or take it back, under Sent.',
  LETTER_UNDER_WAY: 'Take it back first, or wait until it was accepted or has expired.',
  LETTER_UNKNOWN: 'Your letters are under Inbox and Sent.',
  LIMIT_EXCEEDED: 'Save the backup in a file, or allow more: networkBackupBytes in muttr.json.',
  LINK_INVALID: 'A link is there to join by, a code to link a device: each has a field of its own.',
  LINK_REFUSED: linkAgain,
  PEER_CLOSED: linkAgain,
  PEER_TIMEOUT: `${linkAgain} If they do not meet, bring both into the same network.`,
  PEER_UNREACHABLE:
    'Bring both devices into the same network and try again; or save a backup there, and choose “I have a backup” here.',
  REQUEST_UNKNOWN: 'Who asks to be read is under Requests.'
}

/** A hint that speaks of the page where the node's own speaks of commands. */
export const hintHere = (code: ErrorCode, hint: string): string =>
  hint.includes('`muttr ') ? (here[code] ?? hint) : hint

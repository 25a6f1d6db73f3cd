import { toHex } from '../../base/bytes.ts'
import type { Letter, Party } from '../../wire/letter.ts'
import type { Participant } from './conversation-rows.ts'
import { participantsMax } from './conversation-rows.ts'

/** Who is in a letter besides ourselves, its sender first. */
export function othersOf(
  { sender, recipients }: Pick<Letter, 'sender' | 'recipients'>,
  ownFingerprint: string
): Participant[] {
  const all = [sender, ...recipients].map(({ alias, fingerprint }: Party) => ({
    alias,
    fingerprint: toHex(fingerprint)
  }))
  const others = all.filter(({ fingerprint }) => fingerprint !== ownFingerprint)
  // A letter to oneself is a conversation with oneself.
  return (others.length > 0 ? others : all.slice(0, 1)).slice(0, participantsMax)
}

import type { ConversationRow, Participant } from './conversation-rows.ts'
import { participantsMax } from './conversation-rows.ts'
import type { Member } from './conversations.ts'

/** A conversation with one letter more. In whichever order letters come, the counts are the same. */
export function withLetter(before: ConversationRow | undefined, letter: Member): ConversationRow {
  const { thread, subject, atMs, from, snippet, others, attachments } = letter
  const own = { subject, firstMs: atMs }
  const last = { lastMs: atMs, lastFrom: from, snippet }
  const unread = letter.read ? 0 : 1
  if (!before)
    return {
      ...{ thread, ...own, ...last, attachments, unread },
      others: withOthers([], others),
      letters: 1,
      labels: [],
      archived: false
    }
  return {
    ...before,
    ...(atMs < before.firstMs && own),
    ...(atMs >= before.lastMs && last),
    others: withOthers(before.others, others),
    letters: before.letters + 1,
    unread: before.unread + unread,
    attachments: before.attachments + attachments,
    // What is new belongs where one looks.
    archived: false
  }
}

/** Each alias once; a key that is learned later is added. */
function withOthers(
  before: readonly Participant[],
  more: readonly Participant[]
): readonly Participant[] {
  const others = [...before]
  for (const one of more) {
    const at = others.findIndex(({ alias }) => alias === one.alias)
    if (at >= 0) {
      if (others[at]!.fingerprint === null) others[at] = one
    } else if (others.length < participantsMax) others.push(one)
  }
  return others
}

/** Whether somebody is in a conversation already: by the key, or by an alias that is pinned to the key. */
export const isAmong = (
  { others }: ConversationRow,
  from: string,
  { fingerprint, isContact }: { fingerprint: string; isContact: boolean }
): boolean =>
  others.some(one => one.fingerprint === fingerprint || (isContact && one.alias === from))

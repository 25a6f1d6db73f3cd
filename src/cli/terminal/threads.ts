import type { LetterSummary, SentLetter } from '../../client/client.ts'
import type { Output } from '../output.ts'
import { cut, table, widthOf } from '../text.ts'
import { formatTime, shortId } from '../units.ts'

/** A line of the inbox. */
export interface Listed {
  thread: string
  id: string
  atMs: number
  /** The other one; what is ours points there. */
  who: string
  mark: string
  isOwn: boolean
  isUnread: boolean
  says: string
}

const nothing = '(no subject)'

export const listedReceived = (letter: LetterSummary, about: string): Listed => ({
  ...{ thread: letter.thread, id: letter.id, atMs: letter.receivedMs, who: letter.from.alias },
  ...{ mark: letter.from.verified ? ' ✓' : '', isOwn: false, isUnread: !letter.read },
  says: `${letter.subject || nothing}${about}`
})

export const listedSent = (letter: SentLetter): Listed => ({
  ...{ thread: letter.thread, id: letter.id, atMs: letter.sentMs, who: `→ ${letter.to}` },
  ...{ mark: '', isOwn: true, isUnread: false },
  says: `${letter.subject || nothing} (${letter.waiting ? 'waits' : letter.state})`
})

/** Letters of one conversation, newest first; conversations by their newest. */
function threadsOf(letters: readonly Listed[]): Listed[][] {
  const threads = new Map<string, Listed[]>()
  for (const letter of letters.toSorted((a, b) => b.atMs - a.atMs)) {
    const known = threads.get(letter.thread)
    if (known) known.push(letter)
    else threads.set(letter.thread, [letter])
  }
  return [...threads.values()]
}

/** So much of a name is shown on a screen: the rest is for the subject. */
const nameColumns = 30

/** The inbox by conversations: unread letters stand out, older letters of a conversation stand under the newest. */
export function threadsText(out: Output, letters: readonly Listed[]): string {
  const { style, nowMs, screen } = out
  const name = ({ who, mark }: Listed): string =>
    `${screen ? cut(who, nameColumns - widthOf(mark)) : who}${mark}`
  const listed = threadsOf(letters).flatMap(thread =>
    thread.map((letter, i) => ({ letter, isOlder: i > 0, count: thread.length }))
  )
  return table({
    ...out,
    heads: ['', 'ID', 'WITH', 'WHEN', 'SUBJECT'],
    rows: listed.map(({ letter, isOlder, count }) => {
      const { says, isUnread, id, atMs } = letter
      return [
        isUnread ? '●' : ' ',
        shortId(id),
        name(letter),
        formatTime(atMs, nowMs),
        isOlder ? `└ ${says}` : count > 1 ? `(${count}) ${says}` : says
      ]
    }),
    paint: (text, row, column) => {
      const { isUnread, isOwn } = listed[row]!.letter
      if (column === 0) return style.good(text)
      if (column === 1 || column === 3 || isOwn) return style.dim(text)
      return isUnread ? style.bold(text) : text
    }
  })
}

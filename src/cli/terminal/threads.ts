import type { LetterSummary } from '../../client/client.ts'
import type { Output } from '../output.ts'
import { cut, table, widthOf } from '../text.ts'
import { formatTime, shortId } from '../units.ts'

/** Letters of one conversation, newest first; conversations by their newest. */
function threadsOf(letters: readonly LetterSummary[]): LetterSummary[][] {
  const threads = new Map<string, LetterSummary[]>()
  for (const letter of letters) {
    const known = threads.get(letter.thread)
    if (known) known.push(letter)
    else threads.set(letter.thread, [letter])
  }
  return [...threads.values()]
}

/** So much of a name is shown on a screen: the rest is for the subject. */
const nameColumns = 30

/** The inbox by conversations: unread letters stand out, older letters of a conversation stand under the newest. */
export function threadsText(
  out: Output,
  letters: readonly LetterSummary[],
  about: (letter: LetterSummary) => string
): string {
  const { style, nowMs, screen } = out
  const name = ({ from }: LetterSummary): string => {
    const mark = from.verified ? ' ✓' : ''
    return `${screen ? cut(from.alias, nameColumns - widthOf(mark)) : from.alias}${mark}`
  }
  const listed = threadsOf(letters).flatMap(thread =>
    thread.map((letter, i) => ({ letter, isOlder: i > 0, count: thread.length }))
  )
  return table({
    ...out,
    heads: ['', 'ID', 'FROM', 'RECEIVED', 'SUBJECT'],
    rows: listed.map(({ letter, isOlder, count }) => {
      const subject = `${letter.subject}${about(letter)}`
      return [
        letter.read ? ' ' : '●',
        shortId(letter.id),
        name(letter),
        formatTime(letter.receivedMs, nowMs),
        isOlder ? `└ ${subject}` : count > 1 ? `(${count}) ${subject}` : subject
      ]
    }),
    paint: (text, row, column) => {
      const { letter } = listed[row]!
      if (column === 0) return style.good(text)
      if (column === 1 || column === 3) return style.dim(text)
      return letter.read ? text : style.bold(text)
    }
  })
}

import type {
  Entry,
  LetterSummary,
  OpenedConversation,
  ReceivedLetter,
  SentLetter
} from '../client/client.ts'
import type { Output } from './output.ts'
import { filesPairs, stateText } from './sent.ts'
import { listedReceived, listedSent, threadsText } from './terminal/threads.ts'
import type { Pair } from './text.ts'
import { line, pairs, paragraphs, table } from './text.ts'
import { formatTime, shortId } from './units.ts'

/** How letters look to people. Whatever others wrote is cleaned here or in the table. */
export function inboxText(
  out: Output,
  received: readonly LetterSummary[],
  sent: readonly SentLetter[]
): string {
  if (received.length + sent.length === 0) return 'No letters.'
  return threadsText(out, [
    ...received.map(letter => listedReceived(letter, about(letter))),
    ...sent.map(listedSent)
  ])
}

/** What its sender said about it later, or what it says about an earlier one. */
function about({ corrects, retracts, correctedBy, forgetAsked }: LetterSummary): string {
  const said = [
    corrects && `corrects ${shortId(corrects)}`,
    retracts && `asks to forget ${shortId(retracts)}`,
    correctedBy && `corrected by ${shortId(correctedBy)}`,
    forgetAsked && 'its sender asks to forget it'
  ].filter(Boolean)
  return said.length === 0 ? '' : ` (${said.join('; ')})`
}

export function letterText(out: Output, letter: ReceivedLetter): string {
  const { style, nowMs } = out
  const head = pairs(style, [
    ['from', `${letter.from.alias}  (${trust(letter.from)})`],
    ['to', letter.to],
    ['subject', letter.subject],
    ['sent', formatTime(letter.sentMs, nowMs)],
    ['received', formatTime(letter.receivedMs, nowMs)],
    ['id', letter.id],
    ...(letter.parent === null ? [] : [['answers', shortId(letter.parent)] as const]),
    ...(letter.mimeType === 'text/plain' ? [] : [['type', letter.mimeType] as const]),
    ...aboutPairs(letter),
    ...filesPairs(letter.attachments)
  ])
  return `${head}\n\n${paragraphs(letter.body).trimEnd()}`
}

/** A conversation in the order in which it was written. */
export function threadText(out: Output, { conversation, letters }: OpenedConversation): string {
  const { style } = out
  const head = [
    style.bold(line(conversation.subject) || 'no subject'),
    line(conversation.with.join(', ')),
    ...conversation.labels.map(label => `[${line(label)}]`)
  ].join('  ')
  return [head, ...letters.map(letter => entryText(out, letter))].join('\n\n')
}

function entryText(out: Output, letter: Entry): string {
  const { style, nowMs } = out
  const isOwn = letter.direction === 'out'
  const who = isOwn ? `→ ${letter.to}` : `${letter.from.alias}  (${trust(letter.from)})`
  const state = isOwn ? `  ${stateText(letter, nowMs)}` : ''
  const when = formatTime(letter.sentMs, nowMs)
  const title = `${style.bold(line(who))}  ${style.dim(`${when}  ${shortId(letter.id)}${state}`)}`
  const files = filesPairs(letter.attachments)
  const body = paragraphs(letter.body).trimEnd()
  return [title, ...(files.length === 0 ? [] : [pairs(style, files)]), body].join('\n')
}

function aboutPairs(letter: ReceivedLetter): Pair[] {
  const { corrects, retracts, correctedBy, forgetAsked, receiptRequested } = letter
  const found: Pair[] = []
  if (corrects) found.push(['corrects', shortId(corrects)])
  if (retracts) found.push(['asks', `to forget ${shortId(retracts)}; nothing was deleted`])
  if (correctedBy) found.push(['corrected by', shortId(correctedBy)])
  if (forgetAsked) found.push(['note', 'the sender asks you to forget this letter'])
  if (receiptRequested) found.push(['receipt', 'was asked for'])
  return found
}

function trust({ verified, certifiedByPod }: ReceivedLetter['from']): string {
  if (verified) return 'verified by you'
  return certifiedByPod ? 'not verified; known to the pod' : 'not verified'
}

export function sentText(out: Output, letters: readonly SentLetter[]): string {
  if (letters.length === 0) return 'No letters.'
  const listed = table({
    ...out,
    heads: ['ID', 'TO', 'SENT', 'STATE', 'SUBJECT'],
    rows: letters.map(letter => [
      shortId(letter.id),
      letter.to,
      formatTime(letter.sentMs, out.nowMs),
      stateText(letter, out.nowMs),
      letter.subject
    ])
  })
  const reasons = letters.flatMap(({ id, waiting }) =>
    waiting ? [`… ${shortId(id)} waits: ${line(waiting.message)}`] : []
  )
  return [listed, ...reasons].join('\n')
}

/** One letter, right after it was sent. */
export function sentTitle(out: Output, letter: SentLetter): string {
  const { style, nowMs } = out
  const mark = letter.state === 'announced' ? style.good('✓') : style.bold('…')
  const first = `${mark} ${shortId(letter.id)} to ${line(letter.to)}: ${stateText(letter, nowMs)}`
  if (!letter.waiting) return first
  return `${first}\n  ${line(letter.waiting.message)}\n  ${style.dim(line(letter.waiting.hint))}`
}

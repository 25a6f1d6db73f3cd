import type { Retraction, SentLetter } from '../client/client.ts'
import type { Output } from './output.ts'
import type { Pair } from './text.ts'
import { line, pairs } from './text.ts'
import { formatBytes, formatDuration, formatTime, grouped, shortId } from './units.ts'

/** One line of a list: the state, and what it rests on. */
export function stateText(letter: SentLetter, nowMs: number): string {
  const count = letter.copies.length
  const copies = count === 0 ? '' : `, ${count} of ${Math.max(letter.wanted, count)} copies`
  const { state, waiting, withdrawing, accepted, asked, announced, handed } = letter
  if (state === 'accepted') return accepted?.receipt ? 'accepted, with receipt' : 'accepted'
  if (state === 'withdrawn') return `withdrawn${dropped(withdrawing)}`
  if (withdrawing) return `${state}, being withdrawn${dropped(withdrawing)}`
  if (state === 'expired' && asked)
    return `expired, no acceptance seen (${asked.answered} of ${asked.wanted} asked)`
  if (handed && !announced) return `${state}${copies}, ${handed.pod} passes the notice on`
  if (!waiting || state === 'announced' || state === 'expired') return `${state}${copies}`
  return `${state}${copies}, waits; again in ${formatDuration(waiting.retryAtMs - nowMs)}`
}

const dropped = (withdrawing: SentLetter['withdrawing']): string =>
  withdrawing && withdrawing.asked > 0
    ? `, ${withdrawing.took} of ${withdrawing.asked} holders dropped it`
    : ''

/** One letter with all that is known of it, and who said so. */
export function sentLetterText({ style, nowMs }: Output, letter: SentLetter): string {
  const { announced, handed, accepted, asked, withdrawing, waiting } = letter
  const time = (atMs: number) => formatTime(atMs, nowMs)
  const entries: Pair[] = [
    ['id', letter.id],
    ['to', letter.to],
    ['subject', letter.subject],
    ['sent', time(letter.sentMs)],
    ['expires', time(letter.expiryMs)],
    ['state', stateText(letter, nowMs)]
  ]
  if (waiting) entries.push(['waits', [waiting.message, waiting.hint]])
  if (letter.copies.length > 0)
    entries.push(['stored', `${letter.copies.length} seeds signed that they hold a copy`])
  if (announced)
    entries.push([
      'announced',
      `${announced.pod} signed at ${time(announced.atMs)} that it took the notice; not that it delivered`
    ])
  else if (handed)
    entries.push([
      'passed on',
      `${handed.pod} has had the notice since ${time(handed.atMs)}, by its own word; the reader's pod has not signed for it`
    ])
  if (asked)
    entries.push([
      'asked',
      `${time(asked.atMs)}: ${asked.answered} of ${asked.wanted} seeds answered, ${asked.holders} have a copy`
    ])
  entries.push(...acceptedLines(letter, time), ...filesPairs(letter.attachments))
  if (withdrawing)
    entries.push([
      'withdrawn',
      [
        `${withdrawing.took} of the ${withdrawing.asked} holders asked signed that they dropped it`,
        ...(accepted ? [] : ['Whether somebody read it before, that does not say.'])
      ]
    ])
  for (const [name, id] of [
    ['corrects', letter.corrects],
    ['retracts', letter.retracts],
    ['corrected by', letter.correctedBy],
    ['asked to forget by', letter.forgetAsked]
  ] as const)
    if (id) entries.push([name, shortId(id)])
  return pairs(style, entries)
}

/** Files of a letter, counted from 1 as `muttr fetch` takes them. */
export const filesPairs = (files: readonly { name: string; sizeBytes: number }[]): Pair[] =>
  files.length === 0
    ? []
    : [
        [
          'files',
          files.map(({ name, sizeBytes }, i) => `${i + 1}  ${name}  ${formatBytes(sizeBytes)}`)
        ]
      ]

function acceptedLines(letter: SentLetter, time: (atMs: number) => string): Pair[] {
  const { accepted, receiptRequested } = letter
  if (!accepted) return receiptRequested ? [['receipt', 'asked for; not there yet']] : []
  const { receipt } = accepted
  if (receipt)
    return [
      ['accepted', `opened at ${time(receipt.atMs)}, signed by the reader's key`],
      ['', grouped(receipt.fingerprint)]
    ]
  const bare = "released by the reader's client, without a receipt: that convinces nobody but you"
  return [['accepted', bare]]
}

const outcomes: Record<Retraction['outcome'], string> = {
  cancelled: 'cancelled: nobody was told of it',
  withdrawn: 'withdrawn',
  'too-late': 'too late: it was accepted',
  unknown: 'not known yet: too few of its holders answered; it goes on while your node runs',
  expired: 'it has expired: nobody keeps it any longer'
}

export function retractionText({ style }: Output, retraction: Retraction): string {
  const { outcome, letter, request, problem } = retraction
  const done = outcome === 'cancelled' || outcome === 'withdrawn'
  const mark = done ? style.good('✓') : style.bold(outcome === 'unknown' ? '…' : '✗')
  const lines = [`${mark} ${shortId(letter.id)} to ${line(letter.to)}: ${outcomes[outcome]}`]
  const { withdrawing } = letter
  if (withdrawing && withdrawing.asked > 0 && outcome !== 'too-late')
    lines.push(
      `  ${withdrawing.took} of the ${withdrawing.asked} holders asked dropped it; whether somebody read it before, that does not say`
    )
  if (request)
    lines.push(
      `  ${line(request.to)} is asked to forget it (${shortId(request.id)}, ${request.state})`
    )
  if (problem) lines.push(`  The request could not be sent: ${line(problem.message)}`)
  return lines.join('\n')
}

import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import type {
  Client,
  Draft,
  LetterSummary,
  OpenedConversation,
  SentLetter
} from '../../client/client.ts'
import { attachFiles, waitForFiles } from '../attach.ts'
import { example } from '../example.ts'
import { listMax, wholeId } from '../ids.ts'
import { readText } from '../input.ts'
import { inboxText, letterText, sentTitle, threadText } from '../letters.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { withStampNews } from '../stamps.ts'
import { parseCount, parseDuration, usage } from '../units.ts'
import { viaHelp } from './blob.ts'

interface SendArgs {
  from?: string
  subject?: string
  file?: string
  expires?: string
  replyTo?: string
  corrects?: string
  receipt?: boolean
  via?: string
  attach?: string[]
  wait: boolean
}

export function addLetters(program: Command, action: Action): void {
  program.commandsGroup('Letters:')
  example(
    program
      .command('send')
      .description('send a letter; the text comes from the arguments, a file or standard input')
      .argument('<alias>', 'to whom, as in bob@two.test')
      .argument('[text]', 'what to say')
      .option('--subject <subject>', 'what it is about')
      .option('--file <file>', 'read the text from a file; - is standard input')
      .option(
        '--expires <duration>',
        'how long the network keeps it, as in 7d or 12h (default: 30d)'
      )
      .option('--from <alias>', 'which alias of yours it is from')
      .option('--reply-to <id>', 'the letter this one answers')
      .option('--corrects <id>', 'an earlier letter to the same reader that this one replaces')
      .option('--receipt', 'ask the reader to sign that the letter was opened')
      .option('--via <pod>', viaHelp)
      .option('--attach <file...>', 'files of any size that go with it')
      .option(
        '--no-wait',
        'do not wait until the files are stored: a running seed goes on with them'
      )
      .action(action(send)),
    'muttr send bob@two.test "Lunch at one?" --subject Lunch',
    'muttr send bob@two.test --file report.md --expires 7d',
    'muttr send bob@two.test "The film" --attach film.mp4 notes.pdf'
  )
  example(
    program
      .command('inbox')
      .description('conversations, newest first; with --json the letters to you, one on each line')
      .option('--unread', 'only those not read yet')
      .option('--limit <count>', 'at most so many')
      .action(action(inbox)),
    'muttr inbox --unread'
  )
  example(
    program
      .command('read')
      .description('show a letter and mark it read')
      .argument('<id>', 'its id, or the beginning of it')
      .action(action(read)),
    'muttr read 3fa9c2d1'
  )
  example(
    program
      .command('thread')
      .description('show the whole conversation of a letter, received and sent, and mark it read')
      .argument('<id>', 'a letter in it, or the beginning of its id')
      .option('--limit <count>', 'only so many letters, the newest')
      .action(action(thread)),
    'muttr thread 3fa9c2d1'
  )
}

async function send(
  session: Session,
  options: SendArgs,
  to: string,
  text: string | undefined
): Promise<void> {
  if (text !== undefined && options.file !== undefined)
    throw usage('the text is given twice: as an argument and with --file')
  const life = options.expires === undefined ? {} : { lifeMs: parseDuration(options.expires) }
  const body = text ?? (await bodyFrom(session, options.file ?? '-'))
  await session.withClient(async client => {
    const draft: Draft = { to, body, ...life }
    if (options.subject !== undefined) draft.subject = options.subject
    if (options.from !== undefined) draft.from = options.from
    if (options.via !== undefined) draft.via = options.via
    if (options.replyTo !== undefined) draft.parent = await anyId(client, options.replyTo)
    if (options.corrects !== undefined) draft.corrects = await anyId(client, options.corrects)
    if (options.receipt) draft.receipt = true
    const letter = await (options.attach === undefined
      ? withStampNews(session, client, () => client.send(draft, { signal: session.signal }))
      : sendFiles(session, client, draft, options))
    await session.out.result(letter, out => sentTitle(out, letter))
  })
}

/** The letter follows when its files are stored. */
async function sendFiles(
  session: Session,
  client: Client,
  draft: Draft,
  { attach = [], wait }: SendArgs
): Promise<SentLetter> {
  const over = new AbortController()
  const { signal } = session
  const events = client.events(AbortSignal.any([signal, over.signal]))
  try {
    const files = await attachFiles(session, client, attach, draft)
    const letter = await client.send({ ...draft, attachments: files.ids }, { signal })
    if (!wait || letter.state === 'announced') return letter
    await waitForFiles(session, events, files, letter.id)
    const now = (await client.sent({ limit: listMax })).find(({ id }) => id === letter.id)
    return now ?? letter
  } finally {
    over.abort()
  }
}

async function bodyFrom(session: Session, file: string): Promise<string> {
  if (file === '-' && session.stdin.isTTY)
    session.out.note('Write the letter; Ctrl-D on a line of its own ends it.')
  const body = await readText(file, session.stdin, {
    maxBytes: limits.letterBodyBytesMax,
    code: 'LETTER_TOO_LARGE',
    signal: session.signal
  })
  if (body === '') throw usage('there is no text to send')
  return body
}

/** Of a letter received or sent. */
const anyId = (client: Client, start: string): Promise<string> =>
  wholeId(start, async () => [
    ...(await client.inbox({ limit: listMax })),
    ...(await client.sent({ limit: listMax }))
  ])

const limitOf = ({ limit }: { limit?: string }): { limit?: number } =>
  limit === undefined ? {} : { limit: parseCount(limit, 1, listMax) }

async function inbox(
  session: Session,
  options: { unread?: boolean; limit?: string }
): Promise<void> {
  const wanted = { ...limitOf(options), ...(options.unread && { unread: true }) }
  await session.withClient(async client => {
    const letters = await client.inbox(wanted)
    const isMixed = !session.out.json && !options.unread
    const sent = isMixed ? await client.sent(limitOf(options)) : []
    // Both lists end at the same age, so that none of a conversation is missing between two that are shown.
    const sinceMs = since(letters, sent, wanted.limit ?? inboxMax)
    const own = sent.filter(({ sentMs }) => sentMs >= sinceMs)
    const theirs = letters.filter(({ receivedMs }) => (isMixed ? receivedMs >= sinceMs : true))
    await session.out.results(theirs, out => inboxText(out, theirs, own))
    const { requests } = (await client.status()).inbox
    if (requests) session.out.note(asking(requests))
  })
}

/** As many as the node gives unless told. */
const inboxMax = 50

/** The age of the oldest letter of as many as are wanted of both. */
function since(
  received: readonly LetterSummary[],
  sent: readonly SentLetter[],
  limit: number
): number {
  const times = [...received.map(({ receivedMs }) => receivedMs), ...sent.map(l => l.sentMs)]
  return times.sort((a, b) => b - a)[limit - 1] ?? 0
}

const asking = (senders: number): string =>
  senders === 1
    ? 'Somebody asks to be read: see `muttr requests`.'
    : `${senders} senders ask to be read: see \`muttr requests\`.`

async function read(session: Session, _: object, id: string): Promise<void> {
  await session.withClient(async client => {
    const letter = await client.read(id)
    await session.out.result(letter, out => letterText(out, letter))
  })
}

/** Letters in one answer of the node. */
const pageMax = 200

async function thread(session: Session, options: { limit?: string }, id: string): Promise<void> {
  const limit = limitOf(options).limit ?? listMax
  await session.withClient(async client => {
    const opened = await conversationOf(client, await anyId(client, id), limit)
    const { conversation, letters, next } = opened
    if (conversation.unread > 0)
      await client.changeConversation(conversation.thread, { read: true })
    await session.out.results(letters, out => threadText(out, opened))
    if (next !== null) session.out.note(`There are older letters: ${conversation.letters} in all.`)
  })
}

/** Its newest letters, in as many answers as it takes. */
async function conversationOf(
  client: Client,
  id: string,
  limit: number
): Promise<OpenedConversation> {
  let opened = await client.conversation(id, { limit: Math.min(limit, pageMax) })
  while (opened.next !== null && opened.letters.length < limit) {
    const wanted = Math.min(limit - opened.letters.length, pageMax)
    const older = await client.conversation(id, { limit: wanted, before: opened.next })
    opened = { ...opened, letters: [...older.letters, ...opened.letters], next: older.next }
  }
  return opened
}

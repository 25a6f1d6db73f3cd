import { resolve } from 'node:path'
import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Client, ReceivedAttachment, Transfer } from '../../client/client.ts'
import { tellTransfers } from '../attach.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import { saveFile } from '../save.ts'
import type { Session } from '../session.ts'
import { line, table } from '../text.ts'
import { formatBytes, formatTime, parseCount, shortId, usage } from '../units.ts'

interface FetchArgs {
  to?: string
  keep?: boolean
  pause?: boolean
  ahead?: boolean
}

export function addAttachments(program: Command, action: Action): void {
  program.commandsGroup('Letters:')
  example(
    program
      .command('attachments')
      .description('files on their way, out and in; with a letter, its files')
      .argument('[letter]', 'a letter to you, or the beginning of its id')
      .action(action(attachments)),
    'muttr attachments',
    'muttr attachments 3fa9c2d1'
  )
  example(
    program
      .command('fetch')
      .description('fetch files of a letter and write them into a folder')
      .argument('<letter>', 'its id, or the beginning of it')
      .argument(
        '[number]',
        'which of its files, as `muttr attachments LETTER` counts; all unless told'
      )
      .option('--to <dir>', 'the folder (default: the one you are in)')
      .option('--keep', 'keep a sealed copy in the mailbox too')
      .option('--pause', 'do not fetch any further for now')
      .option('--ahead', 'have your pod fetch them while you are away')
      .action(action(fetchFiles)),
    'muttr fetch 3fa9c2d1 --to ~/Downloads',
    'muttr fetch 3fa9c2d1 --ahead'
  )
  const one = program.command('attachment').description('a file on its way out')
  const verbs: [
    name: string,
    says: string,
    act: (client: Client, id: string) => Promise<unknown>
  ][] = [
    ['pause', 'stop storing it for now', (client, id) => client.pauseAttachment(id)],
    ['resume', 'go on storing it', (client, id) => client.resumeAttachment(id)],
    [
      'drop',
      'forget it, and take back what holders have of it',
      (client, id) => client.dropAttachment(id)
    ]
  ]
  for (const [name, says, act] of verbs)
    example(
      one
        .command(name)
        .description(says)
        .argument('<id>', 'its id, or the beginning of it')
        .action(action((session: Session, _: object, id: string) => change(session, id, act))),
      `muttr attachment ${name} 8c01d2aa`
    )
  example(one, 'muttr attachment pause 8c01d2aa')
}

const share = (haveBytes: number, sizeBytes: number): string =>
  `${sizeBytes === 0 ? 100 : Math.floor((100 * haveBytes) / sizeBytes)} %`

const progressOf = (file: ReceivedAttachment | Transfer): string => {
  const isOut = 'direction' in file && file.direction === 'out'
  const doneBytes = isOut ? file.storedBytes : (file as ReceivedAttachment).haveBytes
  const isMoving = ['storing', 'fetching', 'paused'].includes(file.state)
  const why = file.problem ? `: ${file.problem.message}` : ''
  return `${file.state}${isMoving ? ` ${share(doneBytes, file.sizeBytes)}` : ''}${aheadOf(file)}${why}`
}

/** `, 34 % at one.test` */
function aheadOf(file: ReceivedAttachment | Transfer): string {
  if (!('ahead' in file) || !file.ahead) return ''
  const { pod, state, haveBytes, problem } = file.ahead
  if (state === 'refused') return `, not fetched by ${pod}: ${problem?.message ?? ''}`
  return `, ${share(haveBytes, file.sizeBytes)} at ${pod}`
}

async function attachments(session: Session, _: object, letter: string | undefined): Promise<void> {
  await session.withClient(async client => {
    if (letter !== undefined) {
      const files = (await client.read(letter)).attachments
      return session.out.results(files, out =>
        files.length === 0
          ? 'No files.'
          : table({
              ...out,
              heads: ['NO', 'SIZE', 'UNTIL', 'STATE', 'TYPE', 'NAME'],
              rows: files.map(file => [
                String(file.index + 1),
                formatBytes(file.sizeBytes),
                formatTime(file.expiryMs, out.nowMs),
                progressOf(file),
                file.type,
                file.name
              ])
            })
      )
    }
    const all = await client.attachments()
    await session.out.results(all, out =>
      all.length === 0
        ? 'No files.'
        : table({
            ...out,
            heads: ['', 'ID', 'SIZE', 'UNTIL', 'STATE', 'NAME'],
            rows: all.map(file => [
              file.direction,
              file.direction === 'out'
                ? shortId(file.id)
                : `${shortId(file.letter)} ${file.index + 1}`,
              formatBytes(file.sizeBytes),
              formatTime(file.expiryMs, out.nowMs),
              progressOf(file),
              file.name
            ])
          })
    )
  })
}

async function change(
  session: Session,
  start: string,
  act: (client: Client, id: string) => Promise<unknown>
): Promise<void> {
  await session.withClient(async client => {
    const out = (await client.attachments()).flatMap(file =>
      file.direction === 'out' ? file.id : []
    )
    const fitting = out.filter(id => id.startsWith(start.toLowerCase()))
    if (fitting.length !== 1)
      throw new MuttrError(
        'ATTACHMENT_UNKNOWN',
        `${fitting.length || 'no'} attachments begin with ${line(start)}`
      )
    const done = await act(client, fitting[0]!)
    await session.out.result(done ?? { deleted: fitting[0] }, () => `${shortId(fitting[0]!)}: done`)
  })
}

const isOver = (state: string): boolean => ['here', 'lost', 'expired', 'paused'].includes(state)

async function fetchFiles(
  session: Session,
  { to = '.', keep = false, pause = false, ahead = false }: FetchArgs,
  start: string,
  number: string | undefined
): Promise<void> {
  const { out, signal } = session
  await session.withClient(async client => {
    const letter = await client.read(start)
    const wanted =
      number === undefined
        ? letter.attachments
        : letter.attachments
            .slice(parseCount(number, 1, limits.letterAttachmentsMax) - 1)
            .slice(0, 1)
    if (wanted.length === 0)
      throw usage('the letter has no such file', 'See `muttr attachments LETTER`.')
    if (pause) {
      const files: ReceivedAttachment[] = []
      for (const { index } of wanted) files.push(await client.pauseFetch(letter.id, index))
      return out.results(files, () => files.map(progressOf).join('\n'))
    }
    if (ahead) return fetchAhead(session, client, letter.id, wanted)
    const over = new AbortController()
    const events = client.events(AbortSignal.any([signal, over.signal]))
    const waiting = new Map<number, string>()
    for (const { index, name } of wanted) {
      const { state } = await client.fetchAttachment(letter.id, index)
      if (!isOver(state)) waiting.set(index, name)
    }
    // What is here by now was told before anybody listened.
    for (const { index, state } of (await client.read(letter.id)).attachments)
      if (isOver(state)) waiting.delete(index)
    const nameOf = ({ id, index }: { id: string; index: number | null }) =>
      id === letter.id && index !== null ? waiting.get(index) : undefined
    if (waiting.size > 0)
      await tellTransfers(session, events, nameOf, event => {
        if (event.type === 'transfer' && event.id === letter.id && isOver(event.state))
          waiting.delete(event.index ?? -1)
        return waiting.size === 0
      })
    over.abort()
    if (signal.aborted)
      throw new MuttrError('CANCELLED', 'the files are not all here yet', {
        hint: 'What was fetched is kept; the same command goes on with it.'
      })
    const saved: { index: number; path: string }[] = []
    for (const { index, name } of wanted) {
      const content = await client.openAttachment(letter.id, index, { signal }).catch(async err => {
        const problem = (await client.read(letter.id)).attachments[index]?.problem
        throw problem ? new MuttrError(problem.code, `${name}: ${problem.message}`) : err
      })
      const path = await saveFile(resolve(to), name, content)
      if (!keep) await client.forgetAttachment(letter.id, index)
      saved.push({ index, path })
    }
    await out.results(saved, () => saved.map(({ path }) => line(path)).join('\n'))
  })
}

/** Ends when the pod knows all that it needs, and nobody has to be here any more. */
async function fetchAhead(
  { out, signal }: Session,
  client: Client,
  letter: string,
  wanted: readonly ReceivedAttachment[]
): Promise<void> {
  const over = new AbortController()
  const events = client.events(AbortSignal.any([signal, over.signal]))
  for (const { index } of wanted) await client.fetchAhead(letter, index)
  const asked = new Set(wanted.map(({ index }) => index))
  const told = new Map<number, string>()
  const now = async () => {
    const files = (await client.read(letter)).attachments.filter(({ index }) => asked.has(index))
    for (const { index, name, ahead, problem } of files) {
      const says = problem?.message ?? `telling ${ahead?.pod} what to fetch`
      if (ahead?.state !== 'asking' || told.get(index) === says) continue
      told.set(index, says)
      out.note(`… ${line(name)}: ${line(says)}`)
    }
    return files
  }
  let files = await now()
  const isAsking = () => files.some(({ ahead }) => ahead?.state === 'asking')
  if (isAsking())
    for await (const event of events) {
      const isOurs = event.type === 'ahead' || event.type === 'transfer'
      if (!isOurs || event.id !== letter) continue
      files = await now()
      if (!isAsking()) break
    }
  over.abort()
  if (signal.aborted)
    throw new MuttrError('CANCELLED', 'the pod does not know yet what to fetch', {
      hint: 'A running seed goes on with it; without one the next command does.'
    })
  for (const { name, ahead, problem } of files) {
    const why = ahead?.state === 'refused' ? ahead.problem : problem
    if (why)
      throw new MuttrError(why.code, `${name}: ${why.message}`, {
        hint: 'Fetch it without --ahead while it is in the network.'
      })
  }
  await out.results(files, () =>
    files.map(file => `${line(file.name)}: ${progressOf(file)}`).join('\n')
  )
}

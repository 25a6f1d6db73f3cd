import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { Client, NetworkBackup } from '../../client/client.ts'
import type { Fetched } from '../doors.ts'
import { example } from '../example.ts'
import { readText } from '../input.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import { recoveryPage } from '../recovery-page.ts'
import { saveNew } from '../save.ts'
import type { Session } from '../session.ts'
import { makingText, networkBackupText } from '../status.ts'
import { formatBytes, formatTime, grouped, usage } from '../units.ts'

export function addBackup(program: Command, action: Action): void {
  program.commandsGroup('Your node:')
  example(
    program
      .command('recovery')
      .description('the twelve words that open your backups, to write down or to print')
      .option('--page <file>', 'write a page to print, with the words and a QR code of them')
      .action(action(recovery)),
    'muttr recovery',
    'muttr recovery --page recovery.html'
  )
  example(
    program
      .command('backup')
      .description('your key, contacts and letters in one sealed file')
      .argument('[file]', 'a new file; - is standard output')
      .option('--network', 'keep it in the network instead, where the twelve words alone find it')
      .action(action(backup)),
    'muttr backup alice.muttr-backup',
    'muttr backup --network'
  )
  example(
    program
      .command('restore')
      .description('make your node again out of a backup, on this or another machine')
      .argument('[file]', 'the backup; - is standard input')
      .option('--from-network', 'find the backup in the network, by the twelve words')
      .option('--network <file>', 'with --from-network: a network file, or the name of a network')
      .option('--link <link>', 'with --from-network: a muttr: link with the network')
      .option('--words-file <file>', 'read the twelve words from a file instead of asking for them')
      .action(action(restore)),
    'muttr restore alice.muttr-backup --home ~/.muttr',
    'muttr restore --from-network --network network.json'
  )
}

async function recovery(session: Session, { page }: { page?: string }): Promise<void> {
  const { out } = session
  await session.withClient(async client => {
    const words = await client.recovery()
    if (page !== undefined) {
      const { name, fingerprint } = await client.status()
      const shown = { name: name ?? '', fingerprint: fingerprint ?? '', words, nowMs: out.nowMs }
      const html = await recoveryPage(shown)
      await saveNew(page, [Buffer.from(html)])
    }
    await out.result({ words, page: page ?? null }, ({ style }) =>
      [words.slice(0, 6), words.slice(6)].map(six => style.bold(six.join(' '))).join('\n')
    )
    out.note(
      page === undefined
        ? 'Whoever has these words and a backup has everything. Write them on paper, or print `muttr recovery --page FILE`.'
        : `Print ${page}, then delete it: whoever has it and a backup has everything.`
    )
  })
}

async function backup(
  session: Session,
  { network }: { network?: boolean },
  file: string | undefined
): Promise<void> {
  const { out, signal } = session
  if (network && file !== undefined) throw usage('a file and --network: one of the two')
  if (network) return await backUpToNetwork(session)
  if (file === undefined) throw usage('which file?', 'Name a new file, or give --network.')
  if (file === '-' && out.screen)
    throw usage('a backup is not for a terminal', 'Name a file, or send it on with >.')
  await session.withClient(async client => {
    let sizeBytes = 0
    async function* counted() {
      for await (const part of await client.backup({ signal })) {
        sizeBytes += part.byteLength
        yield part
      }
    }
    if (file === '-') {
      for await (const part of counted()) await out.bytes(part)
      return
    }
    await saveNew(file, counted())
    await out.result({ file, sizeBytes }, ({ style }) => `${style.good('✓')} ${file}`)
    out.note('It opens with the twelve words of `muttr recovery` only. Keep the two apart.')
  })
}

/** Until it stands; Ctrl-C takes it back. */
async function backUpToNetwork({ out, signal, withClient }: Session): Promise<void> {
  await withClient(async client => {
    const over = new AbortController()
    const events = client.events(AbortSignal.any([signal, over.signal]))
    try {
      const begun = await client.makeNetworkBackup()
      const made = await standing(client, begun, events, out)
      await out.result(made, ({ style, nowMs }) =>
        [style.good('✓'), networkBackupText(made, nowMs)].join(' ')
      )
    } catch (err) {
      if (signal.aborted) await client.cancelNetworkBackup()
      throw err
    } finally {
      over.abort()
    }
    out.note(
      'The twelve words of `muttr recovery` alone find and open it. With "networkBackup": "weekly" in muttr.json it is made anew by itself.'
    )
  })
}

async function standing(
  client: Client,
  begun: NetworkBackup,
  events: ReturnType<Client['events']>,
  out: Output
): Promise<NetworkBackup> {
  const madeMs = begun.last?.madeMs
  let shown = begun
  let told = ''
  const tell = (): void => {
    const text = [shown.making && makingText(shown.making), shown.problem?.message]
    const said = text.filter(Boolean).join('; ')
    if (said !== '' && said !== told) out.note(said)
    told = said
  }
  const isOver = (): boolean => {
    if (shown.making) return false
    if (shown.problem)
      throw new MuttrError(shown.problem.code, shown.problem.message, {
        ...(shown.problem.hint !== null && { hint: shown.problem.hint })
      })
    if (shown.last && shown.last.madeMs !== madeMs) return true
    throw new MuttrError('CANCELLED', 'no backup is being made any more')
  }
  tell()
  for await (const _ of events) {
    shown = await client.networkBackup()
    tell()
    if (isOver()) return shown
  }
  throw new MuttrError('CANCELLED', 'the backup was not waited for')
}

interface RestoreArgs {
  wordsFile?: string
  fromNetwork?: boolean
  network?: string
  link?: string
}

async function restore(
  session: Session,
  { wordsFile, fromNetwork, network, link }: RestoreArgs,
  file: string | undefined
): Promise<void> {
  const { out, stdin, home } = session
  if (fromNetwork ? file !== undefined : file === undefined)
    throw usage('a backup in a file, or --from-network: one of the two')
  if (!fromNetwork && (network !== undefined || link !== undefined))
    throw usage('--network and --link go with --from-network')
  const doors = await session.doors()
  const how = {
    ...session.open,
    home,
    words: () => readWordsOf(session, wordsFile),
    onProgress: (rows: number) => {
      if (out.screen && rows % 5_000 === 0) out.note(`${rows} rows …`)
    }
  }
  const restored =
    file === undefined
      ? await doors.restoreFromNetwork({
          ...how,
          ...(network !== undefined && { network }),
          ...(link !== undefined && { link }),
          onFetch: fetchTeller(out)
        })
      : await doors.restore({ ...how, input: file === '-' ? stdin : fileOf(file) })
  await out.result(restored, ({ style, nowMs }) =>
    [
      `${style.good('✓')} ${restored.name} is back in ${restored.home}, as of ${formatTime(restored.madeMs, nowMs)}.`,
      `  ${grouped(restored.fingerprint)}`,
      ...(restored.held === 0
        ? []
        : [
            `! ${restored.held} letters had not left yet and are held back: see \`muttr sent\`, then \`muttr resend ID\` or \`muttr retract ID\`.`
          ])
    ].join('\n')
  )
  out.note(
    'Next: `muttr up`, or `muttr pod up` for a pod. The node takes a new subkey and tells your pods.'
  )
}

/** Says how far it is at each twentieth, and what holds it up. */
function fetchTeller(out: Output): (fetched: Fetched) => void {
  let told = ''
  return ({ madeMs, sizeBytes, haveBytes, problem }) => {
    const done = Math.floor((20 * haveBytes) / sizeBytes) * 5
    const said = `${done} % of the backup of ${formatTime(madeMs, out.nowMs)} (${formatBytes(sizeBytes)})`
    const text = problem ? `${said}: ${problem.message}` : said
    if (text !== told) out.note(text)
    told = text
  }
}

async function readWordsOf(session: Session, file: string | undefined): Promise<string> {
  const { stdin, signal } = session
  if (file !== undefined) return readText(file, stdin, { maxBytes: 4_096, code: 'USAGE', signal })
  const given = await session.ask('The twelve words of your backup')
  if (given === undefined)
    throw usage('nobody can be asked for the twelve words here', 'Give --words-file FILE.')
  return given
}

async function* fileOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    await using file = await open(path)
    yield* file.createReadStream({ autoClose: false })
  } catch (cause) {
    throw usage(`${path} cannot be read: ${(cause as Error).message}`)
  }
}

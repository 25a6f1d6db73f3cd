import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import { example } from '../example.ts'
import { readText } from '../input.ts'
import type { Action } from '../program.ts'
import { recoveryPage } from '../recovery-page.ts'
import { saveNew } from '../save.ts'
import type { Session } from '../session.ts'
import { formatTime, grouped, usage } from '../units.ts'

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
      .argument('<file>', 'a new file; - is standard output')
      .action(action(backup)),
    'muttr backup alice.muttr-backup'
  )
  example(
    program
      .command('restore')
      .description('make your node again out of a backup, on this or another machine')
      .argument('<file>', 'the backup; - is standard input')
      .option('--words-file <file>', 'read the twelve words from a file instead of asking for them')
      .action(action(restore)),
    'muttr restore alice.muttr-backup --home ~/.muttr'
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

async function backup(session: Session, _: object, file: string): Promise<void> {
  const { out, signal } = session
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

async function restore(
  session: Session,
  { wordsFile }: { wordsFile?: string },
  file: string
): Promise<void> {
  const { out, stdin, home } = session
  const doors = await session.doors()
  const words = () => readWordsOf(session, wordsFile)
  const restored = await doors.restore({
    ...session.open,
    home,
    words,
    input: file === '-' ? stdin : fileOf(file),
    onProgress: rows => {
      if (out.screen && rows % 5_000 === 0) out.note(`${rows} rows …`)
    }
  })
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
  out.note('Next: `muttr up`. The node takes a new subkey and tells your pods.')
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

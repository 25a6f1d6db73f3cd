import type { Command } from 'commander'
import { addDaemonOptions, type DaemonOptions, runDaemon } from '../daemon.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, pairs } from '../text.ts'
import { grouped } from '../units.ts'

interface InitArgs {
  name: string
  import?: string
  network?: string
  join?: string
  light?: boolean
}

export function addHome(program: Command, action: Action): void {
  program.commandsGroup('Your node:')
  example(
    program
      .command('init')
      .description('make your key and the folder of your node')
      .requiredOption('--name <name>', 'what you are called; others see it')
      .option('--import <file>', 'use a secret key that GnuPG exported, instead of a new one')
      .option('--network <file|name>', 'the network to join: a network file, or a built-in name')
      .option('--join <link>', 'the network, pod and invite that a muttr: link carries')
      .option('--light', 'for a battery or a metered link: fewer connections, less stored, slower')
      .action(action(init)),
    'muttr init --name alice',
    'muttr init --name alice --light'
  )
  example(
    addDaemonOptions(
      program.command('up').description('run your node: store for others, receive your letters')
    )
      .option('--locked', 'do not ask for the passphrase: receive sealed, and unlock in the page')
      .action(action(up)),
    'muttr up',
    'muttr up --open',
    'muttr up --json --events'
  )
  example(
    program
      .command('page')
      .description('open the web page of your running node')
      .option('--print', 'only print its address, which lets in whoever has it')
      .action(action(page)),
    'muttr page',
    'muttr page --print'
  )
  example(
    program
      .command('join')
      .description('join the network, pod and contact of a muttr: link')
      .argument('<link>', 'the whole muttr: link')
      .action(action(join)),
    "muttr join 'muttr:…'"
  )
}

async function init(session: Session, options: InitArgs): Promise<void> {
  const doors = await session.doors()
  const made = await doors.initHome({
    ...session.open,
    home: session.home,
    name: options.name,
    ...(options.import !== undefined && { importFile: options.import }),
    ...(options.network !== undefined && { network: options.network }),
    ...(options.join !== undefined && { link: options.join }),
    ...(options.light && { light: true })
  })
  await session.out.result(made, ({ style }) =>
    pairs(style, [
      ['name', made.name],
      ['home', made.home],
      ['network', made.network],
      ['fingerprint', grouped(made.fingerprint)]
    ])
  )
  session.out.note('Next: `muttr up`, and in another terminal `muttr register ALIAS@POD`.')
}

async function up(session: Session, options: DaemonOptions): Promise<void> {
  const doors = await session.doors()
  await runDaemon(session, { ...options, run: parts => doors.runSeed(parts) })
}

async function page(session: Session, { print }: { print?: boolean }): Promise<void> {
  const doors = await session.doors()
  const url = await doors.pageOf(session.home, session.signal)
  if (!print) await doors.openPage(session.home, url)
  await session.out.result({ page: url }, ({ style }) => pairs(style, [['page', url]]))
}

async function join(session: Session, _: object, link: string): Promise<void> {
  const doors = await session.doors()
  const joined = await doors.joinLink({ ...session.open, home: session.home, link })
  await session.out.result(joined, ({ style }) =>
    pairs(style, [
      ['home', joined.home],
      ['network', joined.network],
      ['pods', joined.pods.join(', ') || 'none'],
      ...(joined.contact === null ? [] : [['contact', joined.contact] as const]),
      ...(joined.invite === null ? [] : [['invite', joined.invite] as const])
    ])
  )
  if (joined.contactDiffers)
    session.out.note(
      `An earlier link named another key for ${line(joined.contact ?? '')}, and that one counts. Ask them which is theirs.`
    )
}

import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { LetterSummary } from '../../client/client.ts'
import type { ProgramEnd } from '../doors.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { dealWithLetters, hookEnvironment } from '../terminal/hook.ts'
import { notifications } from '../terminal/notify.ts'
import { json, line, paragraphs } from '../text.ts'
import { parseDuration, shortId, usage } from '../units.ts'

interface HookArgs {
  name?: string
  timeout?: string
  env?: string[]
  body?: boolean
  all?: boolean
  once?: boolean
}

const timeoutUsual = '1m'

export function addHooks(program: Command, action: Action): void {
  program.commandsGroup('Scripts:')
  example(
    program
      .command('watch')
      .description('what happens, as it happens: an event on each line, as JSON')
      .option('--type <types>', 'only these, as in opened,requested')
      .action(action(watch)),
    'muttr watch --type opened,requested | jq -r .from'
  )
  example(
    program
      .command('on-letter')
      .description('run a program for each letter that comes, and that came since it last ran')
      .argument('<program...>', 'the program and its arguments, after --; no shell reads them')
      .option('--name <name>', 'which hook this is, when there are several (default: letters)')
      .option('--timeout <duration>', `how long it may run (default: ${timeoutUsual})`)
      .option('--env <names...>', 'pass these variables of ours on as well')
      .option('--body', 'give it the letter with its text, and mark it read')
      .option('--all', 'at the very first time, also for letters that are there already')
      .option('--once', 'end when all letters that are there were dealt with')
      .action(action(onLetter)),
    'muttr on-letter -- /home/me/bin/file-letter --quick',
    'muttr on-letter --body --once -- python3 answer.py'
  )
  example(
    program
      .command('notify')
      .description('show a notification on the desktop when a letter or a request comes')
      .action(action(notify)),
    'muttr notify'
  )
}

async function watch(
  { out, signal, withClient }: Session,
  { type }: { type?: string }
): Promise<void> {
  const wanted = type === undefined ? null : new Set(type.split(',').map(name => name.trim()))
  await withClient(async client => {
    const events = client.events(signal)
    out.note('Watching; Ctrl-C ends it.')
    for await (const event of events)
      if (wanted === null || wanted.has(event.type)) await out.line(json(event))
    if (!signal.aborted) throw new MuttrError('DAEMON_UNREACHABLE', 'the node has stopped')
  })
}

async function onLetter(session: Session, args: HookArgs, program: string[]): Promise<void> {
  const { name = 'letters', timeout = timeoutUsual, env: more = [], body = false } = args
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name))
    throw usage(`'${name}' is no name for a hook`, 'Use small letters, digits and hyphens.')
  const timeoutMs = parseDuration(timeout)
  const { out, home, signal } = session
  const doors = await session.doors()
  await session.withClient(async client => {
    await using journal = await doors.openJournal(home, name)
    const { all = false, once = false } = args
    if (!once) out.note('Waiting for letters; Ctrl-C ends it.')
    const deal = async (letter: LetterSummary) => {
      const env = hookEnvironment(session.env, { home, letter, more })
      const given = body ? await client.read(letter.id) : letter
      const argv = program as [string, ...string[]]
      const stdin = `${json(given)}\n`
      const ended = await doors.runProgram({ argv, env, stdin, timeoutMs, signal })
      signal.throwIfAborted()
      await out.result({ letter: letter.id, ...ended }, () => endText(session, letter, ended))
    }
    await dealWithLetters({ client, journal, all, once, signal, deal }).catch(err => {
      if (!signal.aborted) throw err
    })
  })
}

function endText({ out }: Session, letter: LetterSummary, ended: ProgramEnd): string {
  const { style } = out
  const { status, signal, timedOut, output } = ended
  const how = timedOut
    ? 'took too long and was ended'
    : status === null
      ? `was ended by ${signal}`
      : `ended with ${status}`
  const first = `${status === 0 ? style.good('✓') : style.bad('✗')} ${shortId(letter.id)} of ${line(letter.from.alias)}: the program ${how}`
  return output === '' ? first : `${first}\n${paragraphs(output).trimEnd()}`
}

async function notify(session: Session): Promise<void> {
  const { out, signal, env } = session
  const doors = await session.doors()
  const show = notifications({ env, signal, run: options => doors.runProgram(options) })
  await show.check()
  await session.withClient(async client => {
    const events = client.events(signal)
    out.note('Letters and requests are shown on the desktop; Ctrl-C ends it.')
    for await (const event of events) show.tell(event)
    await show.quiet()
    if (!signal.aborted) throw new MuttrError('DAEMON_UNREACHABLE', 'the node has stopped')
  })
}

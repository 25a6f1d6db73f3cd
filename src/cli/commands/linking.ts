import type { Command } from 'commander'
import type { LinkStep } from '../../client/client.ts'
import { deviceGroup } from '../device-group.ts'
import { example } from '../example.ts'
import { readText } from '../input.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line } from '../text.ts'
import { formatBytes, formatTime, grouped, usage } from '../units.ts'

export function addLinking(program: Command, action: Action): void {
  program.commandsGroup('Your node:')
  example(
    deviceGroup(program)
      .command('link')
      .description('show a code by which another machine becomes a device of yours')
      .option('--no-history', 'without your letters and drafts')
      .action(action(showCode)),
    'muttr device link'
  )
  example(
    program
      .command('link')
      .description('make this machine a device of yours, by the code that another one shows')
      .argument(
        '[code]',
        'as `muttr device link` shows it; - is standard input; asked for unless told'
      )
      .option('--name <name>', 'what this device is called; the name of the machine unless told')
      .option('--no-history', 'without your letters and drafts')
      .action(action(join)),
    'muttr link',
    'muttr link --name phone --no-history'
  )
}

async function showCode(session: Session, { history }: { history: boolean }): Promise<void> {
  const { out, signal } = session
  const tell = teller(out)
  await session.withClient(async client => {
    for await (const step of await client.linkDevice({ history, signal })) await tell(step)
  })
}

/** So much more must have gone before it is told again. */
const toldEveryBytes = 4 * 1024 * 1024

/** Each step as a line of JSON; for people the code, who came, and now and then how far it is. */
function teller(out: Output): (step: LinkStep) => Promise<void> {
  let toldBytes = 0
  return async step => {
    if (out.json) return out.result(step, () => '')
    if (step.type === 'code') return showCodeOf(out, step)
    if (step.type === 'refused')
      out.note(
        `! Somebody came with a wrong code. ${step.left === 0 ? 'This one is good for nothing any more.' : `${step.left} more may.`}`
      )
    if (step.type === 'came') out.note(`${line(step.name)} is here: ${step.peer}`)
    if (step.type === 'sent' && step.bytes - toldBytes >= toldEveryBytes) {
      toldBytes = step.bytes
      out.note(`… ${step.rows} rows, ${formatBytes(step.bytes)}`)
    }
    if (step.type === 'linked')
      await out.line(`${out.style.good('✓')} ${line(step.name)} is one of your devices.`)
  }
}

async function showCodeOf(
  out: Output,
  { code, untilMs }: Extract<LinkStep, { type: 'code' }>
): Promise<void> {
  if (out.screen) {
    const { encodeQR } = await import('qr')
    await out.line(`${encodeQR(code, 'ascii').trimEnd()}\n`)
  }
  await out.line(code)
  out.note(
    `On the other machine: \`muttr link\`, and this code, until ${formatTime(untilMs, out.nowMs)}.\n` +
      'Whoever has it gets your key and your letters: show it to nobody else. Ctrl-C ends it.'
  )
}

async function join(
  session: Session,
  { name, history }: { name?: string; history: boolean },
  code?: string
): Promise<void> {
  const { out, home } = session
  const doors = await session.doors()
  const made = await doors.joinDevice({
    ...session.open,
    home,
    history,
    code: () => readCode(session, code),
    ...(name !== undefined && { name }),
    onProgress: rows => {
      if (out.screen && rows % 5_000 === 0) out.note(`${rows} rows …`)
    }
  })
  await out.result(made, ({ style }) =>
    [
      `${style.good('✓')} ${line(made.device)} is a device of ${line(made.name)}, in ${made.home}.`,
      `  ${grouped(made.fingerprint)}`,
      ...(made.heard
        ? []
        : ['! The other device did not hear that all is here. It will when this node runs.'])
    ].join('\n')
  )
  out.note('Next: `muttr up`. Letters come to both devices from then on.')
}

/** Asked for, it does not stand in the history of the shell. */
async function readCode(session: Session, given: string | undefined): Promise<string> {
  const { stdin, signal } = session
  if (given === '-') return readText('-', stdin, { maxBytes: 4_096, code: 'LINK_INVALID', signal })
  const code = given ?? (await session.ask('The code that the other device shows'))
  if (code === undefined)
    throw usage('nobody can be asked for the code here', 'Give -, and the code on standard input.')
  return code
}

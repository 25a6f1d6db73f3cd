import type { Command } from 'commander'
import type { InviteOptions } from '../../client/pod-words.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs } from '../text.ts'
import { formatTime, parseCount, parseDuration } from '../units.ts'

interface InviteArgs {
  pod?: string
  uses?: string
  expires?: string
  note?: string
}

export function addInvite(program: Command, action: Action): void {
  program.commandsGroup('People:')
  example(
    program
      .command('invite')
      .description('make a link with which others take an alias at your pod, where you may')
      .option('--pod <hostname>', 'that of your oldest alias unless told')
      .option('--uses <count>', 'how many aliases can be taken with it; one unless told')
      .option('--expires <duration>', 'how long it can be used, as in 7d')
      .option('--note <text>', 'what it is for; operators of the pod see it')
      .action(action(invite)),
    'muttr invite --expires 3d'
  )
}

async function invite(session: Session, o: InviteArgs): Promise<void> {
  const { out, signal } = session
  const options: InviteOptions = {
    signal,
    ...(o.pod !== undefined && { pod: o.pod }),
    ...(o.uses !== undefined && { uses: parseCount(o.uses, 1, 10_000) }),
    ...(o.expires !== undefined && { lifeMs: parseDuration(o.expires) }),
    ...(o.note !== undefined && { note: o.note })
  }
  await session.withClient(async client => {
    const made = await client.invite(options)
    await out.result(made, ({ style, nowMs }) =>
      pairs(style, [
        ['pod', made.pod],
        ['code', made.code],
        ['until', formatTime(made.untilMs, nowMs)],
        ['link', made.link]
      ])
    )
  })
}

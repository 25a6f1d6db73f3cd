import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { Client } from '../../client/client.ts'
import type { ReportKind } from '../../wire/report.ts'
import { reportKinds } from '../../wire/report.ts'
import { example } from '../example.ts'
import { listMax, wholeId } from '../ids.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line } from '../text.ts'
import { usage } from '../units.ts'

export function addReport(program: Command, action: Action): void {
  program.commandsGroup('People:')
  example(
    program
      .command('report')
      .description('tell the pod of an alias what its owner does; the pod sees your address')
      .argument('<who>', 'an alias, or the beginning of the id of a letter')
      .option('--kind <kind>', `${reportKinds.join(', ')}; spam unless told`, 'spam')
      .option('--text <text>', 'in your words')
      .action(action(report)),
    "muttr report mallory@two.test --kind impersonation --text 'says they are my bank'",
    'muttr report 3fa9c2d1'
  )
}

async function report(
  { out, signal, withClient }: Session,
  { kind, text }: { kind: string; text?: string },
  who: string
): Promise<void> {
  const wanted = reportKinds.find(one => one === kind)
  if (!wanted) throw usage(`'${kind}' is none of ${reportKinds.join(', ')}`)
  await withClient(async client => {
    const about = who.includes('@') ? { alias: who } : await senderOf(client, who)
    const { alias, letter } = { letter: undefined, ...about }
    const told = await client.report(alias, {
      kind: wanted satisfies ReportKind,
      signal,
      ...(text !== undefined && { text }),
      ...(letter !== undefined && { letter })
    })
    await out.result(told, () => `Told ${line(told.pod)} about ${line(told.alias)}.`)
  })
}

async function senderOf(client: Client, id: string): Promise<{ alias: string; letter: string }> {
  const inbox = await client.inbox({ limit: listMax })
  const letter = await wholeId(id, async () => inbox)
  const found = inbox.find(one => one.id === letter)
  if (!found) throw new MuttrError('LETTER_UNKNOWN', `no letter ${id}`)
  return { alias: found.from.alias, letter }
}

import type { Command } from 'commander'
import { asMuttrError } from '../../base/failure.ts'
import type { Check } from '../../client/client.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { checksText, statusText } from '../status.ts'

export function addStatus(program: Command, action: Action): void {
  program.commandsGroup('Your node:')
  example(
    program
      .command('status')
      .description('your node, its neighbours and its pods')
      .action(action(status)),
    'muttr status --json'
  )
  example(
    program
      .command('doctor')
      .description('look for what is wrong, and say what to do; exit status 2 when something is')
      .action(action(doctor)),
    'muttr doctor'
  )
}

async function status(session: Session): Promise<void> {
  await session.withClient(async client => {
    const seen = await client.status()
    await session.out.result(seen, out => statusText(out, seen))
  })
}

async function doctor(session: Session): Promise<number> {
  const checks = await session
    .withClient(client => client.doctor({ signal: session.signal }))
    .catch(notEvenOpened)
  await session.out.results(checks, out => checksText(out, checks))
  return checks.every(({ ok }) => ok) ? 0 : 2
}

/** A home that cannot be opened is what a doctor is there for: a finding, not a failure. */
function notEvenOpened(err: unknown): Check[] {
  const known = asMuttrError(err)
  if (known.kind !== 'refused') throw err
  return [{ name: 'home', ok: false, detail: known.message, hint: known.hint }]
}

import type { Command } from 'commander'
import { asMuttrError } from '../../base/failure.ts'
import type { Check } from '../../client/client.ts'
import { alarmsText } from '../alarms.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import { exportProof } from '../proof-file.ts'
import type { Session } from '../session.ts'
import { checksText, statusText } from '../status.ts'
import { line } from '../text.ts'
import { usage } from '../units.ts'

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
  const alarms = example(
    program
      .command('alarms')
      .description(
        'what pods show of you that you did not ask for, and where they contradict themselves'
      )
      .argument('[alias]', 'with --proof: of whom a pod said different things')
      .option('--proof', 'the proof that the pod did, as a file that others can check')
      .option('--out <file>', 'where the file goes; - is standard output')
      .action(action(listAlarms)),
    'muttr alarms',
    'muttr alarms bob@two.test --proof --out two.proof',
    'muttr alarms answer alice@one.test'
  )
  example(
    alarms
      .command('answer')
      .description('you have taken note of the alarms about an alias')
      .argument('<alias>', 'as in alice@one.test')
      .action(action(answerAlarms)),
    'muttr alarms answer alice@one.test'
  )
}

interface AlarmsArgs {
  proof?: boolean
  out?: string
}

async function listAlarms(
  session: Session,
  { proof, out: file }: AlarmsArgs,
  alias: string | undefined
): Promise<void> {
  const { withClient, out } = session
  if (proof && alias !== undefined)
    return exportProof(session, file ?? '-', async client => ({
      of: { alias },
      proof: await client.alarmProof(alias)
    }))
  if (proof) throw usage('a proof is about one alias: name it')
  if (alias !== undefined || file !== undefined) throw usage('an alias and --out go with --proof')
  await withClient(async client => {
    const alarms = await client.alarms()
    await out.results(alarms, out => alarmsText(out, alarms))
  })
}

async function answerAlarms({ withClient, out }: Session, _: object, alias: string): Promise<void> {
  await withClient(async client => {
    const alarms = await client.answerAlarms(alias)
    await out.results(alarms, () =>
      alarms.length === 0 ? `There is no alarm about ${line(alias)}.` : 'Noted.'
    )
  })
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

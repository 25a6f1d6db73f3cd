import type { Command } from 'commander'
import type { ProcessView } from '../../pod/record.ts'
import type { PodMigrated } from '../doors.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs, table } from '../text.ts'
import { parseDuration, usage } from '../units.ts'
import { waits } from './pod-upgrade.ts'

/** Where a pod keeps what it knows, and the processes that share it. */
export function addPodState(pod: Command, action: Action): void {
  example(
    pod
      .command('migrate')
      .description('move accounts and mailboxes to a PostgreSQL, or back; the pod must not run')
      .requiredOption(
        '--to <where>',
        'postgres://user@host/database, or embedded: in the home of the pod'
      )
      .action(action(migrate)),
    'muttr pod migrate --to postgres://muttr@db.example/muttr --home /srv/pod'
  )
  example(
    pod
      .command('member')
      .description(
        'make the home of another process of this pod, to be run here or on another machine'
      )
      .requiredOption('--out <folder>', 'where')
      .option(
        '--listen <address...>',
        'where it listens, as in muttr.json; as this one unless told'
      )
      .action(action(member)),
    'muttr pod member --out /srv/pod-2 --home /srv/pod',
    'muttr pod member --out /srv/pod-2 --listen /ip4/0.0.0.0/tcp/4421 --home /srv/pod'
  )
  addDrain(pod, action)
  const processes = example(
    pod.command('processes').description('the processes that serve this pod').action(action(list)),
    'muttr pod processes --home /srv/pod'
  )
  example(
    processes
      .command('remove')
      .description('one that is no more: people do not trust it from now on')
      .argument('<peer>', 'its peer id, as listed')
      .action(action(remove)),
    'muttr pod processes remove 12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj --home /srv/pod'
  )
}

interface DrainArgs {
  over?: string
  leave?: boolean
  cancel?: boolean
}

function addDrain(pod: Command, action: Action): void {
  example(
    pod
      .command('drain')
      .description(
        'let nobody in any more, and send who is here to the other processes; SIGTERM does so too, and ends it'
      )
      .option('--over <duration>', 'close the sessions over so long, as in 10s; 15s at most')
      .option('--leave', 'take it off the record of the pod: it ends for good')
      .option('--cancel', 'serve again')
      .action(action(drain)),
    'muttr pod drain --home /srv/pod-2',
    'muttr pod drain --leave --home /srv/pod-2'
  )
}

const drain = (session: Session, { over, leave, cancel }: DrainArgs): Promise<void> =>
  session.withPod(async (pod, by) => {
    const { out, signal } = session
    if (cancel) return await out.result(await pod.serveAgain(), () => 'It serves again.')
    const overMs = over === undefined ? {} : { overMs: parseDuration(over) }
    const done = await pod.drain({
      ...{ ...overMs, by, signal },
      ...(leave && { leave }),
      onProgress({ sessions, of }) {
        if (out.screen) out.note(`${of - sessions} of ${of} have gone …`)
      }
    })
    await out.result(
      done,
      () => 'Nobody is here any more. `muttr pod drain --cancel` serves again.'
    )
  })

async function migrate(session: Session, { to }: { to: string }): Promise<void> {
  if (to !== 'embedded' && !/^postgres(ql)?:\/\//.test(to))
    throw usage(`'${to}' is neither embedded nor postgres://…`)
  const { out, signal, home } = session
  const doors = await session.doors()
  const moved = await doors.migratePod({
    home,
    to,
    signal,
    onWait: () => out.note(waits),
    onProgress({ copied, verified }) {
      if (out.screen && (copied + verified) % 20_000 === 0)
        out.note(verified === 0 ? `${copied} copied …` : `${verified} of ${copied} compared …`)
    }
  })
  await out.result(moved, out => movedText(out, moved))
}

function movedText({ style }: Output, moved: PodMigrated): string {
  const { from, to, rows, logs, entries, digest, aside } = moved
  return pairs(style, [
    ['from', from],
    ['to', to],
    ['moved', `${rows} rows, ${entries} entries of ${logs} logs, compared`],
    ['digest', digest],
    ...(aside === null ? [] : [['kept', aside] as [string, string]])
  ])
}

async function member(
  session: Session,
  { out: folder, listen }: { out: string; listen?: string[] }
): Promise<void> {
  const { out, home } = session
  const doors = await session.doors()
  const made = await doors.addPodMember({ home, out: folder, ...(listen && { listen }) })
  await out.result(made, ({ style }) =>
    pairs(style, [
      ['pod', made.hostname],
      ['home', made.home],
      ['peer', made.peer],
      ['listens', made.listen.join(', ')]
    ])
  )
  out.note('It holds the keys of the pod. Start it with `muttr pod up`.')
  if (made.doorClosed)
    out.note('Its `pod.https` is off: one process alone can order the certificate of a pod.')
}

const list = (session: Session): Promise<void> =>
  session.withPod(async pod => {
    const found = await pod.processes()
    await session.out.results(found, out => processesText(out, found))
  })

const processesText = (out: Output, found: readonly ProcessView[]): string =>
  table({
    ...out,
    heads: ['PEER', ''],
    rows: found.map(({ peer, isThis }) => [peer, isThis ? 'this one' : ''])
  })

const remove = (session: Session, _: object, peer: string): Promise<void> =>
  session.withPod(async (pod, by) => {
    await pod.removeProcess(peer, { by })
    await session.out.result({ peer }, () => `Taken off the record: ${peer}.`)
  })

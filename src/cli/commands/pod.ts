import { type Command, Option } from 'commander'
import { addDaemonOptions, type DaemonOptions, runDaemon } from '../daemon.ts'
import type { PodPolicy } from '../doors.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { addPodAccounts } from './pod-accounts.ts'
import { addPodAudit } from './pod-audit.ts'
import { addPodInvites } from './pod-invites.ts'

interface PodArgs extends DaemonOptions {
  hostname?: string
  policy?: PodPolicy
  network?: string
  join?: string
}

export function addPod(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  const pod = example(
    addDaemonOptions(program.command('pod'))
      .description('run a pod: aliases, keys and notices for people (set up at the first run)')
      .option('--hostname <hostname>', 'the part of its aliases after the @; needed the first time')
      .addOption(
        new Option('--policy <policy>', 'who may take an alias').choices([
          'open',
          'invite',
          'closed'
        ])
      )
      .option('--network <file|name>', 'the network to join at the first run')
      .option('--join <link>', 'the network that a muttr: link carries, at the first run')
      .action(action(run)),
    'muttr pod --home /srv/pod --hostname pod.example --policy invite',
    'muttr pod invite --home /srv/pod'
  )
  addPodInvites(pod, action)
  addPodAccounts(pod, action)
  addPodAudit(pod, action)
}

async function run(session: Session, options: PodArgs): Promise<void> {
  const { hostname, policy, network, join } = options
  const doors = await session.doors()
  await runDaemon(session, {
    ...options,
    run: daemon =>
      doors.runPod({
        ...daemon,
        ...(hostname !== undefined && { hostname }),
        ...(policy !== undefined && { policy }),
        ...(network !== undefined && { network }),
        ...(join !== undefined && { link: join })
      })
  })
}

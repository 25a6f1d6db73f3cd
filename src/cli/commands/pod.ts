import { type Command, Option } from 'commander'
import { addDaemonOptions, type DaemonOptions, runDaemon } from '../daemon.ts'
import { recordRows, recordsText } from '../dns-text.ts'
import type { HttpsMode, PodMade, PodPolicy } from '../doors.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs } from '../text.ts'
import { grouped, usage } from '../units.ts'
import { addPodAccounts } from './pod-accounts.ts'
import { addPodAdmin } from './pod-admin.ts'
import { addPodAudit } from './pod-audit.ts'
import { addPodChain } from './pod-chain.ts'
import { addPodDoctor } from './pod-doctor.ts'
import { addPodInvites } from './pod-invites.ts'
import { addPodPeers } from './pod-peers.ts'
import { addPodRename } from './pod-rename.ts'
import { addPodReports } from './pod-reports.ts'
import { addPodRules } from './pod-rules.ts'
import { addPodState } from './pod-state.ts'
import { addPodUpgrade } from './pod-upgrade.ts'

interface InitArgs {
  hostname: string
  policy: PodPolicy
  https: HttpsMode
  certificate?: string
  key?: string
  email?: string
  admin?: boolean
  network?: string
  join?: string
}

export function addPod(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  const pod = example(
    program.command('pod').description('a pod: aliases, keys and notices for people'),
    'muttr pod init --home /srv/pod --hostname pod.example --https acme',
    'muttr pod up --home /srv/pod'
  )
  addInit(pod, action)
  example(
    addDaemonOptions(pod.command('up').description('run the pod')).action(action(up)),
    'muttr pod up --home /srv/pod'
  )
  addPodDoctor(pod, action)
  addPodAdmin(pod, action)
  addPodState(pod, action)
  addPodRename(pod, action)
  addPodUpgrade(pod, action)
  addPodInvites(pod, action)
  addPodAccounts(pod, action)
  addPodRules(pod, action)
  addPodReports(pod, action)
  addPodPeers(pod, action)
  addPodChain(pod, action)
  addPodAudit(pod, action)
}

function addInit(pod: Command, action: Action): void {
  const policies = new Option('--policy <policy>', 'who may take an alias')
    .choices(['open', 'invite', 'approval', 'closed'])
    .default('invite')
  const modes = new Option(
    '--https <mode>',
    'with a certificate that it orders (acme: you agree to the terms of Let’s Encrypt), with one of yours (files), behind a proxy, or not'
  )
    .choices(['acme', 'files', 'proxy', 'off'])
    .default('off')
  example(
    pod
      .command('init')
      .description('make the folder, the keys and the settings of a pod')
      .requiredOption('--hostname <hostname>', 'the part of its aliases after the @')
      .addOption(policies)
      .addOption(modes)
      .option('--certificate <file>', 'with --https files: the certificate and its chain, PEM')
      .option('--key <file>', 'with --https files: its key, PEM')
      .option('--email <address>', 'with --https acme: to whom the authority writes')
      .option('--admin', 'with --https: show the admin page there, under /admin/')
      .option(
        '--network <file|name>',
        'the network to join: a network file, or a built-in name; else it founds one of its own'
      )
      .option('--join <link>', 'the network that a muttr: link carries')
      .action(action(init)),
    'muttr pod init --home /srv/pod --hostname pod.example --policy invite',
    'muttr pod init --home /srv/pod --hostname pod.example --https acme --no-passphrase'
  )
}

async function init(session: Session, options: InitArgs): Promise<void> {
  const { hostname, policy, https: mode, certificate, key, email, network, join } = options
  const { admin = false } = options
  const idle = [
    mode !== 'files' &&
      (certificate !== undefined || key !== undefined) &&
      '--certificate and --key want --https files',
    mode !== 'acme' && email !== undefined && '--email wants --https acme',
    mode === 'off' && admin && '--admin wants --https, since it shows the page there'
  ].find(why => why !== false)
  if (idle !== undefined) throw usage(idle)
  const doors = await session.doors()
  const made = await doors.initPod({
    ...session.open,
    home: session.home,
    hostname,
    policy,
    ...(admin && { admin }),
    https: {
      mode,
      ...(certificate !== undefined && { certificate }),
      ...(key !== undefined && { key }),
      ...(email !== undefined && { email })
    },
    ...(network !== undefined && { network }),
    ...(join !== undefined && { link: join })
  })
  await session.out.result(made, out => madeText(out, made))
  session.out.note(
    'Publish the records, open the ports in the firewall, look at the settings, then `muttr pod up`.'
  )
}

function madeText({ style }: Output, made: PodMade): string {
  const { hostname, home, config, fingerprint, ports, records, addressed } = made
  const about = pairs(style, [
    ['pod', hostname],
    ['home', home],
    ['settings', config],
    ['fingerprint', grouped(fingerprint)],
    ['ports', ports.join(', ')]
  ])
  const shown = recordsText({ style }, [
    ...(addressed ? [] : [[`${hostname}.`, 'A, AAAA', 'the public addresses of this machine']]),
    ...recordRows(records)
  ])
  return `${about}\n\nIn the DNS, for others to find it by its hostname:\n\n${shown}`
}

async function up(session: Session, options: DaemonOptions): Promise<void> {
  const doors = await session.doors()
  await runDaemon(session, { ...options, run: daemon => doors.runPod(daemon) })
}

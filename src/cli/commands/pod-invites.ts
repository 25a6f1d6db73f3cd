import type { Command } from 'commander'
import type { InviteOptions } from '../../api/operator.ts'
import type { InviteView } from '../../pod/invites.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs, table } from '../text.ts'
import { formatTime, parseCount, parseDuration } from '../units.ts'

interface InviteArgs {
  uses?: string
  expires?: string
  note?: string
}

export function addPodInvites(pod: Command, action: Action): void {
  example(
    pod
      .command('invite')
      .description('make a link with which somebody can take an alias here')
      .option('--uses <count>', 'how many aliases can be taken with it; one unless told')
      .option('--expires <duration>', 'how long it can be used, as in 7d')
      .option('--note <text>', 'what it is for; only operators see it')
      .action(action(invite)),
    'muttr pod invite --home /srv/pod --expires 7d',
    "muttr pod invite --home /srv/pod --uses 30 --expires 14d --note 'the choir'"
  )
  const invites = example(
    pod
      .command('invites')
      .description('invites there are: who made them, and how often they were used')
      .action(action(list)),
    'muttr pod invites --home /srv/pod'
  )
  example(
    invites
      .command('revoke')
      .description('take an invite back; who came by it stays')
      .argument('<id>', 'its first digits, as listed')
      .action(action(revoke)),
    'muttr pod invites revoke 3fa9c2d1 --home /srv/pod'
  )
}

async function invite(session: Session, { uses, expires, note }: InviteArgs): Promise<void> {
  const options: InviteOptions = {
    ...(uses !== undefined && { uses: parseCount(uses, 1, 10_000) }),
    ...(expires !== undefined && { lifeMs: parseDuration(expires) }),
    ...(note !== undefined && { note })
  }
  await session.withPod(async (pod, by) => {
    const made = await pod.invite({ ...options, by, signal: session.signal })
    await session.out.result(made, ({ style, nowMs }) =>
      pairs(style, [
        ['pod', made.pod],
        ['id', made.id],
        ['code', made.code],
        ['uses', String(made.uses)],
        ['until', formatTime(made.untilMs, nowMs)],
        ['link', made.link]
      ])
    )
  })
}

async function list({ out, withPod }: Session): Promise<void> {
  await withPod(async pod => {
    const invites = await pod.invites()
    await out.results(invites, out => invitesText(out, invites))
  })
}

function invitesText(out: Output, invites: readonly InviteView[]): string {
  if (invites.length === 0) return 'No invites. Make one with `muttr pod invite`.'
  return table({
    ...out,
    heads: ['ID', 'STATE', 'USED', 'UNTIL', 'MADE', 'BY', 'NOTE'],
    rows: invites.map(({ id, state, used, uses, untilMs, createdMs, by, note }) => [
      id,
      state,
      `${used} of ${uses}`,
      formatTime(untilMs, out.nowMs),
      formatTime(createdMs, out.nowMs),
      by.kind === 'operator' ? by.name : `account ${by.name.slice(0, 8)}`,
      note
    ])
  })
}

async function revoke({ out, withPod }: Session, _: object, id: string): Promise<void> {
  await withPod(async (pod, by) => {
    const revoked = await pod.revokeInvite(id, { by })
    await out.result(
      revoked,
      () => `Taken back: ${revoked.id}, used ${revoked.used} of ${revoked.uses} times.`
    )
  })
}

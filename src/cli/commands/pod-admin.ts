import type { Command } from 'commander'
import { Option } from 'commander'
import type { OperatorView } from '../../pod/admin/admin.ts'
import type { Role } from '../../pod/admin/rows.ts'
import type { LoginUrls, PodAdmin } from '../doors.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import { callerOf, type Session } from '../session.ts'
import { line, pairs, table } from '../text.ts'
import { formatTime } from '../units.ts'

interface RoleArgs {
  role: Role
}

/** Who may use the admin page. It works on a pod that does not run too: nobody is ever locked out who has the home. */
export function addPodAdmin(pod: Command, action: Action): void {
  const admin = example(
    pod.command('admin').description('the admin page: who may use it, and a link that lets you in'),
    'muttr pod admin link --home /srv/pod',
    'muttr pod admin add mona --role moderator --home /srv/pod'
  )
  example(
    admin
      .command('link')
      .description('a login link, good once and ten minutes; no password is needed')
      .argument('[name]', 'for whom; you, or an owner, unless told')
      .action(action(link)),
    'muttr pod admin link --home /srv/pod',
    'muttr pod admin link mona --home /srv/pod'
  )
  example(
    admin.command('list').description('who may use the admin page').action(action(list)),
    'muttr pod admin list --home /srv/pod'
  )
  example(
    admin
      .command('add')
      .description('let somebody use it; they choose a password by the link that is printed')
      .argument('<name>', 'letters, digits, and . _ -')
      .addOption(roles().default('owner'))
      .action(action(add)),
    'muttr pod admin add mona --role moderator --home /srv/pod'
  )
  example(
    admin
      .command('role')
      .description('what somebody may do')
      .argument('<name>', 'as listed')
      .addOption(roles().makeOptionMandatory())
      .action(action(role)),
    'muttr pod admin role mona --role reader --home /srv/pod'
  )
  example(
    admin
      .command('reset')
      .description('take password, one-time codes and sessions away, and print a link')
      .argument('<name>', 'as listed')
      .action(action(reset)),
    'muttr pod admin reset mona --home /srv/pod'
  )
  example(
    admin
      .command('remove')
      .description('somebody who may not use it any more')
      .argument('<name>', 'as listed')
      .action(action(remove)),
    'muttr pod admin remove mona --home /srv/pod'
  )
}

const roles = (): Option =>
  new Option(
    '--role <role>',
    'owner: everything; moderator: people, invites, reports; reader: looks'
  ).choices(['owner', 'moderator', 'reader'])

async function withAdmin<T>(
  { doors, home, signal, env }: Session,
  use: (admin: PodAdmin, by: string) => Promise<T>
): Promise<T> {
  const opened = await doors()
  await using admin = await opened.openAdmin(home, signal)
  return await use(admin, callerOf(env))
}

const link = (session: Session, _: object, name?: string): Promise<void> =>
  withAdmin(session, async (admin, by) =>
    showLink(session, await admin.link({ by, ...(name !== undefined && { name }) }))
  )

async function showLink({ out }: Session, made: LoginUrls): Promise<void> {
  await out.result(made, out => linkText(out, made))
  if (made.local === null && made.url === null)
    out.note('The pod does not run: start it with `muttr pod up`, then ask for a link again.')
  else if (made.local === null) out.note('The pod does not run: start it with `muttr pod up`.')
}

function linkText(out: Output, { operator, untilMs, url, local, problem }: LoginUrls): string {
  const { style, nowMs } = out
  return pairs(style, [
    ['operator', operator],
    ...(url === null ? [] : [['page', url] as [string, string]]),
    ...(problem === null ? [] : [['but', line(problem.message)] as [string, string]]),
    ...(local === null ? [] : [['on this machine', local] as [string, string]]),
    ['good until', `${formatTime(untilMs, nowMs)}, once`]
  ])
}

const list = (session: Session): Promise<void> =>
  withAdmin(session, async admin => {
    const all = await admin.operators()
    await session.out.results(all, out => operatorsText(out, all))
  })

function operatorsText(out: Output, all: readonly OperatorView[]): string {
  if (all.length === 0) return 'Nobody yet: `muttr pod admin link` makes you the first.'
  return table({
    ...out,
    heads: ['NAME', 'ROLE', 'PASSWORD', 'CODES', 'LAST LOGIN'],
    rows: all.map(({ name, role, hasPassword, hasCodes, loginMs }) => [
      name,
      role,
      hasPassword ? 'yes' : 'none yet',
      hasCodes ? 'yes' : '-',
      loginMs === null ? 'never' : formatTime(loginMs, out.nowMs)
    ])
  })
}

const add = (session: Session, { role }: RoleArgs, name: string): Promise<void> =>
  withAdmin(session, async (admin, by) => {
    const added = await admin.add(name, { role, by })
    session.out.note(`Added: ${added.name}, ${added.role}.`)
    await showLink(session, await admin.link({ name: added.name, by }))
  })

const role = (session: Session, { role }: RoleArgs, name: string): Promise<void> =>
  withAdmin(session, async (admin, by) => {
    const now = await admin.setRole(name, { role, by })
    await session.out.result(now, () => `Now ${now.role}: ${now.name}.`)
  })

const reset = (session: Session, _: object, name: string): Promise<void> =>
  withAdmin(session, async (admin, by) => {
    const now = await admin.reset(name, { by })
    session.out.note(`Reset: ${now.name} has no password and no session any more.`)
    await showLink(session, await admin.link({ name: now.name, by }))
  })

const remove = (session: Session, _: object, name: string): Promise<void> =>
  withAdmin(session, async (admin, by) => {
    const gone = await admin.remove(name, { by })
    await session.out.result(gone, () => `Removed: ${gone.name}.`)
  })

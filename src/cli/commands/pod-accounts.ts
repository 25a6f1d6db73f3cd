import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { AccountView } from '../../pod/office/accounts.ts'
import { example } from '../example.ts'
import { listMax } from '../ids.ts'
import type { Output } from '../output.ts'
import { accountsText, accountText } from '../pod-accounts.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { json, line } from '../text.ts'
import { parseBytes, parseCount, parseDuration, usage } from '../units.ts'

const states = ['active', 'suspended', 'removed'] as const

interface ListArgs {
  state?: string
  limit?: string
  after?: string
}
interface QuotaArgs {
  aliases?: string
  notices?: string
  noticeBytes?: string
  aheadBytes?: string
  invites?: string
}

const who = ['<who>', 'an alias, or the beginning (8 digits) of an id or a fingerprint'] as const

export function addPodAccounts(pod: Command, action: Action): void {
  example(
    pod
      .command('accounts')
      .description('who has an alias here')
      .argument('[text]', 'only those whose alias has this in it, or whose key begins so')
      .option('--state <state>', `only those that are ${states.join(', ')}`)
      .option('--limit <count>', 'at most so many; 50 unless told')
      .option('--after <id>', 'go on after this one, as the last page said')
      .action(action(list)),
    'muttr pod accounts --home /srv/pod',
    'muttr pod accounts --state suspended --json --home /srv/pod'
  )
  const account = example(
    pod
      .command('account')
      .description('one account: what it has here, and what it may')
      .argument(...who)
      .action(action(show)),
    'muttr pod account alice --home /srv/pod'
  )
  example(
    account
      .command('suspend')
      .description('it neither registers nor sends under its name, and goes on receiving')
      .argument(...who)
      .requiredOption('--reason <text>', 'as its owner is told')
      .option('--for <duration>', 'until you say otherwise unless told')
      .action(action(suspend)),
    "muttr pod account suspend mallory --reason 'sends advertisements' --for 14d --home /srv/pod"
  )
  example(
    account
      .command('resume')
      .description('end a suspension, or let in again who was removed')
      .argument(...who)
      .action(action(resume)),
    'muttr pod account resume mallory --home /srv/pod'
  )
  example(
    account
      .command('remove')
      .description('drop what waits for it and its devices; its aliases rest for a year')
      .argument(...who)
      .requiredOption('--reason <text>', 'as its owner is told')
      .option('--yes', 'do not ask')
      .action(action(remove)),
    "muttr pod account remove mallory --reason 'fraud' --home /srv/pod"
  )
  example(
    account
      .command('quota')
      .description('what it may have; `all` gives it what all may have')
      .argument(...who)
      .option('--aliases <count>', 'aliases')
      .option('--notices <count>', 'letters that wait')
      .option('--notice-bytes <size>', 'the bytes of their notices')
      .option('--ahead-bytes <size>', 'files that are fetched while it is away')
      .option('--invites <count>', 'uses of invites that it may have open; 0 unless told')
      .action(action(quota)),
    'muttr pod account quota alice --notices 50000 --ahead-bytes 2GiB --home /srv/pod'
  )
  example(
    account
      .command('export')
      .description('all that the pod keeps of somebody, as JSON, to be handed to them')
      .argument(...who)
      .option('--out <file>', 'write it there, readable by you alone')
      .action(action(exportAccount)),
    'muttr pod account export alice --out alice.json --home /srv/pod'
  )
  addAliases(pod, action)
}

function addAliases(pod: Command, action: Action): void {
  const alias = pod.command('alias').description('what the pod says about a name')
  example(
    alias
      .command('revoke')
      .description('take the word of the pod about an alias back, for everybody to see')
      .argument('<alias>', 'as alice, or alice@pod.example')
      .requiredOption('--reason <text>', 'as everybody is told')
      .action(action(revokeAlias)),
    "muttr pod alias revoke mallory --reason 'not who they say' --home /srv/pod"
  )
  example(
    alias
      .command('free')
      .description('end the quarantine of an alias: anybody may take it')
      .argument('<alias>', 'as alice, or alice@pod.example')
      .action(action(freeAlias)),
    'muttr pod alias free alice --home /srv/pod'
  )
}

async function list(session: Session, { limit, ...o }: ListArgs, text?: string): Promise<void> {
  const state = states.find(one => one === o.state)
  if (o.state !== undefined && !state) throw usage(`'${o.state}' is none of ${states.join(', ')}`)
  await session.withPod(async pod => {
    const page = await pod.accounts({
      ...(text !== undefined && { text }),
      ...(state && { state }),
      ...(o.after !== undefined && { after: o.after }),
      ...(limit !== undefined && { limit: parseCount(limit, 1, listMax) })
    })
    await session.out.results(page.accounts, out => accountsText(out, page))
    if (session.out.json && page.next !== null) await session.out.line(json({ next: page.next }))
  })
}

const shown = (out: Output, account: AccountView): Promise<void> =>
  out.result(account, out => accountText(out, account))

const show = ({ out, withPod }: Session, _: object, who: string): Promise<void> =>
  withPod(async pod => shown(out, await pod.account(who)))

const suspend = (
  { out, withPod }: Session,
  { reason, for: length }: { reason: string; for?: string },
  who: string
): Promise<void> =>
  withPod(async (pod, by) => {
    const life = length === undefined ? {} : { lifeMs: parseDuration(length) }
    await shown(out, await pod.suspend(who, { reason, by, ...life }))
  })

const resume = ({ out, withPod }: Session, _: object, who: string): Promise<void> =>
  withPod(async (pod, by) => shown(out, await pod.resume(who, { by })))

async function remove(
  session: Session,
  { reason, yes = false }: { reason: string; yes?: boolean },
  who: string
): Promise<void> {
  await session.withPod(async (pod, by) => {
    const { account, aliases, notices } = await pod.account(who)
    const names = aliases.map(({ name }) => line(name)).join(', ') || account.slice(0, 8)
    const asked = `Remove ${names}, with ${notices} letters that wait?`
    if (!yes && (await session.confirm(asked)) !== true)
      throw new MuttrError('CANCELLED', 'nothing was removed', { hint: 'Say --yes.' })
    await shown(session.out, await pod.remove(account, { reason, by }))
  })
}

async function quota({ out, withPod }: Session, o: QuotaArgs, who: string): Promise<void> {
  const set = (text: string | undefined, read: (text: string) => number) =>
    text === undefined ? undefined : text === 'all' ? null : read(text)
  const count = (text: string) => parseCount(text, 0, 999_999_999)
  const bytes = (text: string) => parseBytes(text, 0)
  const given = {
    aliases: set(o.aliases, count),
    notices: set(o.notices, count),
    noticeBytes: set(o.noticeBytes, bytes),
    aheadBytes: set(o.aheadBytes, bytes),
    invites: set(o.invites, count)
  }
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  if (Object.keys(said).length === 0) throw usage('say what it may have, as in --notices 50000')
  await withPod(async (pod, by) => shown(out, await pod.setQuota(who, { ...said, by })))
}

async function exportAccount(
  { out, withPod }: Session,
  { out: file }: { out?: string },
  who: string
): Promise<void> {
  await withPod(async (pod, by) => {
    const all = await pod.exportAccount(who, { by })
    const text = `${JSON.stringify(all, null, out.json ? 0 : 2)}\n`
    if (file === undefined) return out.bytes(Buffer.from(text))
    await writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch(cause => {
      const code = cause.code === 'EEXIST' ? 'OUTPUT_EXISTS' : 'DISK_FAILED'
      throw new MuttrError(code, `${file} cannot be written: ${cause.message}`, { cause })
    })
    const rows = Object.values(all.tables).reduce((sum, table) => sum + table.length, 0)
    const said = { file, account: all.account, rows, notices: all.mail.length }
    await out.result(
      said,
      () => `${rows} rows and ${all.mail.length} notices are in ${line(file)}.`
    )
  })
}

const revokeAlias = (
  { out, withPod }: Session,
  { reason }: { reason: string },
  name: string
): Promise<void> =>
  withPod(async (pod, by) => {
    const revoked = await pod.revokeAlias(name, { reason, by })
    await out.result(
      revoked,
      () => `Taken back: ${line(revoked.alias)}. Whoever asks is told so for a year.`
    )
  })

const freeAlias = ({ out, withPod }: Session, _: object, name: string): Promise<void> =>
  withPod(async (pod, by) => {
    const freed = await pod.freeAlias(name, { by })
    await out.result(freed, () => `Anybody may take ${line(freed.alias)} now.`)
  })

import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import type { OwnAddress } from '../../client/client.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, pairs, table } from '../text.ts'
import { formatTime, parseCount, parseDuration, shortId } from '../units.ts'

interface NewArgs {
  alias?: string
  uses?: string
  expires?: string
  note?: string
}

export function addAddresses(program: Command, action: Action): void {
  program.commandsGroup('People:')
  const address = program
    .command('address')
    .description('addresses by which your pod knows your letters, and not who writes')
  example(
    address
      .command('list')
      .description('those that you gave to correspondents, and those that you handed out')
      .action(action(list)),
    'muttr address list'
  )
  example(
    address
      .command('new')
      .description('make a link with which somebody writes to you first, beside your alias')
      .option('--alias <alias>', 'one of yours; the oldest unless told')
      .option('--uses <count>', 'how many letters it takes; as many as come unless told')
      .option(
        '--expires <duration>',
        'how long it is good, as in 7d; until you take it back unless told'
      )
      .option('--note <text>', 'what it is for; only you see it')
      .action(action(make)),
    'muttr address new --uses 1 --expires 30d'
  )
  example(
    address
      .command('revoke')
      .description('take back an address that you handed out; who has it cannot tell')
      .argument('<id>', 'the beginning of its id')
      .action(action(revoke)),
    'muttr address revoke 3fa9c2d1'
  )
  example(
    address
      .command('renew')
      .description('give a correspondent another address, when others may know the one they have')
      .argument('<alias>')
      .action(action(renew)),
    'muttr address renew bob@one.test'
  )
  example(
    address
      .command('use')
      .description('write first letters to an address that somebody handed out')
      .argument('<link>', 'as they gave it to you')
      .action(action(use)),
    'muttr address use muttr:address?g…'
  )
  example(address, 'muttr address list', 'muttr address new --uses 1')
}

async function list({ out, withClient }: Session): Promise<void> {
  await withClient(async client => {
    const addresses = await client.addresses()
    await out.results(addresses, () => listText(out, addresses))
  })
}

async function make({ out, withClient }: Session, o: NewArgs): Promise<void> {
  const options = {
    ...(o.alias !== undefined && { alias: o.alias }),
    ...(o.uses !== undefined && { uses: parseCount(o.uses, 1, limits.addressUsesMax) }),
    ...(o.expires !== undefined && { lifeMs: parseDuration(o.expires) }),
    ...(o.note !== undefined && { note: o.note })
  }
  await withClient(async client => {
    const made = await client.makeAddress(options)
    await out.result(made, ({ style, nowMs }) =>
      pairs(style, [
        ['alias', line(made.alias)],
        ['takes', usesText(made)],
        ['until', made.untilMs === null ? 'you take it back' : formatTime(made.untilMs, nowMs)],
        ['id', shortId(made.id)],
        ['link', made.link]
      ])
    )
  })
}

async function revoke({ out, withClient }: Session, _: object, id: string): Promise<void> {
  await withClient(async client => {
    const gone = await client.revokeAddress(id)
    await out.result(
      gone,
      ({ style }) => `${style.good('✓')} ${shortId(gone.id)} leads nowhere now.`
    )
  })
}

async function renew({ out, withClient }: Session, _: object, alias: string): Promise<void> {
  await withClient(async client => {
    const said = await client.renewAddress(alias)
    await out.result(said, ({ style }) =>
      said.renewed
        ? `${style.good('✓')} ${line(said.contact)} is told of another address.`
        : `${line(said.contact)} has no address of yours but the one in the directory.`
    )
  })
}

async function use({ out, withClient }: Session, _: object, link: string): Promise<void> {
  await withClient(async client => {
    const contact = await client.useAddress(link)
    await out.result(
      contact,
      ({ style }) =>
        `${style.good('✓')} First letters to ${line(contact.alias)} go to that address.`
    )
  })
}

const usesText = ({ usesLeft }: OwnAddress): string => {
  if (usesLeft === null) return 'all letters'
  return usesLeft === 1 ? '1 letter' : `${usesLeft} letters`
}

function listText(out: Output, addresses: readonly OwnAddress[]): string {
  return table({
    ...out,
    heads: ['ADDRESS', 'FOR', 'AT', 'LETTERS', 'TAKES', 'UNTIL', 'WAITING'],
    rows: addresses.map(one => [
      shortId(one.id),
      line(one.contact ?? (one.note === '' ? 'handed out' : one.note)),
      one.blind ? `${line(one.pod)}, blind` : line(one.pod),
      one.policy,
      usesText(one),
      one.untilMs === null ? '' : formatTime(one.untilMs, out.nowMs),
      one.waiting === 0 ? '' : String(one.waiting)
    ])
  })
}

import type { AccountPage, AccountView } from '../pod/office/accounts.ts'
import type { Output } from './output.ts'
import type { Pair } from './text.ts'
import { pairs, table } from './text.ts'
import { formatBytes, formatTime, grouped } from './units.ts'

const namesOf = ({ aliases }: AccountView): string =>
  aliases.map(({ name, state }) => (state === 'active' ? name : `(${name})`)).join(' ')

export function accountsText(out: Output, { accounts, next }: AccountPage): string {
  if (accounts.length === 0) return 'No such accounts.'
  const listed = table({
    ...out,
    heads: ['ID', 'STATE', 'SEEN', 'WAITING', 'DEVICES', 'ALIASES'],
    rows: accounts.map(account => [
      account.account.slice(0, 8),
      account.state,
      formatTime(account.seenMs, out.nowMs),
      `${account.notices} (${formatBytes(account.noticeBytes)})`,
      String(account.devices.length),
      namesOf(account)
    ])
  })
  if (next === null) return listed
  return `${listed}\n${out.style.dim(`There are more: --after ${next}`)}`
}

export function accountText({ style, nowMs }: Output, account: AccountView): string {
  const { standing, aliases, devices, ahead, bounds } = account
  const time = (atMs: number) => formatTime(atMs, nowMs)
  const why: Pair[] = standing
    ? [
        ['why', standing.reason === '' ? 'no reason given' : standing.reason],
        ['since', time(standing.sinceMs)],
        ['until', standing.untilMs === null ? 'you say otherwise' : time(standing.untilMs)]
      ]
    : []
  return pairs(style, [
    ['account', account.account],
    ['key', grouped(account.fingerprint)],
    ['state', account.state],
    ...why,
    ['here since', time(account.createdMs)],
    ['last seen', time(account.seenMs)],
    [
      'aliases',
      aliases.length === 0
        ? 'none'
        : aliases.map(({ name, state, untilMs }) => `${name}, ${state}, until ${time(untilMs)}`)
    ],
    [
      'devices',
      devices.length === 0
        ? 'none'
        : devices.map(
            ({ device, peer, seenMs }) => `${device.slice(0, 8)} at ${peer}, seen ${time(seenMs)}`
          )
    ],
    [
      'waiting',
      `${account.notices} of ${bounds.notices} notices, ${formatBytes(account.noticeBytes)} of ${formatBytes(bounds.noticeBytes)}`
    ],
    [
      'fetched ahead',
      `${ahead.files} files, ${formatBytes(ahead.bytes)} of ${formatBytes(bounds.aheadBytes)}`
    ],
    ['may have', `${bounds.aliases} aliases, ${bounds.invites} open uses of invites`]
  ])
}

import type { Contact, OwnSubkey } from '../client/client.ts'
import type { Output } from './output.ts'
import { line, pairs, table } from './text.ts'
import { formatTime, grouped, shortId } from './units.ts'

export function contactText(out: Output, contact: Contact): string {
  const shown = pairs(out.style, [
    ['alias', contact.alias],
    ['fingerprint', grouped(contact.fingerprint)],
    ['pinned', formatTime(contact.pinnedMs, out.nowMs)],
    ['trust', trust(contact)],
    ...(contact.policy === 'ask' || contact.policy === 'ignore'
      ? [['letters', contact.policy === 'ask' ? 'you are asked about each' : 'ignored'] as const]
      : [])
  ])
  return contact.changedTo === null ? shown : `${shown}\n${changed(out, contact)}`
}

export function contactsText(out: Output, contacts: readonly Contact[]): string {
  if (contacts.length === 0) return 'No contacts yet.'
  const listed = table({
    ...out,
    heads: ['ALIAS', 'KEY', 'PINNED', 'TRUST'],
    rows: contacts.map(contact => [
      contact.alias,
      shortId(contact.fingerprint),
      formatTime(contact.pinnedMs, out.nowMs),
      trust(contact)
    ])
  })
  const alarms = contacts.filter(({ changedTo }) => changedTo !== null)
  return [listed, ...alarms.map(contact => changed(out, contact))].join('\n')
}

export function subkeysText(out: Output, subkeys: readonly OwnSubkey[]): string {
  const until = ({ current, eraseMs }: OwnSubkey) =>
    current
      ? 'letters to you are sealed to it'
      : eraseMs === null
        ? 'kept, until your pods show the new one'
        : `its secret is erased ${formatTime(eraseMs, out.nowMs)}`
  return table({
    ...out,
    heads: ['SUBKEY', 'MADE', ''],
    rows: subkeys.map(subkey => [
      shortId(subkey.fingerprint),
      formatTime(subkey.createdMs, out.nowMs),
      until(subkey)
    ])
  })
}

const trust = (contact: Contact): string =>
  contact.changedTo !== null
    ? 'KEY CHANGED'
    : contact.verified
      ? 'verified by you'
      : contact.certifiedByPod
        ? 'known to the pod'
        : 'seen once'

const changed = ({ style }: Output, { alias, changedTo }: Contact): string =>
  `${style.bad(`! ${line(alias)} now shows another key:`)} ${grouped(line(changedTo ?? ''))}\n` +
  `  Ask them; if it is theirs: muttr contacts accept ${line(alias)}`

import type { Contact, OwnMove, OwnSubkey, OwnSuccession } from '../client/client.ts'
import type { Output } from './output.ts'
import { line, pairs, table } from './text.ts'
import { formatTime, grouped, shortId } from './units.ts'

export function contactText(out: Output, contact: Contact): string {
  const shown = pairs(out.style, [
    ['alias', contact.alias],
    ['fingerprint', grouped(contact.fingerprint)],
    ['pinned', formatTime(contact.pinnedMs, out.nowMs)],
    ['trust', trust(contact)],
    ...(contact.podTrust === null ? [] : [['pod', podTrusts[contact.podTrust]] as const]),
    ...(contact.policy === 'ask' || contact.policy === 'ignore'
      ? [['letters', contact.policy === 'ask' ? 'you are asked about each' : 'ignored'] as const]
      : [])
  ])
  return [shown, ...notes(out, [contact])].join('\n')
}

/** What vouches for a pod's key. */
const podTrusts = {
  chain: 'full chain: certified by the pod of a domain above',
  file: 'direct: named by a file or link',
  https: 'direct: its key came over HTTPS',
  dnssec: 'DNS-authenticated: its zone has signed its key',
  pin: 'its key is the one it showed first',
  dns: 'weak: its key came by the plain DNS'
} as const satisfies Record<NonNullable<Contact['podTrust']>, string>

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
  return [listed, ...notes(out, contacts)].join('\n')
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

export function successionText(
  out: Output,
  { from, sinceMs, pods, devicesTold, eraseMs }: OwnSuccession
): string {
  const { style, nowMs } = out
  const left = pods.filter(({ taken }) => !taken)
  return [
    devicesTold
      ? `It succeeded ${grouped(from)}, ${formatTime(sinceMs, nowMs)}.`
      : `It is to succeed ${grouped(from)}. Your other devices are told first, while your node runs; your pods after them.`,
    ...pods
      .filter(({ taken }) => taken)
      .map(({ pod }) => `  ${line(pod)} has given your aliases to it.`),
    ...left.map(
      ({ pod, problem }) =>
        `  ${style.bad('!')} ${line(pod)} has not yet${problem ? `: ${line(problem.message)}` : ''}. It is told while your node runs.`
    ),
    eraseMs === null
      ? '  What is sealed to the old key can be read until all pods have the new one, and some months more.'
      : `  What is sealed to the old key can be read until ${formatTime(eraseMs, nowMs)}; then its secrets are erased.`
  ].join('\n')
}

export const movesText = (out: Output, moves: readonly OwnMove[]): string =>
  moves.length === 0 ? 'You have not moved.' : moves.map(one => moveText(out, one)).join('\n')

function moveText({ style, nowMs }: Output, move: OwnMove): string {
  const { from, to, atMs, agreed, listensUntilMs, problem } = move
  const pod = line(from.split('@')[1] ?? '')
  return [
    `${style.good('✓')} You moved from ${line(from)} to ${line(to)} (${formatTime(atMs, nowMs)}).`,
    agreed
      ? `  ${pod} agrees, and tells whoever asks there.`
      : `  ${style.bad('!')} ${pod} does not know of it${problem ? `: ${line(problem.message)}` : ''}. It is told while your node runs; if it is gone for good, those who write to you find your word in the network.`,
    `  Letters that are on their way are asked for there until ${formatTime(listensUntilMs, nowMs)}.`
  ].join('\n')
}

const moved = ({ nowMs }: Output, { alias, moved: said }: Contact): string =>
  `${line(alias)} moved from ${line(said!.from)} (${formatTime(said!.atMs, nowMs)})${said!.agreed ? '' : ', as their key alone says: their former pod was away'}.`

const offered = ({ style }: Output, { alias, offered: said }: Contact): string =>
  said!.code === 'MOVE_DENIED'
    ? `${style.bad(`! ${line(alias)} says that they moved to ${line(said!.to)}, and their pod denies it.`)}\n  Ask them by another way; if it is so: muttr contacts accept ${line(alias)}`
    : `${style.bad(`! ${line(alias)} is said to have moved to ${line(said!.to)}, and is not there`)} (${said!.code}). Letters still go to ${line(alias)}.`

const trust = (contact: Contact): string =>
  contact.disputed !== null
    ? 'TWO KEYS'
    : contact.changedTo !== null
      ? 'KEY CHANGED'
      : contact.lapsed !== null
        ? lapses[contact.lapsed]
        : contact.withdrawn
          ? 'TAKEN BACK'
          : contact.verified
            ? 'verified by you'
            : contact.invited
              ? 'from your invitation'
              : contact.certifiedByPod
                ? 'known to the pod'
                : 'seen once'

const changed = ({ style }: Output, { alias, changedTo }: Contact): string =>
  `${style.bad(`! ${line(alias)} now shows another key:`)} ${grouped(line(changedTo ?? ''))}\n` +
  `  Ask them; if it is theirs: muttr contacts accept ${line(alias)}`

const lapses = { revoked: 'REVOKED', expired: 'EXPIRED', unseen: 'not seen for long' } as const

const disputed = ({ style }: Output, { alias, disputed: other, succession }: Contact): string => {
  const what =
    other === succession?.from
      ? `took back the old key that named this one, ${grouped(line(other ?? ''))}`
      : `had an old key that named two others, one of them ${grouped(line(other ?? ''))}`
  return (
    `${style.bad(`! ${line(alias)} ${what}.`)} Somebody else had that old key.\n` +
    `  Nothing is sent. Ask them by another way which key is theirs; then: muttr contacts accept ${line(alias)}`
  )
}

const followed = ({ nowMs }: Output, { alias, succession }: Contact): string =>
  `${line(alias)} changed their key (${formatTime(succession!.atMs, nowMs)}): the old one, ${shortId(succession!.from)}, named the new one. Compare words again: muttr verify ${line(alias)}`

const withdrawn = ({ style, nowMs }: Output, { alias, withdrawn: said }: Contact): string =>
  `${style.bad(`! The pod has taken the name ${line(alias)} back`)} (${formatTime(said!.atMs, nowMs)})${said!.reason === '' ? '' : `: ${line(said!.reason)}`}. ` +
  'Nothing is sent there.'

const escrowed = ({ style }: Output, { alias }: Contact): string =>
  `${style.bold(`! The pod of ${line(alias)} holds what recovers the keys of its people`)}, as it says itself: whoever has that can read what you write them.`

const notes = (out: Output, contacts: readonly Contact[]): string[] => [
  ...contacts.filter(one => one.moved !== null).map(one => moved(out, one)),
  ...contacts.filter(one => one.offered !== null).map(one => offered(out, one)),
  ...contacts.filter(one => one.disputed !== null).map(one => disputed(out, one)),
  ...contacts.filter(one => one.succession && !one.verified).map(one => followed(out, one)),
  ...contacts.filter(({ changedTo }) => changedTo !== null).map(one => changed(out, one)),
  ...contacts.filter(({ withdrawn }) => withdrawn !== null).map(one => withdrawn(out, one)),
  ...contacts.filter(({ escrow }) => escrow).map(one => escrowed(out, one)),
  ...contacts.filter(({ lapsed }) => lapsed !== null).map(one => lapse(out, one))
]

const reasons = {
  superseded: 'they use another key now',
  compromised: 'somebody else may have it, so do not believe what it signed lately',
  retired: 'it is no longer used'
} as const

function lapse({ style, nowMs }: Output, { alias, lapsed, revocation, seenMs }: Contact): string {
  const who = line(alias)
  if (lapsed === 'expired')
    return `${style.bad(`! The key of ${who} has expired.`)} Their pod is asked for a longer one when you write to them.`
  if (lapsed === 'unseen')
    return `${style.bad(`! Nobody has shown the key of ${who} since ${formatTime(seenMs, nowMs)}.`)} Their pod is asked before anything is sent; compare again: muttr verify ${who}`
  const reason = revocation?.reason
  return `${style.bad(`! ${who} took this key back`)}${reason ? `: ${reasons[reason]}` : ''}. Nothing is sent to it. Ask them for their new address, by another way.`
}

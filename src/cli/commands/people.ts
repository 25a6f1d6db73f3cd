import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { Verification } from '../../client/client.ts'
import { contactsText, contactText, movesText } from '../contacts.ts'
import { example } from '../example.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line } from '../text.ts'
import { formatTime, grouped, usage } from '../units.ts'

export function addPeople(program: Command, action: Action): void {
  program.commandsGroup('People:')
  example(
    program
      .command('register')
      .description('take an alias at a pod')
      .argument('<alias>', 'as in alice@one.test')
      .option('--invite <code>', "a code from the pod's operator")
      .option('--note <text>', 'who you are, where the operator approves of each')
      .action(action(register)),
    'muttr register alice@one.test'
  )
  example(
    program
      .command('move')
      .description(
        'leave an address for another, usually at another pod: who writes to you follows'
      )
      .option('--to <alias>', 'the new address, as in alice@new.example')
      .option('--from <alias>', 'the one to leave, where you have several')
      .option('--invite <code>', "a code from the new pod's operator")
      .option('--note <text>', 'who you are, where the operator approves of each')
      .action(action(move)),
    'muttr move --to alice@new.example',
    'muttr move'
  )
  example(
    program
      .command('lookup')
      .description("ask a pod for somebody's key, and pin it at first sight")
      .argument('<alias>', 'as in bob@two.test')
      .action(action(lookup)),
    'muttr lookup bob@two.test'
  )
  const contacts = example(
    program
      .command('contacts')
      .description('people whose keys are pinned')
      .action(action(listContacts)),
    'muttr contacts',
    'muttr contacts accept bob@two.test'
  )
  example(
    contacts
      .command('accept')
      .description("pin a contact's changed key, after you asked them about it")
      .argument('<alias>', 'as in bob@two.test')
      .action(action(accept)),
    'muttr contacts accept bob@two.test'
  )
  example(
    program
      .command('verify')
      .description('compare keys with a contact: by twelve words, a fingerprint or their card')
      .argument('<alias>', 'as in bob@two.test')
      .argument(
        '[told...]',
        'the words, the fingerprint or the muttr: link that they gave you; without, you are shown the words and asked'
      )
      .option('--yes', 'you have compared already; do not ask')
      .action(action(verify)),
    'muttr verify bob@two.test',
    'muttr verify bob@two.test 4F2E 91AC …'
  )
  example(
    program
      .command('card')
      .description('who you are, as a link and a QR code: with your network, your pod and your key')
      .argument('[alias]', 'of yours; the oldest unless told')
      .action(action(card)),
    'muttr card'
  )
}

async function register(
  session: Session,
  { invite, note }: { invite?: string; note?: string },
  alias: string
): Promise<void> {
  const { signal, out } = session
  await session.withClient(async client => {
    const made = await client.register(alias, {
      signal,
      ...(invite !== undefined && { invite }),
      ...(note !== undefined && { note })
    })
    await out.result(
      made,
      ({ style, nowMs }) =>
        `${style.good('✓')} ${line(made.alias)} is yours; the pod certified it until ${formatTime(made.certifiedUntilMs, nowMs)}.`
    )
  })
}

async function lookup(session: Session, _: object, alias: string): Promise<void> {
  await session.withClient(async client => {
    const contact = await client.lookup(alias, { signal: session.signal })
    await session.out.result(contact, out => contactText(out, contact))
  })
}

async function listContacts(session: Session): Promise<void> {
  await session.withClient(async client => {
    const contacts = await client.contacts()
    await session.out.results(contacts, out => contactsText(out, contacts))
  })
}

async function move(
  session: Session,
  { to, from, invite, note }: { to?: string; from?: string; invite?: string; note?: string }
): Promise<void> {
  const { out, signal } = session
  const given = {
    ...(from !== undefined && { from }),
    ...(invite !== undefined && { invite }),
    ...(note !== undefined && { note })
  }
  await session.withClient(async client => {
    if (to === undefined) {
      const moves = await client.moves()
      return out.result({ moves }, () => movesText(out, moves))
    }
    const moved = await client.move(to, { ...given, signal })
    await out.result(moved, () => movesText(out, [moved]))
  })
}

async function accept(session: Session, _: object, alias: string): Promise<void> {
  await session.withClient(async client => {
    const contact = await client.acceptKey(alias)
    await session.out.result(contact, out => contactText(out, contact))
  })
}

async function verify(
  session: Session,
  { yes = false }: { yes?: boolean },
  alias: string,
  parts: string[]
): Promise<void> {
  const told = await readTold(session, alias, parts)
  await session.withClient(async client => {
    if (told === undefined && !yes) await compare(session, await client.verification(alias))
    const contact = await client.verify(alias, told)
    await session.out.result(contact, out => contactText(out, contact))
  })
}

/** A fingerprint in any spelling, the one of a link, or words as they are. */
async function readTold(
  { doors }: Session,
  alias: string,
  parts: string[]
): Promise<string | undefined> {
  if (parts.length === 0) return undefined
  const [first] = parts
  if (first?.startsWith('muttr:')) {
    const contact = (await doors()).linkContact(first)
    if (contact.alias !== alias.toLowerCase())
      throw usage(`that is the card of ${line(contact.alias)}`, 'Ask for the card of this contact.')
    return contact.fingerprint
  }
  const digits = parts.join('').replace(/[\s:]/g, '').toLowerCase().replace(/^0x/, '')
  if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(digits)) return digits
  const words = parts.join(' ').trim()
  if (words.split(/\s+/).length !== 12)
    throw usage(
      'that is neither a fingerprint, nor twelve words, nor a card',
      'A fingerprint has 40 (or 64) digits from 0 to f.'
    )
  return words
}

async function card(session: Session, _: object, alias?: string): Promise<void> {
  await session.withClient(async client => {
    const shown = await client.card(alias)
    const { encodeQR } = await import('qr')
    await session.out.result(shown, ({ screen, style }) =>
      [
        `${style.bold(line(shown.alias))}  ${grouped(shown.fingerprint)}`,
        ...(screen ? ['', encodeQR(shown.link, 'ascii').trimEnd()] : []),
        '',
        shown.link
      ].join('\n')
    )
  })
}

/** Only a person can compare; a program says `--yes` or gives what it was told. */
async function compare(session: Session, { alias, ...shown }: Verification): Promise<void> {
  const words = [shown.words.slice(0, 6), shown.words.slice(6)].map(six => `  ${six.join(' ')}`)
  session.out.note(
    `You and ${line(alias)} see the same twelve words when each has the other's key:\n\n${words.join('\n')}\n\n` +
      `The fingerprint of ${line(alias)} is ${grouped(shown.fingerprint)}\n`
  )
  const same = await session.confirm('Did they read you the same words, by voice or in person?')
  if (same === undefined)
    throw usage(
      'nobody can be asked here whether the words are the same',
      'Give the words or the fingerprint they told you, or --yes.'
    )
  if (!same) throw new MuttrError('CANCELLED', 'not verified')
}

import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { Client, Contact } from '../../client/client.ts'
import { contactsText, contactText } from '../contacts.ts'
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
      .action(action(register)),
    'muttr register alice@one.test'
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
      .description('say that you compared fingerprints with a contact')
      .argument('<alias>', 'as in bob@two.test')
      .argument(
        '[fingerprint...]',
        'the one they told you; without it you are shown ours and asked'
      )
      .option('--yes', 'you have compared already; do not ask')
      .action(action(verify)),
    'muttr verify bob@two.test 4F2E 91AC …'
  )
}

async function register(
  session: Session,
  { invite }: { invite?: string },
  alias: string
): Promise<void> {
  const { signal, out } = session
  await session.withClient(async client => {
    const made = await client.register(alias, {
      signal,
      ...(invite !== undefined && { invite })
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
  const told = parts.join('').replace(/[\s:]/g, '').toLowerCase()
  if (told !== '' && !/^(0x)?[0-9a-f]{40}([0-9a-f]{24})?$/.test(told))
    throw usage('that is not a fingerprint', 'It has 40 (or 64) digits from 0 to f.')
  await session.withClient(async client => {
    if (told === '' && !yes) await compare(session, await pinned(client, alias))
    const contact = await (told === ''
      ? client.verify(alias)
      : client.verify(alias, told.replace(/^0x/, '')))
    await session.out.result(contact, out => contactText(out, contact))
  })
}

async function pinned(client: Client, alias: string): Promise<Contact> {
  const found = (await client.contacts()).find(contact => contact.alias === alias.toLowerCase())
  if (!found) throw new MuttrError('CONTACT_UNKNOWN', `no contact ${alias}`)
  return found
}

/** Only a person can compare; a program says `--yes` or gives the fingerprint. */
async function compare(session: Session, contact: Contact): Promise<void> {
  session.out.note(
    `${line(contact.alias)} has the fingerprint\n\n  ${grouped(contact.fingerprint)}\n`
  )
  const same = await session.confirm('Did they tell you the same, by voice or in person?')
  if (same === undefined)
    throw usage(
      'nobody can be asked here whether the fingerprints are the same',
      'Give the fingerprint they told you, or --yes.'
    )
  if (!same) throw new MuttrError('CANCELLED', 'not verified')
}

import type { Command } from 'commander'
import { Option } from 'commander'
import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { OwnDevice } from '../../client/client.ts'
import type { RevocationReason } from '../../keys/revoke.ts'
import { contactText, subkeysText, successionText } from '../contacts.ts'
import { example } from '../example.ts'
import { readInput, readText } from '../input.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line } from '../text.ts'
import { grouped, usage } from '../units.ts'

export function addKey(program: Command, action: Action): void {
  program.commandsGroup('People:')
  const key = program.command('key').description('your public key, and the keys of others')
  example(
    key.command('export').description('print your public key, armored').action(action(exportKey)),
    'muttr key export > alice.asc'
  )
  example(
    key
      .command('import')
      .description("pin somebody's public key from a file")
      .argument('<file>', 'armored or binary; - is standard input')
      .option('--alias <alias>', 'the alias it is for, when the key does not name it')
      .action(action(importKey)),
    'muttr key import bob.asc --alias bob@two.test'
  )
  example(
    key
      .command('show')
      .description('your fingerprint, and the subkeys that letters to you are sealed to')
      .action(action(showKey)),
    'muttr key show'
  )
  example(
    key
      .command('rotate')
      .description(
        'have letters sealed to a new subkey from now on; every month this happens by itself'
      )
      .action(action(rotateKey)),
    'muttr key rotate'
  )
  example(
    key
      .command('succeed')
      .description(
        'take a new key in the place of yours: the old one names it, pods and people follow'
      )
      .option(
        '--import <file>',
        'an armored secret key to take, as gpg --armor --export-secret-keys'
      )
      .option('--yes', 'do not ask')
      .action(action(succeedKey)),
    'muttr key succeed'
  )
  example(
    key
      .command('revocation')
      .description(
        'a revocation certificate to put away, on paper best: who has it can take your key back'
      )
      .action(action(revocation)),
    'muttr key revocation > revocation.asc'
  )
  example(
    key
      .command('revoke')
      .description('take your key back for good, and have your pods tell everybody')
      .argument('[alias]', 'with --with, of a key whose folder is lost')
      .addOption(
        new Option('--reason <reason>', 'what correspondents are told')
          .choices(['superseded', 'compromised', 'retired'])
          .conflicts('with')
      )
      .option('--with <file>', 'a revocation certificate that was made before')
      .option('--yes', 'do not ask')
      .action(action(revokeKey)),
    'muttr key revoke --reason compromised',
    'muttr key revoke --with revocation.asc alice@one.test'
  )
  example(key, 'muttr key export > alice.asc', 'muttr key import bob.asc')
}

async function exportKey({ doors, home, signal, out }: Session): Promise<void> {
  const certificate = await (await doors()).exportKey(home, signal)
  await out.result({ certificate }, () => certificate.trimEnd())
}

async function importKey(
  session: Session,
  { alias }: { alias?: string },
  file: string
): Promise<void> {
  const { stdin, signal, out } = session
  const bound = { maxBytes: limits.certificateBytesMax, code: 'KEY_INVALID', signal } as const
  const certificate = await readInput(file, stdin, bound)
  await session.withClient(async client => {
    const contacts = await client.importKey(certificate, alias)
    await out.results(contacts, () => contacts.map(c => contactText(out, c)).join('\n\n'))
  })
}

async function showKey(session: Session): Promise<void> {
  const { out } = session
  await session.withClient(async client => {
    const { fingerprint } = await client.status()
    const [subkeys, succession] = [await client.subkeys(), await client.succession()]
    await out.result({ fingerprint, subkeys, succession }, () =>
      [
        `Your key is ${grouped(fingerprint ?? 'none')}.`,
        subkeysText(out, subkeys),
        ...(succession ? [successionText(out, succession)] : [])
      ].join('\n')
    )
  })
}

async function rotateKey(session: Session): Promise<void> {
  const { out } = session
  await session.withClient(async client => {
    const subkeys = await client.rotateSubkey()
    await out.results(subkeys, () => subkeysText(out, subkeys))
  })
}

const newKey =
  'You get a new key. Your old one signs that it is your successor, your pods give it your aliases and letters, and people who write to you\n' +
  'follow by themselves, are told, and should compare words with you again.\n' +
  'Make a new backup afterwards: the ones you have hold the old key alone.\n'

async function succeedKey(
  session: Session,
  { import: file, yes = false }: { import?: string; yes?: boolean }
): Promise<void> {
  const { stdin, signal, out } = session
  const bound = { maxBytes: 2 * limits.certificateBytesMax, code: 'KEY_INVALID', signal } as const
  const secretKey = file === undefined ? undefined : await readText(file, stdin, bound)
  await session.withClient(async client => {
    if (!yes) await mustWantKey(session, await client.devices())
    const done =
      secretKey === undefined
        ? await client.succeedKey()
        : await client.succeedKey({ secretKey }).catch(async err => {
            if (codeOf(err) !== 'PASSPHRASE_MISSING') throw err
            const keyPassphrase = (await session.open.passphrase('imported-key')) ?? ''
            return client.succeedKey({ secretKey, keyPassphrase })
          })
    await out.result(done, () =>
      [
        done.devicesTold
          ? `${out.style.good('✓')} Your key is ${grouped(done.to)} now.`
          : `${out.style.bad('!')} Your key will be ${grouped(done.to)} as soon as your other devices can have it, too.`,
        successionText(out, done),
        'Now make a new backup (muttr backup), and put away a new revocation certificate (muttr key revocation).'
      ].join('\n')
    )
  })
}

async function mustWantKey(session: Session, devices: readonly OwnDevice[]): Promise<void> {
  const others = devices.filter(({ own, revokedMs }) => !own && revokedMs === null)
  session.out.note(newKey)
  if (others.length > 0)
    session.out.note(
      `These devices get it, too: ${others.map(({ name }) => line(name)).join(', ')}. ` +
        'Take those off the list first that are not yours alone any more (muttr device revoke).\n'
    )
  const agreed = await session.confirm('Take a new key?')
  if (agreed === undefined) throw usage('nobody can be asked here', 'Give --yes.')
  if (!agreed) throw new MuttrError('CANCELLED', 'nothing was changed')
}

async function revocation(session: Session): Promise<void> {
  const { out } = session
  await session.withClient(async client => {
    const certificate = await client.revocation()
    await out.result({ certificate }, () => certificate.trimEnd())
  })
}

interface RevokeOptions {
  reason?: RevocationReason
  with?: string
  yes?: boolean
}

const warning =
  'Nobody will seal a letter to this key again, your pods let nobody in with it, and letters that wait there stay there. ' +
  'Your aliases stay with the old key. Nothing takes this back.\n'

async function revokeKey(
  session: Session,
  { reason, with: file, yes = false }: RevokeOptions,
  alias?: string
): Promise<void> {
  const { stdin, signal, out } = session
  if ((reason === undefined) === (file === undefined))
    throw usage('say why, or with which file', 'Give --reason REASON, or --with FILE.')
  if (alias !== undefined && file === undefined)
    throw usage('your own key is revoked under all its aliases', 'Leave the alias out.')
  const bound = { maxBytes: limits.certificateBytesMax, code: 'KEY_INVALID', signal } as const
  const shown = file === undefined ? undefined : await readInput(file, stdin, bound)
  if (!yes) await mustAgree(session, alias)
  await session.withClient(async client => {
    const done = shown
      ? await client.revokeWith(shown, alias)
      : await client.revokeKey({ reason: reason! })
    await out.result(done, ({ style }) =>
      [
        `${style.good('✓')} ${grouped(done.fingerprint)} is revoked.`,
        ...done.pods.map(({ alias, problem }) =>
          problem === null
            ? `  The pod of ${line(alias)} shows it.`
            : `  ${style.bad('!')} The pod of ${line(alias)} does not show it yet: ${line(problem.message)}. It is told while your node runs.`
        )
      ].join('\n')
    )
  })
}

async function mustAgree(session: Session, alias: string | undefined): Promise<void> {
  session.out.note(warning)
  const whose = alias === undefined ? 'your key' : `the key of ${line(alias)}`
  const agreed = await session.confirm(`Revoke ${whose} for good?`)
  if (agreed === undefined) throw usage('nobody can be asked here', 'Give --yes.')
  if (!agreed) throw new MuttrError('CANCELLED', 'nothing was revoked')
}

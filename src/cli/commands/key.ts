import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import { contactText, subkeysText } from '../contacts.ts'
import { example } from '../example.ts'
import { readInput } from '../input.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { grouped } from '../units.ts'

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
    const subkeys = await client.subkeys()
    await out.result({ fingerprint, subkeys }, () =>
      [`Your key is ${grouped(fingerprint ?? 'none')}.`, subkeysText(out, subkeys)].join('\n')
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

import { readFile, stat } from 'node:fs/promises'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { HomeMade, InitOptions } from '../cli/doors.ts'
import { homeExists } from '../config/home.ts'
import type { JoinLink } from '../config/join-link.ts'
import type { NetworkFile } from '../config/network.ts'
import { loadNetwork, readNetwork } from '../config/network.ts'
import type { Person } from '../keys/person.ts'
import { importPerson } from '../keys/person.ts'
import { createHome } from './home.ts'
import { applyLink, readLink } from './link.ts'

const keyFileBytesMax = 1024 * 1024

/** Makes a person's home. As `Doors.initHome`. */
export async function initHome(options: InitOptions): Promise<HomeMade> {
  if (await homeExists(options.home))
    throw new MuttrError('HOME_EXISTS', `there is a node in ${options.home}`)
  const link = options.link === undefined ? null : readLink(options.link)
  const network = await networkFor(options.network, link)
  const imported = await importedKey(options)
  const passphrase = await options.passphrase('new-vault')
  const made = await createHome({
    home: options.home,
    name: options.name,
    person: true,
    pod: null,
    network,
    passphrase,
    light: options.light ?? false,
    ...(imported && { imported })
  })
  if (link?.contact || link?.invite) await applyLink(options.home, link)
  return {
    home: options.home,
    name: options.name,
    fingerprint: made.fingerprint!,
    network: network.name
  }
}

/** A named network, else the link's, else the built-in one. */
export async function networkFor(
  named: string | undefined,
  link: JoinLink | null
): Promise<NetworkFile> {
  if (named !== undefined) return loadNetwork(named)
  return link?.network ?? loadNetwork('local')
}

/** The same from who may name no file of this machine: the text of a network file, or the name of a built-in one. */
export async function networkGiven(
  given: string | undefined,
  link: JoinLink | null
): Promise<NetworkFile> {
  return given?.trimStart().startsWith('{') ? readNetwork(given) : await networkFor(given, link)
}

async function importedKey({ importFile, passphrase }: InitOptions): Promise<Person | undefined> {
  if (importFile === undefined) return undefined
  const bytes = await readKeyFile(importFile)
  try {
    return await importPerson(bytes)
  } catch (err) {
    if (codeOf(err) !== 'PASSPHRASE_MISSING') throw err
    return importPerson(bytes, (await passphrase('imported-key')) ?? undefined)
  }
}

async function readKeyFile(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file)
    if (size > keyFileBytesMax) throw new Error(`${size} bytes`)
    return new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new MuttrError(
      'KEY_INVALID',
      `${file} cannot be read as a key: ${(cause as Error).message}`,
      { cause }
    )
  }
}

import { utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Config, ConfigFile, Overrides } from '../config/config.ts'
import { readConfig, writeConfig } from '../config/config.ts'
import type { HomePaths } from '../config/home.ts'
import {
  makeHome,
  openHome,
  readHomeFile,
  unmakeHome,
  unwritable,
  writeFileAtomic
} from '../config/home.ts'
import type { NetworkFile } from '../config/network.ts'
import { readNetwork, writeNetwork } from '../config/network.ts'
import { podConfigText } from '../config/pod-file.ts'
import type { Certificate } from '../keys/certificate.ts'
import { armorCertificate, readCertificate } from '../keys/certificate.ts'
import type { Device } from '../keys/device.ts'
import { makeDevice } from '../keys/device.ts'
import type { Person } from '../keys/person.ts'
import { makePerson } from '../keys/person.ts'
import { revocationCertificate } from '../keys/revoke.ts'
import { openVault, sealVault, vaultNeedsPassphrase } from '../keys/vault.ts'
import { systemClock } from '../net/clock.ts'
import type { PrivateKey } from '../net/peer-key.ts'
import { loadPeerKey, peerKeys } from '../net/peer-key.ts'
import { systemRandom } from '../net/random.ts'

export interface CreateHome {
  home: string
  name: string
  /** False for a seed that only stores for others. A pod has a key of its own. */
  person: boolean
  pod: ConfigFile['pod'] | null
  network: NetworkFile
  listen?: string[]
  /** As in muttr.json; the people of a network that plays itself have nobody to ask. */
  requests?: ConfigFile['requests']
  /** With the light profile. */
  light?: boolean
  /** Somebody's own key, to use instead of a new one. */
  imported?: Person
  /** Seals the vault; null stores it unsealed. */
  passphrase?: string | null
}

export interface Created {
  paths: HomePaths
  peer: string
  fingerprint: string | null
}

/** Makes a home folder with its keys; muttr.json comes last, so that a half-made home is none. Errors as `Doors.initHome`. */
export async function createHome(o: CreateHome): Promise<Created> {
  const config: ConfigFile = {
    name: o.name,
    network: o.network.name,
    ...(o.light ? { profile: 'light' } : {}),
    // Another program reads with an imported key too: subkeys that come and go here would not come and go there.
    ...(o.imported ? { subkeys: 'keep' } : {}),
    ...(o.listen ? { listen: o.listen } : {}),
    ...(o.requests ? { requests: o.requests } : {}),
    ...(o.pod ? { pod: o.pod } : {})
  }
  const text = checkedText(config, o.pod ? podConfigText : writeConfig)
  const nowMs = systemClock.now()
  const person = o.person ? (o.imported ?? (await makePerson({ name: o.name, nowMs }))) : null
  const paths = await makeHome(o.home)
  try {
    const privateKey = await loadPeerKey(paths.peerKey)
    await writeFileAtomic(paths.deviceKey, systemRandom.bytes(32))
    await writeFileAtomic(paths.network, writeNetwork(o.network))
    if (o.pod) await writeFileAtomic(paths.hpkeKey, systemRandom.bytes(32))
    if (person) {
      await writePerson(paths, person, o.passphrase ?? null)
      await writeRevocation(paths, person, nowMs)
    }
    await writeFileAtomic(paths.config, text)
    return {
      paths,
      peer: peerKeys(privateKey).self,
      fingerprint: person?.certificate.fingerprint ?? null
    }
  } catch (err) {
    await unmakeHome(o.home)
    // The system's own complaints: the disk is full, or not ours to write.
    throw (err as NodeJS.ErrnoException).syscall ? unwritable(err, o.home) : err
  }
}

/** Refuses a bad name or address before anything is written; there is no muttr.json yet that could be corrected. */
function checkedText(config: ConfigFile, write: (config: ConfigFile) => string): string {
  try {
    return write(config)
  } catch (err) {
    if (codeOf(err) !== 'CONFIG_INVALID') throw err
    throw new MuttrError('USAGE', (err as Error).message.replace('muttr.json: ', ''), {
      cause: err
    })
  }
}

/** What says that the key is not to be trusted any more, for the day on which it is stolen. */
export const writeRevocation = async (
  paths: HomePaths,
  person: Person,
  nowMs: Millis
): Promise<void> =>
  writeFileAtomic(paths.revocation, utf8(await revocationCertificate(person, nowMs)))

/** The vault and, beside it, what may be shown while it is closed. @param between is done when the one is written and the other not. */
export async function writePerson(
  paths: HomePaths,
  person: Person,
  passphrase: string | null,
  between: () => Promise<void> = async () => {}
): Promise<void> {
  await writeFileAtomic(paths.vault, await sealVault(person, passphrase))
  await between()
  await writeFileAtomic(paths.certificate, person.certificate.bytes)
}

/**
 * Keeps a home's person as it changes. With another key comes its revocation certificate, before the file that says which key it is; what was
 * given out of the old key is no backup of this one.
 */
export function personSaver(
  { paths, certificate }: Pick<Home, 'paths' | 'certificate'>,
  passphrase: () => string | null
): (person: Person) => Promise<void> {
  let pin = certificate?.pin
  return person =>
    writePerson(paths, person, passphrase(), async () => {
      if (person.certificate.pin === pin) return
      await writeRevocation(paths, person, systemClock.now())
      pin = person.certificate.pin
    })
}

/** A home folder as read from disk, the vault still closed. */
export interface Home {
  readonly paths: HomePaths
  readonly config: Config
  readonly network: NetworkFile
  readonly privateKey: PrivateKey
  readonly device: Device
  /** Null for a seed without a person. */
  readonly certificate: Certificate | null
  readonly vault: Uint8Array | null
}

/**
 * @param overrides what this start says otherwise than muttr.json.
 * @throws {MuttrError} `HOME_MISSING`, `HOME_DAMAGED`, `CONFIG_INVALID`, `NETWORK_INVALID`
 */
export async function readHome(folder: string, overrides?: Overrides): Promise<Home> {
  const paths = await openHome(folder)
  const must = async (path: string): Promise<Uint8Array> => {
    const bytes = await readHomeFile(path)
    if (bytes === undefined) throw new MuttrError('HOME_DAMAGED', `${path} is missing`)
    return bytes
  }
  const textOf = async (path: string) => Buffer.from(await must(path)).toString('utf8')
  const config = readConfig(await textOf(paths.config), overrides)
  const network = readNetwork(await textOf(paths.network))
  await must(paths.peerKey) // loadPeerKey would make another one, and with it another node
  const vault = (await readHomeFile(paths.vault)) ?? null
  return {
    paths,
    config,
    network,
    privateKey: await loadPeerKey(paths.peerKey),
    device: makeDevice(await must(paths.deviceKey)),
    certificate: vault ? await readCertificate(await must(paths.certificate)) : null,
    vault
  }
}

/** @returns the certificate of the home's person, armored. @throws {MuttrError} as {@link readHome}, and `HOME_MISSING` without a person */
export async function ownCertificate(folder: string): Promise<string> {
  const { certificate } = await readHome(folder)
  if (!certificate) throw new MuttrError('HOME_MISSING', 'there is no person on this seed')
  return armorCertificate(certificate)
}

/**
 * Opens the vault, asking for the passphrase only when it has one.
 * @returns null when there is no person in this home.
 */
export async function openPerson(
  { vault }: Home,
  passphrase: () => Promise<string | null>
): Promise<Person | null> {
  if (!vault) return null
  return openVault(vault, vaultNeedsPassphrase(vault) ? await passphrase() : null)
}

import { readFile, stat } from 'node:fs/promises'
import { connectDaemon } from '../api/file.ts'
import type { Invite } from '../api/operator.ts'
import type { RemoteClient } from '../api/remote.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Doors, InitOptions } from '../cli/doors.ts'
import { homeExists } from '../config/home.ts'
import type { JoinLink } from '../config/join-link.ts'
import { readJoinLink } from '../config/join-link.ts'
import type { NetworkFile } from '../config/network.ts'
import { loadNetwork } from '../config/network.ts'
import type { Person } from '../keys/person.ts'
import { importPerson } from '../keys/person.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import { runDaemon } from './daemon.ts'
import { createHome } from './home.ts'
import { openLight } from './light.ts'
import { applyLink } from './link.ts'
import { runNeighbourhood } from './neighbourhood.ts'
import { setUpPod } from './set-up-pod.ts'

const keyFileBytesMax = 1024 * 1024

/** What the command line is handed. */
export const doors: Doors = {
  async openClient(home, options) {
    const remote = await daemonOf(home, options.signal)
    return remote ?? openLight(home, options)
  },
  async initHome(options) {
    if (await homeExists(options.home))
      throw new MuttrError('HOME_EXISTS', `there is a node in ${options.home}`)
    const link = options.link === undefined ? null : readJoinLink(options.link)
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
      ...(imported && { imported })
    })
    if (link?.contact || link?.invite) await applyLink(options.home, link)
    return {
      home: options.home,
      name: options.name,
      fingerprint: made.fingerprint!,
      network: network.name
    }
  },
  joinLink: ({ home, link }) => applyLink(home, readJoinLink(link)),
  runSeed: runDaemon,
  async runPod(options) {
    await setUpPod(options)
    await runDaemon(options)
  },
  async podInvite({ home, signal, ...options }): Promise<Invite> {
    const remote = await daemonOf(home, signal)
    if (!remote)
      throw new MuttrError('DAEMON_UNREACHABLE', 'the pod does not run', {
        hint: 'Start it with `muttr pod`.'
      })
    await using client = remote
    return await client.pod.invite({ ...options, signal })
  },
  runNeighbourhood
}

const daemonOf = (home: string, signal: AbortSignal): Promise<RemoteClient | undefined> =>
  connectDaemon(home, { random, clock, signal })

/** A named network, else the link's, else the built-in one. */
async function networkFor(named: string | undefined, link: JoinLink | null): Promise<NetworkFile> {
  if (named !== undefined) return loadNetwork(named)
  return link?.network ?? loadNetwork('local')
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

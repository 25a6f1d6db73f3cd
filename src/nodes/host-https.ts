import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MuttrError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { readHomeFile, writeFileAtomic } from '../config/home.ts'
import type { Pair } from '../https/certificate.ts'
import { directoryRoom } from '../https/directory.ts'
import type { Room } from '../https/door.ts'
import type { Door, DoorFiles } from '../https/open.ts'
import { openDoor } from '../https/open.ts'
import type { SocketRoom } from '../https/sockets.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { Node } from '../net/node.ts'
import { systemRandom as random } from '../net/random.ts'
import type { Pod } from '../pod/pod.ts'
import type { Home } from './home.ts'

/** Opens the door of a pod, with all that hangs in it. */
export async function hostHttps(
  home: Home,
  pod: Pod,
  network: Pick<Node, 'contact' | 'self'>,
  more: { rooms: readonly Room[]; socketRoom: SocketRoom },
  log: Log
): Promise<Door | undefined> {
  const { pod: settings, connections } = home.config
  const addresses = () => network.contact().addresses.map(a => `${a}/p2p/${network.self}`)
  return await openDoor({
    https: settings!.https,
    hostname: pod.hostname,
    former: pod.former,
    rooms: [
      directoryRoom({ pod, addresses, clock, isOpen: settings!.https.add === 'open' }),
      ...more.rooms
    ],
    socketRoom: more.socketRoom,
    groupLocal: connections.groupLocal,
    files: doorFiles(home),
    ...{ clock, random, log }
  })
}

/** A chain of a few certificates, a key. */
const pemBytesMax = 256 * 1024

/** Files that muttr.json names, which are others'; and those of the home. */
function doorFiles({ config, paths }: Home): DoorFiles {
  const { certificate, key, acme } = config.pod!.https
  const own = (name: string) => join(paths.https, name)
  const [pairFile, accountFile] = [own('ordered.pem'), own('account.key')]
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(paths.https, { recursive: true, mode: 0o700 })
    await writeFileAtomic(path, text)
  }
  const read = async (path: string): Promise<string | undefined> => {
    const bytes = await readHomeFile(path)
    return bytes && Buffer.from(bytes).toString()
  }
  return {
    given: () => pairIn(certificate!, key!),
    trust: async () => (acme.trust === undefined ? undefined : await pem(acme.trust)),
    // Key and chain in one file, so that a crash never leaves those of two orders.
    async ordered() {
      const text = await read(pairFile)
      return text === undefined ? undefined : { certificate: text, key: text }
    },
    keepOrdered: ({ certificate, key }: Pair) =>
      write(pairFile, `${key.trim()}\n${certificate.trim()}\n`),
    async accountKey(make) {
      const kept = await read(accountFile)
      if (kept !== undefined) return kept
      const made = await make()
      await write(accountFile, made)
      return made
    }
  }
}

/** A certificate and its key as they stand in two files. @throws {MuttrError} `CERTIFICATE_INVALID` */
export const pairIn = async (certificate: string, key: string): Promise<Pair> => ({
  certificate: await pem(certificate),
  key: await pem(key)
})

async function pem(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > pemBytesMax) throw new Error(`${size} bytes`)
    return await readFile(path, 'utf8')
  } catch (cause) {
    const what = `${path} cannot be read: ${(cause as Error).message}`
    throw new MuttrError('CERTIFICATE_INVALID', what, { cause })
  }
}

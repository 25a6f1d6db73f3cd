import { rm } from 'node:fs/promises'
import type { NetworkRestoreOptions, Restored } from '../cli/doors.ts'
import { fetchBackup, findBackup } from '../client/backup/find.ts'
import type { NetworkFile } from '../config/network.ts'
import { backupKeys } from '../keys/backup-record.ts'
import { verifyRecord } from '../keys/record.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createLog } from '../net/log.ts'
import { createNode } from '../net/node.ts'
import { makePeerKey } from '../net/peer-key.ts'
import { systemRandom as random } from '../net/random.ts'
import { createStamper } from '../net/stamper.ts'
import type { SeedNode } from '../seed/seed.ts'
import { memoryStore } from '../store/memory.ts'
import { diskSpool } from '../store/spool.ts'
import { networkFor } from './init.ts'
import { joinNetwork } from './join.ts'
import { readLink } from './link.ts'
import { openSeed } from './open-seed.ts'
import { restoreOutOf } from './restore.ts'

/** Makes a home out of the backup in the network. As `Doors.restoreFromNetwork`. */
export async function restoreFromNetwork(o: NetworkRestoreOptions): Promise<Restored> {
  const link = o.link === undefined ? null : readLink(o.link)
  return await restoreOutOfNetwork(await networkFor(o.network, link), o)
}

/** The same, where the network is known. */
export async function restoreOutOfNetwork(
  file: NetworkFile,
  o: Omit<NetworkRestoreOptions, 'network' | 'link'>
): Promise<Restored> {
  const { home, signal, onFetch } = o
  // Beside the home, which is not made before the words have opened what came: who is killed meanwhile goes on with it.
  const folder = `${home}.fetching`
  async function* input(secret: Uint8Array): AsyncGenerator<Uint8Array> {
    await using stack = new AsyncDisposableStack()
    const { dht } = await stranger(file, stack, signal)
    const place = await findBackup(backupKeys(secret), { dht, clock, signal })
    const { sizeBytes, madeMs } = place
    yield* fetchBackup(place, {
      ...{ dht, clock, random, spool: diskSpool(folder), signal },
      onProgress: (haveBytes, problem) => onFetch?.({ madeMs, sizeBytes, haveBytes, problem })
    })
  }
  try {
    return await restoreOutOf(o, input)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A client of the network under a key that nobody has seen, and that is forgotten. */
async function stranger(
  { seeds, pods, parameters }: NetworkFile,
  stack: AsyncDisposableStack,
  signal: AbortSignal
): Promise<SeedNode> {
  const log = createLog({ level: 'silent', write() {} })
  const privateKey = await makePeerKey()
  const stamper = stack.use(createStamper({ clock }))
  const store = memoryStore({ capBytes: 0 })
  const alone = { mode: 'client', listen: [], datastore: null } as const
  const { seen, seed } = stack.use(
    await openSeed({
      ...{ privateKey, log },
      startNode: onCandidate => createNode({ privateKey, clock, log, ...alone, onCandidate }),
      seed: { store, stamper, mode: 'client', parameters, verifyRecord }
    })
  )
  const over = new AbortController()
  stack.defer(() => over.abort())
  await joinNetwork({
    ...{ network: seen, seed, clock, log, seeds, pods, emit: () => undefined },
    signal: AbortSignal.any([signal, over.signal])
  })
  return seed
}

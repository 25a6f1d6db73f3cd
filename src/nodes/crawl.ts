import { MuttrError } from '../base/errors.ts'
import type { Contact } from '../base/ports.ts'
import type { CrawlDone, CrawlOptions } from '../cli/crawler.ts'
import { openHome, readHomeFile } from '../config/home.ts'
import type { NetworkFile } from '../config/network.ts'
import { loadNetwork, readNetwork } from '../config/network.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createLog } from '../net/log.ts'
import type { Node } from '../net/node.ts'
import { createNode } from '../net/node.ts'
import { makePeerKey, peerKeys } from '../net/peer-key.ts'
import { placeOf } from '../net/place.ts'
import { systemRandom as random } from '../net/random.ts'
import { crawl } from '../worlds/crawl/crawl.ts'
import { makeOutput, writeFound } from '../worlds/crawl/write.ts'

const dialMs = 8_000
/** Who was asked is seldom asked again. */
const connections = { connections: 32, idleMs: 5_000 }

/** Crawls from a client of its own, under a key that nobody has seen and that is forgotten. Errors as `Doors.crawl`. */
export async function crawlNetwork(options: CrawlOptions): Promise<CrawlDone> {
  const { out, signal } = options
  const file = await networkFor(options)
  if (out !== null) await makeOutput(out)
  const privateKey = await makePeerKey()
  const log = createLog({ level: 'silent', write() {} })
  await using network = await createNode({
    ...{ privateKey, clock, log, mode: 'client', listen: [], datastore: null },
    limits: connections
  })
  const from = await reached(network, file, signal)
  return await crawl({
    ...{ network, clock, random, placeOf, from, options },
    keys: peerKeys(privateKey),
    name: file.name,
    write: async found => {
      if (out !== null) await writeFound(out, found)
    }
  })
}

async function networkFor({ home, network }: CrawlOptions): Promise<NetworkFile> {
  if (network !== undefined) return await loadNetwork(network)
  const { network: path } = await openHome(home)
  const bytes = await readHomeFile(path)
  if (!bytes) throw new MuttrError('HOME_DAMAGED', `${path} is missing`)
  return readNetwork(Buffer.from(bytes).toString('utf8'))
}

/** Of the seeds and pods that the network file names. @throws {MuttrError} `NETWORK_EMPTY`, `CANCELLED` */
async function reached(
  network: Node,
  { name, seeds, pods }: NetworkFile,
  signal: AbortSignal
): Promise<Contact[]> {
  const addresses = [...seeds, ...pods.flatMap(pod => pod.addresses)]
  const dialled = await Promise.all(
    addresses.map(address =>
      network.dial(address, { timeoutMs: dialMs, signal }).catch(() => undefined)
    )
  )
  const contacts = dialled.filter(contact => contact !== undefined)
  if (contacts.length > 0) return contacts
  if (signal.aborted) throw new MuttrError('CANCELLED', 'the crawl was stopped')
  throw new MuttrError(
    'NETWORK_EMPTY',
    `none of the ${addresses.length} addresses of the network ${name} could be reached`
  )
}

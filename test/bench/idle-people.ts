import { loadavg } from 'node:os'
import { join } from 'node:path'
import { temporaryFolder } from '../support/store-folder.ts'
import type { Way, Where } from './bench-pod.ts'
import { makePodSecrets } from './bench-pod.ts'
import type { Ask } from './idle-people-worker.ts'
import { missing, usageOf } from './rivals/program.ts'
import { prosodyNeeds, startProsody } from './rivals/prosody.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'
import { asShipped, startWorker } from './worker.ts'

const ways: Record<Way, string> = {
  tls: 'over a WebSocket, TLS in the process',
  proxy: 'over a WebSocket, TLS in front of it',
  libp2p: 'over libp2p'
}
/** Before the first figure, so that what a pod needs once is there; between the first and the last. A node of libp2p for each takes long. */
const counts: Record<Way, { warmUp: number; people: number }> = {
  tls: { warmUp: 1_000, people: 2_000 },
  proxy: { warmUp: 1_000, people: 2_000 },
  libp2p: { warmUp: 500, people: 1_000 }
}
const batch = 250
const GiB = 2 ** 30

interface Each {
  rss: number
  heap: number
  /** What the process takes before anybody is there. */
  fixed: number
}

interface Memory {
  rssBytes: number
  heapBytes: number
  sessions: number
}

const file = join(import.meta.dirname, 'idle-people-worker.ts')

/** What one more person costs the pod's process: of the machine's memory, and of what V8 counts as used. */
async function bytesEach(way: Way): Promise<Each> {
  using pod = startWorker<Ask>(file, asShipped)
  using crowd = startWorker<Ask>(file)
  const { warmUp, people } = counts[way]
  const where = await pod.ask<Where>({ ask: 'pod', way, secrets: await makePodSecrets() })
  // Collected now and then, so that what registering left behind is not taken for what waiting costs.
  const enter = async (count: number): Promise<Memory> => {
    for (let left = count; left > 0; left -= batch) {
      await crowd.ask({ ask: 'enter', way, where, count: batch })
      await pod.ask<Memory>({ ask: 'memory' })
    }
    return await pod.ask<Memory>({ ask: 'memory' })
  }
  const before = await enter(warmUp)
  const after = await enter(people)
  if (after.sessions !== warmUp + people) throw new Error(`${after.sessions} are here`)
  const rss = (after.rssBytes - before.rssBytes) / people
  const heap = (after.heapBytes - before.heapBytes) / people
  return { rss, heap, fixed: before.rssBytes - warmUp * rss }
}

/** The same of Prosody, where people are online and have asked for their roster. */
async function prosodyEach(way: 'tls' | 'proxy'): Promise<Each> {
  const { warmUp, people } = counts[way]
  await using folder = await temporaryFolder()
  await using prosody = await startProsody(folder.path, warmUp + people)
  using crowd = startWorker<Ask>(file)
  const { ports, ca } = prosody
  const where = way === 'tls' ? { port: ports.tls, ca } : { port: ports.plain, ca: undefined }
  const enter = async (count: number): Promise<number> => {
    await crowd.ask({ ask: 'online', ...where, count })
    return (await usageOf(prosody.pid)).rssBytes
  }
  const before = await enter(warmUp)
  const rss = ((await enter(people)) - before) / people
  return { rss, heap: 0, fixed: before - warmUp * rss }
}

/**
 * What people cost a pod who are identified, have an alias, listen and wait. Real sockets, from another process. Beside Prosody, where
 * Debian's package is installed.
 */
export async function benchIdlePeople(rounds: number): Promise<Row[]> {
  const lacking = await missing(prosodyNeeds)
  if (lacking) console.error(`without the rival: ${lacking}`)
  const rows: Row[] = []
  for (const [way, what] of Object.entries(ways) as [Way, string][]) {
    const ours: Each[] = []
    const theirs: Each[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(await bytesEach(way))
      if (way !== 'libp2p' && !lacking) theirs.push(await prosodyEach(way))
    }
    const kB = (each: Each[]) => each.map(({ rss }) => (rss / 1_000).toFixed(1)).join(', ')
    const rival = theirs.length > 0 ? `, Prosody ${kB(theirs)} kB` : ''
    console.error(`${what}: ${kB(ours)} kB${rival}; load ${loadavg()[0]!.toFixed(1)}`)
    const of = (name: string, unit: Row['unit'], figure: (each: Each) => number) =>
      rows.push({
        ...{ name: `${name} ${what}`, unit, ...summary(ours.map(figure)) },
        ...(theirs.length > 0 && {
          rival: { name: 'Prosody', ...summary(theirs.map(figure)) }
        })
      })
    of('a person', 'kB', ({ rss }) => rss / 1_000)
    of('people per GiB', 'people', ({ rss }) => GiB / rss)
    of('in a process of 1 GiB', 'people', ({ rss, fixed }) => (GiB - fixed) / rss)
    rows.push({
      name: `of a person, used by objects, ${what}`,
      unit: 'kB',
      ...summary(ours.map(({ heap }) => heap / 1_000))
    })
  }
  return rows
}

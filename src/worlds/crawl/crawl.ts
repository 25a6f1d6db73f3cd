import { MuttrError } from '../../base/errors.ts'
import type {
  Clock,
  Contact,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  PlaceOf,
  Random
} from '../../base/ports.ts'
import type { CrawlDone, CrawlOptions } from '../../cli/crawler.ts'
import type { Table } from '../../sim/result.ts'
import type { Measured } from './measure.ts'
import { measureWalk, nameWith } from './measure.ts'
import { waitFor } from './pace.ts'
import { Presence } from './presence.ts'
import type { Walked, WalkProgress } from './walk.ts'
import { walk } from './walk.ts'

const hourMs: Millis = 3_600_000
const peersAtOnce = 8

export interface CrawlParts {
  /** In client mode. */
  network: Network
  clock: Clock
  random: Random
  keys: Pick<PeerKeys, 'verify'>
  placeOf: PlaceOf
  /** The network's name. */
  name: string
  /** Seeds and pods that were reached. */
  from: readonly Contact[]
  options: Omit<CrawlOptions, 'home' | 'network'>
  /** Told after each crawl that counts, with all there is. */
  write(found: CrawlFound): Promise<void>
}

/** All there is after so many crawls: tables and figures of the last one, and of all where it is watched. */
export interface CrawlFound extends Measured {
  about: Omit<CrawlDone, 'figures' | 'out'>
}

/**
 * Walks a network once, or again and again for as long as `watch` says.
 * @throws {MuttrError} `NETWORK_EMPTY` when nobody answers the first time; `CANCELLED` when it was stopped before anybody had.
 */
export async function crawl(parts: CrawlParts): Promise<CrawlDone> {
  const { clock, options, from } = parts
  const { watch, signal } = options
  const startMs = clock.now()
  const record = new Record(parts, startMs)
  let known = from
  for (let count = 1; ; count++) {
    const beganMs = clock.now()
    const walked = await walkOnce(parts, known, { count, startMs })
    if (count === 1) refuseEmpty(walked)
    await record.add(walked)
    known = [...[...walked.peers.values()].map(({ contact }) => contact), ...from]
    const nextMs = beganMs + (watch?.everyMs ?? 0)
    if (!watch || signal.aborted || nextMs > startMs + watch.lastsMs) break
    await waitFor(clock, nextMs - clock.now(), signal).catch(() => {})
    if (signal.aborted) break
  }
  const { about, figures } = record.found!
  const listed = Object.entries(figures).map(([name, figure]) => ({ name, ...figure }))
  return { ...about, figures: listed, out: options.out }
}

/** What all crawls so far have found. */
class Record {
  found: CrawlFound | undefined
  readonly #p: CrawlParts
  readonly #startMs: Millis
  readonly #nameOf: (peer: PeerId) => string
  readonly #presence = new Presence()
  readonly #rows: (number | string)[][] = []

  constructor(parts: CrawlParts, startMs: Millis) {
    this.#p = parts
    this.#startMs = startMs
    this.#nameOf = nameWith(parts.random.bytes(32))
  }

  /** One that was stopped counts only where there is nothing else; one in which nobody answered says that it is we who were cut off. */
  async add(walked: Walked): Promise<void> {
    const isPart = walked.ended === 'stopped' && this.found !== undefined
    if (isPart || answeredIn(walked) === 0) return
    const { withIds, withEdges, watch } = this.#p.options
    const measured = measureWalk(walked, { nameOf: this.#nameOf, withIds, withEdges })
    this.#presence.add(walked)
    const { figures } = measured
    const cell = (name: string) => figures[name]?.value ?? ''
    const atHours = (walked.startMs - this.#startMs) / hourMs
    this.#rows.push([atHours, ...columns.map(cell)])
    this.found = {
      tables: { ...measured.tables, ...(watch && this.#ofWatch()) },
      figures: { ...figures, ...(watch && this.#presence.figures()) },
      about: {
        network: this.#p.name,
        startedAt: new Date(this.#startMs).toISOString(),
        ended: walked.ended,
        crawls: this.#rows.length
      }
    }
    await this.#p.write(this.found)
  }

  #ofWatch(): Measured['tables'] {
    const sessions = this.#presence.table(this.#nameOf)
    const time: Table = {
      columns: ['atHours', 'online', 'seen', 'sizeEstimate', 'rttMs'],
      units: ['h', 'nodes', 'nodes', 'nodes', 'ms'],
      rows: this.#rows
    }
    return { time, ...(sessions && { sessions }) }
  }
}

/** Of the table `time`, by the names of figures. */
const columns = ['answered', 'seen', 'size estimate', 'rtt ms p50']

async function walkOnce(
  { options, ...parts }: CrawlParts,
  known: readonly Contact[],
  { count, startMs }: { count: number; startMs: Millis }
): Promise<Walked> {
  const { bounds, watch, signal, onProgress } = options
  const lastsMs = Math.min(bounds.lastsMs, watch?.everyMs ?? bounds.lastsMs)
  const tell = (progress: WalkProgress) => {
    const watchRemainingMs = watch && startMs + watch.lastsMs - parts.clock.now()
    onProgress({ crawl: count, ...progress, watchRemainingMs })
  }
  const all = { ...bounds, lastsMs, atOnce: peersAtOnce }
  return await walk({ ...parts, bounds: all, signal, onProgress: tell }, known)
}

const answeredIn = ({ peers }: Walked): number =>
  [...peers.values()].filter(({ state }) => state === 'answered').length

function refuseEmpty(walked: Walked): void {
  if (answeredIn(walked) > 0) return
  if (walked.ended === 'stopped')
    throw new MuttrError('CANCELLED', 'the crawl was stopped before anybody had answered')
  throw new MuttrError('NETWORK_EMPTY', `none of ${walked.peers.size} peers answered`)
}

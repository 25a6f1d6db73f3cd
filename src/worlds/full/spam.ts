import type { Figure, RunResult } from '../../sim/result.ts'
import { quantile } from './figures.ts'
import { figuresFrom } from './foe-figures.ts'
import type { Member } from './population.ts'
import type { SpamOf } from './spammer.ts'
import { Spammer } from './spammer.ts'
import type { Workload } from './workload.ts'

interface Parts extends Omit<ConstructorParameters<typeof Spammer>[0], 'dice'> {
  workload: Workload
}

/** What only grows, as it stood at a row. */
interface Counts {
  stored: number
  failed: number
  hashes: number
  /** Of all others: puts that were over, and that failed. */
  asked: number
  putsFailed: number
}

const dayHours = 24
const columns = 'atHours used spam factorP50 factorMost stored failed hashes asked refused'
const units = 'h share share 1 1 blobs blobs hashes 1 share'

/** Those who fill the network, what they get into it, and what all others pay meanwhile. */
export class Spam {
  readonly #p: Parts
  readonly #spammers: readonly Spammer[]
  readonly #rows: (number | string)[][] = []
  #start: Counts
  #last: Counts
  #factorMost = 1
  #share: number | undefined

  constructor(parts: Parts) {
    const { world, spam } = parts
    this.#p = parts
    const nodes = spam.workPerHour === 0 ? 0 : spam.nodes
    this.#spammers = Array.from(
      { length: nodes },
      (_, i) => new Spammer({ ...parts, dice: world.dice(`spammer ${i}`) })
    )
    this.#start = this.#last = this.#counts()
  }

  /** At hour zero. */
  begin(): void {
    this.#start = this.#last = this.#counts()
    for (const spammer of this.#spammers) void spammer.begin()
  }

  #sum(of: 'stored' | 'failed' | 'hashes'): number {
    return this.#spammers.reduce((sum, spammer) => sum + spammer[of], 0)
  }

  #counts(): Counts {
    const { workload } = this.#p
    const of = { asked: workload.asked.length, putsFailed: workload.putsFailed }
    return {
      ...{ stored: this.#sum('stored'), failed: this.#sum('failed'), hashes: this.#sum('hashes') },
      ...of
    }
  }

  async row(atHours: number): Promise<(number | string)[]> {
    const { population, workload } = this.#p
    const [last, now] = [this.#last, this.#counts()]
    const since = (of: keyof Counts) => now[of] - last[of]
    const servers = population.online.filter(({ isServer }) => isServer)
    const factors = servers.map(({ seed }) => seed!.admission.status().priceFactor)
    const most = Math.max(1, ...factors)
    const { used, spam } = await this.#shares(servers)
    const puts = since('asked') + since('putsFailed')
    const row = [
      ...[atHours, used, spam, quantile(factors, 0.5) ?? '', most],
      ...[since('stored'), since('failed'), since('hashes')],
      quantile(workload.asked.slice(last.asked, now.asked), 0.5) ?? '',
      puts === 0 ? '' : since('putsFailed') / puts
    ]
    this.#rows.push(row)
    this.#last = now
    this.#factorMost = Math.max(this.#factorMost, most)
    this.#share = spam
    return row
  }

  /** Of what all disks of those online take together. */
  async #shares(members: readonly Member[]): Promise<{ used: number; spam: number }> {
    const { world, spam } = this.#p
    const keys = this.#spammers
      .flatMap(({ tried }) => tried)
      .filter(({ expiryMs }) => expiryMs > world.nowMs)
      .map(({ key }) => key)
    const all = { used: 0, copies: 0, cap: 0 }
    for (const { store } of members) {
      const { bytes, capBytes } = store.usage()
      all.used += bytes
      all.cap += capBytes
      for (const holding of await store.holding(keys, world.nowMs))
        if (holding === 'blob') all.copies += 1
    }
    return { used: all.used / all.cap, spam: (all.copies * spam.sizeBytes) / all.cap }
  }

  tables(): RunResult['tables'] {
    return {
      spam: { columns: columns.split(' '), units: units.split(' '), rows: this.#rows }
    }
  }

  figures(): Record<string, Figure> {
    const { spam, workload } = this.#p
    const { stored, failed, hashes } = this.#counts()
    const asked = workload.asked.slice(this.#start.asked)
    return figuresFrom({
      'spam stored': [stored, 'blobs'],
      'spam failed': [failed / (stored + failed), 'share'],
      'spam byte-days': [stored * byteDaysOf(spam), 'B d'],
      'spam hashes': [hashes, 'hashes'],
      'spam hashes per blob': [hashes / stored, 'hashes'],
      'spam share of disks': [this.#share, 'share'],
      'price factor most': [this.#factorMost, '1'],
      'asked of puts p50': [quantile(asked, 0.5), '1'],
      'asked of puts p95': [quantile(asked, 0.95), '1']
    })
  }
}

/** What one blob takes up, of one copy. */
const byteDaysOf = ({ sizeBytes, lifeHours }: SpamOf): number => (sizeBytes * lifeHours) / dayHours

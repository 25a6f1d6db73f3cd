import type { Command } from 'commander'
import type { CrawlDone, CrawlProgress } from '../crawler.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, table } from '../text.ts'
import { formatDuration, formatFigure, parseCount, usage } from '../units.ts'

interface CrawlArgs {
  network?: string
  out?: string
  minutes: string
  rate: string
  requests: string
  peers: string
  withIds?: boolean
  edges?: boolean
  watch?: string
  every?: string
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

export function addCrawl(program: Command, action: Action): void {
  program.commandsGroup('For operators:')
  example(
    program
      .command('crawl')
      .description('ask all seeds of a live network for their tables, slowly, and measure it')
      .option('--network <file|name>', 'which network (default: that of your node)')
      .option('--out <dir>', 'write tables as CSV, summary.json and report.html there')
      .option('--minutes <count>', 'how long one crawl may last', '10')
      .option('--rate <count>', 'requests a second', '20')
      .option('--requests <count>', 'how many requests one crawl may send', '50000')
      .option('--peers <count>', 'how many peers it gets to know at most', '20000')
      .option('--with-ids', 'tables show peer ids and addresses, not names that lead nowhere')
      .option('--edges', 'also write who names whom')
      .option('--watch <hours>', 'crawl again and again, and write who was there when')
      .option('--every <minutes>', 'how often, with --watch (default: 30)')
      .action(action(crawl)),
    'muttr crawl --out /tmp/crawl',
    'muttr crawl --watch 48 --every 30 --out /tmp/two-days'
  )
}

async function crawl(session: Session, args: CrawlArgs): Promise<void> {
  const { out, home, signal } = session
  const bounds = {
    lastsMs: parseCount(args.minutes, 1, 1_440) * minuteMs,
    perSecond: parseCount(args.rate, 1, 200),
    requests: parseCount(args.requests, 1, 10_000_000),
    peers: parseCount(args.peers, 1, 100_000)
  }
  const watch = watchOf(args)
  const doors = await session.doors()
  const done = await doors.crawl({
    ...{ home, network: args.network, out: args.out ?? null, bounds, watch, signal },
    withIds: args.withIds ?? false,
    withEdges: args.edges ?? false,
    onProgress: progressOf(session)
  })
  await out.result(done, out => showCrawled(done, out))
}

function watchOf({
  watch,
  every,
  out
}: CrawlArgs): { lastsMs: number; everyMs: number } | undefined {
  if (watch === undefined) {
    if (every !== undefined) throw usage('--every needs --watch')
    return undefined
  }
  if (out === undefined) throw usage('--watch needs --out: what it sees is written there')
  const lastsMs = parseCount(watch, 1, 10_000) * hourMs
  return { lastsMs, everyMs: parseCount(every ?? '30', 1, 1_440) * minuteMs }
}

/** A line each time a twentieth more is done, and for each crawl of a watch. */
function progressOf({ out }: Session): (progress: CrawlProgress) => void {
  let told = ''
  return progress => {
    const { crawl, seen, left } = progress
    const step = `${crawl} ${Math.floor(20 * (1 - left / seen))}`
    if (step === told) return
    told = step
    out.note(showProgress(progress))
  }
}

function showProgress(p: CrawlProgress): string {
  const { crawl, seen, answered, left, requests, remainingMs, watchRemainingMs } = p
  const first = watchRemainingMs === undefined ? '' : `crawl ${crawl}: `
  const last = left > 0 ? `, ${left} to ask, about ${formatDuration(remainingMs)} left` : ''
  const watch =
    watchRemainingMs === undefined ? '' : `; the watch ends in ${formatDuration(watchRemainingMs)}`
  return `${first}${seen} peers, ${answered} answered, ${requests} requests${last}${watch}`
}

const because = {
  done: 'everybody was asked',
  late: 'the time was over before everybody was asked',
  bounded: 'the bound on requests was reached before everybody was asked',
  stopped: 'stopped before everybody was asked'
}

function showCrawled(done: CrawlDone, { style, columns }: Output): string {
  const { network, crawls, ended, figures, out } = done
  const rows = figures.map(({ name, value, unit }) => [name, formatFigure(value), unit])
  const times = crawls === 1 ? '' : `, ${crawls} crawls, figures of the last`
  return [
    style.bold(line(`${network}: ${because[ended]}${times}`)),
    table({ style, heads: ['figure', 'value', 'unit'], rows, columns }),
    ...(out === null ? [] : [`written to ${line(out)}`])
  ].join('\n\n')
}

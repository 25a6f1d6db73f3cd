import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import { formatFigure } from '../../cli/units.ts'
import { unwritable, writeFileAtomic } from '../../config/home.ts'
import type { Table } from '../../sim/result.ts'
import { describeCode, thisCode } from '../runs/code.ts'
import { toCsv } from '../shown/csv.ts'
import { page, table, text } from '../shown/page.ts'
import type { Plot, PlotPoint } from '../shown/plots.ts'
import { drawPlot } from '../shown/plots.ts'
import type { CrawlFound } from './crawl.ts'

/** Of summary.json. A change of its shape counts it up. */
const format = 1
const mode = 0o644
/** More cannot be seen in a plot. */
const pointsMax = 400

/** An empty folder for what will be found, made before anybody is asked. @throws {MuttrError} `OUTPUT_EXISTS`, `DISK_FULL`, `DISK_FAILED` */
export async function makeOutput(path: string): Promise<void> {
  const names = await readdir(path).catch((err): string[] => {
    if (err.code === 'ENOENT') return []
    throw new MuttrError('OUTPUT_EXISTS', `${path} is not a folder`, { cause: err })
  })
  if (names.length > 0) throw new MuttrError('OUTPUT_EXISTS', `${path} holds other files`)
  await mkdir(path, { recursive: true }).catch(err => {
    throw unwritable(err, path)
  })
}

/** summary.json, a CSV for each table, report.html. What was there of an earlier crawl is replaced. */
export async function writeFound(
  path: string,
  { about, figures, tables }: CrawlFound
): Promise<void> {
  const write = (name: string, content: string) =>
    writeFileAtomic(join(path, name), content, { mode })
  const code = await thisCode()
  const summary = { format, what: 'crawl', ...about, code, figures }
  await write('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  for (const [name, table] of Object.entries(tables)) await write(`${name}.csv`, toCsv(table))
  const drawn: string[] = []
  for (const plot of plotsOf(tables)) drawn.push(`<figure>${await drawPlot(plot)}</figure>`)
  const { network, startedAt, crawls, ended } = about
  const rows = Object.entries(figures).map(([name, { value, unit }]) => [
    ...[name, formatFigure(value), unit]
  ])
  const html = page(`crawl of ${network}`, [
    `<h1>${text(`The network ${network}, seen from one place`)}</h1>`,
    `<p>${text(`${crawls} ${crawls === 1 ? 'crawl' : 'crawls'} from ${startedAt} on; figures are those of the last one. Muttr ${describeCode(code)}.`)}</p>`,
    ended === 'done' ? '' : `<p class="bad">${text(because[ended])}</p>`,
    table(['figure', 'value', 'unit'], rows),
    '<p>Round trips are those from here to each peer: between two peers nothing was measured. Who cannot be dialled is seen only as an entry that does not answer.</p>',
    ...drawn
  ])
  await write('report.html', html)
}

const because = {
  late: 'The time was over before everybody was tried.',
  bounded: 'The bound on requests was reached before everybody was tried.',
  stopped: 'It was stopped before everybody was tried.'
}

function plotsOf({ peers, time, sessions }: CrawlFound['tables']): Plot[] {
  const share = (title: string, x: string, values: readonly number[]): Plot[] =>
    values.length < 2
      ? []
      : [{ title, x, y: 'share at most so', points: below(values), bounds: [0, 1], logX: false }]
  const ended = sessions ? column(sessions, 2).map((to, i) => to - column(sessions, 1)[i]!) : []
  return [
    ...share('round trip from here', 'ms', named(peers!, 'rttMs')),
    ...share('contacts in a table', 'contacts', named(peers!, 'tableSize')),
    ...share('tables that name a peer', 'tables', named(peers!, 'inDegree')),
    ...share('of the nearest 20, known', 'share', named(peers!, 'nearestKnown')),
    ...share('sessions, those under way included', 'hours', ended),
    ...(time && time.rows.length > 1 ? [onlinePlot(time)] : [])
  ]
}

const column = ({ rows }: Table, at: number): number[] =>
  rows.map(row => row[at]!).filter(value => typeof value === 'number')
const named = (of: Table, name: string): number[] => column(of, of.columns.indexOf(name))

/** The distribution, as a line. */
function below(values: readonly number[]): PlotPoint[] {
  const sorted = values.toSorted((a, b) => a - b)
  const step = Math.max(1, Math.ceil(sorted.length / pointsMax))
  return sorted.flatMap((x, i) => {
    const y = (i + 1) / sorted.length
    return i % step === 0 || i === sorted.length - 1 ? [{ line: '', x, y, low: y, high: y }] : []
  })
}

const onlinePlot = ({ rows }: Table): Plot => ({
  title: 'peers that answered',
  x: 'hours',
  y: 'peers',
  points: rows.map(([x, y]) => ({
    ...{ line: '', x: Number(x), y: Number(y) },
    ...{ low: Number(y), high: Number(y) }
  })),
  bounds: [0, Number.POSITIVE_INFINITY],
  logX: false
})

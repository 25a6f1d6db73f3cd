import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { formatFigure } from '../../cli/units.ts'
import { describeCode } from '../runs/code.ts'
import { page, table, text } from './page.ts'
import { drawPlot } from './plots.ts'
import { figurePlots, labelOf, timePlots } from './series.ts'
import type { DoneRun, Summary } from './summary.ts'
import { intervalOf, violationsOf } from './summary.ts'

/** `report.html`: one file with everything in it, for a browser without a network. */
export async function makeReport(summary: Summary, runs: readonly DoneRun[]): Promise<string> {
  const { name, question, scale, code, points } = summary
  const plots = [...figurePlots(summary), ...timePlots(runs)]
  const drawn: string[] = []
  for (const plot of plots) drawn.push(`<figure>${await drawPlot(plot)}</figure>`)
  const { planned, done } = summary.runs
  const seeds = [...new Set(points.flatMap(({ runs }) => runs.map(({ seed }) => seed)))]
  return page(name, [
    `<h1>${text(question)}</h1>`,
    `<p>${text(`Scenario ${name} at the scale ${scale}. Runs: ${done} of ${planned}; seeds ${seeds.join(', ')}. Muttr ${describeCode(code)}.`)}</p>`,
    done < planned ? '<p class="bad">Runs are missing: this is not the whole result.</p>' : '',
    ...violations(runs),
    ...points.map(figures),
    "<p>Intervals are 95 % confidence intervals of the mean over seeds (Student's t), cut where the quantity ends: a share at 0 and 1, an amount at 0. In plots they are the pale bands.</p>",
    ...drawn,
    '<h2>Scenario</h2>',
    `<pre>${text(JSON.stringify(runs[0]?.result.scenario ?? {}, shortened, 2))}</pre>`,
    '<h2>Runs</h2>',
    table(
      ['point', 'seed', 'id', 'events', 'trace hash', 'seconds', 'events/s', 'MiB'],
      runs.map(({ id, parameters, result: { seed, events, traceHash }, cost }) => [
        labelOf(parameters),
        seed,
        id,
        events,
        traceHash,
        ...(cost
          ? [
              (cost.wallMs / 1_000).toFixed(1),
              cost.eventsPerSecond,
              Math.round(cost.memoryBytes / 2 ** 20)
            ]
          : ['', '', ''])
      ])
    )
  ])
}

/** What stood in a file of sessions or latencies fills no page; the runs have it. */
const shortened = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.length > 1_000
    ? `${value.slice(0, 60)}… (${value.length} characters, SHA-256 ${toHex(sha256(utf8(value)))})`
    : value

function figures({ parameters, figures }: Summary['points'][number]): string {
  const label = labelOf(parameters)
  const rows = Object.entries(figures).map(([name, figure]) => [
    name,
    formatFigure(figure.mean),
    intervalOf(figure)?.map(formatFigure).join(' to ') ?? '',
    figure.unit,
    figure.n
  ])
  return `${label ? `<h2>${text(label)}</h2>` : ''}${table(['figure', 'mean', '95 % interval', 'unit', 'seeds'], rows)}`
}

const shownMax = 20

function violations(runs: readonly DoneRun[]): string[] {
  const found = violationsOf(runs)
  if (found.length === 0) return []
  const shown = found
    .slice(0, shownMax)
    .map(
      ({ what, seed, id, chain }) =>
        `<li>${text(`${what} (seed ${seed}, run ${id})`)}<pre>${text(chain.join('\n'))}</pre></li>`
    )
  return [`<h2 class="bad">Broken promises: ${found.length}</h2><ol>${shown.join('')}</ol>`]
}

import type { Output } from './output.ts'
import type { SimCompared, SimDone, SimListed, SimProgress } from './simulator.ts'
import { line, table } from './text.ts'
import { formatDuration, formatFigure, shortId } from './units.ts'

export function showScenarios(scenarios: readonly SimListed[], { style, columns }: Output): string {
  const rows = scenarios.map(({ name, scale, nodes, hours, question }) => [
    name,
    scale,
    String(nodes),
    String(hours),
    question
  ])
  return table({ style, heads: ['name', 'scale', 'nodes', 'hours', 'question'], rows, columns })
}

/** Lines of one kind that a screen takes. */
const brokenMax = 10

export function showDone(done: SimDone, out: Output): string {
  const { style, columns } = out
  const heads = ['figure', 'mean', '95 % interval', 'unit']
  const points = done.points.map(({ parameters, seeds, figures }) => {
    const rows = figures.map(({ name, mean, ci95, unit }) => [
      name,
      formatFigure(mean),
      interval(ci95),
      unit
    ])
    const label = [...parameterWords(parameters), seedsText(seeds)].join(', ')
    return `${style.bold(line(label))}\n${table({ style, heads, rows, columns })}`
  })
  const { planned, done: there } = done.runs
  const broken = done.violations
    .slice(0, brokenMax)
    .map(({ what, seed, run }) =>
      style.bad(line(`broken: ${what} (seed ${seed}, run ${shortId(run)})`))
    )
  const more = done.violations.length - broken.length
  return [
    style.bold(line(done.question)),
    ...points,
    ...(broken.length > 0 ? [broken.join('\n')] : []),
    ...(more > 0 ? [style.bad(`and ${more} more: see --json`)] : []),
    ...(there < planned ? [`${there} of ${planned} runs are there`] : []),
    ...(done.out === null ? [] : [`written to ${line(done.out)}`])
  ].join('\n\n')
}

export function showCompared(compared: readonly SimCompared[], { style, columns }: Output): string {
  const rows = compared.map(({ parameters, figure, a, b, difference, differs, unit }) => [
    parameterWords(parameters).join(', '),
    figure,
    formatFigure(a.mean),
    formatFigure(b.mean),
    `${formatFigure(difference.mean)} ${interval(difference.ci95)}`.trim(),
    differs === null ? 'need more seeds' : differs ? 'differ' : 'show no difference',
    unit
  ])
  const heads = ['point', 'figure', 'a', 'b', 'b - a, 95 %', 'so they', 'unit']
  return table({ style, heads, rows, columns })
}

export function showProgress({ done, runs, share, remainingMs }: SimProgress): string {
  const left =
    remainingMs === undefined || share >= 1 ? '' : `, ${formatDuration(remainingMs)} left`
  return `${done} of ${runs} runs, ${Math.round(share * 100)} %${left}`
}

const parameterWords = (parameters: Record<string, unknown>): string[] =>
  Object.entries(parameters).map(([path, value]) => `${path} ${valueWord(value)}`)

const valueWord = (value: unknown): string =>
  typeof value === 'number'
    ? formatFigure(value)
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)

const seedsText = (seeds: readonly number[]): string =>
  seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds`

const interval = (ci95: readonly [number, number] | null): string =>
  ci95 === null ? '' : `[${ci95.map(formatFigure).join(', ')}]`

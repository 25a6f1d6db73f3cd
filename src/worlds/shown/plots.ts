import type { Spec } from 'vega'
import { cutAt } from './statistics.ts'

/** One line, or a point where there is one x only. `low` and `high` are an interval around y. */
export interface PlotPoint {
  line: string
  x: number
  y: number
  low: number
  high: number
}

export interface Plot {
  title: string
  x: string
  y: string
  points: readonly PlotPoint[]
  /** What the quantity cannot pass: intervals are cut there, and the plot says so. */
  bounds: readonly [low: number, high: number]
  /** Where all x are above zero and far apart. */
  logX: boolean
}

const [width, height] = [560, 220]

/**
 * SVG text without a browser; the same plot is the same text. Vega is loaded with the first one: it is large, and most commands draw nothing.
 */
export async function drawPlot(plot: Plot): Promise<string> {
  const { parse, View } = await import('vega')
  const view = new View(parse(specOf(plot)), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

/** An axis needs two ends: where all is one value, from zero to it. Undefined where the values have ends of their own. */
function rangeOf(values: readonly number[]): [number, number] | undefined {
  const one = values[0]!
  if (values.some(value => value !== one)) return undefined
  return one < 0 ? [one, 0] : [0, one || 1]
}

function specOf({ title, x, y, points, bounds, logX }: Plot): Spec {
  const cuts = points.map(({ low, high }) => cutAt([low, high], bounds))
  const ends = [...new Set(cuts.flatMap(({ at }) => at))].sort()
  const lines = [...new Set(points.map(({ line }) => line))]
  const color = { scale: 'color', field: 'line' }
  const at = { scale: 'x', field: 'x' }
  return {
    width,
    height,
    padding: 5,
    background: 'white',
    title: {
      text: title,
      anchor: 'start',
      ...(ends.length > 0 && { subtitle: `intervals are cut at ${ends.join(' and ')}` })
    },
    data: [
      {
        name: 'points',
        values: points.map((point, i) => ({ ...point, low: cuts[i]!.low, high: cuts[i]!.high }))
      }
    ],
    scales: [
      {
        name: 'x',
        type: logX ? 'log' : 'linear',
        domain: rangeOf(points.map(({ x }) => x)) ?? { data: 'points', field: 'x' },
        range: 'width',
        zero: false
      },
      {
        name: 'y',
        type: 'linear',
        domain: rangeOf(cuts.flatMap(({ low, high }) => [low, high])) ?? {
          data: 'points',
          fields: ['low', 'high']
        },
        range: 'height',
        nice: true,
        zero: false
      },
      { name: 'color', type: 'ordinal', domain: lines, range: 'category' }
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: x, grid: true, tickCount: 8, labelOverlap: true },
      { scale: 'y', orient: 'left', title: y, grid: true }
    ],
    legends: lines.length > 1 ? [{ stroke: 'color', symbolType: 'stroke', labelLimit: 0 }] : [],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'one', data: 'points', groupby: 'line' } },
        marks: [
          {
            type: 'area',
            from: { data: 'one' },
            encode: {
              enter: {
                x: at,
                y: { scale: 'y', field: 'low' },
                y2: { scale: 'y', field: 'high' },
                fill: color,
                fillOpacity: { value: 0.2 }
              }
            }
          },
          {
            type: 'line',
            from: { data: 'one' },
            encode: { enter: { x: at, y: { scale: 'y', field: 'y' }, stroke: color } }
          }
        ]
      },
      {
        type: 'symbol',
        from: { data: 'points' },
        encode: {
          enter: {
            x: at,
            y: { scale: 'y', field: 'y' },
            fill: color,
            size: { value: points.length / lines.length > 40 ? 0 : 20 }
          }
        }
      }
    ]
  }
}

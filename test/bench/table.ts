/** One measured figure, and a rival's in the same run. */
export interface Row {
  name: string
  unit:
    | 'ms'
    | 's'
    | 'ops/s'
    | 'MiB'
    | 'MiB/s'
    | 'letters/s'
    | '%'
    | 'dials'
    | 'requests'
    | 'blobs'
    | 'copies'
    | 'kB'
    | 'people'
  median: number
  p95: number
  rival?: { name: string; median: number; p95: number }
}

export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

export const summary = (values: readonly number[]): { median: number; p95: number } => ({
  median: round(quantile(values, 0.5)),
  p95: round(quantile(values, 0.95))
})

const round = (x: number): number => Number(x.toPrecision(3))

export function printRows(rows: readonly Row[], json: boolean): void {
  if (json) {
    for (const row of rows) console.log(JSON.stringify(row))
    return
  }
  const cells = rows.map(r => [
    r.name,
    `${r.median} ${r.unit}`,
    `${r.p95}`,
    r.rival ? `${r.rival.name} ${r.rival.median}` : '',
    r.rival ? `${r.rival.p95}` : ''
  ])
  const head = ['what', 'median', 'p95', 'rival, median', 'p95']
  const widths = head.map((h, i) => Math.max(h.length, ...cells.map(c => (c[i] ?? '').length)))
  for (const line of [head, ...cells])
    console.log(
      line
        .map((c, i) => c.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()
    )
}

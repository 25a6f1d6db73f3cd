import type { Table } from '../../sim/result.ts'

/** RFC 4180 with `\n`; the first row names columns and units: `atHours (h)`. */
export function toCsv({ columns, units, rows }: Table): string {
  const heads = columns.map((column, i) => (units[i] ? `${column} (${units[i]})` : column))
  return [heads, ...rows].map(row => `${row.map(cell).join(',')}\n`).join('')
}

function cell(value: number | string): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

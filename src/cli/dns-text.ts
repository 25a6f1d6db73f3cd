import type { DnsRecord } from '../wire/pod-dns.ts'
import type { Output } from './output.ts'
import { table } from './text.ts'

/** Records as an operator publishes them; nothing of them is cut, for they are copied from here. */
export const recordsText = ({ style }: Pick<Output, 'style'>, rows: readonly string[][]): string =>
  table({
    style,
    heads: ['record', 'type', 'value'],
    rows: rows.map(row => [...row]),
    columns: Number.POSITIVE_INFINITY
  })

export const recordRows = (records: readonly DnsRecord[]): string[][] =>
  records.map(({ name, type, value }) => [`${name}.`, type, type === 'TXT' ? `"${value}"` : value])

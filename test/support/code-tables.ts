import { readFileSync, writeFileSync } from 'node:fs'
import { errorCodes } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'

/**
 * The tables of docs/protocol/errors.md and limits.md are made from the source. They stand between two comments on the page; the rest is
 * written by hand. Usage, after changing src/base/errors.ts or limits.ts: node test/support/code-tables.ts
 */
const root = new URL('../../', import.meta.url)
const pathOf = (path: string): URL => new URL(path, root)
const source = (path: string): string => readFileSync(pathOf(path), 'utf8')
const cell = (text: string): string => text.replaceAll('|', '\\|')

const statuses = { usage: 1, refused: 2, network: 3, internal: 4 } as const

/** Headings are the comments above each group of codes. */
function errorTable(): string {
  const lines = source('src/base/errors.ts').split('\n')
  const table = lines.slice(lines.indexOf('const codes = {') + 1)
  const out: string[] = []
  let group: string | undefined
  let shown: string | undefined
  for (const line of table.slice(
    0,
    table.findIndex(l => l.startsWith('}'))
  )) {
    if (line === '') group = undefined
    const [, comment] = /^ {2}\/\/ (.*?)\.?$/.exec(line) ?? []
    if (comment) group = comment
    const [, code] = /^ {2}([A-Z_]+): \[/.exec(line) ?? []
    if (!code) continue
    const [kind, hint] = errorCodes[code as keyof typeof errorCodes]
    const title = group ?? (kind === 'network' ? 'The network' : 'Ourselves')
    if (shown !== title)
      out.push(`${shown ? '\n' : ''}## ${title}\n`, '| code | kind | hint |', '|---|---|---|')
    shown = title
    out.push(`| \`${code}\` | ${kind} (${statuses[kind]}) | ${cell(hint)} |`)
  }
  return out.join('\n')
}

const number = (n: number): string => n.toLocaleString('en')

function amount(name: string, value: number): string {
  const units: [RegExp, [string, number][]][] = [
    [
      /Ms/,
      [
        ['d', 86_400_000],
        ['h', 3_600_000],
        ['min', 60_000],
        ['s', 1_000]
      ]
    ],
    [
      /[bB]ytes|sealedSizes/,
      [
        ['MiB', 2 ** 20],
        ['KiB', 1_024]
      ]
    ]
  ]
  for (const [pattern, sizes] of units) {
    if (!pattern.test(name)) continue
    const fitting = sizes.find(([, size]) => value >= size && value % size === 0)
    if (fitting) return `${number(value / fitting[1])} ${fitting[0]}`
    return pattern.test('bytes') ? `${number(value)} B` : `${number(value)} ms`
  }
  return number(value)
}

/** What stands in the comment above each limit, if one does. */
function limitTable(): string {
  const text = source('src/base/limits.ts')
  const comments = new Map(
    [...text.matchAll(/\/\*\* (.*?) \*\/\n {2}(\w+):/g)].map(([, said, name]) => [name, said])
  )
  const rows = Object.entries(limits).map(([name, value]) => {
    const list = typeof value === 'number' ? [value] : value
    const said = (comments.get(name) ?? '').replaceAll(/\{@link limits\.(\w+)\}/g, '`$1`')
    return `| \`${name}\` | ${list.map(one => amount(name, one)).join(', ')} | ${cell(said)} |`
  })
  return ['| name | value | |', '|---|---|---|', ...rows].join('\n')
}

const begin = '<!-- made by test/support/code-tables.ts -->'
const end = '<!-- end -->'
export const pages = [
  { path: 'docs/protocol/errors.md', table: errorTable },
  { path: 'docs/protocol/limits.md', table: limitTable }
] as const

export const readPage = (path: string): string => source(path)

/** The page with its table as the source says. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error('the page has no place for the table')
  return `${page.slice(0, from + begin.length)}\n\n${table}\n\n${page.slice(to)}`
}

if (import.meta.main)
  for (const { path, table } of pages) writeFileSync(pathOf(path), withTable(source(path), table()))

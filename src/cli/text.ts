import { styleText } from 'node:util'

/** Takes no room and says nothing, but makes two texts that look the same differ. Joiners and
 * selectors stay: scripts and emoji need them. */
const unseen =
  /(?!\u180b|\u180c|\u180d|\u200c|\u200d|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}])\p{Default_Ignorable_Code_Point}/gu

/** Text from strangers for one line of a terminal: nothing in it can move the cursor, colour the rest,
 * turn the reading order round, hide, or pile up over the lines above and below. */
export const line = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\u200e\u200f\u061c]/g, '')
    .replace(/\p{Bidi_Control}|[\u2028\u2029\ufeff]|[\u{e0000}-\u{e007f}]/gu, '\ufffd')
    .replace(unseen, '')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .replace(/\p{Cc}/gu, visible)

/** As {@link line}, keeping line ends and tabs: a letter's body. */
export const paragraphs = (text: string): string =>
  text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map(part => part.split('\t').map(line).join('\t'))
    .join('\n')

/** U+2400 and on show a control character by its name. */
function visible(control: string): string {
  const code = control.charCodeAt(0)
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
}

/** JSON on one line that is the same value everywhere and harmless on a terminal. */
export const json = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

const segmenter = new Intl.Segmenter()
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u

/** Marks and joiners with nothing before them. */
const empty = /^[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]+$/u
const columnsOf = (segment: string): number =>
  empty.test(segment) ? 0 : wide.test(segment) ? 2 : 1

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += columnsOf(segment)
  return columns
}

/** @returns `text`, at most `columns` wide, with an ellipsis where something was cut. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let used = 1
  for (const { segment } of segmenter.segment(text)) {
    used += widthOf(segment)
    if (used > columns) break
    kept += segment
  }
  return `${kept}…`
}

export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
}

/** @param colour false leaves every text as it is. */
export function createStyle(colour: boolean): Style {
  const as = (format: 'bold' | 'dim' | 'green' | 'red') => (text: string) =>
    colour && text !== '' ? styleText(format, text, { validateStream: false }) : text
  return { bold: as('bold'), dim: as('dim'), good: as('green'), bad: as('red') }
}

export interface TableParts {
  style: Style
  heads: readonly string[]
  /** Cells are cleaned and aligned before they are coloured; the last column is cut to the terminal. */
  rows: readonly (readonly string[])[]
  columns: number
  /** Colours a cell that is clean and aligned. */
  paint?(text: string, row: number, column: number): string
}

export function table({ style, heads, rows, columns, paint = text => text }: TableParts): string {
  const cells = rows.map(row => row.map(line))
  const widths = heads.map((head, i) =>
    Math.max(widthOf(head), ...cells.map(row => widthOf(row[i] ?? '')))
  )
  const lastStart = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0)
  const format = (row: readonly string[], dye = (text: string, _column: number) => text) =>
    row
      .map((cell, i) => {
        const isLast = i === heads.length - 1
        const room = isLast ? '' : ' '.repeat((widths[i] ?? 0) - widthOf(cell))
        return dye(isLast ? cut(cell, Math.max(8, columns - lastStart)) : cell, i) + room
      })
      .join('  ')
      .trimEnd()
  const lines = cells.map((row, i) => format(row, (text, column) => paint(text, i, column)))
  return [style.dim(format(heads)), ...lines].join('\n')
}

export type Pair = readonly [name: string, value: string | readonly string[]]

/** `name  value` lines, names aligned; several values stand under one another. Values are cleaned: one never makes a line of its own. */
export function pairs(style: Style, entries: readonly Pair[]): string {
  const width = Math.max(...entries.map(([name]) => widthOf(name)))
  return entries
    .flatMap(([name, value]) =>
      [value]
        .flat()
        .map((part, i) => `${style.dim((i === 0 ? name : '').padEnd(width))}  ${line(part)}`)
    )
    .join('\n')
}

import { MuttrError } from '../base/errors.ts'

/** When one node was there, in hours from the start of what was recorded. */
export interface Session {
  readonly fromHours: number
  readonly toHours: number
}

/** Who was there when: what a watched crawl, a seed's own trace or somebody else's measurement recorded. */
export interface Sessions {
  /** Of each node in the order in which they first appear, its sessions in the order of time; none of them touch. */
  readonly nodes: readonly (readonly Session[])[]
  /** Of each node, its row in a matrix of latencies; undefined where the file has no such column. */
  readonly places: readonly number[] | undefined
  /** When the last session ends: nothing is known beyond. */
  readonly hours: number
}

export const sessionColumns = ['node', 'from_hours', 'to_hours'] as const
export const csvCharsMax = 4 * 1024 * 1024
const rowsMax = 100_000
const nameCharsMax = 64
const hoursMax = 100 * 365 * 24

interface Row extends Session {
  node: string
  place: number | undefined
}

/**
 * @param csv a row a session, by `from_hours`: `node,from_hours,to_hours`, then `place` where there is one. Source: docs/guides/research.md
 * @throws {MuttrError} `SCENARIO_INVALID`, with the row.
 */
export function parseSessions(csv: string): Sessions {
  const [head, ...lines] = linesOf(csv)
  const hasPlaces = readHead(head!)
  if (lines.length === 0) throw refused('there is no session')
  if (lines.length > rowsMax) throw refused(`${lines.length} sessions are more than ${rowsMax}`)
  const nodes = new Map<string, { sessions: Session[]; place: number | undefined }>()
  let [beforeHours, hours] = [0, 0]
  for (const [i, line] of lines.entries()) {
    const where = `row ${i + 2}`
    const { node, fromHours, toHours, place } = readRow(line, where, hasPlaces)
    if (fromHours < beforeHours)
      throw refused(`${where}: begins at hour ${fromHours}, the row before it at ${beforeHours}`)
    beforeHours = fromHours
    hours = Math.max(hours, toHours)
    const known = nodes.get(node) ?? { sessions: [], place }
    nodes.set(node, known)
    if (known.place !== place)
      throw refused(`${where}: ${node} is at place ${known.place} before, and at ${place} here`)
    join(known.sessions, { fromHours, toHours }, `${where}: ${node}`)
  }
  const all = [...nodes.values()]
  const places = hasPlaces ? all.map(({ place }) => place!) : undefined
  return { nodes: all.map(({ sessions }) => sessions), places, hours }
}

/** Rows without the last line's end. @throws {MuttrError} `SCENARIO_INVALID` */
export function linesOf(csv: string): string[] {
  if (csv.length > csvCharsMax) throw refused(`longer than ${csvCharsMax} characters`)
  return csv.replace(/\r?\n$/, '').split(/\r?\n/)
}

function readHead(head: string): boolean {
  const columns = head.split(',')
  const [first, last = ''] = [columns.slice(0, 3).join(), columns[3]]
  if (first !== sessionColumns.join())
    throw refused(`the first row is not ${sessionColumns.join()}, but ${shown(head)}`)
  const strange = columns.find((name, i) => i > 2 && (i > 3 || name !== 'place'))
  if (strange !== undefined) throw refused(`there is no column ${shown(strange)}`)
  return last === 'place'
}

function readRow(line: string, where: string, hasPlaces: boolean): Row {
  const cells = line.split(',')
  const wanted = hasPlaces ? 4 : 3
  if (cells.length !== wanted)
    throw refused(`${where}: has ${cells.length} columns instead of ${wanted}`)
  const [node = '', from = '', to = '', at = ''] = cells
  if (!/^[\w.-]+$/.test(node) || node.length > nameCharsMax)
    throw refused(
      `${where}: ${shown(node)} is no name of 1 to ${nameCharsMax} letters, digits and . _ -`
    )
  const fromHours = readNumber(from, `${where}: from_hours`, hoursMax)
  const toHours = readNumber(to, `${where}: to_hours`, hoursMax)
  if (toHours <= fromHours)
    throw refused(`${where}: ends at hour ${toHours}, and begins at ${fromHours}`)
  const place = hasPlaces ? readNumber(at, `${where}: place`, 1_000_000) : undefined
  if (place !== undefined && !Number.isInteger(place))
    throw refused(`${where}: place: ${shown(at)} is not a whole number`)
  return { node, fromHours, toHours, place }
}

/** A session that begins when the last one ends goes on with it. */
function join(sessions: Session[], session: Session, where: string): void {
  const last = sessions.at(-1)
  if (last && session.fromHours < last.toHours)
    throw refused(`${where} is there twice, from hour ${session.fromHours} to ${last.toHours}`)
  if (last?.toHours === session.fromHours)
    sessions[sessions.length - 1] = { fromHours: last.fromHours, toHours: session.toHours }
  else sessions.push(session)
}

/** @throws {MuttrError} `SCENARIO_INVALID` for what is no number from 0 to `most`. */
export function readNumber(text: string, where: string, most: number): number {
  const value = Number(text)
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) || !Number.isFinite(value))
    throw refused(`${where}: ${shown(text)} is not a number`)
  if (value < 0) throw refused(`${where}: ${text} is below 0`)
  if (value > most) throw refused(`${where}: ${text} is above ${most}`)
  return value
}

const shown = (text: string): string => `'${text.length > 40 ? `${text.slice(0, 40)}…` : text}'`
const refused = (message: string) => new MuttrError('SCENARIO_INVALID', message)

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Finding } from '../../src/sim/finding.ts'
import type { Scenario } from '../../src/sim/scenario.ts'
import type { SweepInput } from '../../src/sim/sweep.ts'
import { readFolder } from '../../src/worlds/runs/folder.ts'
import type { Extract } from '../../src/worlds/shown/finding.ts'
import { extractOf, plotOf, sayRuns, tableOf } from '../../src/worlds/shown/finding.ts'
import { drawPlot } from '../../src/worlds/shown/plots.ts'
import { readRuns } from '../../src/worlds/shown/summary.ts'

/**
 * The figures of simulations/NAME.md and its plots are made from simulations/NAME.json, an extract of a sweep's folder, as `finding` in
 * simulations/NAME.ts says. Usage, after a sweep: `node test/support/finding.ts NAME DIR`; after a change of what is shown, of all pages:
 * `node test/support/finding.ts`. Source: simulations/README.md
 */
const shelf = fileURLToPath(new URL('../../simulations', import.meta.url))
export const inShelf = (name: string): string => join(shelf, name)

interface Question {
  default: Scenario
  sweep: SweepInput
  finding?: Finding
}

export const readQuestion = async (name: string): Promise<Question> =>
  await import(pathToFileURL(inShelf(`${name}.ts`)).href)

/** Names of the questions that have an extract. */
export const findings = (): string[] =>
  readdirSync(shelf)
    .filter(name => name.endsWith('.json'))
    .map(name => name.slice(0, -'.json'.length))
    .sort()

export const readExtract = (name: string): Extract =>
  JSON.parse(readFileSync(inShelf(`${name}.json`), 'utf8'))

/** Lists of numbers stay on one line. */
const extractText = (extract: Extract): string =>
  `${JSON.stringify(extract, null, 1).replace(/\[[\s\d.,e+-]+\]/g, list => list.replace(/\s+/g, ''))}\n`

const by = 'made by test/support/finding.ts'
const end = '<!-- end -->'

/** What the page has between its marks, by name; and the page with other things there. */
export function fillPage(page: string, parts: Record<string, string>): string {
  let filled = page
  for (const [name, text] of Object.entries(parts)) {
    const begin = `<!-- ${by}: ${name} -->`
    const from = filled.indexOf(begin)
    const to = filled.indexOf(end, from)
    if (from < 0 || to < from) throw new Error(`the page has no place for '${begin}' to '${end}'`)
    filled = `${filled.slice(0, from + begin.length)}\n\n${text}\n\n${filled.slice(to)}`
  }
  return filled
}

/** All that is made of an extract: parts of the page, and files. */
export async function madeOf(
  extract: Extract,
  { tables, plots }: Finding
): Promise<{ parts: Record<string, string>; files: Record<string, string> }> {
  const parts: Record<string, string> = { runs: sayRuns(extract) }
  for (const [name, columns] of Object.entries(tables)) parts[name] = tableOf(extract, columns)
  const files: Record<string, string> = {}
  for (const [name, plot] of Object.entries(plots))
    files[`${name}.svg`] = `${await drawPlot(plotOf(extract, plot))}\n`
  return { parts, files }
}

async function write(name: string): Promise<void> {
  const { finding } = await readQuestion(name)
  if (!finding) throw new Error(`${inShelf(`${name}.ts`)} has no \`export const finding\``)
  const { parts, files } = await madeOf(readExtract(name), finding)
  for (const [file, text] of Object.entries(files)) writeFileSync(inShelf(file), text)
  const page = inShelf(`${name}.md`)
  // A page that is not written yet gets what there is to put in it.
  const places = Object.keys(parts).map(part => `<!-- ${by}: ${part} -->\n${end}\n`)
  const images = Object.keys(files).map(file => `![](${file})\n`)
  const text = existsSync(page)
    ? readFileSync(page, 'utf8')
    : [`# ${readExtract(name).scenario.question}\n`, ...places, ...images].join('\n')
  writeFileSync(page, fillPage(text, parts))
}

if (import.meta.main) {
  const [name, path] = process.argv.slice(2)
  if (name !== undefined && path !== undefined) {
    const folder = await readFolder(path)
    const { finding } = await readQuestion(name)
    if (!finding) throw new Error(`simulations/${name}.ts has no \`export const finding\``)
    const extract = extractOf(folder, await readRuns(folder), finding)
    writeFileSync(inShelf(`${name}.json`), extractText(extract))
  }
  for (const each of name === undefined ? findings() : [name]) await write(each)
}

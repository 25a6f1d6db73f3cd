import assert from 'node:assert/strict'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const filesOf = async (path: string, pattern: RegExp): Promise<string[]> =>
  (await readdir(path)).filter(name => pattern.test(name)).map(name => join(path, name))

const one = async (path: string, pattern: RegExp) => (await filesOf(path, pattern))[0]!

/** What can happen to the files of a closed database, and be seen when it is opened. */
export const damages: [what: string, damage: (path: string) => Promise<void>][] = [
  ['its CURRENT file', path => rm(join(path, 'CURRENT'))],
  ['what CURRENT says', path => writeFile(join(path, 'CURRENT'), 'nothing\n')],
  ['its list of files', async path => rm(await one(path, /^MANIFEST/))],
  ['half of its list of files', async path => truncate(await one(path, /^MANIFEST/), 40)],
  ['a table', async path => rm(await one(path, /\.ldb$/))],
  ['half of a table', async path => truncate(await one(path, /\.ldb$/), 30_000)]
]

/** Turns a bit wherever `bytes` stand in the files of a closed database. */
export async function spoil(path: string, bytes: Uint8Array): Promise<void> {
  let spoiled = 0
  for (const file of await filesOf(path, /\.(ldb|log)$/)) {
    const content = await readFile(file)
    for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1), spoiled++)
      content[at]! ^= 1
    await writeFile(file, content)
  }
  assert(spoiled > 0)
}

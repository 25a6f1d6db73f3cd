import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * docs/protocol/muttr.cddl is all schemas of the pages in one file, so that a tool can read them: the pages are where they are written.
 * Usage, after changing a schema on a page: node test/support/cddl-file.ts
 */
const protocolFolder = fileURLToPath(new URL('../../docs/protocol', import.meta.url))
export const cddlFile = join(protocolFolder, 'muttr.cddl')

export interface Block {
  page: string
  text: string
  /** A schema of JSON, marked by its first line: it is not part of the file. */
  json: boolean
}

function blocksOf(page: string, markdown: string): Block[] {
  return [...markdown.matchAll(/^```cddl\n([\s\S]*?)^```$/gm)].map(([, text = '']) => ({
    page,
    text,
    json: text.startsWith('; JSON')
  }))
}

export const readBlocks = (): Block[] =>
  readdirSync(protocolFolder)
    .filter(name => name.endsWith('.md'))
    .sort()
    .flatMap(name => blocksOf(name, readFileSync(join(protocolFolder, name), 'utf8')))

const head = `; Muttr's formats (RFC 8610): what stands on the pages beside this file, in one piece. Made by test/support/cddl-file.ts; change the pages.
; All is canonical CBOR (RFC 8949, 4.2.1). A uint is at most 9007199254740991 (2^53 - 1). Text is UTF-8, and .size counts its bytes.
; What else must hold (bounds of a whole frame, times, signatures) stands on the pages.
`

export function composeCddl(blocks: readonly Block[]): string {
  let page = ''
  const parts = blocks
    .filter(({ json }) => !json)
    .map(block => {
      const title = block.page === page ? '' : `; ---- ${block.page} ----\n\n`
      page = block.page
      return `${title}${block.text}`
    })
  return [head, ...parts].join('\n')
}

if (import.meta.main) writeFileSync(cddlFile, composeCddl(readBlocks()))

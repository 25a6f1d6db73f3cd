import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Checks that every relative link and anchor of every page leads somewhere, and every page that the source names exists, findings among them.
 * Usage: node test/support/check-links.ts
 */

const unread = new Set(['node_modules', 'dist', 'coverage', '.git'])

function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return unread.has(entry.name) ? [] : filesOf(path, pattern)
    return pattern.test(entry.name) ? [path] : []
  })
}

/** Blanks what a reader sees as code, and keeps the lines. */
const withoutCode = (markdown: string): string =>
  markdown
    .replace(/^( {0,3})(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\2[`~]*[ \t]*$/gm, code =>
      code.replace(/[^\n]/g, ' ')
    )
    .replace(/<!--[\s\S]*?-->/g, comment => comment.replace(/[^\n]/g, ' '))
    .replace(/(`+)(?!`)([^\n]*?[^`\n])\1(?!`)/g, code => ' '.repeat(code.length))

export interface Link {
  target: string
  line: number
}

export function linksOf(markdown: string): Link[] {
  const text = withoutCode(markdown)
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/g, // [text](target "title"), also of images
    /^ {0,3}\[[^\]\n]+\]:\s*<?([^\s>]+)>?/gm, // [name]: target
    /<(?:a|img|source)\b[^>]*?\s(?:href|src|srcset)="([^"]+)"/g
  ]
  return patterns.flatMap(pattern =>
    [...text.matchAll(pattern)].map(match => ({
      target: match[1]!,
      line: text.slice(0, match.index).split('\n').length
    }))
  )
}

/** The anchors of a page, made as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  const seen = new Map<string, number>()
  const fenced = markdown.replace(
    /^( {0,3})(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\2[`~]*[ \t]*$/gm,
    ''
  )
  for (const [, heading = ''] of fenced.matchAll(/^ {0,3}#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    anchors.add(times === 0 ? slug : `${slug}-${times}`)
  }
  for (const [, id] of fenced.matchAll(/<[^>]+\s(?:id|name)="([^"]+)"/g)) anchors.add(id!)
  return anchors
}

/** @returns why the link leads nowhere, or undefined. */
function problemOf(target: string, page: string, root: string): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) return undefined
  const [path = '', anchor] = target.split('#', 2)
  let file = page
  try {
    if (path !== '') file = resolve(dirname(page), decodeURIComponent(path))
  } catch {
    return 'is not a link'
  }
  if (path.startsWith('/') || relative(root, file).startsWith('..')) return 'leaves the repository'
  if (!existsSync(file)) return 'does not exist'
  if (anchor === undefined || !file.endsWith('.md') || statSync(file).isDirectory())
    return undefined
  return anchorsOf(readFileSync(file, 'utf8')).has(anchor) ? undefined : 'has no such heading'
}

/** @returns one line for each link that leads nowhere. */
export function brokenLinks(root: string): string[] {
  const where = (file: string, line: number) => `${relative(root, file)}:${line}`
  const links = filesOf(root, /\.md$/).flatMap(page =>
    linksOf(readFileSync(page, 'utf8')).flatMap(({ target, line }) => {
      const problem = problemOf(target, page, root)
      return problem ? [`${where(page, line)}: ${target} ${problem}`] : []
    })
  )
  const sources = ['src', 'bin'].flatMap(folder =>
    existsSync(join(root, folder)) ? filesOf(join(root, folder), /\.ts$/) : []
  )
  const named = sources.flatMap(file => {
    const text = readFileSync(file, 'utf8')
    return [...text.matchAll(/\b(?:docs|simulations)\/[\w./-]+\.(?:md|cddl)\b/g)].flatMap(
      ({ 0: path, index }) =>
        existsSync(join(root, path))
          ? []
          : [`${where(file, text.slice(0, index).split('\n').length)}: ${path} does not exist`]
    )
  })
  return [...links, ...named]
}

if (import.meta.main) {
  const broken = brokenLinks(fileURLToPath(new URL('../..', import.meta.url)))
  for (const line of broken) console.error(line)
  if (broken.length > 0) process.exitCode = 1
}

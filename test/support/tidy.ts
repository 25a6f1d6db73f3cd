import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The house rules of docs/architecture.md, read from the source itself. */

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A room's floor. A floor imports only lower ones; rooms on one floor see each other's types. */
const floors: Record<string, number> = {
  base: 0,
  wire: 1,
  keys: 1.5,
  store: 2,
  routing: 2,
  replicas: 2,
  seed: 3,
  pod: 3,
  apps: 3,
  client: 4,
  cli: 5,
  api: 5,
  https: 5,
  web: 5,
  bridge: 5
}
/** Beside the floors: they implement ports, and see floors up to this one. */
const side = new Set(['net', 'sim', 'config'])
const sideSees = 2
/** They put the parts together: live, and in virtual worlds. */
const tops = new Set(['nodes', 'worlds'])

/** Packages that one room alone may know. */
const packages: [pattern: RegExp, room: string][] = [
  [/^openpgp(\/|$)/, 'keys'],
  [/^@hpke\//, 'keys'],
  [/^@cloudflare\/blindrsa/, 'keys'],
  [/^(libp2p|datastore-level)$|^@libp2p\/|^@chainsafe\/libp2p-|^@multiformats\//, 'net'],
  [/^level$/, 'store'],
  [/^(pg|ws|dns-packet)$/, 'net'],
  // What is bundled into the page, and must not come into the node.
  [/^(preact|marked|vite)(\/|$)|^@preact\/|^@fontsource/, 'web']
]

export interface Source {
  /** From the root of the repository, with `/`. */
  path: string
  text: string
}
export interface Import {
  /** A path from the root for what is ours, else a package's name. */
  target: string
  typeOnly: boolean
  line: number
}

export function readSources(...folders: string[]): Source[] {
  const present = folders.filter(folder => existsSync(join(root, folder)))
  return present.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && /\.[jt]sx?$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
      .map(file => ({
        path: relative(root, file).replaceAll('\\', '/'),
        text: readFileSync(file, 'utf8')
      }))
  )
}

const parse = ({ path, text }: Source) =>
  ts.createSourceFile(
    path,
    text,
    ts.ScriptTarget.Latest,
    false,
    path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS
  )

const lineOf = (file: ts.SourceFile, node: ts.Node) =>
  file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, child => walk(child, visit))
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const { exportClause } = node
    const named = exportClause && ts.isNamedExports(exportClause) ? exportClause.elements : []
    return node.isTypeOnly || (named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly))
  }
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const named = clause.namedBindings
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every(({ isTypeOnly }) => isTypeOnly)
  )
}

export function importsOf(source: Source): Import[] {
  const file = parse(source)
  const imports: Import[] = []
  const add = (name: ts.Node | undefined, typeOnly: boolean, node: ts.Node) => {
    if (name === undefined || !ts.isStringLiteral(name)) return
    const target = name.text.startsWith('.')
      ? join(source.path, '..', name.text).replaceAll('\\', '/')
      : name.text
    imports.push({ target, typeOnly, line: lineOf(file, node) })
  }
  walk(file, node => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node.moduleSpecifier, isTypeOnly(node), node)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true, node)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, node)
  })
  return imports
}

const roomOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1]

/** Why a room may not import another; undefined when it may. */
function refusal(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to || tops.has(from)) return undefined
  if (tops.has(to)) return 'only src/nodes and src/worlds put floors together'
  const floor = floors[to]
  if (side.has(from)) {
    if (floor !== undefined && floor <= sideSees) return undefined
    return side.has(to) && typeOnly ? undefined : `src/${from} sees floors 0 to ${sideSees}`
  }
  if (floor === undefined) return `src/${to} is handed in as a port`
  const own = floors[from]!
  if (floor < own || (floor === own && typeOnly)) return undefined
  return floor === own ? 'rooms on one floor share types only' : 'a floor imports lower ones only'
}

/** Imports that break the order of the floors, or reach for a package that is another room's. */
export function misplacedImports(sources: readonly Source[]): string[] {
  return sources.flatMap(source => {
    const from = roomOf(source.path)
    if (from === undefined) return [`${source.path}: stands in no room`]
    if (!(from in floors) && !side.has(from) && !tops.has(from))
      return [`${source.path}: no room of docs/architecture.md`]
    return importsOf(source).flatMap(({ target, typeOnly, line }) => {
      const to = roomOf(target)
      const owner = packages.find(([pattern]) => pattern.test(target))?.[1]
      const why = target.startsWith('../')
        ? 'outside of the repository'
        : to !== undefined
          ? refusal(from, to, typeOnly)
          : owner !== undefined && owner !== from
            ? `only src/${owner} may know it`
            : undefined
      return why === undefined ? [] : [`${source.path}:${line}: ${target}: ${why}`]
    })
  })
}

/** Clock, dice and timers: a machine that reads them cannot be simulated. */
const worldly = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'Date.now', 'performance.now'],
  ...['AbortSignal.timeout', 'process.hrtime', 'process.uptime', 'Math.random'],
  ...['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'getRandomValues'],
  ...['generateKeyPair', 'generateKeyPairSync']
])

const lastName = (node: ts.Expression): string | undefined =>
  ts.isIdentifier(node)
    ? node.text
    : ts.isPropertyAccessExpression(node)
      ? node.name.text
      : undefined

/** A name, alone and after what it belongs to: `timeout`, `AbortSignal.timeout`. */
function namesOf(node: ts.Node): string[] {
  if (ts.isIdentifier(node)) return [node.text]
  if (!ts.isPropertyAccessExpression(node)) return []
  return [node.name.text, `${lastName(node.expression)}.${node.name.text}`]
}

/** Places that read the clock or the dice, or set a timer, themselves. */
export function worldlyReads(sources: readonly Source[]): string[] {
  return sources.flatMap(source => {
    const file = parse(source)
    const found: string[] = []
    const report = (what: string, node: ts.Node) =>
      found.push(`${source.path}:${lineOf(file, node)}: ${what}: comes in through a port`)
    walk(file, node => {
      if (
        ts.isImportDeclaration(node) &&
        /^'(node:)?timers/.test(node.moduleSpecifier.getText(file))
      )
        report('timers', node)
      const name = namesOf(node).find(name => worldly.has(name))
      if (name) report(name, node)
      const empty =
        (ts.isNewExpression(node) || ts.isCallExpression(node)) && !node.arguments?.length
      if (empty && ts.isIdentifier(node.expression) && node.expression.text === 'Date')
        report('the time of day', node)
    })
    return [...new Set(found)]
  })
}

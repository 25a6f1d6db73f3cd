import type { Node, ParseError } from 'jsonc-parser'
import jsonc from 'jsonc-parser'

/** JSON in which people may write comments and a comma after the last item. Source: docs/decisions/061-pod-setup.md */
export function parseJsonc(text: string): unknown {
  const errors: ParseError[] = []
  const tree = jsonc.parseTree(text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (tree && !first) return plain(tree)
  const before = text.slice(0, first?.offset ?? 0).split('\n')
  const what = first ? jsonc.printParseErrorCode(first.error) : 'nothing'
  throw new SyntaxError(`${what} in line ${before.length}, column ${before.at(-1)!.length + 1}`)
}

/** Not by assignment, as jsonc's own: a `__proto__` in the file is a field like others, to be refused by its name. */
function plain({ type, value, children = [] }: Node): unknown {
  if (type === 'array') return children.map(plain)
  if (type !== 'object') return value
  return Object.fromEntries(
    children.map(({ children: pair = [] }) => [pair[0]!.value, plain(pair[1]!)])
  )
}

const style = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } }

/** Says one thing otherwise, and leaves all else and the comments as they stand; undefined takes it away. */
export const editJsonc = (text: string, path: readonly string[], value: unknown): string =>
  jsonc.applyEdits(text, jsonc.modify(text, [...path], value, style))

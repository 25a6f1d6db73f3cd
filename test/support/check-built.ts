import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'vite'

/**
 * Checks that every module that the built package names of its own is in it: one that is loaded late, for one command, is missed by nobody else before
 * an operator types that command. `tsc` has left names ending in `.ts` behind that only a clone can load.
 * Usage: node test/support/check-built.ts
 */

interface Syntax {
  readonly type?: string
  readonly source?: { readonly value?: unknown } | null
}

/** What a module loads by a name in the text, at once or late. */
export function loadedBy(text: string): string[] {
  const found: string[] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { type, source } = value as Syntax
    const loads = /^(?:Import|Export)\w*(?:Declaration|Expression)$/.test(type ?? '')
    if (loads && typeof source?.value === 'string') found.push(source.value)
    for (const part of Object.values(value)) walk(part)
  }
  walk(parseAst(text))
  return found
}

export function missingIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files
    .filter(file => file.endsWith('.js') && !file.includes('web/'))
    .flatMap(file =>
      loadedBy(readFileSync(join(folder, file), 'utf8'))
        .filter(name => name.startsWith('.'))
        .filter(name => !existsSync(resolve(folder, dirname(file), name)))
        .map(name => `${file}: ${name}`)
    )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dist = resolve(import.meta.dirname, '../../dist')
  const missing = missingIn(dist)
  for (const one of missing) console.error(`${relative('.', dist)}/${one} is not there`)
  process.exitCode = missing.length === 0 ? 0 : 1
}

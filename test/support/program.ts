import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Tests start `bin/muttr.js` hundreds of times, and half of the processor's time of each start goes into finding and linking 1,500 modules one by one
 * (docs/benchmarks.md); so the program's modules are put into few files first, whenever one of them changed. What is in them, and what they do, stays as it was.
 */

const root = join(import.meta.dirname, '../..')
const source = (path: string) => join(root, path)
/** Its folder is below ours, so that the program finds our package.json, as the sources do. */
const shelf = source('node_modules/.cache/muttr-program')

/** Those that are loaded by a name of their own: workers and what comes before a program. */
const entries = {
  muttr: 'bin/muttr.ts',
  'stamp-worker': 'src/net/stamp-worker.ts',
  'through-exchange': 'src/nodes/torture/through-exchange.ts'
}
/** What scenarios import is loaded from the sources, and an error is known by its class. */
const asTheyAre = ['src/worlds/simulator.ts', 'src/base/errors.ts'].map(source)
/** They bring files that are no modules, or load their own by name. */
const packages = ['classic-level', 'pino', 'thread-stream', 'jsonc-parser', 'vega', 'acme-client']

/** A run of the tests that began before a change still loads from the one of then. */
const keptMs = 86_400_000

/** @returns the address of the program's module, as `main` of bin/muttr.ts. */
export async function bundled(): Promise<string> {
  const mark = await markOf(
    ['bin', 'src'],
    ['package-lock.json', relative(root, import.meta.filename)]
  )
  const folder = join(shelf, mark)
  const program = pathToFileURL(join(folder, 'muttr.js')).href
  if (await stat(folder).catch(() => null)) return program
  const { build } = await import('vite')
  const { NODE_ENV } = process.env
  const under = `${folder}.${process.pid}`
  await build({
    ...{ root, configFile: false, logLevel: 'error' },
    // What is found is what Node would find.
    ssr: {
      ...{ noExternal: true, external: packages },
      resolve: { conditions: ['node', 'module-sync'], mainFields: [] }
    },
    build: {
      ...{ ssr: true, target: 'esnext', outDir: under, minify: false, copyPublicDir: false },
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(entries).map(([name, path]) => [name, source(path)])
        ),
        output: { format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' }
      }
    },
    plugins: [
      {
        name: 'as they are',
        enforce: 'pre',
        async resolveId(id, importer) {
          if (!importer || !id.startsWith('.')) return null
          const path = join(importer, '..', id)
          return asTheyAre.includes(path) ? { id: pathToFileURL(path).href, external: true } : null
        }
      }
    ]
  })
  // It says `production` there, to all that we start from now on.
  if (NODE_ENV === undefined) delete process.env.NODE_ENV
  for (const name of await readdir(shelf)) {
    const old = join(shelf, name)
    const { mtimeMs } = await stat(old).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (mtimeMs < Date.now() - keptMs) await rm(old, { recursive: true, force: true })
  }
  // Of two that make it at the same time the first one stays.
  await rename(under, folder).catch(() => rm(under, { recursive: true, force: true }))
  return program
}

/** Of all that goes into it. */
async function markOf(folders: readonly string[], files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version)
  const found = await Promise.all(
    folders.map(folder => readdir(source(folder), { recursive: true, withFileTypes: true }))
  )
  const paths = found.flat().filter(entry => entry.isFile())
  const all = [...files.map(source), ...paths.map(({ parentPath, name }) => join(parentPath, name))]
  for (const path of all.sort())
    hash
      .update(`${path}\0`)
      .update(await readFile(path))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}

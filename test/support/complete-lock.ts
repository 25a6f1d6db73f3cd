import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/config/package-root.ts'

/**
 * Adds to package-lock.json the optional packages for other platforms that npm left out because the registry it was made from did
 * not offer them; `npm ci` refuses a lock without them on every platform. Run it after each change of dependencies:
 * `node test/support/complete-lock.ts`. What it adds has no integrity hash; npm checks nothing there but the version.
 */
interface Entry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const systems = ['darwin', 'linux', 'win32', 'android', 'freebsd', 'openharmony', 'wasm32']
const processors = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32']

const file = join(packageRoot, 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> }
const packages = new Map(Object.entries(lock.packages))

/** Node's own search: in the folder of `from`, then in those above it. */
function isThere(from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages.has(`${at && `${at}/`}node_modules/${name}`)) return true
    if (at === '') return false
  }
}

function entryFor(name: string, version: string, by: Entry): Entry {
  const words = name.split(/[-/]/)
  const cpu = words.find(word => processors.includes(word)) ?? (name.includes('-arm-') ? 'arm' : '')
  const libc = /musl/.test(name) ? ['musl'] : /-gnu/.test(name) ? ['glibc'] : undefined
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(by.dev && { dev: true }),
    ...(libc && { libc }),
    optional: true,
    os: words.filter(word => systems.includes(word))
  }
}

const added = [...packages].flatMap(([path, entry]) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !isThere(path, name))
    .map(([name, version]) => [`node_modules/${name}`, entryFor(name, version, entry)] as const)
)
const sorted = [...packages, ...added].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
writeFileSync(
  file,
  `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`
)
console.log(`${added.length} packages added`)

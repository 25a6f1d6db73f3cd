#!/usr/bin/env node
// Written so that any Node from 12 on can read it: what is too old for Muttr is told so in one sentence.
const version = process.versions.node
if (parseInt(version, 10) < 24) {
  const message = `Muttr needs Node.js 24 or newer, and this is ${version}; inside a clone, \`npx muttr …\` and \`npm start\` bring it along.`
  refuse(1, 'NODE_TOO_OLD', message, 'Install Node.js 24 or newer.')
} else {
  giveMemoryBack()
  start().catch(err => {
    if (err.code === 'ERR_MODULE_NOT_FOUND' && / package /.test(err.message))
      refuse(1, 'USAGE', 'The packages Muttr needs are not there; run `npm ci` first.', '')
    else refuse(4, 'INTERNAL', String(err.stack || err), 'Please report it.')
  })
}

/**
 * A node sends and receives large buffers for months, and glibc keeps what is given back to it for the next ones, unless it is told otherwise before a process
 * begins: so this one begins once more, with the same pid. V8 is told then as well that its young generation may take 24 MiB, and not 96 or more, as a pod's does
 * that has been busy once. What it saves: docs/benchmarks.md. Where there is no glibc the first changes nothing.
 */
function giveMemoryBack() {
  const settings = {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072'
  }
  const stays = process.argv.slice(2, 6).some(word => word === 'up' || word === 'pod')
  const isTold = Object.keys(settings).some(name => name in process.env)
  if (!stays || isTold || process.platform !== 'linux' || !process.execve) return
  const young = '--max-semi-space-size=8'
  const again = [process.execPath, young].concat(process.execArgv, process.argv.slice(1))
  process.execve(process.execPath, again, Object.assign({}, process.env, settings))
}

/** In a clone the sources run, as they are or as its tests have put them together; the published package carries only what was built from them. */
async function start() {
  await keepCompiled()
  const { existsSync, readFileSync } = await import('node:fs')
  const source = new URL('./muttr.ts', import.meta.url)
  const built = new URL('../dist/bin/muttr.js', import.meta.url)
  const own = process.env.MUTTR_BUNDLE || source.href
  const { main } = await import(existsSync(source) ? own : built.href)
  await main(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
}

/**
 * Node keeps what it compiled beside other caches of the user, and looks by itself whether it still fits: a node then starts with half the work
 * (docs/benchmarks.md). Where nothing can be kept, nothing is. `NODE_COMPILE_CACHE` and `NODE_DISABLE_COMPILE_CACHE` say otherwise.
 */
async function keepCompiled() {
  const [{ enableCompileCache }, { homedir }, { isAbsolute, join }] = await Promise.all([
    import('node:module'),
    import('node:os'),
    import('node:path')
  ])
  try {
    const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
    if (isAbsolute(caches)) enableCompileCache(join(caches, 'muttr', 'compiled'))
  } catch (_err) {} // a user without a home
}

function refuse(status, code, message, hint) {
  const asJson = process.argv.indexOf('--json') >= 0
  const error = JSON.stringify({ error: { code, message, hint } })
  process.stderr.write(asJson ? `${error}\n` : `muttr: ${message}\n`)
  process.exitCode = status
}

/** Upgrades the pod of a home, and dies at the n-th write to the disk: `node killed-upgrade.ts HOME N`. Says how many there were when it lives. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Level } from 'level'

const [home, last] = process.argv.slice(2)
let writes = 0
const counted = () => {
  if (writes++ === Number(last)) process.kill(process.pid, 'SIGKILL')
}

/** Dies before the call instead of making it. */
function watch(on: object, ...names: string[]): void {
  const methods = on as Record<string, (...args: unknown[]) => unknown>
  for (const name of names) {
    const real = methods[name]!
    methods[name] = function (this: unknown, ...args) {
      counted()
      return real.apply(this, args)
    }
  }
}

const file = await fs.promises.open('/dev/null', 'w')
watch(Object.getPrototypeOf(file), 'writeFile', 'sync')
await file.close()
watch(fs.promises, 'rename', 'rm', 'mkdir')
syncBuiltinESMExports()
watch(Level.prototype, '_batch')
const { readHome } = await import('../../src/nodes/home.ts')
const { upgradePod } = await import('../../src/nodes/upgrade/upgrade.ts')
await upgradePod(await readHome(home!), { signal: new AbortController().signal })
console.log(JSON.stringify({ writes }))
process.exit()

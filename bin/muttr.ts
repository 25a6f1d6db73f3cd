import { homedir } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import type { Doors } from '../src/cli/doors.ts'
import { runCli } from '../src/cli/run.ts'

/**
 * V8 lets its young generation grow to 48 MiB and seldom gives it back. A seed creates little and keeps less: with 3 MiB it
 * holds a quarter less memory and costs the same CPU. A pod that serves many takes the usual size again.
 */
const openDoors = async (): Promise<Doors> => {
  setFlagsFromString('--semi-space-growth-factor=1')
  return (await import('../src/nodes/doors.ts')).doors
}

/** Hands the process to the command line, and the command line its nodes. Called by muttr.js. */
export async function main(version: string, doors = openDoors): Promise<void> {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      // Who asks a second time does not want to wait until everything is closed.
      if (interrupt.signal.aborted) process.exit(3)
      interrupt.abort()
    })
  // Node would exit with 1, which means wrong usage here.
  process.on('uncaughtException', err => {
    process.stderr.write(`muttr: ${err.stack}\n`)
    process.exit(4)
  })
  // Whatever waits for nothing must hang rather than end as if all were done.
  setInterval(() => {}, 2 ** 30)
  const status = await runCli(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    userHome: homedir(),
    version,
    now: () => Date.now(),
    signal: interrupt.signal,
    doors
  })
  process.exit(status)
}

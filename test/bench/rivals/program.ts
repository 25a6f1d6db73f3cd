import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** A server of Debian's that a bench runs beside ours, in the foreground and in a folder of its own. */
export interface Program extends AsyncDisposable {
  readonly pid: number
}

const patienceMs = 30_000
const lookMs = 50

/** @returns what says which packages are missing, or undefined */
export async function missing(needed: Record<string, string>): Promise<string | undefined> {
  const lacking: string[] = []
  for (const [name, file] of Object.entries(needed))
    await access(file).catch(() => lacking.push(name))
  return lacking.length > 0 ? `install ${lacking.join(', ')}` : undefined
}

/** Ends with the caller, and when the caller's scope does. With a process group of its own, which Postfix signals. */
export function run(file: string, args: readonly string[]): Program {
  const child: ChildProcess = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true
  })
  const over = once(child, 'exit')
  const end = (): void => void child.kill()
  process.once('exit', end)
  return {
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', end)
      if (child.exitCode === null && child.signalCode === null) {
        child.kill()
        await over
      }
    }
  }
}

/** Resolves when somebody listens there. */
export async function listening(port: number): Promise<void> {
  const untilMs = performance.now() + patienceMs
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (err) {
      if (performance.now() > untilMs) throw err
      await wait(lookMs)
    } finally {
      socket.destroy()
    }
  }
}

const ticksPerSecond = 100

/** Resident memory and CPU time of a process and of those it has started. */
export async function usageOf(pid: number): Promise<{ rssBytes: number; cpuMs: number }> {
  const sum = { rssBytes: 0, cpuMs: 0 }
  for (const one of [pid, ...(await descendants(pid))]) {
    const status = await readFile(`/proc/${one}/status`, 'utf8').catch(() => '')
    const stat = await readFile(`/proc/${one}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    sum.rssBytes += Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
    // What ended ones took is in the sum of those who started them.
    const ticks = fields.slice(11, 15).reduce((all, n) => all + Number(n), 0)
    sum.cpuMs += (ticks * 1_000) / ticksPerSecond
  }
  return sum
}

async function descendants(pid: number): Promise<number[]> {
  const path = `/proc/${pid}/task/${pid}/children`
  const children = (await readFile(path, 'utf8').catch(() => '')).split(' ').filter(Boolean)
  const below = await Promise.all(children.map(child => descendants(Number(child))))
  return [...children.map(Number), ...below.flat()]
}

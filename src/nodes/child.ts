import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MuttrError } from '../base/errors.ts'
import type { MuttrEvent } from '../base/events.ts'
import type { Ready } from '../cli/doors.ts'
import { packageRoot } from '../config/package-root.ts'

/** A node in a process of its own: `muttr up` or `muttr pod up` on a home folder. */
export interface Child extends AsyncDisposable {
  readonly ready: Ready
  readonly pid: number
  /** Rejects when the process ends before it is disposed. */
  readonly ended: Promise<never>
  /** SIGKILL: as a power cut would. Resolves when the process is gone. */
  kill(): Promise<void>
}

export interface ChildOptions {
  home: string
  command: 'up' | 'pod'
  /** A folder that the child removes when we are gone and cannot. */
  orphanRemoves?: string | undefined
  /** For node itself, before the program. */
  nodeOptions?: readonly string[]
  /** Beside what we have. */
  env?: NodeJS.ProcessEnv
  onEvent(event: MuttrEvent): void
  signal: AbortSignal
}

/**
 * Starts a node and waits until it is ready. The child watches its standard input, so that it ends with us even if we are killed.
 * @throws {MuttrError} what the child said, `CANCELLED`, or `INTERNAL`
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { home, command, orphanRemoves, nodeOptions = [], env, onEvent, signal } = options
  signal.throwIfAborted()
  const args = [
    ...nodeOptions,
    join(packageRoot, 'bin/muttr.js'),
    ...(command === 'pod' ? ['pod', 'up'] : [command]),
    '--home',
    home,
    '--json',
    '--events',
    '--follow-stdin',
    ...(orphanRemoves === undefined ? [] : ['--orphan-removes', orphanRemoves]),
    '--no-passphrase'
  ]
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(env && { env: { ...process.env, ...env } }),
    detached: true // Ctrl-C reaches us alone; we end the children in order
  })
  const exited = once(child, 'exit')
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaint = (complaint + text).slice(-4_000)
  })
  const stop = async () => {
    child.stdin.end()
    child.kill('SIGTERM')
    await exited
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const ended = exited.then(([code]) => Promise.reject(said(home, code, complaint)))
  ended.catch(() => {})
  const readied = readLines(child, onEvent)
  try {
    const aborted = once(signal, 'abort').then(() => Promise.reject(signal.reason))
    aborted.catch(() => {})
    const ready = await Promise.race([readied, ended, aborted])
    return { ready, pid: child.pid!, ended, kill, [Symbol.asyncDispose]: stop }
  } catch (err) {
    await stop()
    throw err
  }
}

/** @returns the line that says the node is ready; later lines are events. */
function readLines(child: ChildProcess, onEvent: (event: MuttrEvent) => void): Promise<Ready> {
  return new Promise(resolve => {
    createInterface({ input: child.stdout! }).on('line', line => {
      const said = JSON.parse(line) as (Ready & { ready: true }) | MuttrEvent
      if ('ready' in said) resolve(said)
      else onEvent(said)
    })
  })
}

/** A complaint of several lines begins with the name of the program; what stands before it is the log. */
function said(home: string, code: number | null, complaint: string): MuttrError {
  const lines = complaint.trim().split('\n')
  const begin = lines.findLastIndex(line => line.startsWith('muttr: '))
  const what = lines.slice(begin < 0 ? -1 : begin).join('\n')
  return new MuttrError('INTERNAL', `the node of ${home} ended with ${code}: ${what}`)
}

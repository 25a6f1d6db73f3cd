import { spawn } from 'node:child_process'
import { concatBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { ProgramEnd, ProgramOptions } from '../cli/doors.ts'
import { systemClock as clock } from '../net/clock.ts'

/** What of its output is kept; the rest is read and forgotten. */
const outputBytesMax = 16 * 1_024
/** Somebody who left the group may hold its output open: that is waited for no longer. */
const lastWordsMs = 500

/** Runs a program in a process group of its own, without a shell, and leaves nothing of the group behind. Errors as `Doors.runProgram`. */
export async function runProgram({
  argv: [file, ...args],
  env,
  stdin,
  timeoutMs,
  signal
}: ProgramOptions): Promise<ProgramEnd> {
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const { promise: exited, ...told } =
    Promise.withResolvers<Pick<ProgramEnd, 'status' | 'signal'>>()
  child.once('exit', (status, killedBy) => told.resolve({ status, signal: killedBy }))
  child.once('error', cause => {
    const what = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot run'
    const hint = 'Give a program by its path, or by a name that is found in PATH.'
    told.reject(new MuttrError('USAGE', `${file} ${what}`, { hint, cause }))
  })
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  child.once('close', () => close())
  const kept: Uint8Array[] = []
  let keptBytes = 0
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, outputBytesMax - keptBytes)
      keptBytes += part.byteLength
      if (part.byteLength > 0) kept.push(part)
    })
  child.stdin.on('error', () => undefined).end(stdin)
  let timedOut = false
  const end = () => killGroup(child.pid)
  using _timer = clock.after(timeoutMs, () => {
    timedOut = true
    end()
  })
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    const how = await exited
    end()
    const late = Promise.withResolvers<void>()
    using _last = clock.after(lastWordsMs, () => late.resolve())
    await Promise.race([closed, late.promise])
    const output = new TextDecoder().decode(concatBytes(...kept))
    return { ...how, timedOut, output }
  } finally {
    signal.removeEventListener('abort', end)
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left of it.
  }
}

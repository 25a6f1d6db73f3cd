import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Contact } from '../../base/ports.ts'
import type { Past } from '../full/past.ts'
import type { Answer, Ask, Go, Open, Question, Ready, Said, SeatInit } from './asked.ts'

const program = fileURLToPath(
  new URL(`./seat-process${extname(import.meta.filename)}`, import.meta.url)
)

/** A seed in a process of its own. */
export interface Seat {
  readonly ready: Ready
  readonly pid: number
  /** Rejects when the process ends although nobody killed it. */
  readonly ended: Promise<never>
  /** @throws {MuttrError} what it failed with; `CANCELLED` when it was killed before it answered */
  ask<Q extends Question>(question: Q, ask: Ask<Q>): Promise<Answer<Q>>
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>
}

interface Waiting {
  resolve(answer: never): void
  reject(err: unknown): void
}

/** A process that has loaded its program, and does nothing yet. */
export interface Loaded {
  /** Where it will be. */
  readonly contact: Contact
  /** Listens, and knows this. @throws {MuttrError} `INTERNAL` with what it said, `CANCELLED` */
  open(past: Past): Promise<Opened>
  kill(): Promise<void>
}

/** It listens, and asks nobody yet. */
export interface Opened {
  /** Comes, and waits until it has joined. @throws {MuttrError} as {@link Loaded.open} */
  go(go: Go): Promise<Seat>
}

/**
 * Starts a process. It watches its standard input, so that it ends with us even if we are killed.
 * @throws {MuttrError} as {@link Loaded.open}
 */
export async function loadSeat(init: SeatInit, signal: AbortSignal): Promise<Loaded> {
  if (signal.aborted) throw cancelled()
  const child = spawn(process.execPath, [program, JSON.stringify(init)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true // Ctrl-C reaches us alone; we end the processes in order
  })
  const exited = once(child, 'exit')
  const waiting = new Map<number, Waiting>()
  let isKilled = false
  const kill = async () => {
    isKilled = true
    child.kill('SIGKILL')
    await exited
  }
  const ended = endOf(child, exited, () => isKilled)
  ended.catch(err => {
    for (const { reject } of waiting.values()) reject(err)
  })
  const abort = () => void kill()
  signal.addEventListener('abort', abort, { once: true })
  void exited.then(() => signal.removeEventListener('abort', abort))
  const heard = listen(child, waiting)
  const contact = await Promise.race([heard.loaded, ended])
  const write = (line: object) => child.stdin.write(`${JSON.stringify(line)}\n`)
  let asked = 0
  const ask: Seat['ask'] = (question, ask) => {
    const id = asked++
    const { promise, resolve, reject } = Promise.withResolvers<never>()
    waiting.set(id, { resolve, reject })
    if (isKilled || child.exitCode !== null) reject(cancelled())
    else write({ id, question, ask })
    return promise.finally(() => waiting.delete(id))
  }
  const opened: Opened = {
    async go(go) {
      write(go)
      const ready = await Promise.race([heard.ready, ended])
      return { ready, pid: child.pid!, ended, ask, kill }
    }
  }
  return {
    ...{ contact, kill },
    async open(past) {
      const regions = past.regions.map(r => [r.place, ...r.nearest].map(toHex))
      write({ ...past, regions } satisfies Open)
      await Promise.race([heard.open, ended])
      return opened
    }
  }
}

const cancelled = () => new MuttrError('CANCELLED', 'the seed was killed')

function endOf(
  child: ChildProcess,
  exited: Promise<unknown[]>,
  isKilled: () => boolean
): Promise<never> {
  let complaint = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    complaint = (complaint + text).slice(-4_000)
  })
  // What it cannot be told any more is told by its end.
  child.stdin!.on('error', () => {})
  return exited.then(([code, signal]) => {
    if (isKilled()) throw cancelled()
    throw new MuttrError(
      'INTERNAL',
      `a seed's process ended with ${code ?? signal}: ${complaint.trim()}`
    )
  })
}

/** Its first three lines; later ones are answers. */
function listen(child: ChildProcess, waiting: ReadonlyMap<number, Waiting>) {
  const loaded = Promise.withResolvers<Contact>()
  const open = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<Ready>()
  createInterface({ input: child.stdout! }).on('line', line => {
    const said = JSON.parse(line) as Said
    if ('loaded' in said) loaded.resolve(said.loaded)
    else if ('open' in said) open.resolve()
    else if ('ready' in said) ready.resolve(said.ready)
    else if ('answer' in said) waiting.get(said.id)?.resolve(said.answer as never)
    else {
      const { code, message, hint } = said.failure
      waiting.get(said.id)?.reject(new MuttrError(code, message, { hint }))
    }
  })
  return { loaded: loaded.promise, open: open.promise, ready: ready.promise }
}

import { execFile, spawn, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock as clock } from '../../net/clock.ts'
import type { Exchange, ExchangeParts } from './exchange.ts'
import type { Fleet } from './fleet.ts'
import type { Happening } from './history.ts'
import type { Fault } from './plan.ts'
import { pause } from './wait.ts'

const run = promisify(execFile)
/** A node that ends lets its last letters be stored first; on a busy machine that takes a while. */
const stopMs = 60_000

/** Limits how large a file of a running process may grow (util-linux); from nothing on, every write fails as on a full disk. */
const canFillDisks = (): boolean =>
  spawnSync('prlimit', ['--pid', `${process.pid}`, '--fsize']).status === 0

/** What can be done to nodes on this machine. */
export const possibleFaults = (): Fault['do'][] => [
  'kill',
  'kill',
  'stop',
  'pause',
  'split',
  'slow',
  ...(canFillDisks() ? ['disk-full' as const] : []),
  'wipe'
]

type Of<K extends Fault['do']> = Extract<Fault, { do: K }>

/** Which lines are bad or broken now: what the exchange goes by. */
export class Weather {
  readonly #splits = new Set<Of<'split'>>()
  readonly #slow = new Map<string, Of<'slow'>>()
  readonly #nameOf: (port: number) => string | undefined

  constructor(nameOf: (port: number) => string | undefined) {
    this.#nameOf = nameOf
  }

  begin(fault: Of<'split' | 'slow'>): void {
    if (fault.do === 'split') this.#splits.add(fault)
    else this.#slow.set(fault.node, fault)
  }

  end(fault: Of<'split' | 'slow'>): void {
    if (fault.do === 'split') this.#splits.delete(fault)
    else this.#slow.delete(fault.node)
  }

  readonly way: ExchangeParts['way'] = (from, to) => {
    const [a, b] = [this.#nameOf(from), this.#nameOf(to)]
    for (const { nodes, how } of this.#splits) {
      const isInside = (name: string | undefined) => name !== undefined && nodes.includes(name)
      if (isInside(a) !== isInside(b)) return how
    }
    return 'open'
  }

  readonly line: ExchangeParts['line'] = (from, to) => {
    const bad = [from, to].flatMap(port => this.#slow.get(this.#nameOf(port) ?? '') ?? [])
    if (bad.length === 0) return undefined
    return {
      delayMs: bad.reduce((sum, one) => sum + one.delayMs, 0),
      bytesPerSecond: Math.min(...bad.map(one => one.bytesPerSecond))
    }
  }
}

export interface FaultParts {
  fleet: Fleet
  weather: Weather
  exchange: Exchange
  note(happening: Happening): void
}

/** Does to a node what the plan says, and later undoes it. A node that does not come back breaks an invariant, and nothing else. */
export function createFaults({ fleet, weather, exchange, note }: FaultParts) {
  const start = async (name: string) => {
    try {
      await fleet.start(name)
      note({ type: 'up', node: name, pid: fleet.node(name).running!.child.pid })
    } catch (err) {
      const detail = `it does not start: ${(err as Error).message}`
      note({ type: 'down', node: name, how: 'ended', detail })
    }
  }
  const stop = async (node: string) => {
    const pid = pidOf(node)
    const stopped = fleet.stop(node).then(() => true)
    if (!(await Promise.race([stopped, pause(clock, stopMs).then(() => false)]))) {
      note({ type: 'mistake', node, what: `it still runs ${stopMs / 1_000} s after SIGTERM` })
      if (pid !== undefined) signalTo(pid, 'SIGKILL')
      await stopped
    }
    note({ type: 'down', node, how: 'stopped' })
  }
  const pidOf = (name: string): number | undefined => fleet.node(name).running?.child.pid
  const goOn = new Map<string, () => void>()
  const limitFiles = async (name: string, limit: string) => {
    const pid = pidOf(name)
    // It may have ended by itself, which is noted where it is seen.
    if (pid !== undefined)
      await run('prlimit', ['--pid', `${pid}`, `--fsize=${limit}:`]).catch(() => undefined)
  }

  async function begin(fault: Fault): Promise<void> {
    note({ type: 'fault', fault })
    switch (fault.do) {
      case 'kill':
      case 'wipe':
        await fleet.kill(fault.node)
        note({ type: 'down', node: fault.node, how: 'killed' })
        if (fault.do === 'kill') return
        await fleet.wipe(fault.node)
        note({ type: 'wiped', node: fault.node })
        return
      case 'stop':
        await stop(fault.node)
        return
      case 'pause': {
        const pid = pidOf(fault.node)
        if (pid !== undefined) goOn.set(fault.node, pauseNode(pid, fault.forMs))
        return
      }
      case 'disk-full':
        return await limitFiles(fault.node, '0')
      case 'split':
      case 'slow':
        weather.begin(fault)
        exchange.changed()
    }
  }

  async function end(fault: Fault): Promise<void> {
    switch (fault.do) {
      case 'kill':
      case 'stop':
      case 'wipe':
        await start(fault.node)
        break
      case 'pause':
        goOn.get(fault.node)?.()
        goOn.delete(fault.node)
        break
      case 'disk-full':
        await limitFiles(fault.node, 'unlimited')
        break
      case 'split':
      case 'slow':
        weather.end(fault)
        exchange.changed()
    }
    note({ type: 'over', fault })
  }

  return { begin, end, start }
}
export type Faults = ReturnType<typeof createFaults>

/**
 * By a shell of its own, so that the node goes on even if we are killed meanwhile: else it would stay, stopped, for ever.
 * @returns what continues it at once, and ends the shell.
 */
function pauseNode(pid: number, forMs: number): () => void {
  const script = 'kill -STOP "$0" && sleep "$1"; kill -CONT "$0"'
  const args = ['-c', script, `${pid}`, `${Math.ceil(forMs / 1_000) + 1}`]
  const shell = spawn('sh', args, { stdio: 'ignore', detached: true })
  return () => {
    // With its sleep: they are a process group.
    if (shell.pid !== undefined) signalTo(-shell.pid, 'SIGKILL')
    signalTo(pid, 'SIGCONT')
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone.
  }
}

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

interface FaultParts {
  fleet: Fleet
  weather: Weather
  exchange: Exchange
  note(happening: Happening): void
}

/** Does to nodes what the plan says, and later undoes it. A node that does not come back breaks an invariant, and nothing else. */
export class Faults {
  readonly #parts: FaultParts
  /** Of nodes that are stopped: what continues them. */
  readonly #paused = new Map<string, () => void>()

  constructor(parts: FaultParts) {
    this.#parts = parts
  }

  async begin(fault: Fault): Promise<void> {
    const { fleet, weather, exchange, note } = this.#parts
    note({ type: 'fault', fault })
    switch (fault.do) {
      case 'kill':
      case 'wipe':
        await fleet.kill(fault.node)
        note({ type: 'down', node: fault.node, how: 'killed' })
        if (fault.do === 'kill') break
        await fleet.wipe(fault.node)
        note({ type: 'wiped', node: fault.node })
        break
      case 'stop':
        await this.#stop(fault.node)
        break
      case 'pause': {
        const pid = this.#pidOf(fault.node)
        if (pid !== undefined) this.#paused.set(fault.node, pauseNode(pid, fault.forMs))
        break
      }
      case 'disk-full':
        await this.#limitFiles(fault.node, '0')
        break
      case 'split':
      case 'slow':
        weather.begin(fault)
        exchange.changed()
    }
  }

  async end(fault: Fault): Promise<void> {
    const { weather, exchange, note } = this.#parts
    switch (fault.do) {
      case 'kill':
      case 'stop':
      case 'wipe':
        await this.start(fault.node)
        break
      case 'pause':
        this.#paused.get(fault.node)?.()
        this.#paused.delete(fault.node)
        break
      case 'disk-full':
        await this.#limitFiles(fault.node, 'unlimited')
        break
      case 'split':
      case 'slow':
        weather.end(fault)
        exchange.changed()
    }
    note({ type: 'over', fault })
  }

  async start(node: string): Promise<void> {
    const { fleet, note } = this.#parts
    try {
      await fleet.start(node)
      note({ type: 'up', node, pid: this.#pidOf(node)! })
    } catch (err) {
      const detail = `it does not start: ${(err as Error).message}`
      note({ type: 'down', node, how: 'ended', detail })
    }
  }

  async #stop(node: string): Promise<void> {
    const { fleet, note } = this.#parts
    const pid = this.#pidOf(node)
    const stopped = fleet.stop(node).then(() => true)
    if (!(await Promise.race([stopped, pause(clock, stopMs).then(() => false)]))) {
      note({ type: 'mistake', node, what: `it still runs ${stopMs / 1_000} s after SIGTERM` })
      if (pid !== undefined) signalTo(pid, 'SIGKILL')
      await stopped
    }
    note({ type: 'down', node, how: 'stopped' })
  }

  #pidOf(node: string): number | undefined {
    return this.#parts.fleet.node(node).running?.child.pid
  }

  async #limitFiles(node: string, limit: string): Promise<void> {
    const pid = this.#pidOf(node)
    // It may have ended by itself, which is noted where it is seen.
    if (pid !== undefined)
      await run('prlimit', ['--pid', `${pid}`, `--fsize=${limit}:`]).catch(() => undefined)
  }
}

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

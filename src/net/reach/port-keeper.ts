import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import type { Held } from './mapper.ts'
import type { Mapping } from './standing.ts'

interface Parts {
  clock: Clock
  log: Log
}

export interface Kept {
  mapping: Mapping | undefined
  failure: string
}

const retryMs: Millis = 10 * 60_000
const giveBackMs: Millis = 1_500

/** Holds a port at the router while it is wanted: asks, renews when half of its life has passed, gives it back. */
export class PortKeeper implements AsyncDisposable {
  readonly #p: Parts
  #held: Held | undefined
  #failure = ''
  #nextMs: Millis = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  get held(): Held | undefined {
    return this.#held
  }

  /** We have moved: what was given leads to where we were, and what was refused may not be here. */
  again(): void {
    this.#nextMs = 0
  }

  /** @param port where we listen on IPv4; undefined: nowhere */
  async keep(
    port: number | undefined,
    { random, signal }: { random: Random; signal: AbortSignal }
  ): Promise<Kept> {
    const { clock, log } = this.#p
    if (port !== undefined && clock.now() >= this.#nextMs) {
      const before = this.#held
      try {
        // Loaded only where a router translates.
        const { mapPort } = await import('./mapper.ts')
        const held = await mapPort({ port, before, random, log, signal })
        this.#held = held
        this.#failure = ''
        this.#nextMs = clock.now() + (held.lifeSeconds * 1_000) / 2
        if (!before) log.info('the router gave a port', { by: held.by, port: held.port })
      } catch (err) {
        signal.throwIfAborted()
        this.#held = undefined
        this.#failure = (err as Error).message
        this.#nextMs = clock.now() + retryMs
      }
    }
    return { mapping: this.#mapping(), failure: this.#failure }
  }

  #mapping(): Mapping | undefined {
    const held = this.#held
    if (!held) return undefined
    return { by: held.by, address: `/ip4/${held.host}/tcp/${held.port}`, port: held.internalPort }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#held) return
    const { unmapPort } = await import('./mapper.ts')
    await unmapPort(this.#held, AbortSignal.timeout(giveBackMs))
    this.#held = undefined
  }
}

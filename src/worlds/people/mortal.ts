import type { Clock, Network } from '../../base/ports.ts'
import { wrapNetwork } from '../../base/wrap-network.ts'
import type { State } from '../../store/state.ts'

/** What a process has of the world. */
export interface Mortal {
  readonly clock: Clock
  readonly network: Network
  /** What is written stays: the next process takes it up. */
  readonly state: State
  readonly alive: boolean
  /** The process ends between two events: no timer of it fires, and no call comes back. */
  kill(): void
}

const forever = new Promise<never>(() => undefined)

/** Ports of one process that may be killed. The node under it is killed by whoever owns it. */
export function mortal({
  clock,
  network,
  state
}: Pick<Mortal, 'clock' | 'network' | 'state'>): Mortal {
  let alive = true
  const held = new Set<Disposable>()
  const living =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (!alive) return forever
      const result = await call(...args)
      return alive ? result : forever
    }
  const keep = (one: Disposable): Disposable => {
    held.add(one)
    return {
      [Symbol.dispose]() {
        held.delete(one)
        one[Symbol.dispose]()
      }
    }
  }
  return {
    clock: {
      now: () => clock.now(),
      after(delayMs, run) {
        if (!alive) return { [Symbol.dispose]() {} }
        const timer: Disposable = clock.after(delayMs, () => {
          held.delete(timer)
          run()
        })
        return keep(timer)
      }
    },
    network: wrapNetwork(network, {
      request: living((...args) => network.request(...args)),
      open: living((...args) => network.open(...args)),
      dial: living((...args) => network.dial(...args)),
      onPeer: listener => keep(network.onPeer(listener))
    }),
    state: {
      get: living((table, key) => state.get(table, key)),
      list: living((table, range) => state.list(table, range)),
      write: living(changes => state.write(changes)),
      page: living((log, after, limit) => state.page(log, after, limit)),
      rows: () => state.rows(),
      watch: (log, wake) => keep(state.watch(log, wake)),
      async [Symbol.asyncDispose]() {}
    },
    get alive() {
      return alive
    },
    kill() {
      alive = false
      for (const one of held) one[Symbol.dispose]()
      held.clear()
    }
  }
}

import { networkInterfaces } from 'node:os'
import type { Clock, Millis } from '../base/ports.ts'

/** What happened to this machine while nobody looked. */
export type Wake =
  /** It slept, was stopped, or its clock was set: connections may be dead, and what was due is overdue. */
  | { type: 'slept'; ms: Millis }
  /** The clock was set back: what it says is due later than it should be. */
  | { type: 'set-back'; ms: Millis }
  /** Its addresses are others than before. */
  | { type: 'moved' }

interface Parts {
  clock: Clock
  onWake(wake: Wake): void
  /** Time that nobody sets; stands still in a sleep on some systems. Milliseconds. */
  steadyMs?: () => Millis
  /** The machine's addresses, as text. */
  addresses?: () => string
  everyMs?: Millis
}

/** A look that comes so much too late, or a clock that differs by so much from a steady one, is no busy moment any more. */
const slackMs: Millis = 5_000
const looksPerAddresses = 5

/**
 * Looks at two clocks now and then. A stopped process finds both ahead of its timer, a suspended machine only the wall clock (the steady one
 * stands still then, on Linux), and one whose clock was set finds them apart.
 */
export function watchMachine(parts: Parts): Disposable {
  const { clock, onWake, everyMs = 2_000 } = parts
  const { steadyMs = () => performance.now(), addresses = ownAddressesText } = parts
  let wall = clock.now()
  let steady = steadyMs()
  let where = addresses()
  let looks = 0
  let timer: Disposable

  function look(): void {
    const [wallPassed, steadyPassed] = [clock.now() - wall, steadyMs() - steady]
    wall += wallPassed
    steady += steadyPassed
    const lateMs = Math.max(wallPassed, steadyPassed) - everyMs
    if (lateMs > slackMs) onWake({ type: 'slept', ms: Math.round(lateMs) })
    else if (wallPassed < steadyPassed - slackMs)
      onWake({ type: 'set-back', ms: Math.round(steadyPassed - wallPassed) })
    looks += 1
    if (lateMs > slackMs || looks % looksPerAddresses === 0) {
      const before = where
      where = addresses()
      if (where !== before) onWake({ type: 'moved' })
    }
    timer = clock.after(everyMs, look)
  }
  timer = clock.after(everyMs, look)
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}

const ownAddressesText = (): string =>
  Object.values(networkInterfaces())
    .flatMap(all => all ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .sort()
    .join(' ')

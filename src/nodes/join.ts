import type { Emit } from '../base/events.ts'
import type { Clock, Contact, Log, Network } from '../base/ports.ts'
import type { PodPlace } from '../pod/place.ts'
import type { SeedNode } from '../seed/seed.ts'

interface JoinParts {
  network: Network
  seed: SeedNode
  clock: Clock
  log: Log
  emit: Emit
  /** Of the network file, without ourselves. */
  pods: readonly PodPlace[]
  seeds: readonly string[]
  signal: AbortSignal
}

const dialMs = 5_000
const retryMs = { first: 1_000, most: 60_000 }

/**
 * Gets to know the network: asks the first pod that answers for the nearest seeds (steps 1 and 2), dials the known seeds, and
 * looks itself up. While nobody answers it tries again, waiting longer each time; and again whenever everybody is lost.
 * @returns once the first attempt is over; how many seeds are known then.
 */
export async function joinNetwork(parts: JoinParts): Promise<number> {
  if (parts.pods.length + parts.seeds.length === 0) return parts.seed.join([])
  const known = await attempt(parts)
  watchOver(parts, known === 0 ? retryMs.first : retryMs.most)
  return known
}

/** Tries again while nobody is connected: whoever loses everybody later on begins anew, too. */
function watchOver(parts: JoinParts, firstMs: number): void {
  const { clock, network, log, signal } = parts
  // Not by the table: while nobody answers nobody leaves it.
  const isAlone = () => !network.connected().some(({ server }) => server)
  let timer: Disposable
  const lookIn = (delayMs: number): void => {
    timer = clock.after(delayMs, () => {
      if (signal.aborted) return
      if (!isAlone()) return lookIn(retryMs.most)
      attempt(parts)
        .catch(err => log.warn('joining failed', { err }))
        .finally(() => lookIn(Math.min(2 * delayMs, retryMs.most)))
    })
  }
  lookIn(firstMs)
  signal.addEventListener('abort', () => timer[Symbol.dispose](), { once: true })
}

async function attempt(parts: JoinParts): Promise<number> {
  const { seed, seeds, network, signal, log } = parts
  const [fromPods, ...dialled] = await Promise.all([
    askPods(parts),
    ...seeds.map(address => dial(network, address, signal))
  ])
  const contacts = [...fromPods, ...dialled.filter(c => c !== undefined)]
  const known = await seed.join(contacts, { signal })
  if (known === 0) log.info('no seed answered yet')
  return known
}

/** In the network file's order: the first is the one its founder trusts most to be there. */
async function askPods({
  pods,
  network,
  seed,
  clock,
  emit,
  signal
}: JoinParts): Promise<Contact[]> {
  const met: Contact[] = []
  for (const { hostname, addresses } of pods) {
    const startMs = clock.now()
    for (const address of addresses) {
      const pod = await dial(network, address, signal)
      if (!pod) continue
      met.push(pod)
      try {
        emit({ type: 'seeds-asked', pod: hostname })
        const heard = await seed.askNearest(pod, { signal })
        const ms = clock.now() - startMs
        emit({ type: 'seeds-received', pod: hostname, count: heard.length, ms })
        return [...met, ...heard]
      } catch {
        // It may be going down just now; the next pod is asked.
      }
    }
  }
  return met
}

const dial = (
  network: Network,
  address: string,
  signal: AbortSignal
): Promise<Contact | undefined> =>
  network.dial(address, { timeoutMs: dialMs, signal }).catch(() => undefined)

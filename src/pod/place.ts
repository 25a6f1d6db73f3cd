import { codeOf, MuttrError } from '../base/errors.ts'
import type { Contact, Millis, Network } from '../base/ports.ts'

/** Where a pod is, from the network file or the config; with a fingerprint, who it must be. */
export interface PodPlace {
  readonly hostname: string
  /** Multiaddrs, with or without `/p2p/`. */
  readonly addresses: readonly string[]
  /** Of its certificate, lower-case hex. */
  readonly fingerprint?: string | undefined
  /** Its channel over a WebSocket, where that is not at its hostname. */
  readonly thin?: string | undefined
  /** Whether it announces one at its hostname; undefined where nobody has seen its record. */
  readonly offersThin?: boolean
}

const dialTimeoutMs: Millis = 5_000

/** Tries the addresses one after the other. @throws {MuttrError} `POD_UNREACHABLE`, `CANCELLED` */
export async function dialFirst(
  network: Pick<Network, 'dial'>,
  { hostname, addresses }: PodPlace,
  signal: AbortSignal
): Promise<Contact> {
  let last: unknown
  for (const address of addresses) {
    try {
      return await network.dial(address, { timeoutMs: dialTimeoutMs, signal })
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      last = err
    }
  }
  throw new MuttrError('POD_UNREACHABLE', `the pod ${hostname} cannot be dialled`, { cause: last })
}

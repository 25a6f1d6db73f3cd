import { MuttrError } from '../../base/errors.ts'
import type { Log, Random } from '../../base/ports.ts'
import { findGateways, type Gateway } from './gateway.ts'
import { mapByNatPmp } from './nat-pmp.ts'
import { mapByUpnp } from './upnp.ts'

export interface MapRequest {
  /** Where we listen. */
  readonly port: number
  /** The port wanted outside; NAT-PMP may give another. */
  readonly externalPort: number
  /** How long it is wanted; 0 gives it back. */
  readonly lifeSeconds: number
}

export interface Mapped {
  readonly by: 'UPnP' | 'NAT-PMP'
  /** The router's IPv4 address outside. */
  readonly host: string
  readonly port: number
  readonly lifeSeconds: number
}

/** A port held at a router. */
export interface Held extends Mapped {
  readonly gateway: Gateway
  readonly internalPort: number
}

const lifeSeconds = 3_600
const ways = [
  { by: 'NAT-PMP', map: mapByNatPmp },
  { by: 'UPnP', map: mapByUpnp }
] as const
const otherPortsTried = 2

interface Parts {
  port: number
  /** Held before: asked for again at the same router in the same way first. */
  before?: Held | undefined
  random: Random
  log: Log
  signal: AbortSignal
}

/**
 * Asks the routers that lead out for a port of theirs: by NAT-PMP, which answers at once where it is known, else by UPnP.
 * @throws {MuttrError} `PEER_UNREACHABLE` with what each said
 */
export async function mapPort({ port, before, random, log, signal }: Parts): Promise<Held> {
  const gateways = await findGateways()
  const said: string[] = []
  const same = (g: Gateway) => g.router === before?.gateway.router
  for (const gateway of gateways.sort((a, b) => Number(same(b)) - Number(same(a))))
    for (const { by, map } of [...ways].sort(
      (a, b) => Number(b.by === before?.by) - Number(a.by === before?.by)
    ))
      for (const externalPort of portsToTry(before?.port ?? port, random))
        try {
          const mapped = await map(gateway, { port, externalPort, lifeSeconds }, signal)
          return { ...mapped, gateway, internalPort: port }
        } catch (err) {
          signal.throwIfAborted()
          log.debug('no port from the router', { by, err })
          const { code, message } = err as MuttrError
          said.push(message)
          // Refused: this port may be another's. Unheard: so would be the next.
          if (code !== 'PEER_REFUSED') break
        }
  const why = said.length > 0 ? [...new Set(said)].join(', ') : 'no router was found'
  throw new MuttrError('PEER_UNREACHABLE', why)
}

function portsToTry(first: number, random: Random): number[] {
  const others = Array.from({ length: otherPortsTried }, () => {
    const [high = 0, low = 0] = random.bytes(2)
    return 20_000 + (((high << 8) | low) % 40_000)
  })
  return [first, ...others]
}

/** Gives a port back; a router that does not answer forgets it by itself. */
export async function unmapPort(held: Held, signal: AbortSignal): Promise<void> {
  const { by, gateway, internalPort: port } = held
  const request = { port, lifeSeconds: 0 }
  // NAT-PMP gives back what leads to a port of ours, whichever it is outside.
  const given =
    by === 'UPnP'
      ? mapByUpnp(gateway, { ...request, externalPort: held.port }, signal)
      : mapByNatPmp(gateway, { ...request, externalPort: 0 }, signal)
  await given.catch(() => {})
}

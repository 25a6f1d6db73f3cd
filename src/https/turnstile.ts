import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Clock } from '../base/ports.ts'
import { createRates } from '../pod/rates.ts'
import { subnetOf } from '../routing/subnet.ts'
import { httpsLimits } from './limits.ts'

interface Parts {
  /** A proxy on this machine says who asks. */
  isBehindProxy: boolean
  /** Count loopback and private ranges as networks too. */
  groupLocal: boolean
  clock: Clock
}

/** Counts who comes in, whatever they want. */
export interface Turnstile {
  /** @returns the network that a request is counted with. @throws {MuttrError} `LIMIT_EXCEEDED` */
  pass(request: IncomingMessage): string | undefined
}

export function createTurnstile({ isBehindProxy, groupLocal, clock }: Parts): Turnstile {
  const perSubnet = createRates('requests of one network', httpsLimits.requestsPerSubnet)
  const inAll = createRates('requests', httpsLimits.requestsInAll)
  return {
    pass(request) {
      const subnet = subnetOfIp(addressOf(request, isBehindProxy), groupLocal)
      if (subnet !== undefined) perSubnet.take(subnet, clock.now())
      inAll.take('all', clock.now())
      return subnet
    }
  }
}

/** Who asks: what the socket says, and behind a proxy what it put last into `X-Forwarded-For`; what came before, anybody can have written. */
function addressOf({ headers, socket }: IncomingMessage, isBehindProxy: boolean): string {
  const forwarded = headers['x-forwarded-for']
  const said = isBehindProxy ? `${forwarded ?? ''}`.split(',').at(-1)!.trim() : ''
  return isIP(said) ? said : (socket.remoteAddress ?? '')
}

export const subnetOfIp = (ip: string, groupLocal: boolean): string | undefined =>
  subnetOf(`/ip${isIP(ip) === 6 ? 6 : 4}/${ip}/`, groupLocal)

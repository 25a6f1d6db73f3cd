import { codeOf } from '../../base/errors.ts'
import type { Network } from '../../base/ports.ts'
import { wrapNetwork } from '../../base/wrap-network.ts'

/** By method: requests that went out, and their bytes with those of the answers. */
export type Sent = Record<string, { requests: number; bytes: number }>

/**
 * The same network, counting as the virtual one does: a request counts when there was a connection for it to go out on, whether it was
 * answered or not.
 */
export function countRequests(network: Network): { network: Network; sent: Sent } {
  const sent: Sent = {}
  const count = (method: string, bytes: number) => {
    const of = (sent[method] ??= { requests: 0, bytes: 0 })
    of.requests += 1
    of.bytes += bytes
  }
  const request: Network['request'] = async (to, method, payload, options) => {
    let isOut = network.isConnected(to.peer)
    if (isOut) count(method, payload.byteLength)
    const went = () => {
      if (!isOut) count(method, payload.byteLength)
      isOut = true
    }
    try {
      const answer = await network.request(to, method, payload, options)
      went()
      sent[method]!.bytes += answer.byteLength
      return answer
    } catch (err) {
      if (!unsent.has(codeOf(err)) || network.isConnected(to.peer)) went()
      throw err
    }
  }
  return { sent, network: wrapNetwork(network, { request }) }
}

/** Of a peer that we are not connected to, these may mean that no connection came about. */
const unsent = new Set<string | undefined>(['PEER_UNREACHABLE', 'PEER_TIMEOUT', 'CANCELLED'])

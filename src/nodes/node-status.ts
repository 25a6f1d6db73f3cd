import type { NodeStatus } from '../client/node-status.ts'
import type { Door } from '../https/open.ts'
import type { Node } from '../net/node.ts'
import type { SeedNode } from '../seed/seed.ts'
import type { Home } from './home.ts'

/** For `muttr status`: what this node does for others, and within which caps. */
export function nodeStatus(
  { config }: Pick<Home, 'config'>,
  network: Pick<Node, 'libp2p' | 'traffic' | 'reach' | 'relaying'>,
  seed: Pick<SeedNode, 'admission' | 'repair' | 'asked'>,
  door: Door | undefined
): NodeStatus {
  const { upBytesPerSecond = null, downBytesPerSecond = null } = config.bandwidth
  return {
    profile: config.profile,
    connections: { open: network.libp2p.getConnections().length, max: config.connections.max },
    reach: network.reach(),
    relaying: network.relaying() ?? null,
    door: door?.status ?? null,
    traffic: { ...network.traffic(), upBytesPerSecond, downBytesPerSecond },
    admission: seed.admission.status(),
    repair: seed.repair.status(),
    asked: seed.asked()
  }
}

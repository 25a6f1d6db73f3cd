import type { DhtParameters } from '../../seed/core.ts'
import type { Scenario } from '../../sim/scenario.ts'

/** One path is Kademlia's own lookup. */
const onePath = { paths: 1 }
/** Copies at the R nearest only. */
const noRegion = { regionShare: 0 }

/** What of the defences of docs/protocol/dht.md#lookups-under-attack is left. `none`: as it was before there were any. */
export const defences: Record<
  Scenario['parameters']['defences'],
  Pick<DhtParameters, 'paths' | 'regionShare'>
> = {
  all: {},
  paths: noRegion,
  region: onePath,
  none: { ...onePath, ...noRegion }
}

import type { Millis } from '../../src/base/ports.ts'
import type { SeedNode, SeedParts } from '../../src/seed/seed.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { NetworkOptions } from '../../src/sim/network.ts'
import { silentLog, VirtualNetwork } from '../../src/sim/network.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { World } from '../../src/sim/world.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { SeedStore } from '../../src/store/store.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { makeKeys } from './peer-keys.ts'
import { inlineStamper } from './stamps.ts'

export interface SimSeed {
  node: VirtualNode
  seed: SeedNode
  store: SeedStore
}

export type SimSeedParts = Partial<
  Pick<
    SeedParts,
    'stamper' | 'mode' | 'parameters' | 'reach' | 'rates' | 'repair' | 'relayFor' | 'placeOf'
  >
> & {
  capBytes?: number
}

export type SimOptions = NetworkOptions & { seed?: number }

/** Virtual time and wires; the keys are real ones, so that a forged signature is none. */
export const simNetwork = ({ seed = 1, ...options }: SimOptions = {}): VirtualNetwork =>
  new VirtualNetwork(new World({ seed }), { makeKeys, ...options })

/** A seed as shipped, on the virtual network. */
export function addSeed(sim: VirtualNetwork, { capBytes, ...parts }: SimSeedParts = {}): SimSeed {
  const mode = parts.mode ?? 'server'
  const node = sim.add({ server: mode === 'server' })
  const store = memoryStore(capBytes === undefined ? {} : { capBytes })
  const { clock, random } = sim
  const { keys } = node
  const ours = { network: node, clock, random, log: silentLog, keys, store, placeOf: simPlaceOf }
  const stamper = inlineStamper()
  return { node, store, seed: createSeedNode({ ...ours, stamper, ...parts, mode }) }
}

/** A network of `count` seeds that all joined through the first one. */
export async function simSeeds(
  count: number,
  options: SimOptions & SimSeedParts & { settleMs?: Millis } = {}
): Promise<{ sim: VirtualNetwork; seeds: SimSeed[] }> {
  const {
    mode,
    parameters,
    reach,
    rates,
    repair,
    capBytes,
    settleMs = 60_000,
    ...network
  } = options
  const sim = simNetwork(network)
  const parts = { mode, parameters, reach, rates, repair, capBytes }
  const given = Object.fromEntries(Object.entries(parts).filter(([, v]) => v !== undefined))
  const seeds = Array.from({ length: count }, () => addSeed(sim, given as SimSeedParts))
  const first = seeds[0]!.node.contact()
  for (const { seed, node } of seeds)
    await sim.run(seed.join(node.self === first.peer ? [] : [first]))
  await sim.pass(settleMs)
  return { sim, seeds }
}

/** A blob of `sizeBytes` made from `tag`, living 30 days of virtual time. */
export function simBlob(
  sim: VirtualNetwork,
  sizeBytes = 1_024,
  lifeMs: Millis = 30 * 86_400_000
): Blob {
  return makeBlob(sim.random.bytes(sizeBytes), {
    expiryMs: expiryAt(sim.clock.now() + lifeMs),
    retract: sim.random.bytes(32),
    accept: null
  })
}

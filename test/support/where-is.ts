import { codeOf } from '../../src/base/errors.ts'
import type { PeerId } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import type { Whereabouts } from '../../src/wire/records/whereabouts.ts'
import { decodeWhereabouts, whereaboutsKey } from '../../src/wire/records/whereabouts.ts'
import { log, makeNode } from './net-nodes.ts'

/**
 * Asks a network, as a stranger who knows one address there, for the record of a pod until it fits; a test's time limit ends that.
 * @param through a multiaddr of any seed.
 */
export async function whereIs(
  peer: PeerId,
  { through, fits }: { through: string; fits: (where: Whereabouts) => boolean }
): Promise<Whereabouts> {
  const privateKey = await makePeerKey()
  await using network = await makeNode({ mode: 'client', privateKey })
  const parts = { network, clock, random, log, keys: peerKeys(privateKey), placeOf }
  const store = memoryStore({ capBytes: 2 ** 20 })
  await using seed = createSeedNode({ ...parts, store, mode: 'client' })
  await seed.join([await network.dial(through, { timeoutMs: 5_000 })])
  for (;;) {
    try {
      const where = decodeWhereabouts(
        decodeRecord(await seed.dht.getRecord(whereaboutsKey(peer)!)).body
      )
      if (fits(where)) return where
    } catch (err) {
      if (codeOf(err) !== 'RECORD_UNKNOWN') throw err
    }
  }
}

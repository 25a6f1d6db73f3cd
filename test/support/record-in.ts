import { codeOf } from '../../src/base/errors.ts'
import { verifyRecord } from '../../src/keys/record.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { log, makeNode } from './net-nodes.ts'
import { inlineStamper } from './stamps.ts'

/** Nobody has it, or nobody answered in time. */
const notYet = new Set<string | undefined>(['RECORD_UNKNOWN', 'NETWORK_EMPTY', 'PEER_TIMEOUT'])

/**
 * Asks a network, as a stranger who knows one address there, for a record until it fits; a test's time limit ends that.
 * @param through a multiaddr of any seed.
 */
export async function recordIn<T>(
  through: string,
  {
    key,
    read,
    fits = () => true
  }: { key: Uint8Array; read: (body: Uint8Array) => T; fits?: (said: T) => boolean }
): Promise<T> {
  const privateKey = await makePeerKey()
  await using network = await makeNode({ mode: 'client', privateKey })
  const parts = { network, clock, random, log, keys: peerKeys(privateKey), placeOf, verifyRecord }
  const store = memoryStore({ capBytes: 2 ** 20 })
  const stamper = inlineStamper()
  await using seed = createSeedNode({ ...parts, stamper, store, mode: 'client' })
  await seed.join([await network.dial(through, { timeoutMs: 30_000 })])
  for (;;) {
    try {
      const said = read(decodeRecord(await seed.dht.getRecord(key)).body)
      if (fits(said)) return said
    } catch (err) {
      if (!notYet.has(codeOf(err))) throw err
    }
  }
}

import type { NetworkView } from '../api/house.ts'
import type { Contact, Millis, PeerId, Place } from '../base/ports.ts'
import { systemClock as clock } from '../net/clock.ts'
import { placeOf } from '../net/place.ts'
import { systemRandom as random } from '../net/random.ts'
import { encodePing } from '../wire/dht.ts'
import type { Home } from './home.ts'
import type { Started } from './start.ts'

/** A page draws no more. */
const peersMax = 200
/** The nearest ones that are connected are asked how long an answer takes. */
const pingedMax = 20
const pingMs = 2_000

/** For the page: the ring around this node. */
export async function networkView({
  home,
  started
}: {
  home: Home
  started: Started
}): Promise<NetworkView> {
  const { network, seed, client } = started
  const { store, node } = await client.status()
  const peers = seed.table.nearest(seed.table.place, peersMax)
  const near = peers.filter(({ peer }) => network.isConnected(peer)).slice(0, pingedMax)
  const roundTrips = new Map(
    await Promise.all(near.map(async to => [to.peer, await roundTripMs(started, to)] as const))
  )
  return {
    self: { peer: network.self, at: ringPoint(placeOf(network.self)) },
    peers: peers.map(({ peer }: { peer: PeerId }) => ({
      peer,
      at: ringPoint(placeOf(peer)),
      connected: network.isConnected(peer),
      roundTripMs: roundTrips.get(peer) ?? null
    })),
    replicas: home.network.parameters.replicas,
    reach: node.reach,
    store
  }
}

/** The first 48 bits of a place, as a fraction of the ring. */
const ringPoint = (place: Place): number => Buffer.from(place).readUIntBE(0, 6) / 2 ** 48

/** How long an answer takes over the connection there is; null when none comes. */
async function roundTripMs({ network }: Started, to: Contact): Promise<Millis | null> {
  const startMs = clock.now()
  const ping = encodePing(random.bytes(16))
  const answered = network.request(to, 'ping', ping, { timeoutMs: pingMs })
  return await answered.then(() => clock.now() - startMs).catch(() => null)
}

import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { SeedCore } from './core.ts'

/** Many connections may end at once; those that come back at once are no news. */
const gatherMs: Millis = 1_000
/** One neighbour is asked because of this at most so often. */
const againMs: Millis = 5 * 60_000
const rememberedMax = 256

/**
 * When the connection to one of the `count` nearest ends, asks it for a sign of life: what it held is short of a copy if it died. Before
 * that it asks one that is still connected, since nobody is judged while nobody answers. Where one of the two had too many connections and said goodbye
 * that is no news: in a network of 400 such pings were nearly half of all requests.
 */
export function watchNeighbours(core: SeedCore, count: number): Disposable {
  const { clock, network, peers, stop, table } = core
  const cutOff = new Map<PeerId, Contact>()
  const asked = new Map<PeerId, Millis>()
  let timer: Disposable | undefined

  async function check(): Promise<void> {
    const gone = [...cutOff.values()].filter(({ peer }) => !network.isConnected(peer))
    cutOff.clear()
    for (const { peer } of gone) remember(peer)
    const there = table.nearest(table.place, count).find(({ peer }) => network.isConnected(peer))
    if (gone.length === 0 || !there || !(await peers.ping(there, 'witness', stop))) return
    await Promise.all(gone.map(contact => peers.ping(contact, 'cut-off', stop)))
  }

  function remember(peer: PeerId): void {
    asked.delete(peer)
    asked.set(peer, clock.now())
    if (asked.size > rememberedMax) asked.delete(asked.keys().next().value!)
  }

  const listening = network.onPeer(({ type, contact: { peer }, inPeace = false }) => {
    if (type === 'connected' || inPeace || stop.aborted) return
    if ((asked.get(peer) ?? Number.NEGATIVE_INFINITY) > clock.now() - againMs) return
    const contact = table.contactOf(peer)
    if (!contact || !table.nearest(table.place, count).includes(contact)) return
    cutOff.set(peer, contact)
    timer ??= clock.after(gatherMs, () => {
      timer = undefined
      void check()
    })
  })

  return {
    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      timer?.[Symbol.dispose]()
    }
  }
}

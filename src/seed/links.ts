import type { Clock, Contact, Millis, Network, PeerId, PlaceOf } from '../base/ports.ts'
import { compareDistance } from '../routing/distance.ts'
import { decodeLinks, encodeEmpty, readTails, tailOf } from '../wire/dht.ts'

interface Parts {
  network: Network
  clock: Clock
  placeOf: PlaceOf
  stop: AbortSignal
}

const refreshMs: Millis = 60_000
const askMs: Millis = 3_000
/** A connection just made may be closed as soon: it is asked a little later. */
const settleMs: Millis = 1_000

/** What our connected neighbours are connected to: who can forward to whom. */
export interface Links extends Disposable {
  /** Connected servers that said they are connected to `peer`, the nearest to it first. */
  towards(peer: PeerId): Contact[]
  /** `neighbour` did not lead to `peer` after all. */
  forget(neighbour: PeerId, peer: PeerId): void
}

/** Asks each connected server for its links, and again every minute. */
export function createLinks({ network, clock, placeOf, stop }: Parts): Links {
  const links = new Map<PeerId, { contact: Contact; tails: Set<number> }>()
  let timer: Disposable | undefined
  const tail = (peer: PeerId) => tailOf(placeOf(peer))

  async function ask(contact: Contact): Promise<void> {
    if (stop.aborted || !network.isConnected(contact.peer)) return
    try {
      const options = { timeoutMs: askMs, signal: stop }
      const answer = await network.request(contact, 'links', encodeEmpty(), options)
      const tails = readTails(decodeLinks(answer))
      if (network.isConnected(contact.peer)) links.set(contact.peer, { contact, tails })
    } catch {
      links.delete(contact.peer)
    }
  }

  function servers(): Contact[] {
    return network
      .connected()
      .filter(({ server }) => server)
      .map(({ contact }) => contact)
  }
  function again(): void {
    timer = clock.after(refreshMs, () => {
      void Promise.all(servers().map(ask)).then(() => {
        if (!stop.aborted) again()
      })
    })
  }
  const listening = network.onPeer(({ type, contact, server }) => {
    if (type === 'disconnected' || !server) links.delete(contact.peer)
    else clock.after(settleMs, () => void ask(contact))
  })
  again()
  for (const contact of servers()) void ask(contact)

  return {
    towards(peer) {
      const wanted = tail(peer)
      const target = placeOf(peer)
      return [...links.values()]
        .filter(({ contact, tails }) => contact.peer !== peer && tails.has(wanted))
        .map(({ contact }) => contact)
        .sort((a, b) => compareDistance(target, placeOf(a.peer), placeOf(b.peer)))
    },
    forget(neighbour, peer) {
      links.get(neighbour)?.tails.delete(tail(peer))
    },
    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      timer?.[Symbol.dispose]()
    }
  }
}

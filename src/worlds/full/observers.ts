import { toHex } from '../../base/bytes.ts'
import type { Handler, PeerId } from '../../base/ports.ts'
import { placeOfKey } from '../../routing/distance.ts'
import type { Figure } from '../../sim/result.ts'
import { readHeader } from '../../wire/blob.ts'
import * as dht from '../../wire/dht.ts'
import { decodeVia } from '../../wire/via.ts'
import { average } from './figures.ts'
import { figuresFrom } from './foe-figures.ts'
import type { Member } from './population.ts'

/** What somebody was seen to do with a key. */
type Deed = 'put' | 'get'

/** Of one blob, by what its writer or its first reader truly was. */
interface True {
  readonly place: string
  readonly putters: Set<PeerId>
  readonly getters: Set<PeerId>
}

/** What all observers together wrote down of one key, who came first. */
interface Seen {
  readonly put: Set<PeerId>
  readonly get: Set<PeerId>
}

/**
 * Nodes that keep to the rules, and write down what they are asked and by whom. They put their notes together; what they see is held
 * against who truly put and got. Requests of repair look like those of people, and are noted as well.
 * Source: docs/protocol/threats.md
 */
export class Observers {
  readonly #seen = new Map<string, Seen>()
  /** Lookups say the place of a key and not the key. */
  readonly #looked = new Map<string, Set<PeerId>>()
  readonly #true = new Map<string, True>()

  /** It goes online. */
  opened({ isObserver, isServer, node }: Member): void {
    if (!isObserver || !isServer) return
    for (const method of watched) {
      const answer = node.handler(method)
      if (answer) node.serve(method, this.#noting(method, answer))
    }
  }

  #noting =
    (method: (typeof watched)[number], answer: Handler): Handler =>
    (frame, from, signal) => {
      if (method === 'via' || method === 'forward') {
        const inner = (method === 'via' ? decodeVia : dht.decodeForward)(frame)
        this.#note(inner.method, inner.payload, from)
      } else this.#note(method, frame, from)
      return answer(frame, from, signal)
    }

  #note(method: string, frame: Uint8Array, from: PeerId): void {
    if (method === 'put') this.#saw(readHeader(dht.decodePut(frame).headerBytes).key, 'put', from)
    if (method === 'get') this.#saw(dht.decodeGet(frame), 'get', from)
    if (method !== 'find-node') return
    const place = toHex(dht.decodeFindNode(frame))
    const peers = this.#looked.get(place)
    if (peers) peers.add(from)
    else this.#looked.set(place, new Set([from]))
  }

  #saw(key: Uint8Array, deed: Deed, from: PeerId): void {
    const name = toHex(key)
    let seen = this.#seen.get(name)
    if (!seen) this.#seen.set(name, (seen = { put: new Set(), get: new Set() }))
    seen[deed].add(from)
  }

  /** As it was. */
  did(deed: Deed, key: Uint8Array, { node }: Member): void {
    const name = toHex(key)
    let all = this.#true.get(name)
    if (!all)
      this.#true.set(
        name,
        (all = { place: toHex(placeOfKey(key)), putters: new Set(), getters: new Set() })
      )
    ;(deed === 'put' ? all.putters : all.getters).add(node.self)
  }

  figures(): Record<string, Figure> {
    const putters: boolean[] = []
    const getters: boolean[] = []
    const linked: boolean[] = []
    const guessed: boolean[] = []
    for (const [name, { place, putters: put, getters: got }] of this.#true) {
      const seen = this.#seen.get(name)
      const looked = this.#looked.get(place)
      const sawPut = (peer: PeerId) => seen?.put.has(peer) || looked?.has(peer) || false
      for (const putter of put) {
        putters.push(sawPut(putter))
        for (const getter of got)
          if (getter !== putter) linked.push(sawPut(putter) && (seen?.get.has(getter) ?? false))
      }
      for (const getter of got) if (!put.has(getter)) getters.push(seen?.get.has(getter) ?? false)
      const [first] = seen?.put ?? []
      if (first !== undefined) guessed.push(put.has(first))
    }
    const share = (of: readonly boolean[]) => average(of.map(Number))
    return figuresFrom({
      'putters seen': [share(putters), 'share'],
      'getters seen': [share(getters), 'share'],
      'putter and getter linked': [share(linked), 'share'],
      'first to put was the putter': [share(guessed), 'share']
    })
  }
}

const watched = ['put', 'get', 'find-node', 'via', 'forward'] as const

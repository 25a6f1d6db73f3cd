import { equalBytes, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Contact, PeerId } from '../base/ports.ts'
import { placeOfKey } from '../routing/distance.ts'
import { decodeReleased, encodeRelease, releasedBytes } from '../wire/dht.ts'
import type { Tombstone } from '../wire/tombstone.ts'
import { mergeTombstones, readTombstone } from '../wire/tombstone.ts'
import type { Core } from './core.ts'
import { deadline } from './core.ts'
import type { DhtOptions, ReleaseResult, ReleaseWord } from './dht.ts'
import { candidatesAt, missed, runWrite } from './put.ts'
import { createWider } from './region.ts'
import type { TombstoneShelf } from './tombstone-shelf.ts'

/** What one holder said to a tombstone. */
interface Taken {
  word: ReleaseWord
  /** What stands there, where it says more. */
  more: Uint8Array | null
}

/** Shows one tombstone to one holder, and checks its signed answer. */
function createShowing(core: Core, shelf: TombstoneShelf, frame: Uint8Array) {
  const { key, ...shown } = readTombstone(frame)
  const { clock, keys, network, peers } = core
  const payload = encodeRelease(frame)
  const wordOf = (holder: PeerId, stands: Tombstone) => ({
    holder,
    retract: stands.retract !== null,
    accept: stands.accept !== null
  })

  const read =
    (holder: PeerId) =>
    (answer: Uint8Array): Taken => {
      const { tombstone: more, atMs, signature } = decodeReleased(answer)
      const there = more === null ? shown : readTombstone(more)
      if (more !== null && !equalBytes(readTombstone(more).key, key))
        throw new MuttrError('BLOB_INVALID', 'a tombstone of another blob')
      const word = { ...wordOf(holder, mergeTombstones(there, shown)), atMs, signature }
      if (!keys.verify(holder, releasedBytes(key, word, atMs), signature))
        throw new MuttrError('SIGNATURE_INVALID', 'a release that its holder did not sign')
      return { word, more }
    }

  return async ({ peer, addresses }: Contact): Promise<Taken> => {
    if (peer !== network.self) {
      const options = { read: read(peer), signal: core.stop, signed: true }
      return peers.ask({ peer, addresses }, 'release', payload, options)
    }
    const { stands, more } = await shelf.put(frame)
    const word = wordOf(peer, stands)
    const atMs = clock.now()
    const signature = keys.sign(releasedBytes(key, word, atMs))
    return { word: { ...word, atMs, signature }, more }
  }
}

/** See {@link Dht.release}. */
export async function releaseBlob(
  core: Core,
  shelf: TombstoneShelf,
  frame: Uint8Array,
  { holders = [], ...options }: DhtOptions & { holders?: readonly PeerId[] } = {}
): Promise<ReleaseResult> {
  const show = createShowing(core, shelf, frame)
  const { key } = readTombstone(frame)
  // Whatever our own place is: who knows of a release serves the blob no longer.
  await shelf.put(frame).catch(err => core.log.debug('not released here', { err }))
  const operation = deadline(core, options)
  const place = placeOfKey(key)
  const candidates = await candidatesAt(core, place, operation)
  const took: ReleaseWord[] = []
  const others = new Map<string, Uint8Array>()
  let refusal: unknown
  const offer = async (contact: Contact): Promise<readonly Contact[]> => {
    try {
      const { word, more } = await show(contact)
      took.push(word)
      if (more) others.set(toHex(more), more)
      return []
    } catch (err) {
      refusal = err
      throw err
    }
  }
  const parts = { core, candidates, operation, offer, onReport() {} }
  const further = holders.filter(peer => !candidates.get(peer))
  const known = new Map(core.table.contacts().map(contact => [contact.peer, contact]))
  const asking = further.map(peer =>
    offer(known.get(peer) ?? { peer, addresses: [] }).catch(() => undefined)
  )
  const [write] = await Promise.all([runWrite(parts), ...asking])
  // Where a put would have gone wider, the tombstone goes too.
  await createWider(core, place, candidates, operation).run(offer, () => undefined)
  // Named, known, and no longer among the nearest.
  const left = candidates.all.filter(c => c.state === 'heard' && holders.includes(c.contact.peer))
  await Promise.all(left.map(({ contact }) => offer(contact).catch(() => undefined)))
  if (took.length === 0)
    throw missed(write, candidates, core.clock.now() >= operation.deadlineMs, refusal)
  const near = candidates.all.filter(c => c.state !== 'heard').map(c => c.contact.peer)
  const asked = [...new Set([...near, ...further, ...left.map(c => c.contact.peer)])]
  return { asked, took, needed: write.count().needed, tombstones: [...others.values()] }
}

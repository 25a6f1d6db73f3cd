import { equalBytes, sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Contact, PeerId } from '../base/ports.ts'
import { placeOfKey } from '../routing/distance.ts'
import type { Blob } from '../wire/blob.ts'
import type { Held } from '../wire/dht.ts'
import { decodeHeld, encodeHave } from '../wire/dht.ts'
import { readTombstone } from '../wire/tombstone.ts'
import type { Core } from './core.ts'
import { deadline } from './core.ts'
import type { Acknowledgement, Census, CensusOptions } from './dht.ts'
import { createPurse } from './purse.ts'
import { candidatesAt, createOffer, missed, runWrite } from './put.ts'

/** Asks one peer what it holds of `key`; with the bytes at hand, by a question that only who has them can answer. */
function createQuestion({ random, peers, stop }: Core, key: Uint8Array, blob: Blob | undefined) {
  const nonce = blob ? random.bytes(16) : null
  const proof = nonce && blob ? sha256(nonce, blob.sealed) : null
  const payload = encodeHave({ nonce, keys: [key] })
  const read = (answer: Uint8Array): Held => {
    const held = decodeHeld(answer, 1)[0]!
    if (held[0] === 2 && !equalBytes(readTombstone(held[1]).key, key))
      throw new MuttrError('BLOB_INVALID', 'a tombstone of another blob')
    if (held[0] === 3) throw new MuttrError('BLOB_INVALID', 'as ours, which was not said')
    if (held[0] === 1 && proof && !(held[1] && equalBytes(held[1], proof)))
      throw new MuttrError('BLOB_INVALID', 'no proof of a copy')
    return held
  }
  return (contact: Contact): Promise<Held> =>
    peers.ask(contact, 'have', payload, { read, signal: stop })
}

/** What we hold ourselves, as one of the nearest. */
async function own({ store, clock }: Core, key: Uint8Array): Promise<Held> {
  const tombstone = await store.getTombstone(key, clock.now())
  if (tombstone) return [2, tombstone]
  const [holding] = await store.holding([key], clock.now())
  return holding === 'blob' ? [1, null] : [0]
}

/** See {@link Dht.census}. */
export async function takeCensus(
  core: Core,
  key: Uint8Array,
  { blob, ...options }: CensusOptions = {}
): Promise<Census> {
  const operation = deadline(core, options)
  const candidates = await candidatesAt(core, placeOfKey(key), operation)
  const question = createQuestion(core, key, blob)
  const heard = new Map<Contact, Held>()
  const tombstones = new Map<string, Uint8Array>()
  let refusal: unknown
  const write = await runWrite({
    core,
    candidates,
    operation,
    async offer(contact) {
      try {
        const isOwn = contact.peer === core.network.self
        const held = await (isOwn ? own(core, key) : question(contact))
        heard.set(contact, held)
        if (held[0] === 2) tombstones.set(toHex(held[1]), held[1])
        return []
      } catch (err) {
        refusal = err
        throw err
      }
    },
    onReport() {}
  })
  if (heard.size === 0)
    throw missed(write, candidates, core.clock.now() >= operation.deadlineMs, refusal)
  const those = (type: Held[0]) => [...heard].flatMap(([c, held]) => (held[0] === type ? [c] : []))
  const lacking = blob && tombstones.size === 0 ? those(0) : []
  return {
    atMs: core.clock.now(),
    wanted: write.count().wanted,
    answered: [...heard.keys()].map(peersOf),
    holders: those(1).map(peersOf),
    tombstones: [...tombstones.values()],
    given: blob ? await give(core, blob, candidates, lacking) : []
  }
}

const peersOf = ({ peer }: Contact): PeerId => peer

/** Nobody waits for such a copy: a seed that is pressed for more is left to a later census. */
const factorMax = 16

/** Offers a copy to each that lacks one. Who takes none is left to the next census. */
async function give(
  core: Core,
  blob: Blob,
  candidates: Parameters<typeof createOffer>[2],
  lacking: readonly Contact[]
): Promise<Acknowledgement[]> {
  if (lacking.length === 0) return []
  const { lengthBytes, expiryMs } = blob.header
  const postage = { key: blob.key, lengthBytes, expiryMs }
  using purse = createPurse(core, postage, { signal: core.stop, factorMax })
  const offer = createOffer(core, blob, candidates, purse)
  const given = await Promise.all(
    lacking.map(contact =>
      offer(contact).then(
        ({ ack }) => [ack],
        err => {
          core.log.debug('a copy was not taken', { peer: contact.peer, err })
          return []
        }
      )
    )
  )
  return given.flat()
}

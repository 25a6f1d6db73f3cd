import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import { Write } from '../replicas/write.ts'
import type { Candidates } from '../routing/candidates.ts'
import { placeOfKey } from '../routing/distance.ts'
import { believed } from '../routing/subnet.ts'
import type { Blob } from '../wire/blob.ts'
import { checkExpiry } from '../wire/blob.ts'
import { decodeStored, encodePut, knownPlaces, storedBytes } from '../wire/dht.ts'
import type { Core } from './core.ts'
import { deadline, findNearest, isCovered, networkEmpty, startFrom } from './core.ts'
import type { Acknowledgement, DhtOptions, PutProgress, PutResult } from './dht.ts'
import { drive } from './drive.ts'
import { isAway } from './peers.ts'

type Operation = ReturnType<typeof deadline>

/** Candidates to write to: those of the table where it covers the place, else first a lookup. */
export async function candidatesAt(
  core: Core,
  place: Uint8Array,
  operation: Operation & { drawn?: boolean }
): Promise<Candidates> {
  const { replicas } = core.parameters
  const covered = isCovered(core, place)
  const found = covered ? [] : (await findNearest(core, place, replicas, operation)).contacts
  const candidates = startFrom(core, place, { self: true })
  candidates.start(found) // what was found through a relay is in no table
  return candidates
}

/** How a {@link Write} is carried out; shared by blobs and records. */
export interface WriteParts {
  core: Core
  candidates: Candidates
  operation: Operation
  /** Offers a copy. @returns nearer contacts. @throws when it took none */
  offer(contact: Contact): Promise<readonly Contact[]>
  /** After each report. */
  onReport(write: Write): void
}

/** Resolves when nothing more is to be done. */
export async function runWrite(parts: WriteParts): Promise<Write> {
  const { core, candidates, operation, offer, onReport } = parts
  const { replicas, quorum } = core.parameters
  const write = new Write({
    candidates,
    replicas,
    quorum,
    hedgeMs: core.peers.hedgeMs('put'),
    deadlineMs: operation.deadlineMs,
    requestsMax: limits.putRequestsMax
  })
  await drive(write, {
    clock: core.clock,
    signal: operation.signal,
    isOver: nowMs => write.over(nowMs),
    async ask(contact) {
      try {
        write.stored(contact.peer, await offer(contact))
      } catch (err) {
        if (isAway(err)) write.failed(contact.peer)
        else write.refused(contact.peer)
      }
      onReport(write)
    }
  })
  return write
}

/** What a write ended with that did not get enough copies. */
export function missed(write: Write, candidates: Candidates, isLate: boolean, cause: unknown) {
  const { stored, needed } = write.count()
  const anyAnswer = candidates.all.some(c => c.state === 'answered' || c.state === 'refused')
  if (!anyAnswer && isLate) return new MuttrError('PEER_TIMEOUT', 'no seed answered in time')
  if (!anyAnswer) return networkEmpty()
  const message = `${stored} of at least ${needed} copies were acknowledged`
  return new MuttrError('QUORUM_MISSED', message, { cause })
}

/** Stores a copy with `contact`, or with ourselves. @returns its signed word, verified, and nearer contacts. */
export function createOffer(core: Core, { key, header, ...blob }: Blob, candidates: Candidates) {
  const { clock, keys, network, peers, store } = core
  const { expiryMs } = header
  // Through a relay not even these: they show from whose table they come.
  const known = knownPlaces(core.via ? [] : candidates.all.map(c => c.place))
  const payload = encodePut({ ...blob, stamp: null, known })

  const read = (holder: string) => (answer: Uint8Array) => {
    const { contacts, ...word } = decodeStored(answer)
    const isIts =
      word.expiryMs === expiryMs &&
      keys.verify(holder, storedBytes(key, expiryMs, word.storedMs), word.signature)
    if (!isIts) throw new MuttrError('SIGNATURE_INVALID', 'an acknowledgement of something else')
    const { storedMs, signature } = word
    return { contacts, ack: { holder, key, expiryMs, storedMs, signature } }
  }

  return async (contact: Contact): Promise<{ contacts: Contact[]; ack: Acknowledgement }> => {
    const holder = contact.peer
    if (holder === network.self) {
      await store.putBlob({ key, header, ...blob })
      const storedMs = clock.now()
      const signature = keys.sign(storedBytes(key, expiryMs, storedMs))
      return { contacts: [], ack: { holder, key, expiryMs, storedMs, signature } }
    }
    const options = { read: read(holder), signal: core.stop, signed: true }
    const answer = await peers.ask(contact, 'put', payload, options)
    const contacts = believed(contact, answer.contacts)
    peers.hear(contacts)
    return { contacts, ack: answer.ack }
  }
}

/** See {@link Dht.put}. */
export async function putBlob(
  core: Core,
  blob: Blob,
  { onProgress, ...options }: DhtOptions & { onProgress?: (progress: PutProgress) => void } = {}
): Promise<PutResult> {
  checkExpiry(blob.header, core.clock.now())
  const operation = deadline(core, options)
  // The key is a hash of what our own dice are in.
  const drawn = { ...operation, drawn: true }
  const candidates = await candidatesAt(core, placeOfKey(blob.key), drawn)
  const acknowledgements: Acknowledgement[] = []
  const safe = Promise.withResolvers<PutProgress>()
  let refusal: unknown
  const progressOf = (write: Write): PutProgress => {
    const { needed, wanted, smallNetwork } = write.count()
    return { acknowledgements: [...acknowledgements], needed, wanted, smallNetwork }
  }
  const send = createOffer(core, blob, candidates)
  let latest: PutProgress | undefined

  const done = runWrite({
    core,
    candidates,
    operation,
    async offer(contact) {
      try {
        const { ack, contacts } = await send(contact)
        acknowledgements.push(ack)
        return contacts
      } catch (err) {
        refusal = err
        throw err
      }
    },
    onReport(write) {
      latest = progressOf(write)
      onProgress?.(latest)
      if (write.safe) safe.resolve(latest)
    }
  })
  const settled = done.then(progressOf, () => latest!)
  const failed = done.then(write => {
    const isLate = core.clock.now() >= operation.deadlineMs
    if (!write.safe) throw missed(write, candidates, isLate, refusal)
    return progressOf(write)
  })
  return { ...(await Promise.race([safe.promise, failed])), settled }
}

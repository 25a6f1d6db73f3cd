import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import { Write } from '../replicas/write.ts'
import type { Candidates } from '../routing/candidates.ts'
import { placeOfKey } from '../routing/distance.ts'
import { eldersOfPut } from '../routing/region.ts'
import { believed } from '../routing/subnet.ts'
import type { Blob, StampedBlob } from '../wire/blob.ts'
import { checkExpiry } from '../wire/blob.ts'
import { decodePutAnswer, encodePut, knownPlaces, storedBytes } from '../wire/dht.ts'
import type { Core } from './core.ts'
import { deadline, findNearest, isCovered, networkEmpty, startFrom } from './core.ts'
import type { Acknowledgement, PutOptions, PutProgress, PutResult } from './dht.ts'
import { drive } from './drive.ts'
import { isAway } from './peers.ts'
import type { Purse } from './purse.ts'
import { createPurse } from './purse.ts'
import { createWider, densityOf, explore } from './region.ts'

type Operation = ReturnType<typeof deadline>

/** Candidates to write to: those of the table where it covers the place, else first a lookup. */
export async function candidatesAt(
  core: Core,
  place: Uint8Array,
  operation: Operation & { drawn?: boolean }
): Promise<Candidates> {
  const { replicas } = core.parameters
  const covered = isCovered(core, place)
  const how = { ...operation, elders: eldersOfPut }
  const found = covered ? [] : (await findNearest(core, place, replicas, how)).contacts
  const candidates = startFrom(core, place, { self: true })
  candidates.start(found) // what was found through a relay is in no table
  // Far apart for such a network: the lookup was led astray, or its nodes are away.
  if (!covered && densityOf(core, place, candidates.all) === 'sparse')
    candidates.start((await explore(core, place, operation))?.members ?? [])
  return candidates
}

/** For an offer that has to be paid for. */
export interface Turn {
  /** Does the work, while time stands still. */
  pay<T>(work: () => Promise<T>): Promise<T>
  /** Whether the copy is still wanted there. */
  again(): boolean
}

/** How a {@link Write} is carried out; shared by blobs and records. */
export interface WriteParts {
  core: Core
  candidates: Candidates
  operation: Operation
  /** R unless told. */
  replicas?: number | undefined
  /** What an offer takes to send; nothing worth waiting for unless told. */
  bytes?: number
  /** Offers a copy. @returns nearer contacts. @throws when it took none */
  offer(contact: Contact, turn: Turn): Promise<readonly Contact[]>
  /** After each report. */
  onReport(write: Write): void
}

/** Resolves when nothing more is to be done. */
export async function runWrite(parts: WriteParts): Promise<Write> {
  const { core, candidates, operation, bytes = 0, offer, onReport } = parts
  const { quorum } = core.parameters
  const { replicas = core.parameters.replicas } = parts
  const sendMs = core.sendMs(replicas * bytes)
  const write = new Write({
    candidates,
    replicas,
    quorum,
    hedgeMs: core.peers.hedgeMs('put') + sendMs,
    deadlineMs: operation.deadlineMs + 2 * sendMs,
    requestsMax: limits.putRequestsMax
  })
  await drive(write, {
    clock: core.clock,
    signal: operation.signal,
    isOver: nowMs => write.over(nowMs),
    async ask(contact) {
      try {
        write.stored(contact.peer, await offer(contact, turnOf(write, core, contact)))
      } catch (err) {
        if (isAway(err)) write.failed(contact.peer)
        else write.refused(contact.peer)
      }
      onReport(write)
    }
  })
  return write
}

const turnOf = (write: Write, { clock }: Core, { peer }: Contact): Turn => ({
  async pay(work) {
    write.pays(peer, clock.now())
    try {
      return await work()
    } finally {
      write.paid(peer, clock.now())
    }
  },
  again: () => write.again(peer, clock.now())
})

/** A reason that is with us: too little work, or a clock that is wrong. */
const isOfStamps = (code: ErrorCode | undefined): boolean => code?.startsWith('STAMP_') ?? false

/** What a write ended with that did not get enough copies. */
export function missed(write: Write, candidates: Candidates, isLate: boolean, cause: unknown) {
  const { stored, needed } = write.count()
  const anyAnswer = candidates.all.some(c => c.state === 'answered' || c.state === 'refused')
  if (!anyAnswer && isLate) return new MuttrError('PEER_TIMEOUT', 'no seed answered in time')
  if (!anyAnswer) return networkEmpty()
  // Our own stamps hold, so they are from the future, or of a record and from hours ago.
  if (stored <= 1 && codeOf(cause) === 'STAMP_INVALID')
    return new MuttrError('CLOCK_WRONG', 'the clock of this machine is not that of the seeds', {
      cause
    })
  const why = isOfStamps(codeOf(cause)) ? `; ${(cause as MuttrError).message}` : ''
  const message = `${stored} of at least ${needed} copies were acknowledged${why}`
  return new MuttrError('QUORUM_MISSED', message, { cause })
}

/** So often one peer may ask for more work in one put. */
const paymentsMax = 2

/**
 * Offers something to a peer with a stamp, and once more with a dearer one where it asks for that.
 * @param ask gives back the factor that the peer asks for, or what it answered when it took it.
 * @throws {MuttrError} `STAMP_TOO_LOW`, or what `ask` throws
 */
export async function payFor<T extends object>(
  purse: Purse,
  turn: Turn | undefined,
  ask: (stamp: Uint8Array) => Promise<T | number>
): Promise<T> {
  let stamp = await purse.worth(1)
  for (let payments = 0; ; payments++) {
    const answer = await ask(stamp)
    if (typeof answer !== 'number') return answer
    if (payments === paymentsMax)
      throw new MuttrError('STAMP_TOO_LOW', `a seed asks for ${answer} times the usual work now`)
    const work = () => purse.worth(answer)
    stamp = await (turn ? turn.pay(work) : work())
    if (turn && !turn.again())
      throw new MuttrError('STAMP_TOO_LOW', 'enough others took it for less work')
  }
}

/** The stamps for a blob: the one that it came with, else made as they are needed. */
const purseFor = (core: Core, blob: Blob | StampedBlob, options: PutOptions = {}): Purse => {
  const { key, header } = blob
  const { lengthBytes, expiryMs } = header
  const postage = { key, lengthBytes, expiryMs, stamp: 'stamp' in blob ? blob.stamp : undefined }
  const signal = options.signal ? AbortSignal.any([options.signal, core.stop]) : core.stop
  return createPurse(core, postage, { ...options, signal })
}

/**
 * Stores a copy with `contact`, or with ourselves, for a stamp, which is made when the first copy is offered.
 * @returns its signed word, verified, and nearer contacts.
 */
export function createOffer(
  core: Core,
  blob: Blob | StampedBlob,
  candidates: Candidates,
  purse: Purse = purseFor(core, blob)
) {
  const { key, header, headerBytes, sealed } = blob
  const { clock, keys, network, peers, store } = core
  const { expiryMs } = header
  // Through a relay not even these: they show from whose table they come.
  const known = knownPlaces(core.via ? [] : candidates.all.map(c => c.place))
  const payloadOf = lastOf((stamp: Uint8Array) => encodePut({ headerBytes, sealed, stamp, known }))

  const read = (holder: string) => (answer: Uint8Array) => {
    const [type, said] = decodePutAnswer(answer)
    if (type === 1) return said
    const { contacts, ...word } = said
    const isIts =
      word.expiryMs === expiryMs &&
      keys.verify(holder, storedBytes(key, expiryMs, word.storedMs), word.signature)
    if (!isIts) throw new MuttrError('SIGNATURE_INVALID', 'an acknowledgement of something else')
    const { storedMs, signature } = word
    return { contacts, ack: { holder, key, expiryMs, storedMs, signature } }
  }

  return async (
    contact: Contact,
    turn?: Turn
  ): Promise<{ contacts: Contact[]; ack: Acknowledgement }> => {
    const holder = contact.peer
    if (holder === network.self) {
      await store.putBlob({ ...blob, stamp: await purse.worth(1) })
      const storedMs = clock.now()
      const signature = keys.sign(storedBytes(key, expiryMs, storedMs))
      return { contacts: [], ack: { holder, key, expiryMs, storedMs, signature } }
    }
    // A price is nobody's word: a forwarder may have made it up.
    const signed = (answer: object | number) => typeof answer !== 'number'
    const options = { read: read(holder), signal: core.stop, signed }
    const answer = await payFor(purse, turn, stamp =>
      peers.ask(contact, 'put', payloadOf(stamp), options)
    )
    const contacts = believed(contact, answer.contacts)
    peers.hear(contacts)
    return { contacts, ack: answer.ack }
  }
}

/** Remembers the last result: the same bytes go to eight holders. */
function lastOf<A, B>(make: (from: A) => B): (from: A) => B {
  let last: { from: A; made: B } | undefined
  return from => {
    if (last?.from !== from) last = { from, made: make(from) }
    return last.made
  }
}

/** See {@link Dht.put}. */
export async function putBlob(
  core: Core,
  blob: Blob,
  { onProgress, copies, ...options }: PutOptions = {}
): Promise<PutResult> {
  checkExpiry(blob.header, core.clock.now())
  const purse = purseFor(core, blob, options)
  await purse.worth(1) // the time for asking begins when there is something to show
  const operation = deadline(core, options)
  // The key is a hash of what our own dice are in.
  const drawn = { ...operation, drawn: true }
  const candidates = await candidatesAt(core, placeOfKey(blob.key), drawn)
  const acknowledgements: Acknowledgement[] = []
  const safe = Promise.withResolvers<PutProgress>()
  let refusal: unknown
  let limited = 0
  const wider = createWider(core, placeOfKey(blob.key), candidates, operation)
  const progressOf = (write: Write): PutProgress => {
    const { needed, wanted, smallNetwork } = write.count()
    const counts = { needed, wanted: wanted + wider.wanted, smallNetwork }
    return { acknowledgements: [...acknowledgements], ...counts, asked: purse.asked, limited }
  }
  const send = createOffer(core, blob, candidates, purse)
  let latest: PutProgress | undefined

  const offer = async (contact: Contact, turn?: Turn) => {
    try {
      const { ack, contacts } = await send(contact, turn)
      acknowledgements.push(ack)
      return contacts
    } catch (err) {
      refusal = err
      if (codeOf(err) === 'LIMIT_EXCEEDED') limited += 1
      throw err
    }
  }
  const onReport = (write: Write) => {
    latest = progressOf(write)
    onProgress?.(latest)
    if (write.safe && !wider.isDue()) safe.resolve(latest)
  }
  const bytes = blob.sealed.byteLength
  const replicas = copies === 'quorum' ? core.parameters.quorum : undefined
  const done = runWrite({ core, candidates, operation, replicas, bytes, offer, onReport }).then(
    async write => {
      await wider.run(offer, () => onReport(write))
      return write
    }
  )
  const settled = done.then(progressOf, () => latest!).finally(() => purse[Symbol.dispose]())
  const failed = done.then(write => {
    const isLate = write.late(core.clock.now())
    if (!write.safe) throw missed(write, candidates, isLate, refusal)
    return progressOf(write)
  })
  return { ...(await Promise.race([safe.promise, failed])), settled }
}

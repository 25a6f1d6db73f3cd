import { equalBytes, sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact, PeerId } from '../base/ports.ts'
import { isRepairDue, ReadRepair } from '../replicas/read.ts'
import { Candidates } from '../routing/candidates.ts'
import { placeOfKey } from '../routing/distance.ts'
import { cheapest, Lookup } from '../routing/lookup.ts'
import { laterShare } from '../routing/region.ts'
import { believed } from '../routing/subnet.ts'
import { asking } from '../routing/upkeep.ts'
import type { StampedBlob } from '../wire/blob.ts'
import { checkExpiry, readBlob } from '../wire/blob.ts'
import {
  decodeGetAnswer,
  decodeHeld,
  decodePutAnswer,
  encodeGet,
  encodeHave,
  encodePut
} from '../wire/dht.ts'
import { readStamp } from '../wire/stamp.ts'
import { readTombstone } from '../wire/tombstone.ts'
import type { Core } from './core.ts'
import { deadline, isCovered, lookupOptions, networkEmpty, startFrom } from './core.ts'
import type { DhtOptions, GetResult } from './dht.ts'
import { drive } from './drive.ts'
import { explore } from './region.ts'

type Read =
  | { type: 'contacts'; contacts: readonly Contact[] }
  | { type: 'blob'; blob: StampedBlob }
  | { type: 'released' }

/** Checks all that an answer to get carries. @throws {MuttrError} `BLOB_INVALID`, `BLOB_EXPIRED`, `WIRE_MALFORMED` */
function readAnswer(core: Core, key: Uint8Array, from: Contact, frame: Uint8Array): Read {
  const answer = decodeGetAnswer(frame)
  if (answer[0] === 0) return { type: 'contacts', contacts: believed(from, answer[1]) }
  if (answer[0] === 1) {
    const blob = readBlob(answer[1], answer[2], key)
    checkExpiry(blob.header, core.clock.now())
    return { type: 'blob', blob: { ...blob, stamp: answer[3] } }
  }
  checkTombstone(answer[1], key)
  return { type: 'released' }
}

function checkTombstone(frame: Uint8Array, key: Uint8Array): void {
  if (!equalBytes(readTombstone(frame).key, key))
    throw new MuttrError('BLOB_INVALID', 'a tombstone of another blob')
}

const released = () => new MuttrError('BLOB_RELEASED', 'the blob was released')

/** Our own store first. @returns undefined when it has nothing. @throws {MuttrError} `BLOB_RELEASED` */
async function ownCopy({ store, clock, network }: Core, key: Uint8Array) {
  const blob = await store.getBlob(key, clock.now())
  if (blob) return { blob, from: network.self, hops: 0 }
  if (await store.getTombstone(key, clock.now())) throw released()
  return undefined
}

type Sought = Omit<Extract<Read, { type: 'blob' }>, 'type'> & { from: PeerId }

/** Asks until somebody has it. @throws {MuttrError} `BLOB_RELEASED`, `CANCELLED` */
async function seek(
  core: Core,
  key: Uint8Array,
  lookup: Lookup,
  signal: AbortSignal,
  { followed = true } = {}
): Promise<Sought | undefined> {
  const { clock, peers } = core
  const payload = encodeGet(key)
  const ended = new AbortController()
  let found: Sought | undefined
  let isReleased = false

  const ask = async (contact: Contact) => {
    const slowMs = clock.now() + peers.hedgeMs('get')
    try {
      const read = (answer: Uint8Array) => readAnswer(core, key, contact, answer)
      const answer = await peers.ask(contact, 'get', payload, { read, signal: ended.signal })
      if (answer.type === 'contacts') {
        lookup.widen()
        lookup.answered(contact.peer, followed ? answer.contacts : [])
        peers.hear(answer.contacts)
        return
      }
      if (answer.type === 'released') isReleased = true
      else found ??= { blob: answer.blob, from: contact.peer }
      lookup.stop()
    } catch {
      if (ended.signal.aborted && clock.now() > slowMs) peers.doubt(contact, 'slow')
      lookup.widen()
      lookup.failed(contact.peer)
    }
  }
  const isOver = (nowMs: number) => lookup.end(nowMs) !== undefined
  await drive(lookup, { clock, signal, isOver, ask }).finally(() => ended.abort())
  if (isReleased) throw released()
  return found
}

/**
 * Those nearest to the key, as far as we were led, have nothing. Before a get gives up it asks all that live in the key's region, and
 * nobody leads it there. Hardly any get comes so far, so it need not be cheap.
 */
async function seekWider(
  core: Core,
  key: Uint8Array,
  asked: Candidates,
  operation: ReturnType<typeof deadline>
): Promise<Sought | undefined> {
  const { clock, network, parameters, placeOf, random } = core
  const place = placeOfKey(key)
  if (clock.now() >= operation.deadlineMs) return undefined
  const region = await explore(core, place, operation)
  const isNew = ({ peer }: Contact) => (asked.get(peer)?.state ?? 'heard') === 'heard'
  const drawn = region?.draw(limits.regionRequestsMax, () => random.bytes(32)).filter(isNew) ?? []
  if (drawn.length === 0) return undefined
  core.log.debug('asking the region', { peers: drawn.length })
  const candidates = new Candidates({ target: place, self: network.self, placeOf })
  candidates.start(drawn)
  const lookup = new Lookup({
    ...lookupOptions(core, candidates, drawn.length),
    paths: 1,
    alpha: parameters.replicas,
    patienceMs: asking.timeoutMs,
    deadlineMs: operation.deadlineMs,
    requestsMax: limits.regionRequestsMax
  })
  return seek(core, key, lookup, operation.signal, { followed: false })
}

/** See {@link Dht.get}. */
export async function getBlob(
  core: Core,
  key: Uint8Array,
  options: DhtOptions = {}
): Promise<GetResult> {
  const own = await ownCopy(core, key)
  if (own) return own
  const { deadlineMs, signal } = deadline(core, options)
  const place = placeOfKey(key)
  const candidates = startFrom(core, place, { self: false })
  const { parameters } = core
  const { replicas, alpha } = parameters
  const lookup = new Lookup({
    ...lookupOptions(core, candidates, replicas),
    burst: alpha,
    patienceMs: asking.timeoutMs, // it may be the one that has it
    deadlineMs: deadlineMs - (deadlineMs - core.clock.now()) * laterShare,
    ...(isCovered(core, place)
      ? { alpha: 1, choose: core.choose ?? cheapest(core.peers.cost) }
      : {})
  })
  const found =
    (await seek(core, key, lookup, signal)) ??
    (await seekWider(core, key, candidates, { deadlineMs, signal }))
  const isLate = lookup.end(core.clock.now()) === 'late' || core.clock.now() >= deadlineMs
  if (!found) throw notFound(candidates, isLate)
  const { blob, from } = found
  const holder = candidates.all.findIndex(c => c.contact.peer === from)
  const nearer = candidates.all.slice(0, holder < 0 ? parameters.replicas : holder)
  const lacking = nearer.filter(c => c.state === 'answered' || c.state === 'failed').length
  const lot = core.random.bytes(1)[0]! / 256
  if (isRepairDue({ lacking, lot })) void repair(core, blob, candidates)
  return { blob, from, hops: candidates.all[holder]?.hops ?? 1 }
}

function notFound(candidates: Candidates, isLate: boolean): MuttrError {
  const answered = candidates.all.some(c => c.state === 'answered' || c.state === 'refused')
  if (answered && !isLate) return new MuttrError('BLOB_UNKNOWN', 'no seed that should have it does')
  if (isLate) return new MuttrError('PEER_TIMEOUT', 'the blob was not found in time')
  return networkEmpty()
}

/** Who gave us the blob may have given any stamp with it. */
function isStamped({ clock, stampNumber }: Core, { key, header, stamp }: StampedBlob): boolean {
  const { lengthBytes, expiryMs } = header
  try {
    readStamp(stamp, { key, lengthBytes, expiryMs }, clock.now(), stampNumber)
    return true
  } catch {
    return false
  }
}

/** Read repair, in the background; whatever fails in it is left to the next read. */
async function repair(core: Core, blob: StampedBlob, candidates: Candidates): Promise<void> {
  const { log, peers, parameters, random } = core
  const near = candidates.all.filter(c => c.state !== 'failed').slice(0, parameters.replicas)
  const holders = new Map(near.map(c => [c.contact.peer, c.contact]))
  const machine = new ReadRepair([...holders.keys()])
  const nonce = random.bytes(16)
  const proof = sha256(nonce, blob.sealed)
  const payload = encodeHave({ nonce, keys: [blob.key] })
  const options = { signal: core.stop }
  const ask = async (contact: Contact) => {
    try {
      const read = (answer: Uint8Array) => decodeHeld(answer, 1)[0]!
      const held = await peers.ask(contact, 'have', payload, { ...options, read })
      if (held[0] === 3) throw new MuttrError('BLOB_INVALID', 'as ours, which was not said')
      if (held[0] === 2) checkTombstone(held[1], blob.key)
      if (held[0] === 1 && !(held[1] && equalBytes(held[1], proof)))
        throw new MuttrError('BLOB_INVALID', 'no proof of a copy')
      machine.heard(contact.peer, (['none', 'blob', 'tombstone'] as const)[held[0]])
    } catch {
      machine.heard(contact.peer, 'failed')
    }
  }
  await Promise.all([...holders.values()].map(ask))
  const pushes = machine.pushes()
  if (pushes.length === 0 || !isStamped(core, blob)) return
  const { headerBytes, sealed, stamp } = blob
  const put = encodePut({ headerBytes, sealed, stamp, known: new Uint8Array() })
  for (const peer of pushes) {
    try {
      // A reader that is not near the key is asked to pay where seeds are pressed: it leaves repair to the holders.
      const read = (answer: Uint8Array) => decodePutAnswer(answer)[0] === 0
      if (!(await peers.ask(holders.get(peer)!, 'put', put, { ...options, read }))) continue
      log.debug('read repair gave a copy', { peer })
    } catch {
      log.debug('read repair was refused', { peer })
    }
  }
}

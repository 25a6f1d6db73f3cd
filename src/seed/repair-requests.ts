import { equalBytes, sha256 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact, Millis } from '../base/ports.ts'
import type { RepairPlan } from '../replicas/repair.ts'
import type {
  AskAction,
  DropAction,
  Proof,
  ProveAction,
  PushAction,
  Pushed,
  RepairAction,
  RepairAnswer
} from '../replicas/repair-actions.ts'
import type { Held } from '../wire/dht.ts'
import {
  decodeHeld,
  decodePutAnswer,
  decodeReleased,
  encodeHave,
  encodePut,
  encodeRelease,
  storedBytes
} from '../wire/dht.ts'
import { readTombstone, saysOf } from '../wire/tombstone.ts'
import type { Core } from './core.ts'
import { isAway } from './peers.ts'
import type { TombstoneShelf } from './tombstone-shelf.ts'

/** A challenged peer reads what it proves; a copy may go up a slow line. */
const proveTimeoutMs: Millis = 15_000
const pushTimeoutMs: Millis = 60_000
/** Who lacked it longer ago is asked again before it is sent. */
const freshMs: Millis = 30_000

/** What repair has sent and dropped since the start. */
interface RepairCounts {
  pushed: number
  pushedBytes: number
  dropped: number
}

export interface RepairRequests {
  readonly counts: Readonly<RepairCounts>
  /** Does what the plan asks for and reports to it; never rejects. */
  perform(action: RepairAction): Promise<void>
}

/** Carries out what a {@link RepairPlan} decides. What others send is checked in full before anything is done by it. */
export function createRequests(
  core: Core,
  tombstones: TombstoneShelf,
  plan: RepairPlan
): RepairRequests {
  const counts: RepairCounts = { pushed: 0, pushedBytes: 0, dropped: 0 }
  const have = createHave(core)
  const push = createPush(core, tombstones, have)
  const { clock, log, random, store } = core

  /** Keeps a tombstone that a peer showed. */
  async function learn(frame: Uint8Array): Promise<RepairAnswer> {
    try {
      const { more } = await tombstones.put(frame)
      return more ? 'behind' : 'released'
    } catch (err) {
      log.debug('a tombstone was not kept', { code: codeOf(err) })
      return 'released' // verified all the same: the blob is not given to anybody
    }
  }

  const failed = (action: AskAction | ProveAction, err: unknown) => {
    const how = codeOf(err) === 'LIMIT_EXCEEDED' ? 'later' : 'away'
    plan.failed(action, how, { nowMs: clock.now() })
  }

  async function ask(action: AskAction): Promise<void> {
    const { contact, keys, kinds } = action
    const says = await saysOfAll(core, keys, kinds)
    const held = await have(contact, { nonce: null, keys, says })
    const answers: RepairAnswer[] = []
    for (const one of held) answers.push(await answerOf(one))
    plan.answered(action, answers, { nowMs: clock.now(), dice: random.bytes(1)[0]! / 256 })
  }

  async function answerOf(held: Held): Promise<RepairAnswer> {
    if (held[0] === 2) return learn(held[1])
    if (held[0] === 3) return 'released'
    return held[0] === 1 ? 'blob' : 'none'
  }

  async function prove(action: ProveAction): Promise<void> {
    const { contact, keys } = action
    const nonce = random.bytes(16)
    const held = await have(contact, { nonce, keys }, proveTimeoutMs)
    const proofs: Proof[] = []
    for (const [i, one] of held.entries()) proofs.push(await judge(one, keys[i]!, nonce))
    plan.proved(action, proofs, { nowMs: clock.now() })
  }

  async function judge(held: Held, key: Uint8Array, nonce: Uint8Array): Promise<Proof> {
    if (held[0] === 0) return 'none'
    if (held[0] === 2) await learn(held[1])
    if (held[0] !== 1) return 'released'
    const blob = await store.getBlob(key, clock.now())
    if (!blob) return 'unknown'
    return held[1] && equalBytes(held[1], sha256(nonce, blob.sealed)) ? 'proved' : 'lie'
  }

  async function give(action: PushAction): Promise<void> {
    const { how, sentBytes } = await push(action)
    if (how === 'taken') {
      counts.pushed += 1
      counts.pushedBytes += sentBytes
    }
    plan.pushed(action, how, { nowMs: clock.now(), sentBytes })
  }

  async function drop({ key }: DropAction): Promise<void> {
    await store.drop(key)
    counts.dropped += 1
  }

  return {
    counts,
    async perform(action) {
      try {
        if (action.type === 'ask') await ask(action)
        else if (action.type === 'prove') await prove(action)
        else if (action.type === 'push') await give(action)
        else await drop(action)
      } catch (err) {
        const nowMs = clock.now()
        if (action.type === 'ask' || action.type === 'prove') failed(action, err)
        else if (action.type === 'push')
          plan.pushed(action, 'away', { nowMs, sentBytes: sentBytesOf(action) })
        if (!codeOf(err)) log.warn('repair met a mistake', { err })
      }
    }
  }
}

type Have = ReturnType<typeof createHave>

/** Asks one peer what it holds. @throws {MuttrError} as Peers.ask; tombstones that come are verified. */
function createHave({ peers, stop }: Core) {
  return async (
    contact: Contact,
    o: { nonce: Uint8Array | null; keys: readonly Uint8Array[]; says?: Uint8Array },
    timeoutMs?: Millis
  ): Promise<Held[]> => {
    const read = (answer: Uint8Array): Held[] => {
      const list = decodeHeld(answer, o.keys.length, o.says)
      for (const [i, held] of list.entries())
        if (held[0] === 2) checkKey(readTombstone(held[1]).key, o.keys[i]!)
      return list
    }
    const options = { read, signal: stop, dial: true, ...(timeoutMs && { timeoutMs }) }
    return peers.ask(contact, 'have', encodeHave(o), options)
  }
}

function checkKey(key: Uint8Array, wanted: Uint8Array): void {
  if (!equalBytes(key, wanted)) throw new MuttrError('BLOB_INVALID', 'a tombstone of another blob')
}

/** What our tombstones say, as `have` carries it; nothing where there are none. */
async function saysOfAll(
  { store, clock }: Core,
  keys: readonly Uint8Array[],
  kinds: AskAction['kinds']
): Promise<Uint8Array> {
  if (!kinds.includes('tombstone')) return new Uint8Array()
  const says = new Uint8Array(keys.length)
  for (const [i, key] of keys.entries()) {
    const frame = kinds[i] === 'tombstone' && (await store.getTombstone(key, clock.now()))
    if (frame) says[i] = saysOf(readTombstone(frame))
  }
  return says
}

/** Whoever refused had to be sent it first: it counts, to be safe also where the connection failed before. */
const sentBytesOf = ({ kind, lengthBytes }: PushAction): number =>
  kind === 'blob' ? lengthBytes : limits.tombstoneBytesMax

interface Sent {
  how: Pushed
  sentBytes: number
}

/** Gives one peer one copy, or one tombstone. */
function createPush(core: Core, tombstones: TombstoneShelf, have: Have) {
  const { clock, store } = core

  /** What it has by now, when it is some time ago that it lacked it. */
  async function stillLacks({ contact, key, heardMs, kind }: PushAction): Promise<boolean> {
    if (kind === 'tombstone' || clock.now() - heardMs < freshMs) return true
    const [held] = await have(contact, { nonce: null, keys: [key] })
    if (held![0] === 2) await tombstones.put(held![1])
    return held![0] === 0
  }

  /** @throws what the peer refused with */
  async function send(action: PushAction): Promise<Sent> {
    const { contact, key, kind } = action
    if (kind === 'tombstone') {
      const frame = await store.getTombstone(key, clock.now())
      return frame ? sendTombstone(core, tombstones, contact, frame) : { how: 'gone', sentBytes: 0 }
    }
    if (!(await stillLacks(action))) return { how: 'held', sentBytes: 0 }
    return sendBlob(core, contact, key)
  }

  return async (action: PushAction): Promise<Sent> => {
    try {
      return await send(action)
    } catch (err) {
      return { how: whyNot(err), sentBytes: sentBytesOf(action) }
    }
  }
}

function whyNot(err: unknown): Pushed {
  if (isAway(err)) return 'away'
  const code = codeOf(err)
  if (code === 'BLOB_RELEASED') return 'released'
  if (code === 'LIMIT_EXCEEDED') return 'later'
  return code === 'STORE_FULL' || code === 'DISK_FULL' || code === 'DISK_FAILED'
    ? 'full'
    : 'refused'
}

async function sendBlob(core: Core, contact: Contact, key: Uint8Array): Promise<Sent> {
  const { clock, keys, peers, stop, store } = core
  const blob = await store.getBlob(key, clock.now())
  if (!blob) return { how: 'gone', sentBytes: 0 }
  const { headerBytes, sealed, stamp, header } = blob
  const payload = encodePut({ headerBytes, sealed, stamp, known: new Uint8Array() })
  const read = (answer: Uint8Array): boolean => {
    const [type, said] = decodePutAnswer(answer)
    if (type === 1) return false // pressed, and the stamp still counts as fresh
    const signed = storedBytes(key, header.expiryMs, said.storedMs)
    if (said.expiryMs !== header.expiryMs || !keys.verify(contact.peer, signed, said.signature))
      throw new MuttrError('SIGNATURE_INVALID', 'an acknowledgement of something else')
    return true
  }
  const options = { read, signal: stop, dial: true, timeoutMs: pushTimeoutMs }
  const isTaken = await peers.ask(contact, 'put', payload, options)
  return { how: isTaken ? 'taken' : 'later', sentBytes: payload.byteLength }
}

async function sendTombstone(
  core: Core,
  tombstones: TombstoneShelf,
  contact: Contact,
  frame: Uint8Array
): Promise<Sent> {
  const { key } = readTombstone(frame)
  const payload = encodeRelease(frame)
  const read = (answer: Uint8Array): Uint8Array | null => {
    const { tombstone } = decodeReleased(answer)
    if (tombstone) checkKey(readTombstone(tombstone).key, key)
    return tombstone
  }
  const options = { read, signal: core.stop, dial: true }
  const more = await core.peers.ask(contact, 'release', payload, options)
  if (more) await tombstones.put(more)
  return { how: 'taken', sentBytes: payload.byteLength }
}

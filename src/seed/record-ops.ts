import { MuttrError } from '../base/errors.ts'
import type { Contact } from '../base/ports.ts'
import { RecordRead } from '../replicas/records.ts'
import { placeOfKey } from '../routing/distance.ts'
import { Lookup } from '../routing/lookup.ts'
import { decodeRecordAnswer, encodeRecordGet, encodeRecordPut, knownPlaces } from '../wire/dht.ts'
import type { DhtRecord } from '../wire/record.ts'
import { compareRecords, readRecord } from '../wire/record.ts'
import type { Core } from './core.ts'
import { deadline, isCovered, lookupOptions, networkEmpty, startFrom } from './core.ts'
import type { DhtOptions } from './dht.ts'
import { drive } from './drive.ts'
import { candidatesAt, missed, runWrite } from './put.ts'
import type { RecordShelf } from './record-shelf.ts'

/** See {@link Dht.putRecord}. */
export async function putRecord(
  core: Core,
  shelf: RecordShelf,
  frame: Uint8Array,
  options: DhtOptions = {}
): Promise<{ copies: number }> {
  const { clock, network, peers, verifyRecord } = core
  const record = await readRecord(frame, { verifyRecord, nowMs: clock.now() })
  const operation = deadline(core, options)
  const candidates = await candidatesAt(core, placeOfKey(record.key), operation)
  const known = knownPlaces(candidates.all.map(c => c.place))
  const payload = encodeRecordPut({ record: frame, stamp: null, known })
  const done = Promise.withResolvers<{ copies: number }>()
  let refusal: unknown

  /** A newer record ends the put, when it is one: anybody can say so, only its author can show it. */
  const refuseWhenNewer = async (shown: Uint8Array): Promise<never> => {
    const o = { verifyRecord, nowMs: clock.now(), wanted: record.key }
    const isNewer = compareRecords(await readRecord(shown, o), record) < 0
    const code = isNewer ? 'RECORD_STALE' : 'RECORD_INVALID'
    const refused = new MuttrError(code, 'the holder keeps another record')
    if (isNewer) done.reject(refused)
    throw refused
  }
  const offer = async (contact: Contact): Promise<readonly Contact[]> => {
    if (contact.peer === network.self) {
      const { newer } = await shelf.put(frame)
      return newer ? refuseWhenNewer(newer) : []
    }
    const o = { read: decodeRecordAnswer, signal: core.stop }
    const answer = await peers.ask(contact, 'record-put', payload, o)
    peers.hear(answer.contacts)
    return answer.record ? refuseWhenNewer(answer.record) : answer.contacts
  }
  runWrite({
    core,
    candidates,
    operation,
    offer: contact =>
      offer(contact).catch(err => {
        refusal = err
        throw err
      }),
    onReport(write) {
      if (write.safe) done.resolve({ copies: write.count().stored })
    }
  }).then(write => {
    const isLate = clock.now() >= operation.deadlineMs
    done.reject(missed(write, candidates, isLate, refusal))
  }, done.reject)
  return done.promise
}

/** See {@link Dht.getRecord}. */
export async function getRecord(
  core: Core,
  key: Uint8Array,
  options: DhtOptions = {}
): Promise<Uint8Array> {
  const { clock, network, peers, parameters, store, verifyRecord, mode } = core
  const { deadlineMs, signal } = deadline(core, options)
  const place = placeOfKey(key)
  const candidates = startFrom(core, place, { self: false })
  const { replicas, quorum, alpha } = parameters
  const lookup = new Lookup({
    ...lookupOptions(core, candidates, replicas),
    enough: quorum,
    alpha: isCovered(core, place) ? replicas : alpha,
    deadlineMs
  })
  const read = new RecordRead()
  const holders = new Map<string, Contact>()
  const payload = encodeRecordGet(key)
  const verified = async (frame: Uint8Array): Promise<DhtRecord | null> =>
    readRecord(frame, { verifyRecord, nowMs: clock.now(), wanted: key }).catch(() => null)

  const own = mode === 'server' ? await store.getRecord(key, clock.now()) : undefined
  if (own) read.heard(network.self, await verified(own))
  await drive(lookup, {
    clock,
    signal,
    isOver: nowMs => lookup.end(nowMs) !== undefined,
    async ask(contact) {
      try {
        const o = { read: decodeRecordAnswer, signal: core.stop }
        const { record, contacts } = await peers.ask(contact, 'record-get', payload, o)
        read.heard(contact.peer, record && (await verified(record)))
        holders.set(contact.peer, contact)
        lookup.answered(contact.peer, contacts)
        peers.hear(contacts)
      } catch {
        lookup.failed(contact.peer)
      }
    }
  })
  const { best } = read
  if (!best && read.answers === 0) throw networkEmpty()
  if (!best) throw new MuttrError('RECORD_UNKNOWN', 'no seed that should hold it does')
  const near = new Set(lookup.nearest(replicas).map(c => c.peer))
  const behind = read.behind().filter(peer => near.has(peer))
  void repair(
    core,
    best,
    behind.map(peer => holders.get(peer)!)
  )
  return best.frame
}

/** Gives the best record to those that had none or an older one. */
async function repair({ peers, stop, log }: Core, { frame }: DhtRecord, behind: Contact[]) {
  const payload = encodeRecordPut({ record: frame, stamp: null, known: new Uint8Array() })
  const o = { read: decodeRecordAnswer, signal: stop }
  const given = await Promise.allSettled(
    behind.map(contact => peers.ask(contact, 'record-put', payload, o))
  )
  if (given.length > 0) log.debug('record repaired', { holders: given.length })
}

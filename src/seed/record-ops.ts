import { MuttrError } from '../base/errors.ts'
import type { Contact } from '../base/ports.ts'
import { RecordRead } from '../replicas/records.ts'
import { placeOfKey } from '../routing/distance.ts'
import { Lookup } from '../routing/lookup.ts'
import { believed } from '../routing/subnet.ts'
import {
  decodeRecordAnswer,
  decodeRecordPutAnswer,
  encodeRecordGet,
  encodeRecordPut,
  knownPlaces
} from '../wire/dht.ts'
import type { DhtRecord } from '../wire/record.ts'
import { compareRecords, readRecord } from '../wire/record.ts'
import type { Core } from './core.ts'
import { deadline, isCovered, lookupOptions, networkEmpty, startFrom } from './core.ts'
import type { DhtOptions } from './dht.ts'
import { drive } from './drive.ts'
import { createPurse } from './purse.ts'
import type { Turn } from './put.ts'
import { candidatesAt, missed, payFor, runWrite } from './put.ts'
import type { RecordShelf } from './record-shelf.ts'

type Operation = ReturnType<typeof deadline>

/** See {@link Dht.putRecord}. */
export async function putRecord(
  core: Core,
  shelf: RecordShelf,
  frame: Uint8Array,
  options: DhtOptions = {}
): Promise<{ copies: number }> {
  const { clock, network, peers, verifyRecord } = core
  const record = await readRecord(frame, { verifyRecord, nowMs: clock.now() })
  const { signal } = deadline(core, options)
  const purse = createPurse(core, { key: record.key, lengthBytes: frame.byteLength }, { signal })
  await purse.worth(1)
  const operation = deadline(core, options)
  const candidates = await candidatesAt(core, placeOfKey(record.key), operation)
  const known = knownPlaces(core.via ? [] : candidates.all.map(c => c.place))
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
  const read = (frame: Uint8Array) => decodeRecordPutAnswer(frame)[1]
  const offer = async (contact: Contact, turn: Turn): Promise<readonly Contact[]> => {
    if (contact.peer === network.self) {
      const { newer } = await shelf.put(frame)
      return newer ? refuseWhenNewer(newer) : []
    }
    const answer = await payFor(purse, turn, stamp => {
      const payload = encodeRecordPut({ record: frame, stamp, known })
      return peers.ask(contact, 'record-put', payload, { read, signal: core.stop })
    })
    const nearer = believed(contact, answer.contacts)
    peers.hear(nearer)
    return answer.record ? refuseWhenNewer(answer.record) : nearer
  }
  const writing = runWrite({
    core,
    candidates,
    operation,
    offer: (contact, turn) =>
      offer(contact, turn).catch(err => {
        refusal = err
        throw err
      }),
    onReport(write) {
      if (write.safe) done.resolve({ copies: write.count().stored })
    }
  })
  writing
    .finally(() => purse[Symbol.dispose]())
    .then(write => {
      const isLate = write.late(clock.now())
      done.reject(missed(write, candidates, isLate, refusal))
    }, done.reject)
  return done.promise
}

/** Asks those around `key` for its record, until enough have answered; the others go on in `asked`. */
async function askForRecord(core: Core, key: Uint8Array, { deadlineMs, signal }: Operation) {
  const { clock, peers, parameters, verifyRecord } = core
  const { replicas, quorum, alpha } = parameters
  const place = placeOfKey(key)
  const candidates = startFrom(core, place, { self: false })
  const lookup = new Lookup({
    ...lookupOptions(core, candidates, replicas),
    enough: quorum,
    alpha: isCovered(core, place) ? replicas : alpha,
    deadlineMs
  })
  const read = new RecordRead()
  const payload = encodeRecordGet(key)
  const asked: Promise<void>[] = []
  const ask = async (contact: Contact) => {
    try {
      const o = { read: decodeRecordAnswer, signal: core.stop }
      const { record, contacts: told } = await peers.ask(contact, 'record-get', payload, o)
      const contacts = believed(contact, told)
      const valid = record && (await verified(record, { verifyRecord, clock, key }))
      read.heard(contact.peer, valid)
      lookup.answered(contact.peer, contacts)
      peers.hear(contacts)
    } catch {
      lookup.failed(contact.peer)
    }
  }
  await drive(lookup, {
    clock,
    signal,
    isOver: nowMs => lookup.end(nowMs) !== undefined,
    ask(contact) {
      const asking = ask(contact)
      asked.push(asking)
      return asking
    }
  })
  return { read, lookup, asked: Promise.all(asked), isLate: clock.now() >= deadlineMs }
}

const verified = (
  frame: Uint8Array,
  o: Pick<Core, 'verifyRecord' | 'clock'> & { key: Uint8Array }
): Promise<DhtRecord | null> =>
  readRecord(frame, { verifyRecord: o.verifyRecord, nowMs: o.clock.now(), wanted: o.key }).catch(
    () => null
  )

/** See {@link Dht.getRecord}. */
export async function getRecord(
  core: Core,
  key: Uint8Array,
  options: DhtOptions = {}
): Promise<Uint8Array> {
  const { clock, network, parameters, store, mode } = core
  const { read, lookup, asked, isLate } = await askForRecord(core, key, deadline(core, options))
  const own = mode === 'server' ? await store.getRecord(key, clock.now()) : undefined
  if (own) read.heard(network.self, await verified(own, { ...core, key }))
  const { best } = read
  if (!best && read.answers > 0)
    throw new MuttrError('RECORD_UNKNOWN', 'no seed that should hold it does')
  if (!best) throw isLate ? new MuttrError('PEER_TIMEOUT', 'no seed answered') : networkEmpty()
  void asked.then(() => {
    const behind = new Set(read.behind())
    const near = lookup.nearest(parameters.replicas).filter(({ peer }) => behind.has(peer))
    return repair(core, read.best ?? best, near)
  })
  return best.frame
}

/** Gives the best record to those that had none or an older one. */
async function repair(core: Core, { key, frame }: DhtRecord, behind: Contact[]) {
  if (behind.length === 0) return
  const { peers, stop, log } = core
  using purse = createPurse(core, { key, lengthBytes: frame.byteLength }, { signal: stop })
  const stamp = await purse.worth(1)
  const payload = encodeRecordPut({ record: frame, stamp, known: new Uint8Array() })
  const o = { read: decodeRecordPutAnswer, signal: stop }
  const given = await Promise.allSettled(
    behind.map(contact => peers.ask(contact, 'record-put', payload, o))
  )
  log.debug('record repaired', { holders: given.length })
}

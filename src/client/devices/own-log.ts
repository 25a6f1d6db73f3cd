import { fromHex, sha256, toHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Outbox } from '../../base/outbox.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Change, State } from '../../store/state.ts'
import { expiryAt, makeBlob, readBlob } from '../../wire/blob.ts'
import { bytes, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { SyncEvent, SyncEventOf, Taken } from '../../wire/sync.ts'
import { encodeSyncEntry, encodeSyncEvent, syncLetterOf } from '../../wire/sync.ts'
import { sealNotice, sealSlip } from '../compose.ts'
import type { PodLink } from '../pod-link.ts'
import type { LookedUp } from '../pod-questions.ts'
import type { Pods } from '../pods.ts'
import type { Releases } from '../release.ts'
import type { Self } from '../self.ts'
import type { Table } from '../table.ts'
import { createTable, dropRow } from '../table.ts'
import type { EntryRow } from './entry-rows.ts'
import { entryKey, entryTable, sequenceOf } from './entry-rows.ts'
import type { JournalRows, Noted } from './journal.ts'
import type { DeviceList } from './list.ts'
import { awayMs } from './list.ts'
import type { Had } from './taken.ts'
import { has } from './taken.ts'

export interface OwnLogParts {
  state: State
  dht: Pick<Dht, 'put'>
  pods: Pick<Pods, 'link'>
  self: Self
  list: DeviceList
  journal: JournalRows
  outbox: Outbox
  releases: Pick<Releases, 'giveUp' | 'wake'>
  /** What this device has of the others' logs. */
  taken: () => Promise<Taken[]>
  /** All of the person's subkeys but those that the other devices do not have yet. */
  sealedTo: () => Promise<{ to: Certificate; told: Change[] }>
  /** An entry can be taken by the others now: a subkey that it brings may be shown to everybody. */
  onAnnounced: () => void
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  life: AbortSignal
}

/** Five days more than a device may be away. */
const lifeMs: Millis = 95 * 24 * 3_600_000
/** What happens together goes out together. */
const gatherMs: Millis = 1_000
const eventsMax = 500
const entryBytesMax = 200 * 1_024
/** So long an entry may be on its way before it is sent again to who lacks it. */
const underWayMs: Millis = 10 * 60_000

interface Numbers {
  readonly deviceKey: Uint8Array
  readonly next: number
}

/**
 * What this device tells the others: entries, numbered without gaps, each stored like a letter to ourselves and announced to our own pod,
 * and kept until all others have said that they have it. Source: docs/protocol/sync.md
 */
export class OwnLog implements AsyncDisposable {
  readonly #parts: OwnLogParts
  readonly #rows: Table<EntryRow>
  readonly #numbers: Table<Numbers>
  readonly #pump: Pump
  readonly #addresses = new Map<string, LookedUp>()
  #turn: Promise<void> = Promise.resolve()
  #timer: Disposable | undefined

  constructor(parts: OwnLogParts) {
    this.#parts = parts
    const { state, log, outbox, clock, life } = parts
    this.#rows = entryTable(state, log)
    this.#numbers = createTable({
      ...{ state, log, name: 'sync-self', maxBytes: 64 },
      field: mapped(tuple(literal(1), bytes(32), uint(2 ** 48, 1)), ([, deviceKey, next]) => ({
        ...{ deviceKey, next }
      })),
      write: ({ deviceKey, next }) => [1, deviceKey, next]
    })
    this.#pump = new Pump({
      outbox,
      clock,
      life,
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : this.#drop([id]))
    })
  }

  /**
   * Takes up what a former run left. @param copied for a folder that was copied from another device's: what to write when so many entries
   * of that one, by its key in hex, are in what was copied.
   */
  async start(copied: (host: string, through: number) => Promise<Change[]>): Promise<void> {
    const { list, clock, state } = this.#parts
    const numbers = await this.#numbers.get('self')
    if (numbers && toHex(numbers.deviceKey) === list.self) {
      for (const { key, value } of await this.#rows.list())
        if (value.announcedMs === null) this.#add(key, value, clock.now())
      this.#pump.run()
      return
    }
    // Of the device that it was copied from.
    const tables = ['sync-out', 'sync-acks', 'sync-events', 'sync-holds', 'sync-sent']
    const rows = await Promise.all(
      tables.map(async table => (await state.list(table)).map(({ key }) => dropRow(table, key)))
    )
    const first = this.#numbers.put('self', { deviceKey: fromHex(list.self, 32)!, next: 1 })
    const host = numbers ? await copied(toHex(numbers.deviceKey), numbers.next - 1) : []
    await state.write([...rows.flat(), ...host, first])
  }

  /** Something was noted: it goes out in a moment, with what else happens then. */
  soon(): void {
    const { clock } = this.#parts
    this.#timer ??= clock.after(gatherMs, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  /** Makes entries of all that was noted. @param always one also when nothing was: it says what we have of the others. */
  flush(always = false): Promise<void> {
    const { log } = this.#parts
    this.#turn = this.#turn
      .then(() => this.#flush(always))
      .catch(err => log.warn('other devices are not told', { err }))
    return this.#turn
  }

  wake(): void {
    const { outbox, clock } = this.#parts
    outbox.wake(clock.now())
    this.#pump.run()
  }

  /** Entries that are kept, for somebody who lacks them or because they are not announced yet. */
  async rows(): Promise<{ sequence: number; row: EntryRow }[]> {
    return (await this.#rows.list()).map(({ key, value }) => ({
      sequence: sequenceOf(key),
      row: value
    }))
  }

  /** Somebody who is here lacks these: they are stored and announced again. */
  async resend(had: Had): Promise<void> {
    const { clock, state } = this.#parts
    const nowMs = clock.now()
    const lacking = (await this.rows()).filter(
      ({ sequence, row }) =>
        row.announcedMs !== null && row.announcedMs + underWayMs <= nowMs && !has(had, sequence)
    )
    if (lacking.length === 0) return
    const again = lacking.map(({ sequence, row }) => ({
      key: entryKey(sequence),
      row: { ...row, announcedMs: null }
    }))
    await state.write(again.map(({ key, row }) => this.#rows.put(key, row)))
    for (const { key, row } of again) this.#add(key, row, nowMs)
    this.#pump.run()
  }

  /** Gives up what these all have, null for nobody who is there, and what nobody can come back for. */
  async prune(others: readonly Had[] | null): Promise<void> {
    const { clock } = this.#parts
    const over = (await this.rows()).filter(
      ({ sequence, row }) =>
        (row.announcedMs !== null && others?.every(had => has(had, sequence))) ||
        row.madeMs + awayMs <= clock.now()
    )
    await this.#drop(over.map(({ sequence }) => entryKey(sequence)))
  }

  /** Nobody is to be told what was written down. */
  async forget(): Promise<void> {
    const { journal, releases } = this.#parts
    for (const key of await journal.clear()) releases.wake(fromHex(key, 32)!)
  }

  /** Resolves when nothing is on its way. */
  quiet(): Promise<void> {
    return this.#pump.quiet()
  }

  /** A command ends right after: what was noted goes out now. */
  async end(): Promise<void> {
    if (!this.#timer) return
    this.#timer[Symbol.dispose]()
    this.#timer = undefined
    await this.flush()
    await this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    await this.#turn
    await this.#pump[Symbol.asyncDispose]()
  }

  #add(key: string, row: EntryRow, dueMs: Millis): void {
    this.#parts.outbox.add({ id: key, expiryMs: row.madeMs + lifeMs, failures: 0, dueMs })
  }

  async #flush(always: boolean): Promise<void> {
    const { journal, self, list } = this.#parts
    const isRevoked = (key: Uint8Array) => list.get(toHex(key))?.revokedMs !== null
    for (let isFirst = true; ; isFirst = false) {
      const closet = self.openCloset
      if (!closet || !list.loaded) return
      // What was written down before the list was known, or for a device that did not come.
      if (list.others().length === 0 && journal.expected === 0) return this.forget()
      if (self.registrations().length === 0 || list.others().length === 0) return
      const noted = await journal.waiting(closet, eventsMax)
      if (noted.length === 0 && !(always && isFirst)) return
      await this.#make(fitting(noted.map(one => ({ ...one, event: spared(one.event, isRevoked) }))))
    }
  }

  async #make(noted: readonly Noted[]): Promise<void> {
    const { state, clock, random, crypto, self, journal, sealedTo, log } = this.#parts
    const nowMs = clock.now()
    const numbers = (await this.#numbers.get('self'))!
    const person = self.person()
    const { to, told } = await sealedTo()
    const entry = encodeSyncEntry({
      deviceKey: numbers.deviceKey,
      sequence: numbers.next,
      first: (await this.rows())[0]?.sequence ?? numbers.next,
      madeMs: nowMs,
      taken: await this.#parts.taken(),
      events: merged(noted)
    })
    const sizes = limits.sealedSizes
    const sealed = await crypto.seal(entry, { from: person, to, sizes, nowMs }).catch(err => {
      if (codeOf(err) !== 'LETTER_TOO_LARGE') throw err
      return undefined
    })
    const drops = journal.told(noted)
    if (!sealed) {
      // It stays held, so that the others can fetch it themselves as long as it lives.
      log.warn('a letter is too large to be told to other devices')
      return void (await state.write(drops))
    }
    const retract = random.bytes(32)
    const header = { expiryMs: expiryAt(nowMs + lifeMs), retract: sha256(retract), accept: null }
    const blob = makeBlob(sealed, header)
    const { alias } = self.registrations()[0]!
    const letter = syncLetterOf(blob.key)
    const slip = await sealSlip({ from: person, alias, to, letter, key: blob.key, nowMs, crypto })
    const row: EntryRow = {
      ...{ madeMs: nowMs, headerBytes: blob.headerBytes, sealed, retract, alias, slip },
      announcedMs: null,
      events: noted.length,
      holds: noted.flatMap(({ event }) => (event.type === 'letter' ? [toHex(event.key)] : []))
    }
    const key = entryKey(numbers.next)
    const next = this.#numbers.put('self', { ...numbers, next: numbers.next + 1 })
    const subkeys = (all: readonly Noted[]) =>
      all.filter(({ event }) => event.type === 'subkeys').length
    const waiting = await journal.waiting(self.closet(), eventsMax)
    const isTold = subkeys(noted) > 0 && subkeys(waiting) === subkeys(noted)
    await state.write([this.#rows.put(key, row), next, ...drops, ...(isTold ? told : [])])
    this.#add(key, row, nowMs)
    this.#pump.run()
  }

  async #try(key: string): Promise<void> {
    const { outbox, clock, random, life, log, state, journal, releases } = this.#parts
    try {
      const row = await this.#rows.get(key)
      if (row) {
        await this.#announce(row)
        const done = this.#rows.put(key, { ...row, announcedMs: clock.now() })
        await state.write([done, ...journal.free(row.holds)])
        for (const held of row.holds) releases.wake(fromHex(held, 32)!)
      }
      outbox.finished(key)
      this.#parts.onAnnounced()
    } catch (err) {
      if (life.aborted) return
      log.info('other devices are not told yet', { code: codeOf(err) })
      outbox.failed(key, clock.now(), throwDice(random))
    }
  }

  async #announce({ headerBytes, sealed, slip, alias }: EntryRow): Promise<void> {
    const { dht, life, crypto } = this.#parts
    const blob = readBlob(headerBytes, sealed)
    await dht.put(blob, { signal: life })
    const { link, answer } = await this.#address(alias)
    const { expiryMs } = blob.header
    const notice = {
      address: answer.intro,
      key: blob.key,
      sizeBytes: sealed.byteLength,
      expiryMs,
      slip
    }
    await link.submit(await sealNotice(notice, answer.hpkeKey, crypto))
  }

  /** Where our own pod takes what is for us: of the alias, or of another one while its pod is away. */
  async #address(alias: string): Promise<{ link: PodLink; answer: LookedUp }> {
    const { self, pods, life, clock } = this.#parts
    const own = self.registrations()
    const first = own.filter(one => one.alias === alias)
    let failure: unknown
    for (const { alias: name, pod } of [...first, ...own.filter(one => one.alias !== alias)])
      try {
        const link = await pods.link(pod, life)
        let answer = this.#addresses.get(name)
        if (!answer || answer.validUntilMs <= clock.now()) {
          answer = await link.lookup(name)
          this.#addresses.set(name, answer)
        }
        return { link, answer }
      } catch (err) {
        failure = err
      }
    throw failure
  }

  /** From the disk, and from the network's. */
  async #drop(keys: readonly string[]): Promise<void> {
    const { releases, journal, log } = this.#parts
    for (const key of keys)
      try {
        const row = (await this.#rows.get(key))!
        const { headerBytes, sealed, retract, holds } = row
        const changes = [this.#rows.drop(key), ...journal.free(holds)]
        await releases.giveUp(readBlob(headerBytes, sealed), retract, changes)
      } catch (err) {
        log.warn('an entry for other devices stays', { err })
      }
  }
}

/** Of each sent letter the last word, with its first. */
function merged(noted: readonly Noted[]): SyncEvent[] {
  const sent = new Map<string, SyncEventOf<'sent'>>()
  for (const { event } of noted)
    if (event.type === 'sent')
      sent.set(event.id, { ...event, secret: event.secret ?? sent.get(event.id)?.secret ?? null })
  return noted.flatMap(({ event }): SyncEvent[] => {
    if (event.type !== 'sent') return [event]
    const one = sent.get(event.id)
    sent.delete(event.id)
    return one ? [one] : []
  })
}

/** Without what is sealed to a device that was taken off the list since it was noted. */
function spared(event: SyncEvent, isRevoked: (deviceKey: Uint8Array) => boolean): SyncEvent {
  if (event.type !== 'subkeys' && event.type !== 'succeeded') return event
  return { ...event, sealed: event.sealed.filter(({ deviceKey }) => !isRevoked(deviceKey)) }
}

/** As many as one entry takes; at least one. What comes after a new primary key is told by it. */
function fitting(noted: readonly Noted[]): Noted[] {
  const fit: Noted[] = []
  let bytes = 0
  for (const one of noted) {
    bytes += encodeSyncEvent(one.event).byteLength
    if (fit.length > 0 && bytes > entryBytesMax) break
    if (fit.at(-1)?.event.type === 'succeeded') break
    fit.push(one)
  }
  return fit
}

import { equalBytes, fromHex, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import { ownKey } from '../../keys/person.ts'
import type { Change, State } from '../../store/state.ts'
import type { Blob } from '../../wire/blob.ts'
import type { Letter } from '../../wire/letter.ts'
import type { Slip } from '../../wire/notice.ts'
import type { DeviceCard, SyncEntry, Taken } from '../../wire/sync.ts'
import { decodeSyncEntry, deviceNameBytesMax, devicesMax, syncLetterOf } from '../../wire/sync.ts'
import { restoredRow } from '../backup/restore.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import type { Table } from '../table.ts'
import type { Dismissing } from './dismissing.ts'
import type { JournalRows, News } from './journal.ts'
import type { LastWords } from './last-words.ts'
import type { DeviceList, KnownDevice } from './list.ts'
import type { Mirror } from './mirror.ts'
import { subjectsOf } from './mirror.ts'
import type { OwnLog } from './own-log.ts'
import type { DeviceSecrets } from './secrets.ts'
import type { OwnDevice } from './shapes.ts'
import type { SharedAliases } from './shared-aliases.ts'
import { Signers } from './signers.ts'
import type { Had } from './taken.ts'
import { hadTable, has, joined, nothingHad, withOne } from './taken.ts'

export interface DevicesParts {
  state: State
  self: Self
  list: DeviceList
  journal: JournalRows
  own: OwnLog
  mirror: Mirror
  last: Pick<LastWords, 'sweep'>
  secrets: Pick<DeviceSecrets, 'known' | 'forNew'>
  sent: Pick<SentStore, 'tell'>
  clock: Clock
  log: Log
  crypto: Crypto
  emit: Emit
  /** Nothing waits to be fetched and opened. */
  isCaughtUp: () => boolean
  /** A new subkey, which a device that was taken off the list does not get. */
  rotate: () => Promise<unknown>
  /** Registers here what another device has registered. */
  aliases: SharedAliases
  /** Has own pods let a device in no more. */
  dismissing: Dismissing
  /** This folder is a copy of another device's: what that one began to tell is told here anew. */
  onCopied: () => Promise<Change[]>
}

/** An entry says by itself what we have of the others; where we have nothing to say for so long, one is made for that. */
const owedMs: Millis = 6 * 3_600_000
const owedMax = 64
const dayMs: Millis = 24 * 3_600_000
/** So long after it was made an entry that not everybody has is followed by another, by which a lost one shows. */
const beatMs: Millis = dayMs

/** Whether an opened slip is of an entry of another device of ours; who signed it is still to be checked. */
export const isEntry = (slip: Slip, reader: Person): boolean =>
  ownKey(reader, slip.fingerprint) !== undefined && equalBytes(slip.letter, syncLetterOf(slip.key))

/**
 * The person's devices: who they are, what they tell each other, and which of it is here. While there is one device, nothing of this is
 * written or sent. Source: docs/protocol/sync.md
 */
export class Devices {
  readonly #parts: DevicesParts
  /** What we have of the others' logs, and what they have of ours. By device. */
  readonly #taken: Table<Had>
  readonly #acks: Table<Had>
  readonly #signers: Signers
  #turn: Promise<unknown> = Promise.resolve()
  #owed = 0
  #owedSinceMs: Millis | undefined
  #toldMs: Millis = Number.NEGATIVE_INFINITY
  #sweptMs: Millis = Number.NEGATIVE_INFINITY
  #isOpen = false

  constructor(parts: DevicesParts) {
    this.#parts = parts
    const { state, log } = parts
    this.#taken = hadTable(state, log, 'sync-taken')
    this.#acks = hadTable(state, log, 'sync-acks')
    this.#signers = new Signers(state, log)
  }

  /** The vault is open: what waited to be told goes out. */
  async unlocked(): Promise<void> {
    const { state, self, list, journal, own, sent, onCopied } = this.#parts
    const closet = self.closet()
    const isNew = await list.load(closet)
    await own.start(async (host, through) => [
      this.#taken.put(host, { through, beyond: [] }),
      ...(await onCopied())
    ])
    if (isNew.length > 0) await state.write(isNew)
    const changed = await journal.changedLocked()
    const told = await sent.tell(changed)
    if (changed.length > 0)
      await state.write([...told, ...changed.map(id => journal.toldLocked(id))])
    if (isNew.length > 0) await state.write(this.listed())
    this.#isOpen = true
    if (list.others().length > 0) own.soon()
  }

  locked(): void {
    this.#isOpen = false
    this.#parts.list.forget()
  }

  /** Who the other devices are is known. */
  get isReady(): boolean {
    return this.#isOpen
  }

  /** Letters that cannot be opened may be sealed to a subkey that another device has made. */
  get mayBringKeys(): boolean {
    return this.#parts.list.siblings().length > 0
  }

  note(news: readonly News[]): Change[] {
    return this.#parts.journal.note(news)
  }

  /** A letter is here: what other devices said of it before is done. */
  async kept(letter: Letter): Promise<void> {
    if (this.mayBringKeys) await this.#parts.mirror.arrived(subjectsOf(letter))
  }

  /**
   * An entry of another device, announced to us by a slip of ours. @param signer our key that signed the slip. @throws {MuttrError} when it is to be tried again; `SYNC_INVALID`,
   * `SEAL_REFUSED`, `LETTER_FORGED` never
   */
  take(blob: Blob, signer: Certificate): Promise<void> {
    const done = this.#turn.then(() => this.#take(blob, signer))
    this.#turn = done.catch(() => undefined)
    return done
  }

  /** What of the others' logs is here. */
  async taken(): Promise<Taken[]> {
    const rows = await this.#taken.list()
    return rows
      .filter(({ key }) => this.#parts.list.get(key)?.revokedMs === null)
      .slice(0, devicesMax)
      .map(({ key, value }) => ({ deviceKey: fromHex(key, 32)!, ...value }))
  }

  /** Says what is to be said now and then. */
  async look(): Promise<void> {
    const { list, own, clock, isCaughtUp, dismissing } = this.#parts
    if (!this.#isOpen) return
    await dismissing.look()
    await this.#parts.aliases.look()
    await this.#sweep()
    const siblings = list.siblings()
    const acks = await Promise.all(siblings.map(one => this.#ackOf(one)))
    if (!this.#isOpen) return
    await own.prune(siblings.length > 0 ? acks : null)
    if (siblings.length === 0) return
    own.wake()
    const nowMs = clock.now()
    const rows = await own.rows()
    const isBeat =
      nowMs - this.#toldMs >= beatMs &&
      rows.some(({ row }) => row.events > 0 && row.madeMs + beatMs <= nowMs)
    const isOwed =
      this.#owed >= owedMax ||
      (this.#owedSinceMs !== undefined && this.#owedSinceMs + owedMs <= nowMs) ||
      (this.#owed > 0 && (await this.#hasGap()) && isCaughtUp())
    if (isBeat || isOwed) await this.tell()
  }

  /** Once a day, since it reads all of it. */
  async #sweep(): Promise<void> {
    const { last, self, clock } = this.#parts
    const closet = self.openCloset
    if (!closet || clock.now() - this.#sweptMs < dayMs) return
    this.#sweptMs = clock.now()
    await last.sweep(clock.now(), closet)
  }

  /** An entry now, also with nothing in it: it says what we have of the others. */
  async tell(): Promise<void> {
    const { own, clock } = this.#parts
    this.#owed = 0
    this.#owedSinceMs = undefined
    this.#toldMs = clock.now()
    await own.flush(true)
  }

  /** Since this device came back: the others are told what it has, so that they send what it lacks. */
  async caughtUp(): Promise<void> {
    const { list } = this.#parts
    const isStrange = list.others().some(one => list.isAway(one))
    if (this.#isOpen && (isStrange || this.#owed > 0 || (await this.#hasGap()))) await this.tell()
  }

  async all(): Promise<OwnDevice[]> {
    const { self, list, own } = this.#parts
    self.closet()
    const rows = await own.rows()
    return Promise.all(
      list.all().map(async device => {
        const ack = await this.#ackOf(device)
        const key = toHex(device.deviceKey)
        const { name, peer, sinceMs, heardMs, revokedMs } = device
        const isOwn = key === list.self
        const lacks = rows.filter(
          ({ sequence, row }) => row.events > 0 && !has(ack, sequence)
        ).length
        return {
          ...{ key, name, peer, own: isOwn, sinceMs, heardMs: isOwn ? null : heardMs, revokedMs },
          lacks: isOwn || revokedMs !== null ? 0 : lacks
        }
      })
    )
  }

  /**
   * A device is about to get a copy of what is here: until `linked`, or the end of this, what happens is written down for it.
   */
  expect(): AsyncDisposable {
    const { journal, list, own } = this.#parts
    journal.expected++
    return {
      async [Symbol.asyncDispose]() {
        journal.expected--
        if (journal.expected === 0 && list.siblings().length === 0) await own.forget()
      }
    }
  }

  /** Another device has got what it needs from us, and is one of ours from now on. */
  async linked(card: DeviceCard): Promise<void> {
    const { state, self, list, secrets } = this.#parts
    const known = secrets.known()
    const changes = list.add(card, self.closet())
    await state.write([...changes, ...(await secrets.forNew(known))])
    await state.write(this.listed())
    await this.tell()
  }

  /** This device as the others are to know it. @throws {MuttrError} `VAULT_LOCKED` */
  card(): DeviceCard {
    this.#parts.self.closet()
    return this.#parts.list.own!
  }

  /** Calls this device otherwise. @throws {MuttrError} `USAGE`, `VAULT_LOCKED` */
  async rename(name: string): Promise<void> {
    const { state, self, list } = this.#parts
    const closet = self.closet()
    const trimmed = name.trim()
    if (trimmed === '' || utf8(trimmed).byteLength > deviceNameBytesMax || /\p{Cc}/u.test(trimmed))
      throw new MuttrError('USAGE', `a name is one line of 1 to ${deviceNameBytesMax} bytes`)
    await state.write(list.change(list.self, { name: trimmed }, closet))
    await state.write(this.listed())
  }

  /**
   * Takes a device off the list: pods are told to let it in no more, and letters are sealed to a subkey that it does not get.
   * @throws {MuttrError} `DEVICE_UNKNOWN`, `USAGE` for this one, `VAULT_LOCKED`
   */
  async revoke(text: string): Promise<OwnDevice[]> {
    const { state, self, list, clock, rotate, dismissing, emit } = this.#parts
    const closet = self.closet()
    const device = list.find(text)
    const key = toHex(device.deviceKey)
    if (key === list.self)
      throw new MuttrError('USAGE', 'this is the device that you are using', {
        hint: 'Revoke it from another one, or revoke the key: `muttr key revoke`.'
      })
    const off = list.change(key, { revokedMs: clock.now() }, closet)
    const due: Change = { type: 'put', ...restoredRow, value: new Uint8Array() }
    // One write: what comes after it is done by the next look, too.
    await state.write([...off, ...dismissing.plan(device.deviceKey), ...this.listed(), due])
    emit({ type: 'device-revoked', device: key })
    await rotate()
    await dismissing.look()
    return this.all()
  }

  /** What other devices told is here, as far as it has come: who they are, and which subkeys there are. */
  isCaughtUp(): boolean {
    return this.#parts.list.others().length === 0 || this.#parts.isCaughtUp()
  }

  /** The list, for the others. */
  listed(): Change[] {
    const { list, journal } = this.#parts
    const all = list.all().slice(0, devicesMax)
    const devices = all.map(({ heardMs: _, ...device }) => device)
    return journal.note([{ type: 'devices', devices }])
  }

  async #ackOf({ deviceKey }: Pick<KnownDevice, 'deviceKey'>): Promise<Had> {
    return (await this.#acks.get(toHex(deviceKey))) ?? nothingHad
  }

  async #hasGap(): Promise<boolean> {
    return (await this.#taken.list()).some(({ value }) => value.beyond.length > 0)
  }

  async #take(blob: Blob, signer: Certificate): Promise<void> {
    const { crypto, self, clock, log } = this.#parts
    const reader = self.person()
    let entry: SyncEntry
    const opened = await crypto.open(blob.sealed, { reader, nowMs: clock.now() })
    try {
      await opened.verify(signer)
      entry = decodeSyncEntry(opened.plaintext)
    } catch (err) {
      log.warn('an entry of another device is not taken', { err })
      return
    }
    await this.#takeEntry(entry, signer)
  }

  async #takeEntry(entry: SyncEntry, signer: Certificate): Promise<void> {
    const { deviceKey, sequence, first, madeMs, taken, events } = entry
    const { list, self, state, mirror, emit, own, clock, log } = this.#parts
    const by = toHex(deviceKey)
    if (by === list.self) return
    const device = list.get(by)
    // What it told while it was one of ours may be the only word of a letter.
    if (device && device.revokedMs !== null && madeMs > device.revokedMs)
      return log.info('a revoked device says something')
    const { pin } = self.person().certificate
    const isByNow = signer.pin === pin
    // Who else has a key that was left must not become a device by it, nor speak for one that has the new key.
    if (!isByNow && (!device || (await this.#signers.hasLeft(by, sequence, pin))))
      return log.info('a device says something by a key that it left')
    const wasAway = device !== undefined && list.isAway(device)
    const kept = (await this.#taken.get(by)) ?? nothingHad
    const before = joined(kept, { through: first - 1, beyond: [] }) ?? kept
    const after = withOne(before, sequence)
    if (!after) throw new MuttrError('LIMIT_EXCEEDED', 'too many entries before this are missing')
    if (!has(before, sequence)) {
      let failure: unknown
      for (const event of events)
        await mirror.apply(event, { by, signer }).catch(err => {
          failure ??= err
        })
      if (failure) throw failure
      const heardMs = Math.max(list.get(by)?.heardMs ?? 0, Math.min(madeMs, clock.now()))
      await state.write([
        ...(isByNow ? await this.#signers.signed(by, sequence, pin) : []),
        this.#taken.put(by, after),
        ...list.change(by, { heardMs }, self.closet())
      ])
      if (events.length > 0) {
        emit({ type: 'mirrored', device: by })
        this.#owed++
        this.#owedSinceMs ??= clock.now()
      } else if (after.beyond.length > 0) this.#owed++
    }
    const ours = taken.find(one => toHex(one.deviceKey) === list.self)
    if (!list.get(by)) return
    const ack = (await this.#acks.get(by)) ?? nothingHad
    const known = ours ? (joined(ack, ours) ?? ack) : ack
    await state.write([this.#acks.put(by, known)])
    await own.resend(known)
    // It takes us for away too, until it hears of us.
    if (wasAway) void this.tell()
  }
}

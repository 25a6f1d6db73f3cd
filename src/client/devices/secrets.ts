import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Person } from '../../keys/person.ts'
import { exportPerson } from '../../keys/person.ts'
import type { Change, State } from '../../store/state.ts'
import { bytes, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { SealedSecret } from '../../wire/sync.ts'
import { deviceSealInfo } from '../../wire/sync.ts'
import type { Self } from '../self.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'
import type { JournalRows } from './journal.ts'
import type { DeviceList, KnownDevice } from './list.ts'
import { awayMs } from './list.ts'
import type { OwnLog } from './own-log.ts'

interface DeviceSecretsParts {
  state: State
  clock: Clock
  log: Log
  self: Self
  list: DeviceList
  journal: JournalRows
  own: Pick<OwnLog, 'flush' | 'rows'>
  crypto: Crypto
}

/** A subkey that was added here. */
interface Made {
  readonly atMs: Millis
  /** The certificate without it. */
  readonly before: Uint8Array
}

const place = 'own'
const sealTo = { table: 'sync-seal', key: 'to' } as const
const hexOf = ({ deviceKey }: Pick<KnownDevice, 'deviceKey'>): string => toHex(deviceKey)

/** New secrets of the person for the other devices, each sealed to one of them alone. Source: docs/protocol/sync.md#subkeys */
export class DeviceSecrets {
  readonly #parts: DeviceSecretsParts
  readonly #made: Table<Made>

  constructor(parts: DeviceSecretsParts) {
    this.#parts = parts
    this.#made = createTable({
      ...{ state: parts.state, log: parts.log, name: 'sync-made' },
      field: mapped(
        tuple(literal(1), uint(), bytes(1, limits.certificateBytesMax)),
        ([, atMs, before]): Made => ({ atMs, before })
      ),
      write: ({ atMs, before }) => [1, atMs, before],
      maxBytes: limits.certificateBytesMax + 64
    })
  }

  /** Who the other devices are is known. */
  get isReady(): boolean {
    return this.#parts.list.loaded
  }

  /** Keys of the devices that new secrets are for. */
  living(): Uint8Array[] {
    return this.#parts.list.siblings().map(({ deviceKey }) => deviceKey)
  }

  /** The same, in hex. */
  known(): string[] {
    return this.#parts.list.siblings().map(hexOf)
  }

  /** The secret of a new subkey for every other device, with what tells them. @param before as the others know us. */
  async shared(next: Person, before: Certificate): Promise<Change[]> {
    const { clock, list } = this.#parts
    const made: Made = { atMs: clock.now(), before: before.bytes }
    const isFirst = (await this.#firstMade(before.pin)) === undefined
    const told = await this.#told(next, before, list.siblings())
    return isFirst ? [this.#made.put(place, made), ...told] : told
  }

  /**
   * Another device has added a subkey, which is passed on to those that it did not know of. @param told keys, hex, of devices that have it.
   * @param before as those know us.
   */
  passedOn(next: Person, before: Certificate, told: readonly string[]): Promise<Change[]> {
    const { list } = this.#parts
    const lacking = list.siblings().filter(one => !told.includes(hexOf(one)))
    return this.#told(next, before, lacking)
  }

  /** What was added here before these devices were known, which came by what another one had. @param known keys, hex, of those that were. */
  async forNew(known: readonly string[]): Promise<Change[]> {
    const { list, self } = this.#parts
    const fresh = list.siblings().filter(one => !known.includes(hexOf(one)))
    const person = self.person()
    const before = fresh.length > 0 && (await this.#firstMade(person.certificate.pin))
    if (!before) return []
    const told = await this.#told(person, before, fresh)
    return [...told, { type: 'put', ...sealTo, value: before.bytes }]
  }

  /** As we were before the first subkey that was added here in the time for which a device may be away. */
  async #firstMade(pin: string): Promise<Certificate | undefined> {
    const { clock, crypto } = this.#parts
    const first = await this.#made.get(place)
    if (!first || first.atMs + awayMs <= clock.now()) return undefined
    const before = await crypto.readCertificate(first.before)
    return before.pin === pin ? before : undefined
  }

  /** @param before what tells them is sealed to its subkey, which they have. */
  async #told(
    next: Person,
    before: Certificate,
    devices: readonly KnownDevice[]
  ): Promise<Change[]> {
    const { state, journal } = this.#parts
    if (devices.length === 0) return []
    const sealed = await this.#sealed(next, devices)
    const kept = await state.get(sealTo.table, sealTo.key)
    const known: Change[] = kept ? [] : [{ type: 'put', ...sealTo, value: before.bytes }]
    return [...known, ...journal.note([{ type: 'subkeys', sealed }])]
  }

  /**
   * A new primary key for every other device, with what tells them. @param from fingerprint of the key that it takes the place of.
   * @param told keys, hex, of devices that have been told. @returns those as well, and what to write
   */
  async handedOn(
    next: Person,
    from: string,
    told: readonly string[]
  ): Promise<{ told: string[]; changes: Change[] }> {
    const { list, journal } = this.#parts
    const lacking = list.siblings().filter(one => !told.includes(hexOf(one)))
    if (lacking.length === 0) return { told: [...told], changes: [] }
    const sealed = await this.#sealed(next, lacking)
    return {
      told: [...told, ...lacking.map(hexOf)],
      changes: journal.note([{ type: 'succeeded', from, sealed }])
    }
  }

  /** As the others know us, until they have been told of our newest subkey; and what to write when an entry tells them. */
  async sealedTo(): Promise<{ to: Certificate; told: Change[] }> {
    const { state, self, crypto } = this.#parts
    const kept = await state.get(sealTo.table, sealTo.key)
    if (!kept) return { to: self.person().certificate, told: [] }
    return { to: await crypto.readCertificate(kept), told: [{ type: 'delete', ...sealTo }] }
  }

  /** Whether new secrets may be used before others: all that our devices need to open with them has gone out. */
  async areTold(): Promise<boolean> {
    const { journal, self, own, list } = this.#parts
    if (list.siblings().length === 0) return true
    await own.flush()
    const closet = self.openCloset
    if (!closet || (await journal.waits(['subkeys', 'succeeded'], closet))) return false
    return (await own.rows()).every(({ row }) => row.announcedMs !== null)
  }

  async #sealed(person: Person, devices: readonly KnownDevice[]): Promise<SealedSecret[]> {
    const { crypto } = this.#parts
    const secret = new Uint8Array(Buffer.from(await exportPerson(person)))
    return Promise.all(
      devices.map(async ({ deviceKey, sealKey }) => ({
        deviceKey,
        secret: await crypto.hpkeSeal(sealKey, deviceSealInfo, secret)
      }))
    )
  }
}

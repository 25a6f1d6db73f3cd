import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Millis, PeerId } from '../../base/ports.ts'
import type { Device } from '../../keys/device.ts'
import type { Change, State } from '../../store/state.ts'
import { decodeCbor, encodeCbor, literal, mapped, tuple, uint } from '../../wire/cbor.ts'
import type { DeviceCard, ListedDevice } from '../../wire/sync.ts'
import {
  deviceCard,
  deviceNameBytesMax,
  devicesMax,
  listedDevice,
  writeDeviceCard,
  writeListedDevice
} from '../../wire/sync.ts'
import type { Closet } from '../closet.ts'
import type { SealedTable } from '../mailbox/sealed-table.ts'
import { createSealedTable } from '../mailbox/sealed-table.ts'

export interface DeviceListParts {
  state: State
  clock: Clock
  log: Log
  device: Device
  peer: PeerId
  /** As people call this device until they call it otherwise. */
  name: string
}

/** A device as this one knows it. */
export interface KnownDevice extends ListedDevice {
  /** When its last entry was made. */
  readonly heardMs: Millis
}

const cardBytesMax = 512
/** Nothing is kept for a device that said nothing for so long: what was sealed for it has expired. Source: docs/protocol/sync.md */
export const awayMs: Millis = 100 * 24 * 3_600_000

const cardPlace = { table: 'self', key: 'device' } as const

/** The card with which a device was linked, for its first start. */
export const keptCard = (card: DeviceCard): Change => ({
  ...{ type: 'put', ...cardPlace },
  value: encodeCbor(writeDeviceCard(card))
})

/** As much of a node's name as a device's may have. */
export const deviceName = (name: string | null): string =>
  Buffer.from(name || 'device')
    .subarray(0, deviceNameBytesMax)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')

const hexOf = ({ deviceKey }: Pick<DeviceCard, 'deviceKey'>): string => toHex(deviceKey)

/** The devices of the person, this one among them. In memory while the vault is open. */
export class DeviceList {
  readonly #parts: DeviceListParts
  readonly #rows: SealedTable<KnownDevice>
  readonly #known = new Map<string, KnownDevice>()
  #loaded = false
  readonly self: string

  constructor(parts: DeviceListParts) {
    this.#parts = parts
    this.self = toHex(parts.device.publicKey)
    this.#rows = createSealedTable({
      ...{ state: parts.state, log: parts.log, name: 'devices', maxBytes: 1_024 },
      field: mapped(tuple(literal(1), listedDevice, uint()), ([, device, heardMs]) => ({
        ...device,
        heardMs
      })),
      write: ({ heardMs, ...device }) => [1, writeListedDevice(device), heardMs]
    })
  }

  /** @returns what is to be written for this device when it is new on the list. */
  async load(closet: Closet): Promise<Change[]> {
    const { clock, device, peer, name } = this.#parts
    this.#known.clear()
    const { rows } = await this.#rows.page(closet, { limit: 4 * devicesMax })
    for (const { key, value } of rows) this.#known.set(key, value)
    this.#loaded = true
    if (this.#known.get(this.self)?.peer === peer) return []
    const nowMs = clock.now()
    const { publicKey: sealKey } = device.sealKey
    const made = { deviceKey: device.publicKey, sealKey, peer, name, sinceMs: nowMs }
    const card = (await this.#linkedAs()) ?? made
    return this.#put({ ...card, revokedMs: null, heardMs: nowMs }, closet)
  }

  /** The card in a copy of a device's folder is that device's. */
  async #linkedAs(): Promise<DeviceCard | undefined> {
    const { state } = this.#parts
    const kept = await state.get(cardPlace.table, cardPlace.key)
    if (!kept) return undefined
    const card = decodeCbor(kept, 'a card', deviceCard, cardBytesMax, 'HOME_DAMAGED')
    return hexOf(card) === this.self ? card : undefined
  }

  forget(): void {
    this.#known.clear()
    this.#loaded = false
  }

  /** The list is known: before that, nobody can say that there is no other device. */
  get loaded(): boolean {
    return this.#loaded
  }

  get own(): KnownDevice | undefined {
    return this.#known.get(this.self)
  }

  /** All but revoked ones first, the oldest first. */
  all(): KnownDevice[] {
    const isRevoked = ({ revokedMs }: KnownDevice) => Number(revokedMs !== null)
    return [...this.#known.values()].sort(
      (a, b) =>
        isRevoked(a) - isRevoked(b) || a.sinceMs - b.sinceMs || (hexOf(a) < hexOf(b) ? -1 : 1)
    )
  }

  get(deviceKey: string): KnownDevice | undefined {
    return this.#known.get(deviceKey)
  }

  /** The others for whom letters are sealed again: neither revoked nor away for too long. */
  siblings(): KnownDevice[] {
    return this.others().filter(device => !this.isAway(device))
  }

  /** All that are not revoked, also those that were away for long. */
  others(): KnownDevice[] {
    return this.all().filter(device => hexOf(device) !== this.self && device.revokedMs === null)
  }

  isAway({ heardMs }: KnownDevice): boolean {
    return heardMs + awayMs <= this.#parts.clock.now()
  }

  /** From 0: whose turn it is first, where one of all is enough. */
  get rank(): number {
    const living = [this.self, ...this.siblings().map(hexOf)].sort()
    return living.indexOf(this.self)
  }

  /** By the key's beginning, or the name. @throws {MuttrError} `DEVICE_UNKNOWN` */
  find(text: string): KnownDevice {
    const wanted = text.toLowerCase()
    const living = this.all().filter(({ revokedMs }) => revokedMs === null)
    const named = living.filter(({ name }) => name.toLowerCase() === wanted)
    const keyed = wanted.length < 4 ? [] : living.filter(one => hexOf(one).startsWith(wanted))
    const [found, ...more] = named.length > 0 ? named : keyed
    if (!found) throw new MuttrError('DEVICE_UNKNOWN', `no device ${text}`)
    if (more.length > 0)
      throw new MuttrError('DEVICE_UNKNOWN', `more than one device is called ${text}`, {
        hint: 'Give the beginning of its key, as `muttr devices` shows it.'
      })
    return found
  }

  /**
   * What another device says of the devices. A revocation stays; how a device is called is its own word.
   * @param by hex. @returns what is to be written
   */
  merge(devices: readonly ListedDevice[], by: string, closet: Closet): Change[] {
    return devices.flatMap(device => {
      const key = hexOf(device)
      const before = this.#known.get(key)
      if (!before) {
        if (!this.#hasRoom()) return []
        return this.#put({ ...device, heardMs: this.#parts.clock.now() }, closet)
      }
      const revokedMs = before.revokedMs ?? device.revokedMs
      const card = key === by && key !== this.self ? device : before
      if (revokedMs === before.revokedMs && card === before) return []
      return this.#put({ ...before, ...card, heardMs: before.heardMs, revokedMs }, closet)
    })
  }

  /** @returns what is to be written */
  add(card: DeviceCard, closet: Closet): Change[] {
    const known = { ...card, revokedMs: null, heardMs: this.#parts.clock.now() }
    return this.merge([known], hexOf(card), closet)
  }

  /** @returns what is to be written */
  change(
    deviceKey: string,
    changes: Partial<Pick<KnownDevice, 'name' | 'revokedMs' | 'heardMs'>>,
    closet: Closet
  ): Change[] {
    const before = this.#known.get(deviceKey)
    return before ? this.#put({ ...before, ...changes }, closet) : []
  }

  /** One that is over gives way. */
  #hasRoom(): boolean {
    if (this.#known.size < devicesMax) return true
    const over = this.all()
      .reverse()
      .find(({ revokedMs }) => revokedMs !== null)
    if (!over) return false
    this.#known.delete(hexOf(over))
    return true
  }

  #put(device: KnownDevice, closet: Closet): Change[] {
    const key = hexOf(device)
    this.#known.set(key, device)
    return [this.#rows.put(key, device, closet)]
  }
}

import { fromHex, sha256, toHex, utf8 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from './cbor.ts'
import { fingerprint, fingerprintBytes } from './fingerprint.ts'

/** A device of a person, as the others know it. */
export interface DeviceCard {
  /** Ed25519; names the device. 32 bytes. */
  readonly deviceKey: Uint8Array
  /** X25519, for what this device alone may read. 32 bytes. */
  readonly sealKey: Uint8Array
  readonly peer: PeerId
  /** As people call it, 1 to 64 bytes. */
  readonly name: string
  readonly sinceMs: Millis
}

/** A device in the list that all devices of a person keep. */
export interface ListedDevice extends DeviceCard {
  readonly revokedMs: Millis | null
}

/** What somebody has of one device's entries: all up to `through`, and some beyond. */
export interface Taken {
  readonly deviceKey: Uint8Array
  readonly through: number
  /** Ascending. */
  readonly beyond: readonly number[]
}

/** A letter, by its id and the key that signed it; null for one of our own, or that was imported. Hex. */
export interface LetterName {
  readonly id: string
  readonly fingerprint: string | null
}

/** What happened on one device, for the others. Source: docs/protocol/sync.md */
export type SyncEvent = { readonly atMs: Millis } & (
  | {
      readonly type: 'letter'
      /** The signed bytes. */
      readonly frame: Uint8Array
      /** Of its blob. */
      readonly key: Uint8Array
      readonly sizeBytes: number
      readonly expiryMs: Millis
      readonly receivedMs: Millis
      readonly isContact: boolean
    }
  | {
      readonly type: 'sent'
      /** The letter's id, hex. */
      readonly id: string
      readonly row: Uint8Array
      /** With the first word of a letter only. */
      readonly secret: Uint8Array | null
    }
  | { readonly type: 'read'; readonly letter: LetterName; readonly read: boolean }
  | {
      readonly type: 'conversation'
      /** Hex. */
      readonly thread: string
      readonly archived: boolean
      readonly labels: readonly string[]
    }
  | {
      readonly type: 'deleted'
      readonly direction: 'in' | 'out'
      readonly letter: LetterName
    }
  | { readonly type: 'contact'; readonly alias: string; readonly row: Uint8Array }
  | { readonly type: 'policy'; readonly row: Uint8Array }
  | {
      readonly type: 'subkeys'
      /** The person's secret key, sealed to each device that shall have it. */
      readonly sealed: readonly SealedSecret[]
    }
  | { readonly type: 'devices'; readonly devices: readonly ListedDevice[] }
  | { readonly type: 'alias'; readonly alias: string }
  /** A signed move of our own. */
  | { readonly type: 'moved'; readonly move: Uint8Array }
  | { readonly type: 'revoked'; readonly certificate: Uint8Array }
  | {
      readonly type: 'succeeded'
      /** Fingerprint of the key that another took the place of, hex. */
      readonly from: string
      /** The new secret key, sealed to each device that shall have it. */
      readonly sealed: readonly SealedSecret[]
    }
  /** What an own alias and a correspondent have agreed on; an address that the person hands out. */
  | { readonly type: 'relation'; readonly row: Uint8Array }
  | { readonly type: 'published'; readonly row: Uint8Array }
)

/** A secret of the person's that one device alone can open. */
export interface SealedSecret {
  readonly deviceKey: Uint8Array
  readonly secret: Uint8Array
}

export type SyncEventOf<T extends SyncEvent['type']> = Extract<SyncEvent, { type: T }>

/** One entry of a device's log. */
export interface SyncEntry {
  readonly deviceKey: Uint8Array
  /** From 1, without gaps. */
  readonly sequence: number
  /** Of entries before this one nothing is left with their maker: who lacks them does not wait. At most `sequence`. */
  readonly first: number
  readonly madeMs: Millis
  readonly taken: readonly Taken[]
  readonly events: readonly SyncEvent[]
}

/** For the secret of a subkey, sealed to one device. */
export const deviceSealInfo = 'muttr device 1'
export const devicesMax = 16
export const beyondMax = 256
export const deviceNameBytesMax = 64
/** A person's secret key, sealed. */
const secretBytesMax = 48 * 1_024
const rowBytesMax = 140 * 1_024
const eventsMax = 1_000
const sequence = uint(2 ** 48, 1)
const labelBytesMax = 256
const labelsMax = 32
const label = utf8('muttr sync 1\0')

/** What the slip of an entry's notice says in the place of a letter's id: by it the reader tells an entry from a letter. */
export const syncLetterOf = (key: Uint8Array): Uint8Array => sha256(label, key)

const id = mapped(bytes(32), toHex)
const idBytes = (hex: string): Uint8Array => fromHex(hex, 32)!
const letterName = mapped(
  tuple(id, nullable(fingerprint)),
  ([id, fingerprint]): LetterName => ({ id, fingerprint })
)
const writeName = ({ id, fingerprint: print }: LetterName) => [
  idBytes(id),
  print && fingerprintBytes(print)
]

const cardFields = [
  bytes(32),
  bytes(32),
  text(limits.peerIdCharsMax, 1),
  text(deviceNameBytesMax, 1),
  uint()
] as const

export const deviceCard: Field<DeviceCard> = mapped(
  tuple(literal(1), ...cardFields),
  ([, deviceKey, sealKey, peer, name, sinceMs]) => ({ deviceKey, sealKey, peer, name, sinceMs })
)

export const writeDeviceCard = (c: DeviceCard): unknown[] => [
  1,
  c.deviceKey,
  c.sealKey,
  c.peer,
  c.name,
  c.sinceMs
]

export const listedDevice: Field<ListedDevice> = mapped(
  tuple(literal(1), ...cardFields, nullable(uint())),
  ([, deviceKey, sealKey, peer, name, sinceMs, revokedMs]) => ({
    ...{ deviceKey, sealKey, peer, name, sinceMs, revokedMs }
  })
)

export const writeListedDevice = (d: ListedDevice): unknown[] => [
  ...writeDeviceCard(d),
  d.revokedMs
]

const taken: Field<Taken> = mapped(
  tuple(bytes(32), uint(2 ** 48), array(sequence, beyondMax)),
  ([deviceKey, through, beyond]) => {
    if (beyond.some((one, i) => one <= (beyond[i - 1] ?? through + 1)))
      throw new RangeError('numbers out of their order')
    return { deviceKey, through, beyond }
  }
)

const alias = text(limits.fullAliasCharsMax, 3)
const row = bytes(1, rowBytesMax)
const sealedSecrets = array(
  mapped(
    tuple(bytes(32), bytes(1, secretBytesMax)),
    ([deviceKey, secret]): SealedSecret => ({ deviceKey, secret })
  ),
  devicesMax
)
const writeSecrets = (sealed: readonly SealedSecret[]) =>
  sealed.map(({ deviceKey, secret }) => [deviceKey, secret])

type Kinds = {
  readonly [T in SyncEvent['type']]: {
    readonly read: Field<SyncEventOf<T>>
    readonly write: (event: SyncEventOf<T>) => unknown[]
  }
}

const kinds: Kinds = {
  letter: {
    read: mapped(
      tuple(
        literal(0),
        uint(),
        bytes(1, limits.blobBytesMax),
        bytes(32),
        tuple(uint(limits.blobBytesMax), uint(), uint()),
        bool
      ),
      ([, atMs, frame, key, [sizeBytes, expiryMs, receivedMs], isContact]) => ({
        ...{ type: 'letter', atMs, frame, key, sizeBytes, expiryMs, receivedMs, isContact }
      })
    ),
    write: e => [e.frame, e.key, [e.sizeBytes, e.expiryMs, e.receivedMs], e.isContact]
  },
  sent: {
    read: mapped(
      tuple(literal(1), uint(), id, row, nullable(row)),
      ([, atMs, id, row, secret]) => ({
        ...{ type: 'sent', atMs, id, row, secret }
      })
    ),
    write: e => [idBytes(e.id), e.row, e.secret]
  },
  read: {
    read: mapped(tuple(literal(2), uint(), letterName, bool), ([, atMs, letter, read]) => ({
      ...{ type: 'read', atMs, letter, read }
    })),
    write: e => [writeName(e.letter), e.read]
  },
  conversation: {
    read: mapped(
      tuple(literal(3), uint(), id, bool, array(text(labelBytesMax, 1), labelsMax)),
      ([, atMs, thread, archived, labels]) => ({
        ...{ type: 'conversation', atMs, thread, archived, labels }
      })
    ),
    write: e => [idBytes(e.thread), e.archived, e.labels]
  },
  deleted: {
    read: mapped(
      tuple(literal(4), uint(), oneOf('in', 'out'), letterName),
      ([, atMs, direction, letter]) => ({ type: 'deleted', atMs, direction, letter })
    ),
    write: e => [e.direction, writeName(e.letter)]
  },
  contact: {
    read: mapped(tuple(literal(5), uint(), alias, row), ([, atMs, alias, row]) => ({
      ...{ type: 'contact', atMs, alias, row }
    })),
    write: e => [e.alias, e.row]
  },
  policy: {
    read: mapped(tuple(literal(6), uint(), row), ([, atMs, row]) => ({
      ...{ type: 'policy', atMs, row }
    })),
    write: e => [e.row]
  },
  subkeys: {
    read: mapped(tuple(literal(7), uint(), sealedSecrets), ([, atMs, sealed]) => ({
      ...{ type: 'subkeys', atMs, sealed }
    })),
    write: e => [writeSecrets(e.sealed)]
  },
  devices: {
    read: mapped(
      tuple(literal(8), uint(), array(listedDevice, devicesMax)),
      ([, atMs, devices]) => ({ type: 'devices', atMs, devices })
    ),
    write: e => [e.devices.map(writeListedDevice)]
  },
  alias: {
    read: mapped(tuple(literal(9), uint(), alias), ([, atMs, alias]) => ({
      ...{ type: 'alias', atMs, alias }
    })),
    write: e => [e.alias]
  },
  revoked: {
    read: mapped(
      tuple(literal(10), uint(), bytes(1, limits.certificateBytesMax)),
      ([, atMs, certificate]) => ({ type: 'revoked', atMs, certificate })
    ),
    write: e => [e.certificate]
  },
  succeeded: {
    read: mapped(
      tuple(literal(11), uint(), fingerprint, sealedSecrets),
      ([, atMs, from, sealed]) => ({ type: 'succeeded', atMs, from, sealed })
    ),
    write: e => [fingerprintBytes(e.from), writeSecrets(e.sealed)]
  },
  relation: {
    read: mapped(tuple(literal(12), uint(), row), ([, atMs, row]) => ({
      ...{ type: 'relation', atMs, row }
    })),
    write: e => [e.row]
  },
  published: {
    read: mapped(tuple(literal(13), uint(), row), ([, atMs, row]) => ({
      ...{ type: 'published', atMs, row }
    })),
    write: e => [e.row]
  },
  moved: {
    read: mapped(
      tuple(literal(14), uint(), bytes(1, limits.signedMoveBytesMax)),
      ([, atMs, move]) => ({ type: 'moved', atMs, move })
    ),
    write: e => [e.move]
  }
}

/** In the order of their numbers. */
const types = Object.keys(kinds) as SyncEvent['type'][]

const event: Field<SyncEvent> = value => {
  const type = types[Array.isArray(value) ? Number(value[0]) : -1]
  if (!type) throw new TypeError('an event of no known kind')
  return kinds[type].read(value)
}

const writeEvent = (e: SyncEvent): unknown[] => {
  const { write } = kinds[e.type] as { write: (event: SyncEvent) => unknown[] }
  return [types.indexOf(e.type), e.atMs, ...write(e)]
}

const entry: Field<SyncEntry> = mapped(
  tuple(
    literal(1),
    bytes(32),
    tuple(sequence, sequence),
    uint(),
    array(taken, devicesMax),
    array(event, eventsMax)
  ),
  ([, deviceKey, [sequence, first], madeMs, taken, events]) => {
    if (first > sequence) throw new RangeError('begins after itself')
    return { deviceKey, sequence, first, madeMs, taken, events }
  }
)

export const encodeSyncEvent = (e: SyncEvent): Uint8Array => encodeCbor(writeEvent(e))

/** @throws {MuttrError} `HOME_DAMAGED`: it was our own. */
export const decodeSyncEvent = (frame: Uint8Array): SyncEvent =>
  decodeCbor(frame, 'an event of a device', event, limits.payloadBytesMax, 'HOME_DAMAGED')

export const encodeSyncEntry = (e: SyncEntry): Uint8Array =>
  encodeCbor([
    1,
    e.deviceKey,
    [e.sequence, e.first],
    e.madeMs,
    e.taken.map(({ deviceKey, through, beyond }) => [deviceKey, through, beyond]),
    e.events.map(writeEvent)
  ])

/** @throws {MuttrError} `SYNC_INVALID`, `WIRE_TOO_LARGE` */
export const decodeSyncEntry = (frame: Uint8Array): SyncEntry =>
  decodeCbor(frame, 'an entry of a device', entry, limits.blobBytesMax, 'SYNC_INVALID')

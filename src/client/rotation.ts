import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { SubkeyTools } from '../keys/subkeys.ts'
import type { Change, State } from '../store/state.ts'
import { literal, mapped, text, tuple, uint } from '../wire/cbor.ts'
import { restoredRow } from './backup/restore.ts'
import type { Contacts } from './contacts.ts'
import type { DeviceSecrets } from './devices/secrets.ts'
import type { Self } from './self.ts'
import { createTable, type Table } from './table.ts'
import { answerLifeMs, ownHint } from './trust/pins.ts'

/** One encryption subkey of the person, as people are shown it. */
export interface OwnSubkey {
  fingerprint: string
  createdMs: Millis
  /** What is sealed to us from now on is sealed to this one. */
  current: boolean
  /** When its secret is erased; null for the current one, and while some pod still shows it as the newest. */
  eraseMs: Millis | null
}

export interface RotationParts {
  state: State
  self: Self
  contacts: Pick<Contacts, 'forgetWhoKnowsUs'>
  clock: Clock
  log: Log
  emit: Emit
  tools: SubkeyTools
  /** The person's other devices, which get the secret before anybody seals to it. */
  secrets: () => Pick<DeviceSecrets, 'shared' | 'areTold'>
  /** What other devices told is here, as far as it has come. */
  isCaughtUp: () => boolean
  /** Of several devices one adds subkeys; the others only when it has not for long. From 0. */
  rank: () => number
  /** Age at which the newest subkey is followed by another; null never. */
  everyMs: Millis | null
  /** Has an alias's pod certify, and so show, the certificate as it is now. */
  certify: (alias: string) => Promise<unknown>
}

const dayMs = 24 * 3_600_000
/** So much later the next device takes its turn. */
const rankMs: Millis = 3 * dayMs
/** From the day that no pod shows a subkey as the newest: its last letter can be sealed, has expired, and a week has passed. */
export const eraseAfterMs =
  answerLifeMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs + 7 * dayMs

const publishedRow = mapped(tuple(literal(1), text(64, 40)), ([, fingerprint]) => fingerprint)
const eraseRow = mapped(tuple(literal(1), uint()), ([, eraseMs]) => eraseMs)

/**
 * A new encryption subkey every month, and the end of the old ones: their secrets are erased when nothing in the network can be sealed to
 * them any more, so that who takes the disk later cannot open what was recorded before. Each step may be cut off by a crash and is taken
 * up by the next look. Source: docs/protocol/keys.md#encryption-subkeys
 */
export class Rotation {
  readonly #parts: RotationParts
  /** By alias: the subkey that was the newest in what its pod took last. */
  readonly #published: Table<string>
  /** By fingerprint of an old subkey. */
  readonly #erase: Table<Millis>
  #looking: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(parts: RotationParts) {
    this.#parts = parts
    const { state, log } = parts
    const common = { state, log, maxBytes: 128 }
    this.#published = createTable({
      ...common,
      name: 'subkeys-shown',
      field: publishedRow,
      write: fingerprint => [1, fingerprint]
    })
    this.#erase = createTable({
      ...common,
      name: 'subkeys-erased',
      field: eraseRow,
      write: eraseMs => [1, eraseMs]
    })
  }

  /** Does what is due. Resolves when that is done or has to wait for a pod. One after the other; those that come meanwhile share the next. */
  look(): Promise<void> {
    const before = this.#looking
    this.#next ??= (async () => {
      await before?.catch(() => undefined)
      this.#next = undefined
      this.#looking = this.#look()
      await this.#looking
    })()
    return this.#next
  }

  /** A new subkey now, whatever the old one's age: for a device that was lost. @throws {MuttrError} `VAULT_LOCKED` */
  async rotate(): Promise<OwnSubkey[]> {
    if (this.#parts.self.certificate()?.revoked)
      throw new MuttrError('KEY_REVOKED', 'your own key is revoked', ownHint)
    await this.#add()
    await this.look()
    return this.list()
  }

  /** The alias's pod has taken this certificate, and shows it from now on. */
  async published(alias: string, certificate: Certificate): Promise<void> {
    const [newest] = certificate.subkeys
    if (!newest) return
    await this.#parts.state.write([this.#published.put(alias, newest.fingerprint)])
  }

  /** Of a key that another has succeeded: its subkeys go with it. */
  forget({ subkeys }: Certificate): Change[] {
    return subkeys.map(({ fingerprint }) => this.#erase.drop(fingerprint))
  }

  /** The subkey that was the newest in what the alias's pod took last. */
  shownBy(alias: string): Promise<string | undefined> {
    return this.#published.get(alias)
  }

  async list(): Promise<OwnSubkey[]> {
    const subkeys = this.#parts.self.certificate()?.subkeys ?? []
    const planned = new Map((await this.#erase.list()).map(({ key, value }) => [key, value]))
    return subkeys.map(({ fingerprint, createdMs }, i) => ({
      ...{ fingerprint, createdMs },
      current: i === 0,
      eraseMs: planned.get(fingerprint) ?? null
    }))
  }

  async #look(): Promise<void> {
    const { self, clock, state, everyMs, rank } = this.#parts
    if (self.locked || self.certificate()?.revoked) return
    const newest = self.certificate()?.subkeys[0]
    const turnMs = (everyMs ?? 0) + rank() * rankMs
    const isOld =
      everyMs !== null &&
      newest &&
      clock.now() - newest.createdMs >= turnMs &&
      this.#parts.isCaughtUp()
    // After a backup was made a subkey may have come whose secret is not in it.
    const isRestored = (await state.get(restoredRow.table, restoredRow.key)) !== undefined
    if (isOld || isRestored) await this.#add([{ type: 'delete', ...restoredRow }])
    if ((await this.#show()) && everyMs !== null) await this.#plan()
    await this.#drop()
  }

  async #add(changes: Change[] = []): Promise<void> {
    const { self, clock, tools, contacts, emit, secrets } = this.#parts
    const next = await self.rekey(
      person => tools.addSubkey(person, clock.now()),
      async (added, before) => [...changes, ...(await secrets().shared(added, before.certificate))]
    )
    // Who knows our key does not know this part of it: until they write again, our letters carry it.
    await contacts.forgetWhoKnowsUs()
    emit({ type: 'rotated', subkey: next.certificate.subkeys[0]!.fingerprint })
  }

  /** @returns whether every pod of ours shows the newest subkey. */
  async #show(): Promise<boolean> {
    const { self, certify, log, secrets } = this.#parts
    const newest = self.certificate()?.subkeys[0]
    if (!newest || !(await secrets().areTold())) return false
    let all = true
    for (const { alias } of self.registrations()) {
      if ((await this.#published.get(alias)) === newest.fingerprint) continue
      try {
        await certify(alias)
      } catch (err) {
        all = false
        log.info('a pod does not show the new subkey yet', { code: codeOf(err) })
      }
    }
    return all
  }

  /** The clock for each old subkey begins when no pod shows it as the newest any more. */
  async #plan(): Promise<void> {
    const { self, clock, state } = this.#parts
    const [, ...old] = self.certificate()?.subkeys ?? []
    const eraseMs = clock.now() + eraseAfterMs
    const changes: Change[] = []
    for (const { fingerprint } of old)
      if ((await this.#erase.get(fingerprint)) === undefined)
        changes.push(this.#erase.put(fingerprint, eraseMs))
    if (changes.length > 0) await state.write(changes)
  }

  async #drop(): Promise<void> {
    const { self, clock, tools, emit } = this.#parts
    const [, ...old] = self.certificate()?.subkeys ?? []
    const planned = new Map((await this.#erase.list()).map(({ key, value }) => [key, value]))
    const due = old.filter(
      ({ fingerprint }) => (planned.get(fingerprint) ?? Infinity) <= clock.now()
    )
    if (due.length === 0) return
    const gone = new Set(due.map(({ fingerprint }) => fingerprint))
    await self.rekey(
      person => tools.dropSubkeys(person, gone),
      () => [...gone].map(fingerprint => this.#erase.drop(fingerprint))
    )
    emit({ type: 'erased', subkeys: [...gone] })
  }
}

import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit, MuttrEvent } from '../../base/events.ts'
import type { Clock, Failure, Log, Millis, Random } from '../../base/ports.ts'
import { backupKeys } from '../../keys/backup-record.ts'
import type { RecordDht } from '../../replicas/publisher.ts'
import { putStatement } from '../../replicas/publisher.ts'
import type { State } from '../../store/state.ts'
import { backupKind, encodeBackupPlace } from '../../wire/records/backup.ts'
import type { Uploads } from '../attachments/uploads.ts'
import type { DeviceList } from '../devices/list.ts'
import { failureOf } from '../failure.ts'
import type { Self } from '../self.ts'
import type { Backups } from './backup.ts'
import { keptBackup } from './backup.ts'
import type { NetworkCopy, NetworkRow } from './network-rows.ts'
import { networkTable, noNetworkRow, weekMs } from './network-rows.ts'
import { goesAlong, sentRows } from './tables.ts'

/** The backup in the network, as people see it. */
export interface NetworkBackup {
  mode: NetworkBackupMode
  /** Another device of ours makes them. */
  elsewhere: boolean
  /** The last one that can be restored from; null where there is none. */
  last: {
    madeMs: Millis
    sizeBytes: number
    /** When the network forgets it, unless another is made. */
    expiryMs: Millis
  } | null
  /** The one that is being made: read and sealed, stored by seeds, then told where it lies. */
  making: {
    step: 'waiting' | 'sealing' | 'storing' | 'telling'
    madeMs: Millis
    /** Of all, so far as that is known. */
    sizeBytes: number
    doneBytes: number
    remainingMs: Millis | null
  } | null
  /** Why the last attempt failed, or what holds this one up. */
  problem: Failure | null
}

type NetworkBackupMode = 'off' | 'weekly'

export interface NetworkBackupsParts {
  state: State
  self: Self
  backups: Pick<Backups, 'sealed' | 'secret' | 'lastMs'>
  uploads: Pick<Uploads, 'attach' | 'row' | 'manifest' | 'drop'>
  list: Pick<DeviceList, 'rank'>
  dht: RecordDht
  mode: NetworkBackupMode
  /** A larger one is refused. */
  maxBytes: number
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
}

/** How long the network keeps one: as long as it keeps most. */
const lifeMs: Millis = 90 * 24 * 3_600_000
/** Another is made when less than this is left, whether anything has changed or not. */
const renewBeforeMs: Millis = 14 * 24 * 3_600_000
/** Holders keep a record for 30 days from its last put. */
const recordEveryMs: Millis = weekMs
const dayMs: Millis = 24 * 3_600_000
const lookEveryMs: Millis = 3_600_000
const retryMs: Millis = 30_000

type Transfer = Extract<MuttrEvent, { type: 'transfer' }>

/**
 * The person's backup in the network: made, renewed before it is forgotten, and the one before taken back when the new one stands. All
 * that it does follows from its row and the upload that this names, so that it goes on where a killed process was.
 * Source: docs/protocol/backup.md#in-the-network
 */
export class NetworkBackups implements AsyncDisposable {
  readonly #p: NetworkBackupsParts
  readonly #table: ReturnType<typeof networkTable>
  #row: NetworkRow = noNetworkRow
  #heard: Transfer | undefined
  #problem: Failure | null = null
  #failures = 0
  #sealing: AbortController | undefined
  #timer: Disposable | undefined
  /** One thing after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #isStarted = false
  #isWanted = false
  #told = ''

  constructor(parts: NetworkBackupsParts) {
    this.#p = parts
    this.#table = networkTable(parts.state, parts.log)
  }

  /** After the uploads: what was being sealed when the process ended is begun anew. */
  async start(): Promise<void> {
    this.#row = (await this.#table.get('state')) ?? noNetworkRow
    this.#told = JSON.stringify(this.show())
    this.#isStarted = true
    this.look()
  }

  /** A file of ours, and of no letter. */
  has(id: string): boolean {
    const { current, making, former } = this.#row
    return current?.id === id || making?.id === id || former.includes(id)
  }

  /** @returns whether it was about one of ours. */
  heard(event: MuttrEvent): boolean {
    if (event.type !== 'transfer' || !this.has(event.id)) return false
    if (event.id !== this.#row.making?.id) return true
    this.#heard = event
    this.#tell()
    if (event.state === 'stored' || event.state === 'failed') this.look()
    return true
  }

  show(): NetworkBackup {
    const { mode, uploads, self, list, clock } = this.#p
    const { current, making } = this.#row
    const stands = current && uploads.row(current.id)
    const last =
      current && stands && stands.expiryMs > clock.now()
        ? { madeMs: current.madeMs, sizeBytes: stands.sizeBytes, expiryMs: stands.expiryMs }
        : null
    const elsewhere = !self.locked && list.rank > 0
    const held = making && uploads.row(making.id)?.problem
    const problem = held ? failureOf(new MuttrError(held.code, held.message)) : this.#problem
    return { mode, elsewhere, last, making: making && this.#shown(making), problem }
  }

  #shown(making: NetworkCopy): NonNullable<NetworkBackup['making']> {
    const { madeMs } = making
    const row = this.#p.uploads.row(making.id)
    const heard = this.#heard?.id === making.id ? this.#heard : undefined
    const step =
      row === undefined
        ? 'waiting'
        : row.stage === 'sealing'
          ? 'sealing'
          : row.stage === 'stored'
            ? 'telling'
            : 'storing'
    const sizeBytes = row?.sizeBytes ?? 0
    const doneBytes = step === 'telling' ? sizeBytes : (heard?.doneBytes ?? 0)
    return { step, madeMs, sizeBytes, doneBytes, remainingMs: heard?.remainingMs ?? null }
  }

  /** Makes one now, and goes on until it stands. @throws {MuttrError} `VAULT_LOCKED`, `USAGE` where another device makes them */
  async begin(): Promise<NetworkBackup> {
    const { self, list } = this.#p
    self.person()
    if (list.rank > 0)
      throw new MuttrError('USAGE', 'another of your devices makes the backups in the network', {
        hint: 'Make it there: two would take turns in replacing each other.'
      })
    if (!this.#row.making)
      await this.#inTurn(async () => {
        if (!this.#row.making) await this.#plan()
      })
    this.look()
    return this.show()
  }

  /** What is being made is made no more; what stands goes on standing. */
  cancel(): Promise<NetworkBackup> {
    this.#sealing?.abort()
    return this.#inTurn(async () => {
      const { making, former } = this.#row
      if (making) {
        // By itself none is begun again at once.
        const notBeforeMs = this.#p.clock.now() + dayMs
        await this.#save({ making: null, former: [...former, making.id], notBeforeMs })
        this.#problem = null
        this.look()
      }
      return this.show()
    })
  }

  /** Looks whether something is to be done. */
  look(): void {
    if (!this.#isStarted || this.#isWanted || this.#p.life.aborted) return
    this.#isWanted = true
    this.#timer?.[Symbol.dispose]()
    void this.#inTurn(async () => {
      this.#isWanted = false
      const nextMs = await this.#step().then(
        () => lookEveryMs,
        err => this.#failed(err)
      )
      this.#tell()
      this.#timer?.[Symbol.dispose]()
      if (!this.#p.life.aborted) this.#timer = this.#p.clock.after(nextMs, () => this.look())
    }).catch(err => this.#p.log.warn('no backup in the network', { err }))
  }

  #failed(err: unknown): Millis {
    if (this.#p.life.aborted) return lookEveryMs
    this.#problem = failureOf(err)
    this.#failures += 1
    this.#p.log.debug('a backup does not get on', { code: codeOf(err) })
    return Math.min(lookEveryMs, retryMs * 2 ** (this.#failures - 1))
  }

  async #step(): Promise<void> {
    const { self, uploads, list, clock, life } = this.#p
    if (self.locked || life.aborted) return
    for (const id of this.#row.former) await this.#takeBack(id)
    const { current } = this.#row
    if (current && !uploads.row(current.id)) await this.#save({ current: null })
    if (list.rank > 0) return
    if (!this.#row.making && (await this.#isDue(clock.now()))) await this.#plan()
    const { making } = this.#row
    if (making) await this.#goOn(making)
    else if (current && this.#row.current && clock.now() >= current.putMs + recordEveryMs) {
      await this.#put(current)
      this.#problem = null
      this.#failures = 0
      await this.#save({ current: { ...current, putMs: clock.now() } })
    }
    for (const id of this.#row.former) await this.#takeBack(id)
  }

  async #takeBack(id: string): Promise<void> {
    const { uploads } = this.#p
    const stage = uploads.row(id)?.stage
    // What is being withdrawn goes on by itself, and stays ours until it is gone.
    if (stage === 'withdrawing') return
    if (stage !== undefined) await uploads.drop(id)
    else await this.#save({ former: this.#row.former.filter(other => other !== id) })
  }

  async #isDue(nowMs: Millis): Promise<boolean> {
    const { mode, self, backups, uploads } = this.#p
    const { current, notBeforeMs, checkedMs } = this.#row
    if (mode === 'off' || nowMs < notBeforeMs || self.certificate()?.revoked) return false
    // Without a last backup the key is another than the one that is in it.
    if (!current || (await backups.lastMs()) === null) return true
    if (uploads.row(current.id)!.expiryMs - nowMs < renewBeforeMs) return true
    if (nowMs < current.madeMs + weekMs || nowMs < checkedMs + dayMs) return false
    if ((await this.#digest()) !== current.digest) return true
    await this.#save({ checkedMs: nowMs })
    return false
  }

  /** From here on it is made, whatever happens in between. */
  async #plan(): Promise<void> {
    const { clock, random } = this.#p
    const id = toHex(random.bytes(16))
    const digest = await this.#digest()
    this.#problem = null
    await this.#save({ making: { id, madeMs: clock.now(), digest, putMs: 0 } })
  }

  async #goOn(making: NetworkCopy): Promise<void> {
    const { uploads, clock, state, log, emit } = this.#p
    const stage = uploads.row(making.id)?.stage
    if (stage === undefined) return await this.#seal(making)
    if (stage === 'failed') {
      const { problem } = uploads.row(making.id)!
      await this.#giveUp(making, clock.now() + lookEveryMs)
      throw new MuttrError(problem?.code ?? 'INTERNAL', problem?.message ?? 'it was not stored')
    }
    if (stage !== 'stored') return
    await this.#put(making)
    const { current, former } = this.#row
    const standing = { ...making, putMs: clock.now() }
    const row: NetworkRow = {
      ...{ current: standing, making: null, notBeforeMs: 0, checkedMs: 0 },
      former: current ? [...former, current.id] : former
    }
    await state.write([this.#table.put('state', row), keptBackup(state, log, making.madeMs)])
    this.#row = row
    this.#problem = null
    this.#failures = 0
    emit({ type: 'backed-up', madeMs: making.madeMs })
  }

  async #seal({ id }: NetworkCopy): Promise<void> {
    const { uploads, backups, clock, life, maxBytes } = this.#p
    const stop = new AbortController()
    this.#sealing = stop
    // The moment that it holds is now, not when it was asked for.
    const making = { ...this.#row.making!, id, madeMs: clock.now() }
    await this.#save({ making })
    try {
      await uploads.attach(bounded(await backups.sealed(), maxBytes), {
        ...{ id, name: 'backup', lifeMs },
        signal: AbortSignal.any([life, stop.signal])
      })
    } catch (err) {
      // Who ends goes on at the next start; who locked the vault when it is open.
      if (life.aborted || codeOf(err) === 'VAULT_LOCKED' || codeOf(err) === 'CANCELLED') return
      await this.#giveUp(making, clock.now() + dayMs)
      throw err
    } finally {
      this.#sealing = undefined
    }
  }

  async #giveUp({ id }: NetworkCopy, notBeforeMs: Millis): Promise<void> {
    await this.#save({ making: null, former: [...this.#row.former, id], notBeforeMs })
  }

  /** Says where it lies. @throws {MuttrError} as a DHT does, with fewer than W copies of the record */
  async #put({ id, madeMs }: NetworkCopy): Promise<void> {
    const { backups, uploads, dht, clock, random, life } = this.#p
    const keys = backupKeys(await backups.secret())
    const { sizeBytes, expiryMs, fileKey, roots } = await uploads.manifest(id)
    const place = encodeBackupPlace({ madeMs, sizeBytes, expiryMs, fileKey, roots })
    await putStatement(
      { dht, kind: backupKind, sequence: clock.now(), signal: life },
      {
        author: { scheme: 0, bytes: keys.author },
        body: keys.seal(place, random),
        sign: keys.sign
      }
    )
  }

  /** Of what the person has and does, and nothing that changes by itself. */
  async #digest(): Promise<string> {
    let hash: Uint8Array = new Uint8Array(32)
    for await (const row of this.#p.state.rows())
      if (goesAlong(row, true) || row.table === sentRows)
        hash = sha256(hash, utf8(`${row.table}\0${row.key}\0`), row.value)
    return toHex(hash)
  }

  async #save(changes: Partial<NetworkRow>): Promise<void> {
    this.#row = { ...this.#row, ...changes }
    await this.#p.state.write([this.#table.put('state', this.#row)])
    this.#tell()
  }

  /** Where there is something else to say than before. */
  #tell(): void {
    const shown = this.show()
    const saying = JSON.stringify(shown)
    if (saying === this.#told) return
    this.#told = saying
    this.#p.emit({ type: 'network-backup', ...shown })
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    this.#sealing?.abort()
    await this.#turn
    this.#timer?.[Symbol.dispose]()
  }
}

/** @throws {MuttrError} `LIMIT_EXCEEDED` */
async function* bounded(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of stream) {
    bytes += part.byteLength
    if (bytes > maxBytes)
      throw new MuttrError(
        'LIMIT_EXCEEDED',
        `a backup of more than ${maxBytes} bytes is not stored in the network`,
        {
          hint: 'Write it to a file (`muttr backup FILE`), or raise `networkBackupBytes` in muttr.json.'
        }
      )
    yield part
  }
}

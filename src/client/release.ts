import { equalBytes, sha256, toHex } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Outbox } from '../base/outbox.ts'
import type { Clock, Contact, Log, Millis, PeerId, Random } from '../base/ports.ts'
import { Pump } from '../base/pump.ts'
import { throwDice } from '../base/retry.ts'
import type { Crypto } from '../keys/crypto.ts'
import { sealReceipt } from '../keys/receipt.ts'
import type { Dht } from '../seed/dht.ts'
import type { Change, State } from '../store/state.ts'
import type { Blob } from '../wire/blob.ts'
import type { Letter } from '../wire/letter.ts'
import { encodeTombstone, readTombstone } from '../wire/tombstone.ts'
import type { Contacts } from './contacts.ts'
import type { ReleaseRow } from './release-rows.ts'
import { releaseTable } from './release-rows.ts'
import { releaseSchedule } from './retry.ts'
import type { Self } from './self.ts'
import type { StrangersBy } from './stranger-fetch.ts'

/** Who gets a receipt that asks for one: everybody whose key is pinned, those compared by hand, or nobody. */
export type ReceiptsTo = 'contacts' | 'verified' | 'nobody'

export interface ReleaseParts {
  dht: Pick<Dht, 'release'>
  /** Our own peer: a tombstone that it alone keeps frees nobody. */
  ourPeer: PeerId
  state: State
  contacts: Pick<Contacts, 'known'>
  self: Self
  outbox: Outbox
  receipts: ReceiptsTo
  /** As for the fetch: how holders of a letter from somebody who is no contact are talked to. */
  strangersBy: StrangersBy
  /** Whether somebody else of ours may still need the blob of this key, hex. */
  isHeld(key: string): Promise<boolean>
  relay(pod: string): Promise<Contact>
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  emit: Emit
  life: AbortSignal
}

/** A stranger is being asked for meanwhile; who turns out to be a contact gets a receipt. */
const meetMs: Millis = 10_000

/**
 * Gives the network back the space of letters that lie on our own disk: shows their `accept` to the holders, until W took it or they
 * expired. Source: docs/protocol/letter.md#accepting
 */
export class Releases implements AsyncDisposable {
  readonly #parts: ReleaseParts
  readonly #rows: ReturnType<typeof releaseTable>
  readonly #pump: Pump

  constructor(parts: ReleaseParts) {
    this.#parts = parts
    const { outbox, clock, life } = parts
    this.#pump = new Pump({
      outbox,
      clock,
      life,
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : this.#drop(id))
    })
    this.#rows = releaseTable(parts.state, parts.log)
  }

  async start(): Promise<void> {
    const { outbox, clock } = this.#parts
    for (const { key, value } of await this.#rows.list())
      outbox.add({
        id: key,
        expiryMs: value.expiryMs,
        failures: value.failures,
        dueMs: clock.now()
      })
    this.#pump.run()
  }

  /**
   * To be written with the letter itself, so that a letter that is kept is released also after a crash.
   * @param pod through which it was fetched, if it was.
   * @returns nothing for a letter that cannot be released.
   */
  plan(blob: Blob, { id, accept, flags, sender }: Letter, pod: string | null): Change[] {
    const { header, headerBytes, key } = blob
    if (accept === null || header.accept === null || !equalBytes(sha256(accept), header.accept))
      return []
    const { receiptRequested } = flags
    const { clock, strangersBy } = this.#parts
    const receipt = {
      letter: id,
      alias: sender.alias,
      fingerprint: toHex(sender.fingerprint),
      openedMs: clock.now()
    }
    const row: ReleaseRow = {
      tombstone: encodeTombstone({ headerBytes, retract: null, accept, receipt: null }),
      receipt: receiptRequested && sender.alias !== '' ? receipt : null,
      via: strangersBy === 'direct' ? null : pod,
      expiryMs: header.expiryMs,
      failures: 0
    }
    return [this.#rows.put(toHex(key), row)]
  }

  /** Takes back a blob of our own that nobody needs any more. @param also written with it. */
  async giveUp(
    { headerBytes, header, key }: Blob,
    retract: Uint8Array,
    also: readonly Change[]
  ): Promise<void> {
    const { state, outbox, clock } = this.#parts
    const { expiryMs } = header
    const tombstone = encodeTombstone({ headerBytes, retract, accept: null, receipt: null })
    const row: ReleaseRow = { tombstone, receipt: null, via: null, expiryMs, failures: 0 }
    await state.write([this.#rows.put(toHex(key), row), ...also])
    outbox.add({ id: toHex(key), expiryMs, failures: 0, dueMs: clock.now() })
    this.#pump.run()
  }

  /** The letter is on the disk. @param met its sender is known, or never will be; else that is being found out. */
  due({ key, header }: Blob, met: boolean): void {
    const { outbox, clock } = this.#parts
    const dueMs = clock.now() + (met ? 0 : meetMs)
    outbox.add({ id: toHex(key), expiryMs: header.expiryMs, failures: 0, dueMs })
    this.#pump.run()
  }

  /** Tries at once: one, or all, for the network is back or the vault is open. */
  wake(key?: Uint8Array): void {
    const { outbox, clock } = this.#parts
    const id = key && toHex(key)
    outbox.wake(clock.now(), one => id === undefined || one === id)
    this.#pump.run()
  }

  async #drop(id: string): Promise<void> {
    const { state, log } = this.#parts
    await state.write([this.#rows.drop(id)]).catch(() => log.warn('not written'))
  }

  async #try(id: string): Promise<void> {
    const { outbox, clock, random, log, life, state, isHeld } = this.#parts
    try {
      if (await isHeld(id)) return outbox.later(id, clock.now() + releaseSchedule.maxMs)
      const row = await this.#rows.get(id)
      if (row) await this.#release(id, await this.#withReceipt(id, row))
      outbox.finished(id)
      await this.#drop(id)
    } catch (err) {
      if (life.aborted) return
      const code = codeOf(err)
      if (code === 'HOME_DAMAGED' || code === 'BLOB_INVALID' || code === 'BLOB_EXPIRED') {
        log.info('a letter is not released', { code })
        outbox.finished(id)
        return this.#drop(id)
      }
      if (code === undefined) log.warn('an attempt to release broke', { err })
      outbox.failed(id, clock.now(), throwDice(random))
      const row = await this.#rows.get(id).catch(() => undefined)
      if (!row) return
      const failed = this.#rows.put(id, { ...row, failures: outbox.failures(id) })
      await state.write([failed]).catch(() => log.warn('not written'))
    }
  }

  async #release(id: string, { tombstone, via }: ReleaseRow): Promise<void> {
    const { dht, emit, life, ourPeer } = this.#parts
    const way = via === null ? {} : await this.#way(via)
    const { took, asked, needed } = await dht.release(tombstone, { signal: life, ...way })
    const receipt = readTombstone(tombstone).receipt !== null
    emit({ type: 'released', key: id, took: took.length, asked: asked.length, receipt })
    const others = took.filter(({ holder }) => holder !== ourPeer).length
    if (took.length < needed || others === 0)
      throw new MuttrError('QUORUM_MISSED', `${took.length} of at least ${needed} took it`)
  }

  /** Whoever was not to see by the fetch where we are shall not see it now. */
  async #way(pod: string): Promise<{ via?: Contact }> {
    const { relay, strangersBy } = this.#parts
    try {
      return { via: await relay(pod) }
    } catch (err) {
      if (strangersBy === 'relayed') throw err
      return {}
    }
  }

  /** Signs that the letter was opened, for a sender who may know; made once. @throws {MuttrError} `VAULT_LOCKED` */
  async #withReceipt(id: string, row: ReleaseRow): Promise<ReleaseRow> {
    const { self, clock, log, state, crypto } = this.#parts
    const { receipt: wish, tombstone } = row
    if (!wish) return row
    const from = self.person()
    const to = await this.#receiver(wish.alias, wish.fingerprint)
    const { key, ...shown } = readTombstone(tombstone)
    const acceptance = { key, letter: wish.letter, atMs: wish.openedMs }
    const receipt =
      to &&
      (await sealReceipt(acceptance, { from, to, nowMs: clock.now() }, crypto).catch(err => {
        log.info('no receipt can be made', { code: codeOf(err) })
        return null
      }))
    const made = {
      ...row,
      receipt: null,
      tombstone: receipt ? encodeTombstone({ ...shown, receipt }) : tombstone
    }
    await state.write([this.#rows.put(id, made)])
    return made
  }

  async #receiver(alias: string, fingerprint: string) {
    const { receipts, contacts } = this.#parts
    if (receipts === 'nobody') return null
    const known = await contacts.known(alias).catch(() => undefined)
    if (known?.certificate.fingerprint !== fingerprint) return null
    return receipts === 'contacts' || known.row.verified ? known.certificate : null
  }

  /** Resolves when nothing is being released. */
  async quiet(): Promise<void> {
    await this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}

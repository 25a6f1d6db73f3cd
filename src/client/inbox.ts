import { toHex } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { Pump } from '../base/pump.ts'
import { throwDice } from '../base/retry.ts'
import type { Certificate } from '../keys/certificate.ts'
import { ownKey } from '../keys/person.ts'
import type { AddressOffer } from '../wire/address.ts'
import type { Blob } from '../wire/blob.ts'
import type { Notice } from '../wire/notice.ts'
import type { Known } from './contacts.ts'
import { isEntry } from './devices/devices.ts'
import { failureOf } from './failure.ts'
import { freshLetter } from './fresh-letter.ts'
import { changedMax, hopeless, isInTime, pendingMax, sealedBounds } from './inbox-bounds.ts'
import type { InboxParts } from './inbox-parts.ts'
import type { NoticeRow } from './inbox-rows.ts'
import { noticeId } from './inbox-rows.ts'
import { getKnown, meet, showed } from './met.ts'
import type { OpenedLetter, OpenedSlip } from './open-letter.ts'
import { mustBeBefore, openLetter, openSlip } from './open-letter.ts'
import { Crowds } from './requests/crowds.ts'
import { isOfRelay } from './stranger-fetch.ts'
import { isProbe } from './trust/probe.ts'

/** From a pod's notice to a letter that was opened and checked. Source: docs/protocol/letter.md#what-a-reader-checks */
export class Inbox implements AsyncDisposable {
  readonly #parts: InboxParts
  /** Notices that are being written to the disk. */
  readonly #fresh = new Map<string, { row: NoticeRow; recorded: Promise<void> }>()
  /** Letters in a contact's name, by another key than the pinned one. */
  readonly #changed = new Crowds(changedMax)
  /** Notices that no subkey here opens. */
  readonly #sealed = new Set<string>()
  readonly #pump: Pump

  constructor(parts: InboxParts) {
    this.#parts = parts
    const { queue, clock, life, self, requests, devices } = parts
    this.#pump = new Pump({
      outbox: queue,
      clock,
      life,
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : this.#expired(id)),
      mayBegin: () => !self.locked && requests.loaded && devices.isReady
    })
  }

  /** Takes up the notices that a former run left. */
  async start(): Promise<void> {
    const { store, fetched } = this.#parts
    const rows = await store.notices()
    await fetched.ahead(rows)
    this.#begin(rows)
  }

  #begin(rows: readonly NoticeRow[]): void {
    const { queue, clock } = this.#parts
    for (const row of rows) {
      const { expiryMs, failures } = row
      queue.add({ id: noticeId(row), expiryMs, failures, dueMs: clock.now() })
    }
    this.#pump.run()
  }

  /** The vault is open, the network is back, or a key was accepted. */
  wake(): void {
    const { queue, clock } = this.#parts
    this.#changed.clear()
    queue.wake(clock.now())
    this.#pump.run()
  }

  /** The vault is locked: what waits is fetched, and stays sealed. */
  async locked(): Promise<void> {
    const { store, fetched } = this.#parts
    await fetched.ahead(await store.notices())
  }

  /** Letters that the person let in. */
  accepted(rows: readonly NoticeRow[]): void {
    this.#begin(rows)
  }

  /** Without what waits for a subkey that another device may have. */
  get openable(): number {
    return this.waiting - this.#sealed.size
  }

  /** Anybody can send what nobody can open: little of it waits, and not for long. */
  #mayWait(id: string): boolean {
    const { devices, queue } = this.#parts
    const hasRoom = this.#sealed.has(id) || this.#sealed.size < sealedBounds.max
    const isYoung = queue.failures(id) < sealedBounds.triesMax
    if (devices.mayBringKeys && hasRoom && isYoung) this.#sealed.add(id)
    else this.#sealed.delete(id)
    return this.#sealed.has(id)
  }

  get waiting(): number {
    return this.#parts.queue.size
  }

  /**
   * Resolves when all are durably recorded, so that the pod may forget them; the letters are being fetched meanwhile.
   * @throws {MuttrError} `LIMIT_EXCEEDED` with too many waiting; `DISK_FULL`
   */
  async notified(pod: string, notices: readonly Notice[], how: 'push' | 'playback'): Promise<void> {
    const { store, queue, emit, clock, log, requests } = this.#parts
    if (queue.size + notices.length > pendingMax)
      throw new MuttrError('LIMIT_EXCEEDED', 'too many letters wait to be fetched')
    const rows: NoticeRow[] = []
    const { promise: recorded, ...told } = Promise.withResolvers<void>()
    recorded.catch(() => undefined)
    const others = new Set<Promise<void>>()
    try {
      for (const { key, sizeBytes, expiryMs, slip, address } of notices) {
        const row = { pod, key, sizeBytes, expiryMs, slip, address, failures: 0 }
        const id = noticeId(row)
        if (!isInTime(row, clock.now())) {
          log.debug('a notice out of time')
          continue
        }
        const twin = () => this.#fresh.get(id)?.recorded
        const isKnown = () => queue.has(id) || requests.has(id)
        if (!twin() && (isKnown() || (await store.isDone(row)))) continue
        const before = twin()
        if (before) others.add(before)
        else if (!isKnown()) {
          rows.push(row)
          this.#fresh.set(id, { row, recorded })
          emit({ type: 'notified', key: toHex(key), pod, how })
          queue.add({ id, expiryMs, failures: 0, dueMs: clock.now() })
        }
      }
      await this.#record(rows)
      told.resolve()
    } catch (err) {
      // Not taken: else the pod's next word of them would pass for known, and they would be forgotten on both sides.
      for (const row of rows) queue.finished(noticeId(row))
      told.reject(err)
      throw err
    } finally {
      for (const row of rows) this.#fresh.delete(noticeId(row))
    }
    await Promise.all(others)
  }

  /** The letters are being fetched while their notices are written. */
  async #record(rows: readonly NoticeRow[]): Promise<void> {
    if (rows.length === 0) return
    const recorded = this.#parts.store.addNotices(rows)
    this.#pump.run()
    await recorded
    await this.#parts.fetched.ahead(rows)
  }

  async #expired(id: string): Promise<void> {
    const { store, log, strangers, requests, fetched } = this.#parts
    strangers.forget(id)
    this.#sealed.delete(id)
    try {
      const notice = await store.notice(id)
      // It expired in the network, and not here.
      if (notice && (await fetched.get(notice.key)) && (await this.#openLate(notice))) return
      await requests.settled(id)
      if (notice) await store.finish(notice)
    } catch (err) {
      log.warn('a notice cannot be dropped', { code: codeOf(err) })
    }
  }

  async #openLate(notice: NoticeRow): Promise<boolean> {
    try {
      return await this.#open(notice)
    } catch (err) {
      this.#parts.log.info('a letter is refused', { code: codeOf(err) })
      return false
    }
  }

  async #try(id: string): Promise<void> {
    const { queue, store, log, emit, clock, random, life, requests, devices } = this.#parts
    let notice: NoticeRow | undefined
    try {
      notice = this.#fresh.get(id)?.row ?? (await store.notice(id))
      if (notice && !(await this.#open(notice))) return
      this.#sealed.delete(id)
      await requests.settled(id)
      queue.finished(id)
    } catch (err) {
      if (life.aborted) return
      const { code } = failureOf(err)
      const isForLater = code === 'SEAL_REFUSED' && this.#mayWait(id)
      if (!notice || (hopeless.has(code) && !isForLater)) {
        log.info('a letter is refused', { code, err })
        queue.finished(id)
        if (!notice) return
        const over = store.finish(notice).then(() => requests.settled(id))
        await over.catch(() => log.warn('not written'))
        // What another device of ours has opened comes from there.
        const isTaken = code === 'BLOB_RELEASED' && devices.mayBringKeys
        if (!isTaken) emit({ type: 'refused', key: toHex(notice.key), code })
        return
      }
      if (code === 'INTERNAL') log.warn('an attempt to fetch broke', { err })
      if (code === 'KEY_CHANGED' && queue.failures(id) === 0)
        emit({ type: 'refused', key: toHex(notice.key), code })
      const retryAtMs = queue.failed(id, clock.now(), throwDice(random))
      if ((isOfRelay(code) || code === 'CLOCK_WRONG') && retryAtMs !== undefined)
        emit({ type: 'delayed', key: toHex(notice.key), pod: notice.pod, code, retryAtMs })
      const failures = queue.failures(id)
      await store.saveNotice({ ...notice, failures }).catch(() => log.warn('not written'))
    }
  }

  /** @returns false when it has to wait its turn among strangers. */
  async #open(notice: NoticeRow): Promise<boolean> {
    const { self, clock, crypto, contacts, strangers, queue, requests, store } = this.#parts
    const startMs = clock.now()
    const id = noticeId(notice)
    const bookedMs = strangers.booked(id, startMs)
    if (bookedMs > 0) {
      // Woken too early. Opening the slip once more would cost what the turn is there to spare.
      queue.later(id, startMs + bookedMs)
      return false
    }
    const reader = self.person()
    const at = (address: Uint8Array) => this.#parts.addresses.at(address)
    const slip = await openSlip(notice, { reader, nowMs: startMs, crypto, at })
    if (slip.offer) {
      await this.#offered(id, slip, slip.offer)
      await store.finish(notice)
      return true
    }
    if (isProbe(slip, reader)) {
      await slip.signedBy(ownKey(reader, slip.fingerprint)!)
      await this.#parts.onProbe(slip.alias)
      await store.finish(notice)
      return true
    }
    if (isEntry(slip, reader)) {
      const signer = ownKey(reader, slip.fingerprint)!
      await slip.signedBy(signer)
      await this.#parts.devices.take(await this.#fetch(notice, true), signer)
      await store.finish(notice)
      return true
    }
    if (await this.#isHere(notice, slip)) {
      await store.finish(notice)
      return true
    }
    const writer =
      (await contacts.known(slip.alias)) ?? (await contacts.wrote(slip, requests.isAccepted(id)))
    const known = typeof writer === 'string' ? undefined : writer
    const policy =
      typeof writer === 'string' ? writer : requests.judge(id, slip, known !== undefined)
    if (policy === 'ignore') {
      // Before anybody is asked anything: nothing tells its sender from one whose reader is away.
      await store.finish(notice)
      return true
    }
    const signer = known && (await contacts.signer(known, slip.fingerprint))
    if (known) {
      strangers.forget(id)
      if (!signer && !this.#changed.admits(slip.alias, id)) return requests.leave(notice)
      if (!signer) this.#otherKey(known, id, slip)
      await slip.signedBy(signer.certificate)
    }
    if (policy === 'ask') {
      await requests.setAside(notice, slip, known?.certificate)
      return true
    }
    if (!known) {
      const waitMs = strangers.take(id, startMs)
      if (waitMs > 0) {
        queue.later(id, startMs + waitMs)
        return false
      }
    }
    const blob = await this.#fetch(notice, known !== undefined)
    const openMs = clock.now()
    const opened = await openLetter(blob.sealed, slip, { reader, nowMs: openMs, crypto })
    const certificate = signer?.certificate ?? (await this.#stranger(slip, opened))
    await opened.signedBy(certificate)
    if (signer) mustBeBefore(opened, signer)
    if (!known) await slip.signedBy(certificate)
    await this.#keep(notice, blob, opened, known !== undefined)
    const { alias } = slip
    const carried = opened.letter.certificate
    // Before the release, whose receipt is sealed to the newest subkey.
    if (known && carried) await showed(this.#parts, known, carried)
    if (known) this.#later(contacts.confirm(known))
    const met = known ?? (await meet(this.#parts, alias, certificate, opened.letter.sentMs))
    const from = alias
    const ms = clock.now() - openMs
    this.#parts.emit({ type: 'opened', letter: toHex(opened.letter.id), from, ms })
    const { releases, addresses } = this.#parts
    releases.due(blob, met !== undefined)
    const noted = () => addresses.received(opened.to, alias, notice.address, opened.letter)
    if (met) noted()
    if (met?.row.knowsUs !== true)
      this.#later(
        getKnown(this.#parts, alias, certificate)
          .then(() => (met ? undefined : noted()))
          .finally(() => {
            if (!met) releases.wake(blob.key)
          })
      )
    return true
  }

  /** Another device of ours has told us of it. */
  async #isHere({ key }: NoticeRow, { letter, fingerprint }: OpenedSlip): Promise<boolean> {
    const { store, self } = this.#parts
    const place = await store.placeOf({ id: toHex(letter), fingerprint }, self.closet())
    return !!place && (await store.at(place, self.closet()))?.row.key === toHex(key)
  }

  /** Only the pod's word makes it a changed key, or one that came after; a stranger's word makes it a forgery that waits to be one. */
  #otherKey({ alias }: Known, id: string, { fingerprint }: OpenedSlip): never {
    const { contacts, life, queue, clock } = this.#parts
    const asked = contacts.lookup(alias, life).then(({ certificate }) => {
      if (certificate.fingerprint === fingerprint) queue.due(id, clock.now())
      this.#pump.run()
    })
    this.#later(asked)
    throw new MuttrError('KEY_CHANGED', `${alias} signs with another key than the pinned one`)
  }

  /** Of contacts alone: whoever else says it is not heard. */
  async #offered(id: string, slip: OpenedSlip, offer: AddressOffer): Promise<void> {
    const { contacts, addresses } = this.#parts
    const known = await contacts.known(slip.alias)
    if (!known) return
    const signer = await contacts.signer(known, slip.fingerprint)
    if (!signer) return this.#otherKey(known, id, slip)
    await slip.signedBy(signer.certificate)
    if (offer.madeMs <= signer.untilMs) await addresses.offered(offer)
  }

  async #fetch({ key, pod }: NoticeRow, isContact: boolean): Promise<Blob> {
    const { dht, clock, emit, life, strangerFetch, fetched } = this.#parts
    const here = await fetched.get(key)
    if (here) return here
    const startMs = clock.now()
    const getting = isContact ? dht.get(key, { signal: life }) : strangerFetch.get(pod, key)
    const { blob, from } = await getting
    const sizeBytes = blob.sealed.byteLength
    emit({ type: 'fetched', key: toHex(key), from, sizeBytes, ms: clock.now() - startMs })
    return blob
  }

  /** The certificate of somebody not pinned: the one the letter carries, else the pod's answer. */
  async #stranger(slip: OpenedSlip, { letter }: OpenedLetter): Promise<Certificate> {
    const { contacts, crypto, life } = this.#parts
    const certificate = letter.certificate
      ? await crypto.readCertificate(letter.certificate)
      : (await contacts.lookup(slip.alias, life)).certificate
    if (certificate.fingerprint !== slip.fingerprint)
      throw new MuttrError('LETTER_FORGED', 'the letter carries the key of another')
    return certificate
  }

  async #keep(
    notice: NoticeRow,
    blob: Blob,
    opened: OpenedLetter,
    isContact: boolean
  ): Promise<void> {
    const { store, self, clock, releases, devices } = this.#parts
    const { letter, frame, to, readBy } = opened
    const receivedMs = clock.now()
    const { expiryMs } = blob.header
    const sizeBytes = blob.sealed.byteLength
    const about = { frame, key: notice.key, sizeBytes, expiryMs, receivedMs, isContact }
    const fresh = freshLetter(letter, { ...about, to }, readBy)
    const release = releases.plan(blob, letter, isContact ? null : notice.pod)
    const also = [...release, ...devices.note([{ type: 'letter', ...about }])]
    await store.addLetter(notice, fresh, self.closet(), also)
    await devices.kept(letter)
  }

  #later(work: Promise<void>): void {
    const { log } = this.#parts
    this.#pump.also(work.catch(err => log.debug('a sender is not known', { code: codeOf(err) })))
  }

  /** Resolves when no letter is being fetched. */
  async quiet(): Promise<void> {
    await this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}

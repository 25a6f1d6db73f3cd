import { equalBytes } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Change, State } from '../../store/state.ts'
import type { Contacts } from '../contacts.ts'
import type { NoticeRow } from '../inbox-rows.ts'
import { noticeId, noticeTable } from '../inbox-rows.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { OpenedSlip } from '../open-letter.ts'
import { openSlip } from '../open-letter.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import { createStrangers } from '../strangers.ts'
import type { Table } from '../table.ts'
import { formerKey } from '../trust/follow.ts'
import { Checks } from './checks.ts'
import { createLooks } from './look.ts'
import type { Policies } from './policies.ts'
import type { ChosenPolicy, Decision, LetterRequest, Policy } from './request.ts'
import type { RequestRow } from './rows.ts'
import { decodeRequest, encodeRequest, keptCertificateBytesMax } from './rows.ts'
import type { Sender } from './senders.ts'
import { Senders, senderId, showSender } from './senders.ts'

export interface RequestsParts {
  state: State
  store: Pick<InboxStore, 'finish' | 'notice'>
  self: Self
  contacts: Pick<Contacts, 'known' | 'aliases'>
  policies: Policies
  pods: Pick<Pods, 'questions'>
  clock: Clock
  log: Log
  crypto: Crypto
  emit: Emit
  life: AbortSignal
  /** Letters were let in, and are recorded as notices again: they are to be fetched. */
  onAccepted(rows: readonly NoticeRow[]): void
}

type Slip = Pick<OpenedSlip, 'alias' | 'fingerprint' | 'signedBy'>

const table = 'requests'

/**
 * Letters about which the person is asked before anything of them is fetched. Until then nothing leaves this computer for them but
 * one question to the pod of the sender's alias, the same whatever the answer will be. Source: docs/protocol/letter.md#requests
 */
export class Requests implements AsyncDisposable {
  readonly #parts: RequestsParts
  readonly #senders = new Senders()
  /** Notices that the person let in, until they are opened. */
  readonly #accepted = new Set<string>()
  readonly #notices: Table<NoticeRow>
  readonly #checks: Checks
  #loaded = false

  constructor(parts: RequestsParts) {
    this.#parts = parts
    const { state, log, clock, life } = parts
    this.#notices = noticeTable(state, log)
    this.#checks = new Checks({
      clock,
      life,
      strangers: createStrangers(),
      check: id => this.#check(id)
    })
  }

  /** Takes up what a former run left; the vault is open. */
  async load(): Promise<void> {
    const { state, self, policies, contacts, store, log } = this.#parts
    const closet = self.closet()
    await policies.load(closet)
    this.#senders.clear()
    this.#accepted.clear()
    const rows = (await state.list(table)).flatMap(({ key, value }) => {
      try {
        return [{ key, row: decodeRequest(closet.open(`request ${key}`, value)) }]
      } catch (err) {
        log.warn('a request is damaged', { code: codeOf(err) })
        return []
      }
    })
    rows.sort((a, b) => a.row.atMs - b.row.atMs)
    for (const { key, row } of rows)
      if (!row.accepted) this.#senders.add(row, (await contacts.known(row.alias)) !== undefined)
      else if (await store.notice(key)) this.#accepted.add(key)
      else await state.write([drop(key)])
    for (const sender of this.#senders.all())
      if (sender.word === 'unasked' || policies.isInvited(sender)) this.#checks.add(sender.id)
    this.#loaded = true
  }

  /** Nothing can be decided about a letter before. */
  get loaded(): boolean {
    return this.#loaded
  }

  /** How many senders ask; null while that is locked. */
  get size(): number | null {
    return this.#loaded ? this.#senders.size : null
  }

  /** It waits for the person's word. */
  has(notice: string): boolean {
    return this.#senders.of(notice) !== undefined
  }

  /** What is to be done with a letter, before anything of it is fetched or anybody is asked about it. */
  /** The person wants this letter. */
  isAccepted(notice: string): boolean {
    return this.#accepted.has(notice)
  }

  judge(notice: string, slip: Slip, isContact: boolean): Policy {
    if (this.isAccepted(notice)) return 'pull'
    return this.#parts.policies.of(slip, isContact)
  }

  /** Puts a notice aside until the person decides. @throws {MuttrError} `LETTER_FORGED` for a slip that the key at hand did not sign */
  async setAside(notice: NoticeRow, slip: Slip, contact: Certificate | undefined): Promise<void> {
    const { state, self, clock } = this.#parts
    const id = noticeId(notice)
    const before = this.#senders.of(id)
    const { alias, fingerprint } = slip
    const said = contact ? undefined : await this.#saidBefore(slip)
    if (said?.certificate) await slip.signedBy(said.certificate)
    const row: RequestRow = {
      ...{ notice, alias, fingerprint, accepted: false, atMs: clock.now() },
      word: contact ? 'certified' : (said?.word ?? 'unasked'),
      certificate: said?.certificate?.bytes ?? null
    }
    const sender = before ?? this.#senders.add(row, contact !== undefined)
    const changes: Change[] = [this.#notices.drop(id)]
    if (sender && !before)
      changes.push(put(id, self.closet().seal(`request ${id}`, encodeRequest(row))))
    try {
      await state.write(changes)
    } catch (err) {
      if (!before) this.#senders.remove(id)
      throw err
    }
    if (!sender || before) return
    await this.#makeRoom()
    if (sender.word !== 'unasked') this.#tell(sender)
    else this.#checks.add(sender.id)
  }

  /** Forgets a notice, but not as a refused one: it is taken when it is announced again. */
  async leave(notice: NoticeRow): Promise<true> {
    await this.#parts.state.write([this.#notices.drop(noticeId(notice))])
    return true
  }

  /** Another device of the person has read this sender's letter, of this blob, or refused them all. */
  async elsewhere(sender: Pick<Sender, 'alias' | 'fingerprint'>, key?: Uint8Array): Promise<void> {
    for (const id of [...(this.#senders.get(senderId(sender))?.letters.keys() ?? [])]) {
      const row = key && (await this.#row(id))
      if (!key || (row && equalBytes(row.notice.key, key))) await this.#dropLetter(id)
    }
  }

  /** A notice that was let in was opened, refused or is over. */
  async settled(notice: string): Promise<void> {
    if (this.#accepted.delete(notice)) await this.#parts.state.write([drop(notice)])
  }

  /** Newest first. @throws {MuttrError} `VAULT_LOCKED` */
  async list({ limit = 50 } = {}): Promise<LetterRequest[]> {
    const { self, contacts, clock, policies } = this.#parts
    self.closet()
    const own = self.registrations().map(({ alias }) => alias)
    const looksLike = createLooks([...(await contacts.aliases()), ...own])
    return [...this.#senders.all()]
      .map(sender => showSender(sender, looksLike, policies.invited(sender.alias)))
      .filter(({ expiryMs }) => expiryMs > clock.now())
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, limit)
  }

  /** @throws {MuttrError} `REQUEST_UNKNOWN`, `VAULT_LOCKED` */
  async decide(id: string, decision: Decision): Promise<void> {
    const { self, policies } = this.#parts
    const closet = self.closet()
    const sender = this.#senders.get(id)
    if (!sender) throw new MuttrError('REQUEST_UNKNOWN', `no request ${id}`)
    const { alias, fingerprint } = sender
    if (decision === 'once') await policies.choose({ alias, fingerprint, policy: 'ask' }, closet)
    if (decision === 'always') await policies.choose({ alias, fingerprint, policy: 'pull' }, closet)
    if (decision === 'block')
      await policies.choose({ alias, fingerprint, policy: 'ignore' }, closet)
    if (decision === 'once' || decision === 'always') return this.#accept(sender)
    const refused = decision === 'block' ? this.#senders.ofAlias(alias) : [sender]
    for (const each of refused) await this.#refuse(each)
  }

  /** For what comes from now on, and for what waits. @throws {MuttrError} `ALIAS_INVALID`, `LIMIT_EXCEEDED`, `VAULT_LOCKED` */
  async choose(text: string, policy: Policy): Promise<ChosenPolicy> {
    const { self, policies } = this.#parts
    const closet = self.closet()
    const { full: alias } = readAlias(text)
    const asking = this.#senders.ofAlias(alias)
    const vouched = asking.find(({ word }) => word === 'certified')
    const fingerprint = vouched?.fingerprint ?? null
    const chosen = await policies.choose({ alias, policy, fingerprint }, closet)
    if (policy === 'pull' && vouched) await this.#accept(vouched)
    if (policy === 'ignore') for (const sender of asking) await this.#refuse(sender)
    return chosen
  }

  /** A pod may be back. */
  wake(): void {
    this.#checks.wake()
  }

  /** Forgets what is gone from the network, and asks again where a pod was away. */
  async sweep(nowMs: Millis): Promise<void> {
    const over = [...this.#senders.all()].flatMap(({ letters }) =>
      [...letters].flatMap(([notice, { expiryMs }]) => (expiryMs <= nowMs ? [notice] : []))
    )
    if (over.length > 0) await this.#parts.state.write(over.map(drop))
    for (const notice of over) this.#remove(notice)
    this.wake()
  }

  #remove(notice: string): void {
    const sender = this.#senders.of(notice)
    this.#senders.remove(notice)
    if (sender?.letters.size === 0) this.#checks.forget(sender.id)
  }

  async #makeRoom(): Promise<void> {
    for (let notice = this.#senders.surplus; notice; notice = this.#senders.surplus) {
      this.#remove(notice)
      await this.#parts.state.write([drop(notice)])
    }
  }

  async #row(notice: string): Promise<RequestRow | undefined> {
    const { state, self } = this.#parts
    const row = await state.get(table, notice)
    return row && decodeRequest(self.closet().open(`request ${notice}`, row))
  }

  /** What the pod said when another letter of this sender came. */
  async #saidBefore(
    slip: Slip
  ): Promise<{ word: RequestRow['word']; certificate: Certificate | null } | undefined> {
    const sender = this.#senders.get(senderId(slip))
    const [known] = sender?.letters.keys() ?? []
    const row = known && (await this.#row(known))
    if (!sender || !row) return undefined
    if (!row.certificate)
      return { word: row.word === 'unsaid' ? 'unsaid' : 'unasked', certificate: null }
    const certificate = await this.#parts.crypto.readCertificate(row.certificate)
    return { word: 'certified', certificate }
  }

  async #accept(sender: Sender): Promise<void> {
    const { state, self, onAccepted } = this.#parts
    const closet = self.closet()
    const accepted: NoticeRow[] = []
    const changes: Change[] = []
    for (const id of sender.letters.keys()) {
      const row = await this.#row(id)
      if (!row) continue
      accepted.push(row.notice)
      const value = closet.seal(`request ${id}`, encodeRequest({ ...row, accepted: true }))
      changes.push(put(id, value), this.#notices.put(id, row.notice))
    }
    await state.write(changes)
    for (const notice of accepted) {
      this.#accepted.add(noticeId(notice))
      this.#remove(noticeId(notice))
    }
    onAccepted(accepted)
  }

  async #refuse(sender: Sender): Promise<void> {
    for (const id of [...sender.letters.keys()]) await this.#dropLetter(id)
  }

  /** It is remembered as done, so that its sender's next announcement of it asks nobody again. */
  async #dropLetter(id: string): Promise<void> {
    const { state, store } = this.#parts
    const row = await this.#row(id)
    if (row) await store.finish(row.notice)
    await state.write([drop(id)])
    this.#remove(id)
  }

  /** Asks the pod of a sender's alias whose key that is. @returns false when it cannot be asked now. */
  async #check(id: string): Promise<boolean> {
    const { log, life } = this.#parts
    const sender = this.#senders.get(id)
    if (!sender) return true
    try {
      const certificate = await this.#ask(sender)
      if (certificate && (certificate.revoked || certificate.fingerprint !== sender.fingerprint)) {
        log.info('a request in the name of another', { alias: sender.alias })
        await this.#refuse(sender)
        return true
      }
      await this.#heard(sender, certificate)
      return true
    } catch (err) {
      if (life.aborted) return true
      log.debug('nobody says whose request it is', { code: codeOf(err) })
      if (this.#senders.get(id)) this.#tell(sender)
      return false
    }
  }

  /** @returns undefined when the pod knows no such alias, or nobody knows the pod. @throws {MuttrError} when it cannot be asked now */
  async #ask({ alias, fingerprint }: Sender): Promise<Certificate | undefined> {
    const { pods, life, clock, crypto } = this.#parts
    try {
      const link = await pods.questions(readAlias(alias).hostname, life)
      const { certificate } = await link.lookup(alias)
      if (certificate.fingerprint === fingerprint || certificate.revoked) return certificate
      // The letter may have been under way when its sender took another key.
      const how = { link, alias, nowMs: clock.now(), crypto }
      return (await formerKey(fingerprint, certificate, how)) ?? certificate
    } catch (err) {
      if (codeOf(err) === 'ALIAS_UNKNOWN' || codeOf(err) === 'POD_UNKNOWN') return undefined
      throw err
    }
  }

  async #heard(sender: Sender, certificate: Certificate | undefined): Promise<void> {
    const { state, self, crypto, clock, policies } = this.#parts
    const closet = self.closet()
    const kept = certificate && certificate.bytes.byteLength <= keptCertificateBytesMax
    for (const id of [...sender.letters.keys()]) {
      const row = await this.#row(id)
      if (!row) continue
      try {
        if (certificate) {
          const how = { reader: self.person(), nowMs: clock.now(), crypto }
          await (await openSlip(row.notice, how)).signedBy(certificate)
        }
      } catch (err) {
        if (codeOf(err) !== 'LETTER_FORGED') throw err
        await this.#dropLetter(id)
        continue
      }
      const word = certificate ? ('certified' as const) : ('unsaid' as const)
      const next = { ...row, word, certificate: kept ? certificate.bytes : null }
      await state.write([put(id, closet.seal(`request ${id}`, encodeRequest(next)))])
    }
    if (sender.letters.size === 0) return
    this.#senders.said(sender, certificate ? 'certified' : 'unsaid')
    const { alias, fingerprint } = sender
    const chosen = policies.chosen(alias)
    if (certificate && chosen?.policy === 'pull' && chosen.fingerprint === null) {
      await policies.choose({ alias, policy: 'pull', fingerprint }, closet)
      return this.#accept(sender)
    }
    if (certificate && policies.isInvited(sender)) return this.#accept(sender)
    this.#tell(sender)
  }

  #tell({ id, alias, word, letters }: Sender): void {
    const certifiedByPod = word === 'certified'
    this.#parts.emit({
      type: 'requested',
      request: id,
      from: alias,
      certifiedByPod,
      letters: letters.size
    })
  }

  /** Resolves when no pod is being asked. */
  async quiet(): Promise<void> {
    await this.#checks.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checks[Symbol.asyncDispose]()
  }
}

const put = (key: string, value: Uint8Array): Change => ({ type: 'put', table, key, value })
const drop = (key: string): Change => ({ type: 'delete', table, key })

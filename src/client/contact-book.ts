import { equalBytes } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import { verificationWords } from '../keys/words.ts'
import { readAlias } from '../pod/alias.ts'
import type { Change } from '../store/state.ts'
import type { Contact, Verification } from './client.ts'
import type { ContactRow, Route } from './contact-rows.ts'
import { firstRow } from './contact-rows.ts'
import type { Contacts, ContactsParts, Known, Signer, Writer } from './contacts.ts'
import { isOtherKey, mirroredContact } from './devices/mirrored-contact.ts'
import { ContactMoves } from './moving/contact-moves.ts'
import { createPrints, type Prints } from './moving/prints.ts'
import { isOutOfReach } from './moving/steps.ts'
import { aliasesOf } from './named-aliases.ts'
import { AliasRevoked } from './pod-questions.ts'
import { showContact } from './show-contact.ts'
import { isOfKey } from './told-key.ts'
import { Follower } from './trust/follower.ts'
import {
  answerLifeMs,
  certifiedUntil,
  checkVouched,
  hasExpired,
  isStale,
  mustBeAlive,
  mustHold,
  refuseRevoked
} from './trust/pins.ts'
import { abortable } from './waiting.ts'

/** Parsed certificates kept in memory; more are parsed again from the disk. */
const cacheMax = 1_000

/** As {@link Contacts}, over rows and pods. */
export class ContactBook implements Contacts {
  readonly #parts: ContactsParts
  readonly #follower: Follower
  readonly #moves: ContactMoves
  readonly #cache = new Map<string, Known>()
  readonly #prints: Prints
  readonly #asking = new Map<string, Promise<Known>>()

  constructor(parts: ContactsParts) {
    this.#parts = parts
    this.#prints = createPrints(() => parts.store.all(), parts.crypto)
    this.#follower = new Follower({
      ...parts,
      parse: bytes => this.#parse(bytes),
      change: (known, changes) => this.#change(known, changes),
      move: ({ alias, row }, to, changes) =>
        this.#save(alias, { ...row, ...changes, certificate: to.bytes }, to)
    })
    this.#moves = new ContactMoves({
      ...parts,
      known: alias => this.known(alias),
      change: (known, changes) => this.#change(known, changes),
      settle: (alias, row, certificate) => this.#save(alias, row, certificate),
      lookup: alias => this.lookup(alias, parts.life)
    })
  }

  async known(alias: string): Promise<Known | undefined> {
    const cached = this.#cache.get(alias)
    if (cached) return cached
    const row = await this.#parts.store.get(alias)
    if (!row) return undefined
    const certificate = await this.#parse(row.certificate)
    return this.#cache.get(alias) ?? this.#remember({ alias, certificate, row })
  }

  async recipient(alias: string, signal: AbortSignal): Promise<Known> {
    const now = await this.now(alias)
    const found = (await this.known(now)) ?? (await this.lookup(now, signal))
    mustHold(found)
    return found
  }

  now(alias: string): Promise<string> {
    return this.#moves.now(alias)
  }

  async sought(alias: string): Promise<boolean> {
    const found = await this.known(await this.now(alias))
    return found !== undefined && (await this.#moves.seek(found)) !== undefined
  }

  async wrote(
    { alias, fingerprint, signedBy }: Writer,
    isAccepted: boolean
  ): ReturnType<Contacts['wrote']> {
    const other = await this.#prints.aliasOf(fingerprint)
    const known = other === undefined || other === alias ? undefined : await this.known(other)
    if (!known) return undefined
    await signedBy(known.certificate)
    const policy = this.#parts.policyOf(known.alias)
    if (!isAccepted && (policy === 'ask' || policy === 'ignore')) return policy
    const there = await this.#moves.heard(known).catch(() => undefined)
    return there?.alias === alias ? there : undefined
  }

  isFresh({ row, certificate }: Known): boolean {
    const nowMs = this.#parts.clock.now()
    return row.seenMs + answerLifeMs > nowMs && !hasExpired(certificate, nowMs)
  }

  /** Not one question to the pod of somebody who is seen now and then. */
  async confirm(known: Known): Promise<void> {
    const { clock, life } = this.#parts
    if (isStale(known, clock.now())) await this.lookup(known.alias, life)
  }

  async reader(alias: string, expiryMs: Millis, signal: AbortSignal): Promise<Known> {
    const found = await this.recipient(alias, signal)
    if (this.isFresh(found)) return found
    try {
      const asked = await this.lookup(alias, signal)
      mustHold(asked)
      mustBeAlive(asked, this.#parts.clock.now())
      return asked
    } catch (err) {
      const isAway = isOutOfReach(codeOf(err))
      if (!isAway || expiryMs > found.row.seenMs + answerLifeMs + limits.blobLifeMsMax) throw err
      mustBeAlive(found, this.#parts.clock.now())
      return found
    }
  }

  async route(alias: string, signal: AbortSignal): Promise<{ known: Known; route: Route }> {
    const found = await this.known(await this.now(alias))
    if (found) mustHold(found)
    if (found?.row.route && found.row.route.untilMs > this.#parts.clock.now())
      return { known: found, route: found.row.route }
    const asked = await this.lookup(alias, signal)
    mustHold(asked)
    if (!asked.row.route) throw new MuttrError('POD_UNREACHABLE', `no address of ${alias}`)
    return { known: asked, route: asked.row.route }
  }

  async announceAt(alias: string, route: Route): Promise<Known> {
    return this.#change(await this.#need(alias), { route })
  }

  async forgetRoute(alias: string): Promise<void> {
    const found = await this.known(await this.now(alias))
    if (found?.row.route) await this.#change(found, { route: null })
  }

  /** Ten letters to one stranger ask once. */
  async lookup(wanted: string, signal: AbortSignal): Promise<Known> {
    const alias = await this.now(wanted)
    let under = this.#asking.get(alias)
    if (!under) {
      under = this.#ask(alias).finally(() => this.#asking.delete(alias))
      this.#asking.set(alias, under)
    }
    return await abortable(under, signal)
  }

  async met(alias: string, certificate: Certificate, sentMs: Millis): Promise<Known | undefined> {
    const pinned = await this.known(alias)
    if (pinned) {
      await this.#checkPin(pinned, certificate, false)
      return pinned
    }
    const by = await this.#parts.pods.certificateOf(readAlias(alias).hostname)
    const certifiedUntilMs = await certifiedUntil(this.#parts, alias, certificate, by)
    if (certifiedUntilMs === null) return undefined
    const seenMs = Math.min(sentMs, this.#parts.clock.now())
    return this.#learn(alias, certificate, { certifiedUntilMs, seenMs }, 'pod')
  }

  async knowsUs(alias: string): Promise<void> {
    const found = await this.known(alias)
    if (found && !found.row.knowsUs) await this.#change(found, { knowsUs: true })
  }

  async forgetWhoKnowsUs(): Promise<void> {
    for await (const { alias, row } of this.#parts.store.all()) {
      const found = row.knowsUs ? await this.known(alias) : undefined
      if (found) await this.#change(found, { knowsUs: false })
    }
  }

  async showed(known: Known, bytes: Uint8Array): Promise<void> {
    const shown = await this.#parts.crypto.readCertificate(bytes)
    const { certificate } = this.#cache.get(known.alias) ?? known
    const newestMs = ({ subkeys }: Certificate) => subkeys[0]?.createdMs ?? 0
    if (shown.pin !== certificate.pin || certificate.revoked) return
    if (!shown.revoked && newestMs(shown) <= newestMs(certificate)) return
    const { row } = this.#cache.get(known.alias) ?? known
    await this.#save(known.alias, { ...row, certificate: shown.bytes }, shown)
  }

  async list(): Promise<Contact[]> {
    const contacts: Contact[] = []
    for await (const { alias, row } of this.#parts.store.all())
      try {
        if (row.moved) continue
        const certificate =
          this.#cache.get(alias)?.certificate ?? (await this.#parse(row.certificate))
        contacts.push(await this.show({ alias, certificate, row }))
      } catch (err) {
        this.#parts.log.warn('a contact is damaged', { code: codeOf(err) })
      }
    return contacts.sort((a, b) => (a.alias < b.alias ? -1 : 1))
  }

  async aliases(): Promise<string[]> {
    return Array.fromAsync(this.#parts.store.all(), ({ alias }) => alias)
  }

  async show(known: Known): Promise<Contact> {
    const { clock, policyOf, vouched } = this.#parts
    const { alias, row } = known
    const changed = row.changed && (await this.#parse(row.changed))
    const { hostname } = readAlias(alias)
    const by = await this.#parts.pods.certificateOf(hostname)
    const escrow = await this.#parts.pods.escrowOf(hostname)
    const podTrust = await this.#parts.pods.trustOf(hostname)
    const shown = { policy: policyOf(alias), invited: vouched[alias] }
    const about = { ...shown, by, escrow, podTrust, nowMs: clock.now() }
    return showContact(known, { ...about, changed })
  }

  async accept(text: string): Promise<Contact> {
    const found = await this.#need(text)
    const { alias } = found
    const there = await this.#moves.accept(found)
    if (there) return this.show(there)
    if (!found.row.changed)
      return this.show(found.row.disputed ? await this.#change(found, { disputed: null }) : found)
    const certificate = await this.#parse(found.row.changed)
    const by = await this.#parts.pods.certificateOf(readAlias(alias).hostname)
    const certifiedUntilMs = await certifiedUntil(this.#parts, alias, certificate, by)
    const row = { ...firstRow(certificate, this.#parts.clock.now()), certifiedUntilMs }
    await this.#parts.onOtherKey(alias)
    return this.show(await this.#save(alias, row, certificate))
  }

  async verification(text: string): Promise<Verification> {
    const { alias, certificate } = await this.#need(text)
    return { alias, fingerprint: certificate.fingerprint, words: this.#words(certificate) }
  }

  async verify(text: string, shown?: string): Promise<Contact> {
    const found = await this.#need(text)
    const { fingerprint } = found.certificate
    const words = this.#words(found.certificate)
    if (shown !== undefined && !isOfKey(shown, { fingerprint, words }))
      throw new MuttrError('KEY_CHANGED', `${found.alias} is pinned as ${fingerprint}`)
    return this.show(await this.#change(found, { verified: true }))
  }

  #words({ pin }: Certificate): string[] {
    const own = this.#parts.self.certificate()
    if (!own) throw new MuttrError('HOME_MISSING', 'there is no person on this seed')
    return verificationWords(own.pin, pin)
  }

  async import(bytes: Uint8Array, alias?: string): Promise<Contact[]> {
    this.#parts.self.closet()
    const certificate = await this.#parts.crypto.readCertificate(bytes)
    const aliases = alias === undefined ? aliasesOf(certificate) : [readAlias(alias).full]
    if (aliases.length === 0)
      throw new MuttrError('ALIAS_INVALID', 'the certificate names no alias; give one')
    const contacts: Contact[] = []
    for (const full of aliases)
      contacts.push(await this.show(await this.#learn(full, certificate, {}, 'person')))
    return contacts
  }

  #ask(alias: string): Promise<Known> {
    return this.#askPod(alias).catch(err => this.#moves.instead(alias, err))
  }

  async #askPod(alias: string): Promise<Known> {
    const { clock, pods, emit, life } = this.#parts
    const atMs = clock.now()
    const link = await pods.questions(readAlias(alias).hostname, life)
    const answer = await link.lookup(alias).catch(err => this.#notShown(alias, err))
    void this.#parts.views.heard(link.pod.certificate, answer)
    const shown = answer.certificate
    const pinned = await this.known(alias)
    refuseRevoked(alias, shown, pinned?.certificate)
    const by = (await this.#follower.shown(alias, shown, { link, pinned })) ? 'key' : 'pod'
    const certifiedUntilMs = await certifiedUntil(this.#parts, alias, shown, link.pod.certificate)
    const route = { intro: answer.intro, hpkeKey: answer.hpkeKey, untilMs: answer.validUntilMs }
    const pin = (await this.known(alias)) ? 'known' : 'new'
    // A pod that shows the pinned key again takes back that it had changed.
    const said = { certifiedUntilMs, route, changed: null, seenMs: clock.now() }
    const learned = await this.#learn(alias, shown, said, by)
    emit({ type: 'looked-up', alias, fingerprint: shown.fingerprint, pin, ms: clock.now() - atMs })
    return learned
  }

  /** What the pod takes back is known of who was pinned, too. */
  async #notShown(alias: string, err: unknown): Promise<never> {
    const pinned = err instanceof AliasRevoked ? await this.known(alias) : undefined
    if (err instanceof AliasRevoked && pinned?.certificate.pin === err.certificate.pin)
      await this.#learn(alias, err.certificate, { certifiedUntilMs: null, route: null }, 'pod')
    throw err
  }

  signer(known: Known, fingerprint: string): Promise<Signer | undefined> {
    return this.#follower.signer(this.#cache.get(known.alias) ?? known, fingerprint)
  }

  /** Pins at first sight, else adds what was learned to the pinned row. @throws {MuttrError} `KEY_CHANGED` */
  async #learn(
    alias: string,
    shown: Certificate,
    learned: Partial<ContactRow>,
    by: 'pod' | 'person' | 'key'
  ): Promise<Known> {
    const pinned = await this.known(alias)
    if (pinned) await this.#checkPin(pinned, shown, true)
    else this.#parts.self.closet() // a locked vault hides most pins: nobody is new then
    if (!pinned && by === 'pod') checkVouched(this.#parts.vouched, alias, shown)
    const row = this.#cache.get(alias)?.row ?? firstRow(shown, this.#parts.clock.now())
    // Nobody can take a revocation back by showing the key without it.
    const certificate = pinned?.certificate.revoked ? pinned.certificate : shown
    return this.#save(alias, { ...row, certificate: certificate.bytes, ...learned }, certificate)
  }

  /** Refuses another key than the pinned one, and remembers that it was shown when more than a letter stands behind it. */
  async #checkPin(pinned: Known, shown: Certificate, remember: boolean): Promise<void> {
    if (pinned.certificate.pin === shown.pin) return
    const { changed } = pinned.row
    if (remember && !(changed && equalBytes(changed, shown.bytes)))
      await this.#change(pinned, { changed: shown.bytes })
    const { fingerprint } = pinned.certificate
    const what = `${pinned.alias} shows the key ${shown.fingerprint}, not ${fingerprint}`
    throw new MuttrError('KEY_CHANGED', what)
  }

  async #parse(bytes: Uint8Array): Promise<Certificate> {
    try {
      return await this.#parts.crypto.readCertificate(bytes)
    } catch (cause) {
      throw new MuttrError('HOME_DAMAGED', 'a contact cannot be read', { cause })
    }
  }

  async mirror(
    alias: string,
    row: ContactRow,
    { isNews, also }: { isNews: boolean; also: readonly Change[] }
  ): Promise<void> {
    const { crypto, store } = this.#parts
    const before = await this.known(alias)
    const next = await mirroredContact(row, before, isNews, crypto)
    if (before && isOtherKey(next, before)) await this.#parts.onOtherKey(alias)
    await this.#save(alias, next.row, next.certificate, () => store.mirror(alias, next.row, also))
  }

  locked(): void {
    this.#prints.forget()
    this.#cache.clear()
  }

  async #need(text: string): Promise<Known> {
    this.#parts.self.closet()
    const found = await this.known(await this.now(readAlias(text).full))
    if (!found) throw new MuttrError('CONTACT_UNKNOWN', `no contact ${text}`)
    return found
  }

  #change(known: Known, changes: Partial<ContactRow>): Promise<Known> {
    const { alias, certificate, row } = this.#cache.get(known.alias) ?? known
    return this.#save(alias, { ...row, ...changes }, certificate)
  }

  /** Known here at once, so that two changes to one row follow each other; durable when it resolves. */
  async #save(
    alias: string,
    row: ContactRow,
    certificate: Certificate,
    write = () => this.#parts.store.save(alias, row)
  ): Promise<Known> {
    const saved = this.#remember({ alias, certificate, row })
    if (!row.moved) this.#prints.note(certificate.fingerprint, alias)
    try {
      await write()
    } catch (err) {
      this.#cache.delete(alias)
      throw err
    }
    return saved
  }

  #remember(known: Known): Known {
    this.#cache.delete(known.alias)
    this.#cache.set(known.alias, known)
    if (this.#cache.size > cacheMax) this.#cache.delete(this.#cache.keys().next().value!)
    return known
  }
}

import { equalBytes, toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Log } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Device } from '../../keys/device.ts'
import { verifyMove } from '../../keys/move.ts'
import type { Person } from '../../keys/person.ts'
import { importPerson, ownKey } from '../../keys/person.ts'
import type { SubkeyTools } from '../../keys/subkeys.ts'
import type { Change, State } from '../../store/state.ts'
import { decodeLetter } from '../../wire/letter.ts'
import { decodeSignedMove } from '../../wire/move.ts'
import type { SealedSecret, SyncEvent, SyncEventOf } from '../../wire/sync.ts'
import { deviceSealInfo } from '../../wire/sync.ts'
import type { Published } from '../addresses/published.ts'
import { decodePublished } from '../addresses/published.ts'
import { decodeRelation } from '../addresses/relation-rows.ts'
import type { Relations } from '../addresses/relations.ts'
import type { Closet } from '../closet.ts'
import { decodeContact } from '../contact-rows.ts'
import type { Contacts } from '../contacts.ts'
import { freshLetter } from '../fresh-letter.ts'
import type { InboxStore } from '../inbox-store.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { Policies } from '../requests/policies.ts'
import type { Requests } from '../requests/requests.ts'
import { decodePolicy } from '../requests/rows.ts'
import type { Self } from '../self.ts'
import { decodeSentRow } from '../sent-rows.ts'
import type { SentStore } from '../sent-shape.ts'
import type { Succeeding } from '../succession/succeeding.ts'
import type { LastWords } from './last-words.ts'
import type { DeviceList } from './list.ts'
import type { DeviceSecrets } from './secrets.ts'
import type { SharedAliases } from './shared-aliases.ts'

export interface MirrorParts {
  state: State
  self: Self
  device: Device
  list: DeviceList
  last: LastWords
  received: InboxStore
  sent: SentStore
  mailbox: Pick<Mailbox, 'mirrorRead' | 'mirrorConversation' | 'mirrorDeleted'>
  contacts: Pick<Contacts, 'mirror'>
  policies: Policies
  requests: () => Pick<Requests, 'elsewhere'>
  relations: Pick<Relations, 'mirror'>
  published: Pick<Published, 'mirror'>
  tools: SubkeyTools
  crypto: Crypto
  log: Log
  emit: Emit
  aliases: SharedAliases
  succeeding: () => Pick<Succeeding, 'adopt'>
  secrets: Pick<DeviceSecrets, 'known' | 'passedOn' | 'forNew'>
  /** Something may be opened now that could not be before. */
  onSubkeys(): void
}

/** What another device says that makes no sense. */
const junk: ReadonlySet<string> = new Set([
  ...['SYNC_INVALID', 'LETTER_INVALID', 'KEY_INVALID', 'MOVE_INVALID']
])

/** Who says something. */
interface Speaker {
  /** The device, hex. */
  readonly by: string
  /** Our key that signed it; null for what was said before, and waited. */
  readonly signer: Certificate | null
}

type Handlers = {
  readonly [T in SyncEvent['type']]: (
    event: SyncEventOf<T>,
    about: Speaker & { closet: Closet; said: Change[] }
  ) => Promise<'done' | 'early'>
}

/**
 * Does here what was done on another device of the person. Each event may come twice, and before what it is about: then it waits for
 * that. Of two words about one thing the later counts. Source: docs/protocol/sync.md
 */
export class Mirror {
  readonly #parts: MirrorParts

  constructor(parts: MirrorParts) {
    this.#parts = parts
  }

  /** @throws {MuttrError} when it is to be tried again: `DISK_FULL`, `POD_UNREACHABLE`, `VAULT_LOCKED`, … */
  async apply(event: SyncEvent, speaker: Speaker): Promise<void> {
    const { by } = speaker
    const { self, last, state, log } = this.#parts
    const closet = self.closet()
    const said = last.put(event, by, closet)
    const handle = this.#handlers[event.type] as Handlers['read']
    try {
      if (!(await last.isNews(event, by, closet))) {
        // What was decided since stands; but a pin that was set later, and what is newer of its key, count whenever they are heard.
        if (event.type === 'contact') await this.#contact(event, { isNews: false, also: [] })
        return
      }
      const outcome = await handle(event as SyncEventOf<'read'>, { ...speaker, closet, said })
      if (outcome === 'early') await state.write(last.put(event, by, closet, true))
    } catch (err) {
      const code = codeOf(err)
      if (!junk.has(code ?? '')) throw err
      log.warn('what another device says is not taken', { type: event.type, code })
    }
  }

  #contact(
    { alias, row }: SyncEventOf<'contact'>,
    how: { isNews: boolean; also: readonly Change[] }
  ): Promise<void> {
    return this.#parts.contacts.mirror(alias, decodeContact(row), how)
  }

  /** A letter is here now: what was said of it before is done. */
  async arrived(subjects: readonly string[]): Promise<void> {
    const { last, self } = this.#parts
    const closet = self.closet()
    for (const subject of subjects) {
      const early = await last.early(subject, closet)
      if (!early) continue
      const { event, by } = early
      const handle = this.#handlers[event.type] as Handlers['read']
      const said = last.put(event, by, closet)
      await handle(event as SyncEventOf<'read'>, { by, signer: null, closet, said })
    }
  }

  /** A secret that another device has sealed to this one. */
  async #forUs(sealed: readonly SealedSecret[]): Promise<Person | undefined> {
    const { device, crypto } = this.#parts
    const ours = sealed.find(({ deviceKey }) => equalBytes(deviceKey, device.publicKey))
    if (!ours) return undefined
    return importPerson(await crypto.hpkeOpen(device.sealKey.secret, deviceSealInfo, ours.secret))
  }

  readonly #handlers: Handlers = {
    letter: async ({ frame, key, ...rest }, { closet }) => {
      const { received, self, emit } = this.#parts
      const letter = decodeLetter(frame)
      const person = self.person()
      const me = letter.recipients.find(one => ownKey(person, toHex(one.fingerprint)))
      if (!me) throw new MuttrError('SYNC_INVALID', 'a letter to somebody else')
      const about = { frame, key, ...rest, to: me.alias }
      const fresh = freshLetter(letter, about, toHex(me.fingerprint))
      if (!(await received.addLetter(null, fresh, closet, []))) {
        await this.arrived(subjectsOf(letter))
        return 'done'
      }
      const { fromAlias: alias, fromFingerprint: fingerprint } = fresh.row
      await this.#parts.requests().elsewhere({ alias, fingerprint }, key)
      emit({ type: 'opened', letter: fresh.row.id, from: fresh.row.fromAlias, ms: 0 })
      await this.arrived(subjectsOf(letter))
      return 'done'
    },
    sent: async ({ id, row, secret }, { closet, said }) => {
      const { sent, last } = this.#parts
      if (await last.isGone(id, closet)) return 'done'
      const read = decodeSentRow(row)
      if (read.id !== id) throw new MuttrError('SYNC_INVALID', 'another letter than it says')
      const early = secret ? await last.early(`sent ${id}`, closet) : undefined
      if (early?.event.type !== 'sent')
        return (await sent.mirror(read, secret, closet, said)) ? 'done' : 'early'
      const later = last.put(early.event, early.by, closet)
      await sent.mirror(decodeSentRow(early.event.row), secret, closet, later)
      return 'done'
    },
    read: async ({ letter, read }, { closet, said }) => {
      const { received, mailbox } = this.#parts
      const place = await received.placeOf(letter, closet)
      if (place === undefined) return 'early'
      if (place !== null) await mailbox.mirrorRead(place, read, said)
      return 'done'
    },
    conversation: async ({ thread, archived, labels }, { said }) =>
      (await this.#parts.mailbox.mirrorConversation(thread, { archived, labels }, said))
        ? 'done'
        : 'early',
    deleted: async ({ direction, letter }, { said }) => {
      const { mailbox, state } = this.#parts
      await mailbox.mirrorDeleted(direction, letter)
      await state.write(said)
      return 'done'
    },
    contact: async (event, { said }) => {
      await this.#contact(event, { isNews: true, also: said })
      return 'done'
    },
    policy: async ({ row }, { closet }) => {
      const { policies, requests } = this.#parts
      const chosen = decodePolicy(row)
      await policies.mirror(chosen, closet)
      const { alias, fingerprint, policy } = chosen
      if (policy === 'ignore' && fingerprint) await requests().elsewhere({ alias, fingerprint })
      return 'done'
    },
    subkeys: async ({ sealed }, { by }) => {
      const { self, tools, secrets, onSubkeys } = this.#parts
      const told = [by, ...sealed.map(({ deviceKey }) => toHex(deviceKey))]
      const other = await this.#forUs(sealed)
      if (!other) return 'done'
      await self.rekey(
        person => tools.adoptSubkeys(person, other),
        (next, before) => secrets.passedOn(next, before.certificate, told)
      )
      onSubkeys()
      return 'done'
    },
    devices: async ({ devices }, { by, signer, closet }) => {
      const { state, list, self, secrets } = this.#parts
      // Whoever has a key that was left could make itself a device by it, or take others off the list.
      if (signer?.pin !== self.person().certificate.pin) return 'done'
      const known = secrets.known()
      const changes = list.merge(devices, by, closet)
      await state.write([...changes, ...(await secrets.forNew(known))])
      return 'done'
    },
    succeeded: async ({ from, sealed }, { by, signer }) => {
      if (signer?.fingerprint !== from)
        throw new MuttrError('SYNC_INVALID', 'a new key that the old one does not name')
      const next = await this.#forUs(sealed)
      const told = [by, ...sealed.map(({ deviceKey }) => toHex(deviceKey))]
      if (next) await this.#parts.succeeding().adopt(next, from, told)
      return 'done'
    },
    alias: async ({ alias }) => {
      const { self, state, aliases, log } = this.#parts
      if (self.registrations().some(known => known.alias === alias)) return 'done'
      await state.write([aliases.plan(alias)])
      void aliases.look().catch(err => log.warn('not registered', { err }))
      return 'done'
    },
    relation: async ({ row }) => {
      await this.#parts.relations.mirror(decodeRelation(row))
      this.#parts.onSubkeys()
      return 'done'
    },
    published: async ({ row }) => {
      await this.#parts.published.mirror(decodePublished(row))
      return 'done'
    },
    moved: async ({ move: frame }) => {
      const { self, state, aliases, crypto, log } = this.#parts
      const own = self.certificate()!
      const { to, issuedMs } = decodeSignedMove(frame).move
      // Whether it is of a time that has not come is for those who follow.
      await verifyMove(frame, { key: own, nowMs: issuedMs }, crypto)
      await state.write([aliases.plan(to, frame)])
      void aliases.look().catch(err => log.warn('not moved', { err }))
      return 'done'
    },
    revoked: async ({ certificate }) => {
      const { crypto, self } = this.#parts
      const read = await crypto.readCertificate(certificate)
      if (read.pin !== self.certificate()?.pin || !read.revoked)
        throw new MuttrError('SYNC_INVALID', 'not our own key, or not revoked')
      await self.revoke(read)
      return 'done'
    }
  }
}

/** What can have been said of a letter before it was here. */
export const subjectsOf = (letter: {
  id: Uint8Array
  thread: Uint8Array
  sender: { fingerprint: Uint8Array }
}): string[] => [
  `read ${toHex(letter.id)} ${toHex(letter.sender.fingerprint)}`,
  `conversation ${toHex(letter.thread)}`
]

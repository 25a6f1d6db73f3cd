import { equalBytes, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Millis, Random } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import { makeAddressLink, readAddressLink } from '../../wire/address.ts'
import type { KeptAddress } from '../../wire/pod-addresses.ts'
import type { Contact } from '../client.ts'
import type { Contacts } from '../contacts.ts'
import type { Pods } from '../pods.ts'
import type { Policy } from '../requests/request.ts'
import type { Self } from '../self.ts'
import type { Addresses } from './addresses.ts'
import type { AddressHome } from './home.ts'
import type { Polls } from './polls.ts'
import type { Published, PublishedAddress } from './published.ts'
import type { Register } from './register.ts'
import type { Relation } from './relation-rows.ts'
import type { Relations } from './relations.ts'

/** An address that a device of the person made, as its pod has it. */
export interface OwnAddress {
  /** The address itself, hex. */
  id: string
  kind: 'relationship' | 'published'
  /** The own alias that it is for. */
  alias: string
  /** To whom it was given; null for one that is handed out. */
  contact: string | null
  pod: string
  /** That pod does not know whose it is. */
  blind: boolean
  policy: Policy
  /** How many first letters it still takes; null: as many as come. */
  usesLeft: number | null
  /** Null: until it is changed or taken back. */
  untilMs: Millis | null
  /** Notices that wait at the pod until somebody looks at the requests. */
  waiting: number
  /** What the person calls it. */
  note: string
}

/** What a person does about addresses: a part of a `Client`. */
export interface AddressCalls {
  /** Those that the person's devices made, as their pods have them. @throws {MuttrError} `VAULT_LOCKED`, `POD_UNREACHABLE`, … */
  addresses(): Promise<OwnAddress[]>
  /** One to hand out. @throws {MuttrError} `ALIAS_MISSING`, `USAGE`, `VAULT_LOCKED`, `POD_UNREACHABLE`, … */
  makeAddress(options?: {
    /** One of the own aliases; the oldest unless told. */
    alias?: string
    /** As many as come unless told. */
    uses?: number
    lifeMs?: Millis
    note?: string
  }): Promise<OwnAddress & { link: string }>
  /** Takes back one that was handed out. @param id its beginning. @throws {MuttrError} `ADDRESS_UNKNOWN` */
  revokeAddress(id: string): Promise<{ id: string }>
  /** Gives a correspondent another address than the one that they have. `renewed`: they had one. */
  renewAddress(alias: string): Promise<{ contact: string; renewed: boolean }>
  /** First letters to somebody go to an address that they handed out. @throws {MuttrError} `LINK_INVALID`, `KEY_CHANGED`, … */
  useAddress(link: string): Promise<Contact>
}

interface Parts {
  addresses: Addresses
  relations: Relations
  published: Published
  register: Register
  home: AddressHome
  polls: Pick<Polls, 'shown'>
  contacts: Pick<Contacts, 'known' | 'lookup' | 'show' | 'announceAt'>
  self: Pick<Self, 'closet' | 'registrations' | 'certificate'>
  pods: Pick<Pods, 'know' | 'questions'>
  clock: Clock
  random: Random
  life: AbortSignal
}

const noteBytesMax = 256
const idCharsMin = 6
const hex = (address: Uint8Array): string => toHex(address)

export function addressCalls(parts: Parts): AddressCalls {
  const { addresses, relations, published, register, self, clock, random, life } = parts
  const known = ({ address, ...kept }: KeptAddress, pod: string): OwnAddress[] => {
    const { policy, uses: usesLeft, waiting } = kept
    const about = { id: hex(address), pod, blind: false, policy, usesLeft, waiting }
    const handed = published.at(address)
    if (handed && !handed.revoked) return [{ ...about, ...shownPublished(handed) }]
    const given = relations.at(address)
    if (!given) return []
    return [{ ...about, ...shownGiven(given.relation, address, kept.untilMs) }]
  }
  /** What waits there is seen when it is asked for, and then it is here. */
  const ofKeys = (): OwnAddress[] =>
    parts.polls.shown().flatMap(({ address, pod, policy, untilMs }) => {
      const given = relations.at(address)
      if (!given) return []
      const about = { id: hex(address), pod, blind: true, policy, usesLeft: null, waiting: 0 }
      return [{ ...about, ...shownGiven(given.relation, address, untilMs) }]
    })
  const oldest = (wanted: string | undefined) => {
    const own = self.registrations()
    const full = wanted === undefined ? own[0]?.alias : readAlias(wanted).full
    const found = own.find(({ alias }) => alias === full)
    if (!found) throw new MuttrError('ALIAS_MISSING', 'no such alias of yours')
    return found
  }
  const bring = async (pod: string): Promise<void> => void (await register.bring(pod))

  return {
    async addresses() {
      self.closet()
      const pods = [...new Set(self.registrations().map(({ pod }) => pod))]
      const all = pods.map(async pod => (await register.all(pod)).flatMap(one => known(one, pod)))
      return [...(await Promise.all(all)).flat(), ...ofKeys()]
    },
    async makeAddress({ alias: wanted, uses, lifeMs, note = '' } = {}) {
      self.closet()
      if (Buffer.byteLength(note) > noteBytesMax || !note.isWellFormed() || /\p{Cc}/u.test(note))
        throw new MuttrError('USAGE', `a note is one line of at most ${noteBytesMax} bytes`)
      if (uses !== undefined && !(uses >= 1 && uses <= limits.addressUsesMax))
        throw new MuttrError('USAGE', `1 to ${limits.addressUsesMax} letters`)
      const { alias: us } = oldest(wanted)
      const { pod, hpkeKey } = await parts.home.place(us, life)
      const nowMs = Math.floor(clock.now())
      const untilMs = lifeMs === undefined ? null : nowMs + lifeMs
      const address = random.bytes(32)
      const made = { address, us, pod, uses: uses ?? null, untilMs, madeMs: nowMs, note }
      await published.put({ ...made, revoked: false })
      await bring(pod)
      const { fingerprint } = self.certificate()!
      const link = makeAddressLink({ alias: us, fingerprint, address, hpkeKey, untilMs })
      const shown = shownPublished({ ...made, revoked: false })
      const about = { id: hex(address), pod, blind: false, policy: 'pull' as const, waiting: 0 }
      return { ...about, usesLeft: made.uses, ...shown, link }
    },
    async revokeAddress(wanted) {
      self.closet()
      const begin = wanted.toLowerCase()
      const fits = (one: PublishedAddress) => hex(one.address).startsWith(begin)
      const [one, other] = begin.length < idCharsMin ? [] : published.all().filter(fits)
      if (!one || other) throw new MuttrError('ADDRESS_UNKNOWN', `no one address ${wanted}`)
      await published.put({ ...one, revoked: true })
      await bring(one.pod)
      return { id: hex(one.address) }
    },
    async renewAddress(alias) {
      self.closet()
      const contact = readAlias(alias).full
      return { contact, renewed: await addresses.renew(contact) }
    },
    async useAddress(link) {
      self.closet()
      const { fingerprint, address, hpkeKey, untilMs, ...place } = readAddressLink(link)
      const { full, hostname } = readAlias(place.alias)
      const { contacts, pods } = parts
      await pods.know(hostname, life)
      const shown =
        (await contacts.known(full))?.certificate ??
        (await (await pods.questions(hostname, life)).lookup(full)).certificate
      if (shown.fingerprint !== fingerprint)
        throw new MuttrError('KEY_CHANGED', `the link names another key of ${full}`)
      await contacts.lookup(full, life)
      const lastMs = clock.now() + limits.blobLifeMsMax
      const route = { intro: address, hpkeKey, untilMs: Math.min(untilMs ?? lastMs, lastMs) }
      return contacts.show(await contacts.announceAt(full, route))
    }
  }
}

/** @param untilMs of one that another has followed; the one that is in use is kept as long as it is. */
const shownGiven = (
  { us, them, ours }: Relation,
  address: Uint8Array,
  untilMs: Millis | null
): Pick<OwnAddress, 'kind' | 'alias' | 'contact' | 'untilMs' | 'note'> => {
  const isCurrent = ours !== null && equalBytes(ours.address, address)
  const about = { kind: 'relationship' as const, alias: us, contact: them, note: '' }
  return { ...about, untilMs: isCurrent ? null : untilMs }
}

const shownPublished = ({ us, untilMs, note }: PublishedAddress) => ({
  ...{ kind: 'published' as const, alias: us, contact: null, untilMs, note }
})

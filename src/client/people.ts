import { fromHex, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Certificate } from '../keys/certificate.ts'
import { armorCertificate } from '../keys/certificate.ts'
import { importPerson, makePerson } from '../keys/person.ts'
import { revocationCertificate } from '../keys/revoke.ts'
import { readAlias } from '../pod/alias.ts'
import { addressCalls } from './addresses/calls.ts'
import type { Client } from './client.ts'
import type { ClientParts } from './create-client.ts'
import type { Rooms } from './rooms.ts'
import type { Self } from './self.ts'

const inviteLifeMs = 7 * 24 * 3_600_000

/** What a person does about who they and others are. */
export function people(rooms: Rooms, { invites = {}, clock, random, about }: ClientParts) {
  const brought = new Map(Object.entries(invites))
  const { self, contacts, courier, inbox, pods } = rooms
  const forever = new AbortController().signal
  return {
    ...addressCalls({ ...rooms, ...rooms.addressRooms, clock, random, life: forever }),
    async register(alias, { invite, note, signal = forever } = {}) {
      const { hostname } = readAlias(alias)
      const code = invite ?? brought.get(hostname)
      await pods.know(hostname, signal)
      return await rooms.register(alias, {
        signal,
        ...(code !== undefined && { invite: code }),
        ...(note !== undefined && { note })
      })
    },
    async move(to, { signal = forever, invite, ...given } = {}) {
      const code = invite ?? brought.get(readAlias(to).hostname)
      return await rooms.moving.move(to, {
        ...given,
        signal,
        ...(code !== undefined && { invite: code })
      })
    },
    moves: async () => rooms.moving.list(),
    async report(alias, { kind, text = '', letter, signal = forever }) {
      const { full, hostname } = readAlias(alias)
      const id = letter === undefined ? null : fromHex(letter, 32)
      if (id === undefined) throw new MuttrError('LETTER_UNKNOWN', `no letter ${letter}`)
      if (Buffer.byteLength(text) > limits.podNoteBytesMax)
        throw new MuttrError('USAGE', `a report of more than ${limits.podNoteBytesMax} bytes`)
      await pods.know(hostname, signal)
      const link = await pods.link(hostname, signal)
      await link.report(full, { kind, text, letter: id })
      return { alias: full, pod: hostname, kind }
    },
    async invite({ pod, uses = 1, lifeMs = inviteLifeMs, note = '', signal = forever } = {}) {
      const own = self.registrations().find(one => pod === undefined || one.pod === pod)
      if (!own) throw new MuttrError('ALIAS_MISSING', 'no alias of yours there')
      const link = await pods.identified(own.pod, signal)
      const { code, untilMs } = await link.invite({ uses, lifeMs, note })
      const { fingerprint } = needCertificate(self)
      const who = { alias: own.alias, pod: own.pod, fingerprint, invite: code }
      return { code, link: about.linkTo(who), pod: own.pod, untilMs }
    },
    async lookup(alias, { signal = forever } = {}) {
      const { full, hostname } = readAlias(alias)
      await pods.know(hostname, signal)
      return contacts.show(await contacts.lookup(full, signal))
    },
    contacts: () => contacts.list(),
    async acceptKey(alias) {
      const accepted = await contacts.accept(alias)
      courier.wake(({ to }) => to === accepted.alias)
      inbox.wake()
      return accepted
    },
    verification: alias => contacts.verification(alias),
    verify: (alias, shown) => contacts.verify(alias, shown),
    async card(wanted) {
      const own = self.registrations()
      const full = wanted === undefined ? own[0]?.alias : readAlias(wanted).full
      const found = own.find(({ alias }) => alias === full)
      if (!found) throw new MuttrError('ALIAS_MISSING', 'no such alias of yours')
      const { alias, pod } = found
      const { fingerprint } = needCertificate(self)
      return { alias, fingerprint, link: about.linkTo({ alias, pod, fingerprint }) }
    },
    async exportKey() {
      return armorCertificate(needCertificate(self))
    },
    importKey: (certificate, alias) => contacts.import(certificate, alias),
    revocation: async () => revocationCertificate(self.person(), clock.now()),
    revokeKey: ({ reason }) => rooms.revoking.revoke(reason),
    revokeWith: async (revocation, alias) =>
      rooms.revoking.revokeWith(
        revocation,
        alias === undefined ? undefined : readAlias(alias).full
      ),
    async succeedKey({ secretKey, keyPassphrase } = {}) {
      if (about.hosts !== null)
        throw new MuttrError('USAGE', "this is a pod's key, by which others know the pod")
      return rooms.succeeding.begin(nowMs =>
        secretKey === undefined
          ? makePerson({ name: nameOf(self, about.name), nowMs })
          : importPerson(utf8(secretKey), keyPassphrase)
      )
    },
    succession: () => rooms.succeeding.show(),
    alarms: () => rooms.alarms.list(),
    alarmProof: alias => rooms.splits.proof(readAlias(alias).full),
    answerAlarms: async alias => rooms.alarms.answer(readAlias(alias).full),
    subkeys: () => rooms.rotation.list(),
    rotateSubkey: () => rooms.rotation.rotate(),
    linkDevice: options => rooms.linking.open(options),
    devices: () => rooms.devices.all(),
    async renameDevice(name) {
      await rooms.devices.rename(name)
      return rooms.devices.all()
    },
    revokeDevice: device => rooms.devices.revoke(device),
    recovery: () => rooms.backups.words(),
    backup: () => rooms.backups.write(),
    networkBackup: async () => rooms.networkBackups.show(),
    makeNetworkBackup: () => rooms.networkBackups.begin(),
    cancelNetworkBackup: () => rooms.networkBackups.cancel()
  } satisfies Partial<Client>
}

function needCertificate(self: Self): Certificate {
  const certificate = self.certificate()
  if (!certificate) throw new MuttrError('HOME_MISSING', 'there is no person on this seed')
  return certificate
}

/** What the new key calls itself: as the node is called, else as the old key does. */
function nameOf(self: Self, name: string | null): string {
  const [userId = ''] = needCertificate(self).userIds
  return name ?? (userId.replace(/<.*$/, '').trim() || userId)
}

import { createHash } from 'node:crypto'
import { MuttrError } from '../../src/base/errors.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import type {
  CallOptions,
  Client,
  Contact,
  ReceivedLetter,
  SentLetter
} from '../../src/client/client.ts'
import type { ChosenPolicy, LetterRequest } from '../../src/client/requests/request.ts'
import { makeJoinLink } from '../../src/config/join-link.ts'
import { fakeDevices } from './fake-devices.ts'
import { fakeFiles } from './fake-files.ts'
import {
  alarmOf,
  bobsFingerprint,
  contactOf,
  idOf,
  letterOf,
  nowMs,
  requestOf,
  sentLetter,
  status
} from './fake-letters.ts'
import { fakeLink } from './fake-link.ts'
import { fakeMailbox } from './fake-mailbox.ts'
import { fakeNetworkBackup } from './fake-network-backup.ts'
import { fakeAddressCalls } from './fake-own-addresses.ts'

export const fakeWords =
  'nice tumble actor any turkey title disagree robust rigid wise remove faint'
const cardLink = makeJoinLink({
  network: null,
  pod: 'one.test',
  invite: null,
  contact: { alias: 'alice@one.test', fingerprint: idOf('alice').slice(0, 40) }
})

export interface FakeClient extends Client {
  /** Every call that reached it, as `method(arguments)`. */
  readonly calls: unknown[][]
  /** Letters in the inbox; tests may change them. */
  readonly letters: ReceivedLetter[]
  readonly people: Contact[]
  /** Who asks to be read. */
  readonly asking: LetterRequest[]
  /** Calls that hang until their signal aborts, and how often one has aborted. */
  aborted: number
  hanging: number
  emit(event: MuttrEvent): void
  /** Listeners to the events now. */
  listeners(): number
}

/**
 * A client in memory that refuses as the real one does. Aliases with a meaning of their own: `slow@…` hangs until aborted,
 * `broken@…` throws what nobody foresaw, `changed@…` shows another key, names beginning with `un` are unknown.
 */
export function createFakeClient(): FakeClient {
  const calls: unknown[][] = []
  const letters = [
    letterOf(),
    letterOf({ id: idOf('letter 2'), thread: idOf('letter 2'), subject: 'Ça va 你好', read: true })
  ]
  const people = [contactOf('bob@two.test')]
  const asking = [requestOf('carol@one.test')]
  const chosen: ChosenPolicy[] = []
  const blobs = new Map<string, Uint8Array>()
  const sent: SentLetter[] = []
  const written = { parent: null, mimeType: 'text/plain', body: 'At two.' }
  const feeds = new Set<(event: MuttrEvent) => void>()
  const fake: FakeClient = {
    calls,
    letters,
    people,
    asking,
    aborted: 0,
    hanging: 0,
    ...fakeMailbox(calls, () => [
      ...letters.map(letter => ({ direction: 'in' as const, ...letter })),
      ...sent.map(letter => ({ direction: 'out' as const, ...letter, ...written }))
    ]),
    emit: event => {
      for (const feed of feeds) feed(event)
    },
    listeners: () => feeds.size,
    async send(draft, options) {
      calls.push(['send', draft])
      await meaning(draft.to, options)
      if (Buffer.byteLength(draft.body) > 48 * 1024)
        throw new MuttrError('LETTER_TOO_LARGE', 'the body is too large')
      const letter = sentLetter(draft.to, draft.subject ?? '')
      sent.unshift(letter)
      return letter
    },
    async sent(options) {
      calls.push(['sent', options])
      return sent.slice(0, options?.limit)
    },
    async sentLetter(id, options) {
      calls.push(['sentLetter', id])
      return need(id, options)
    },
    async retract(id, options) {
      calls.push(['retract', id])
      const letter = await need(id, options)
      const outcome = letter.to.startsWith('read') ? 'too-late' : 'withdrawn'
      const request = outcome === 'too-late' ? sentLetter(letter.to, '', { retracts: id }) : null
      return { outcome, letter, request, problem: null }
    },
    async proof(id) {
      calls.push(['proof', id])
      await need(id)
      return new Uint8Array([1, 2, 3])
    },
    async inbox(options) {
      calls.push(['inbox', options])
      return letters
        .filter(letter => !options?.unread || !letter.read)
        .slice(0, options?.limit)
        .map(({ body: _, attachments: __, ...summary }) => summary)
    },
    async read(id) {
      calls.push(['read', id])
      const letter = letters.find(known => id.length >= 4 && known.id.startsWith(id))
      if (!letter) throw new MuttrError('LETTER_UNKNOWN', `no letter ${id}`)
      letter.read = true
      return letter
    },
    async requests(options) {
      calls.push(['requests', options])
      return asking.slice(0, options?.limit)
    },
    async decide(id, decision) {
      calls.push(['decide', id, decision])
      const at = asking.findIndex(request => request.id === id)
      if (at < 0) throw new MuttrError('REQUEST_UNKNOWN', `no request ${id}`)
      asking.splice(at, 1)
    },
    async policies() {
      return chosen
    },
    async choosePolicy(alias, policy) {
      calls.push(['choosePolicy', alias, policy])
      await meaning(alias)
      const row = { alias, policy, sinceMs: nowMs }
      chosen.unshift(row)
      return row
    },
    async register(alias, options) {
      calls.push(['register', alias, options?.invite])
      await meaning(alias, options)
      if (options?.invite === 'used') throw new MuttrError('INVITE_INVALID', 'the invite was used')
      return { alias, pod: alias.split('@')[1] ?? '', certifiedUntilMs: nowMs }
    },
    async invite({ signal: _, ...options } = {}) {
      calls.push(['invite', options])
      if (options.pod === 'away.test') throw new MuttrError('ALIAS_MISSING', options.pod)
      return { code: 'c0de', link: 'muttr:abc', pod: 'one.test', untilMs: nowMs }
    },
    async report(alias, { kind, ...told }) {
      const { signal: _, ...rest } = told
      calls.push(['report', { alias, kind, ...rest }])
      if (alias.startsWith('nobody')) throw new MuttrError('ALIAS_UNKNOWN', alias)
      return { alias, pod: 'two.test', kind }
    },
    async lookup(alias, options) {
      calls.push(['lookup', alias])
      await meaning(alias, options)
      return contactOf(alias)
    },
    async contacts() {
      return people
    },
    async acceptKey(alias) {
      calls.push(['acceptKey', alias])
      return { ...known(alias), changedTo: null }
    },
    async verification(alias) {
      const { fingerprint } = known(alias)
      return { alias, fingerprint, words: fakeWords.split(' ') }
    },
    async card(alias = 'alice@one.test') {
      await meaning(alias)
      return { alias, fingerprint: idOf('alice').slice(0, 40), link: cardLink }
    },
    async verify(alias, shown) {
      calls.push(['verify', alias, shown])
      const contact = known(alias)
      if (![undefined, contact.fingerprint, fakeWords].includes(shown?.toLowerCase()))
        throw new MuttrError('KEY_CHANGED', 'another fingerprint is pinned')
      return { ...contact, verified: true }
    },
    async exportKey() {
      return '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjMEZ…\n-----END PGP PUBLIC KEY BLOCK-----\n'
    },
    async resend(id) {
      calls.push(['resend', id])
      return need(id)
    },
    linkDevice: options => fakeLink(calls, options),
    async recovery() {
      return fakeWords.split(' ')
    },
    async backup() {
      async function* parts() {
        for (let i = 0; i < 3; i++) yield new Uint8Array(70_000).fill(i)
      }
      return parts()
    },
    ...fakeNetworkBackup(calls, event => fake.emit(event)),
    ...fakeAddressCalls(calls as unknown[][], alias => known(alias)),
    async devices() {
      return fakeDevices
    },
    async renameDevice(name) {
      calls.push(['renameDevice', name])
      return fakeDevices.map(device => (device.own ? { ...device, name } : device))
    },
    async revokeDevice(device) {
      calls.push(['revokeDevice', device])
      if (device !== 'laptop') throw new MuttrError('DEVICE_UNKNOWN', `no device ${device}`)
      return fakeDevices.map(one => (one.own ? one : { ...one, revokedMs: nowMs }))
    },
    async subkeys() {
      return [{ fingerprint: bobsFingerprint, createdMs: nowMs, current: true, eraseMs: null }]
    },
    async rotateSubkey() {
      calls.push(['rotateSubkey'])
      const old = { fingerprint: bobsFingerprint, createdMs: nowMs, current: false }
      const fresh = { fingerprint: 'ab'.repeat(20), createdMs: nowMs, current: true, eraseMs: null }
      return [fresh, { ...old, eraseMs: nowMs + 115 * 86_400_000 }]
    },
    async succeedKey(given) {
      calls.push(['succeedKey', given?.secretKey?.length])
      return (await fake.succession())!
    },
    async succession() {
      return {
        ...{
          from: bobsFingerprint,
          to: 'ab'.repeat(20),
          sinceMs: nowMs,
          devicesTold: true,
          eraseMs: null
        },
        pods: [
          { pod: 'one.test', taken: true, problem: null },
          {
            ...{ pod: 'two.test', taken: false },
            problem: { code: 'POD_UNREACHABLE', message: 'it is away', hint: 'Wait.' }
          }
        ]
      }
    },
    async move(to, { signal, ...given } = {}) {
      calls.push(['move', to, given])
      if (signal?.aborted) throw new MuttrError('CANCELLED', 'cancelled')
      if (to === 'bob@one.test') throw new MuttrError('MOVE_INVALID', 'there already')
      return { ...(await fake.moves())[0]!, to }
    },
    async moves() {
      return [
        {
          ...{ from: 'bob@one.test', to: 'bob@two.test', atMs: nowMs, agreed: false },
          listensUntilMs: nowMs + 108 * 86_400_000,
          problem: { code: 'POD_UNREACHABLE', message: 'it is away', hint: 'Wait.' }
        }
      ]
    },
    async importKey(certificate, alias) {
      calls.push(['importKey', certificate.byteLength, alias])
      if (certificate[0] === 0 || certificate.byteLength > 64 * 1024)
        throw new MuttrError('KEY_INVALID', 'no certificate')
      return [contactOf(alias ?? 'carol@one.test')]
    },
    async putBlob(sealed, options) {
      calls.push(['putBlob', sealed.byteLength, options?.lifeMs])
      if (sealed.byteLength === 0) throw new MuttrError('BLOB_INVALID', 'an empty blob')
      if (sealed.byteLength > 256 * 1024) throw new MuttrError('BLOB_TOO_LARGE', 'too large')
      const key = createHash('sha256').update(sealed).digest('hex')
      blobs.set(key, new Uint8Array(sealed))
      return { key, copies: 8, wanted: 8, expiryMs: nowMs + (options?.lifeMs ?? 0) }
    },
    async getBlob(key, options) {
      calls.push(['getBlob', key])
      if (key === 'f'.repeat(64)) await hang(options)
      const sealed = blobs.get(key)
      if (!sealed) throw new MuttrError('BLOB_UNKNOWN', `no blob ${key}`)
      return sealed
    },
    ...fakeFiles(calls),
    async status() {
      return status
    },
    async revocation() {
      return '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nwnYE…\n-----END PGP PUBLIC KEY BLOCK-----\n'
    },
    async revokeKey({ reason }) {
      calls.push(['revokeKey', reason])
      const shown = { alias: 'alice@one.test', shown: true, problem: null }
      return { fingerprint: bobsFingerprint, pods: [shown] }
    },
    async revokeWith(revocation, alias = 'alice@one.test') {
      calls.push(['revokeWith', revocation.byteLength, alias])
      await meaning(alias)
      if (revocation[0] === 0) throw new MuttrError('KEY_INVALID', 'no revocation')
      return { fingerprint: bobsFingerprint, pods: [{ alias, shown: true, problem: null }] }
    },
    async alarms() {
      return [alarmOf('alice@one.test')]
    },
    async alarmProof(alias) {
      calls.push(['alarmProof', alias])
      await meaning(alias)
      if (alias !== 'alice@one.test') throw new MuttrError('PROOF_UNKNOWN', 'nothing is proven')
      return new Uint8Array([4, 5, 6])
    },
    async answerAlarms(alias) {
      calls.push(['answerAlarms', alias])
      await meaning(alias)
      return alias === 'alice@one.test' ? [alarmOf(alias)] : []
    },
    async doctor() {
      return [
        { name: 'home', ok: true, detail: 'readable', hint: null },
        { name: 'pod one.test', ok: false, detail: 'away', hint: 'Letters wait.' }
      ]
    },
    events: signal => follow(signal)
  }

  async function need(id: string, options?: CallOptions): Promise<SentLetter> {
    const letter = sent.find(known => known.id === id)
    if (!letter) throw new MuttrError('LETTER_UNKNOWN', `no letter ${id}`)
    if (letter.to.startsWith('stuck')) await hang(options)
    return letter
  }

  /** What an alias does to a call. */
  async function meaning(alias: string, options?: CallOptions): Promise<void> {
    if (!alias.includes('@')) throw new MuttrError('ALIAS_INVALID', `${alias} names no pod`)
    if (alias.startsWith('un')) throw new MuttrError('ALIAS_UNKNOWN', `no alias ${alias}`)
    if (alias.startsWith('changed'))
      throw new MuttrError('KEY_CHANGED', 'another key', { hint: 'Ask them first.' })
    if (alias.startsWith('away')) throw new MuttrError('POD_UNREACHABLE', 'the pod is away')
    if (alias.startsWith('broken')) throw new TypeError('undefined is not a function')
    if (alias.startsWith('slow')) await hang(options)
  }

  function hang(options?: CallOptions): Promise<never> {
    fake.hanging++
    return new Promise((_, reject) => {
      const stop = () => {
        fake.aborted++
        reject(new MuttrError('CANCELLED', 'cancelled'))
      }
      if (options?.signal?.aborted) stop()
      options?.signal?.addEventListener('abort', stop)
    })
  }

  function known(alias: string): Contact {
    const contact = people.find(person => person.alias === alias)
    if (!contact) throw new MuttrError('CONTACT_UNKNOWN', `no contact ${alias}`)
    return contact
  }

  function follow(signal: AbortSignal): AsyncIterable<MuttrEvent> {
    const waiting: MuttrEvent[] = []
    let wake = () => {}
    const feed = (event: MuttrEvent) => {
      waiting.push(event)
      wake()
    }
    feeds.add(feed)
    const leave = () => {
      feeds.delete(feed)
      wake()
    }
    signal.addEventListener('abort', leave)
    async function* drain() {
      try {
        while (!signal.aborted) {
          const next = waiting.shift()
          if (next) yield next
          else await new Promise<void>(resolve => (wake = resolve))
        }
      } finally {
        leave()
      }
    }
    return drain()
  }
  return fake
}

import type { MuttrEvent } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { AddressCalls } from '../client/addresses/calls.ts'
import type { CallOptions, Client, Contact, Revoked } from '../client/client.ts'
import {
  type Ask,
  type AskParts,
  atMost,
  bytesOf,
  type Call,
  createAsk,
  jsonOf,
  lost,
  segment,
  streamOf,
  textOf
} from './ask.ts'
import type { PodOperator } from './operator.ts'
import { remoteAttachments } from './remote-attachments.ts'
import { provedBy, remoteDevices } from './remote-devices.ts'
import { remoteMailbox } from './remote-mailbox.ts'
import { remotePod } from './remote-pod.ts'
import { readEvents } from './sse.ts'

export interface RemoteClient extends Client, AsyncDisposable {
  /** Refuses with `POD_UNKNOWN` where no pod runs. */
  readonly pod: PodOperator
}

export interface RemoteParts extends AskParts {
  /** Asks the person, where the daemon wants to know that it is them; without it such calls are refused. */
  passphrase?: () => Promise<string | null>
}

/** The daemon's client, over its local API: the same calls, results and error codes. Source: docs/protocol/local-api.md */
export function createRemoteClient({ passphrase, ...parts }: RemoteParts): RemoteClient {
  const ended = new AbortController()
  const ask = createAsk(parts, ended.signal)
  const { get, post } = asJson(ask)
  const proved = provedBy(passphrase)
  return {
    ...letters(get, post, ask),
    ...remoteMailbox(ask),
    ...people(get, post, ask),
    recovery: () => proved(given => post('/recovery', { passphrase: given })),
    ...requests(get, post),
    ...addresses(get, post),
    ...blobs(ask),
    ...remoteAttachments(ask),
    ...remoteDevices(ask, proved, ended.signal),
    status: () => get('/status'),
    alarms: () => get('/alarms'),
    alarmProof: alias => ask(`/alarms/${segment(alias)}/proof`, {}, bytesOf),
    answerAlarms: alias => post('/alarms/answer', { alias }),
    doctor: options => get('/doctor', signalIn(options)),
    events: signal => events(ask, signal, ended.signal),
    pod: remotePod(ask),
    async [Symbol.asyncDispose]() {
      ended.abort()
    }
  }
}

interface AsJson {
  get<T>(path: string, call?: Call): Promise<T>
  post<T>(path: string, json: unknown, call?: Call): Promise<T>
}
type Get = AsJson['get']
type Post = AsJson['post']

const asJson = (ask: Ask): AsJson => ({
  get: <T>(path: string, call: Call = {}) => ask(path, call, jsonOf<T>),
  post: <T>(path: string, json: unknown, call: Call = {}) =>
    ask(path, { ...call, method: 'POST', json }, jsonOf<T>)
})

const signalIn = (options?: { signal?: AbortSignal | undefined }): CallOptions =>
  options?.signal ? { signal: options.signal } : {}

function letters(
  get: Get,
  post: Post,
  ask: Ask
): Pick<
  Client,
  'send' | 'sent' | 'sentLetter' | 'retract' | 'resend' | 'proof' | 'inbox' | 'read'
> {
  return {
    async send(draft, options) {
      // Refused here too, because a server that refuses a body unread may close before its answer is seen.
      atMost(draft.body, limits.letterBodyBytesMax, 'LETTER_TOO_LARGE', 'the body')
      return post('/letters', draft, signalIn(options))
    },
    sent: ({ limit } = {}) => get('/sent', { query: { limit } }),
    sentLetter: (id, options) => get(`/sent/${segment(id)}`, signalIn(options)),
    resend: id => post(`/sent/${segment(id)}/resend`, undefined),
    retract: (id, options) => post(`/sent/${segment(id)}/retract`, undefined, signalIn(options)),
    proof: id => ask(`/sent/${segment(id)}/proof`, {}, bytesOf),
    inbox: ({ limit, unread } = {}) => get('/inbox', { query: { limit, unread } }),
    read: id => post(`/inbox/${segment(id)}/read`, undefined)
  }
}

function people(
  get: Get,
  post: Post,
  ask: Ask
): Pick<
  Client,
  | 'register'
  | 'lookup'
  | 'report'
  | 'invite'
  | 'contacts'
  | 'acceptKey'
  | 'verification'
  | 'verify'
  | 'card'
  | 'exportKey'
  | 'importKey'
  | 'backup'
  | 'networkBackup'
  | 'makeNetworkBackup'
  | 'cancelNetworkBackup'
  | 'subkeys'
  | 'rotateSubkey'
  | 'move'
  | 'moves'
  | 'succeedKey'
  | 'succession'
  | 'revocation'
  | 'revokeKey'
  | 'revokeWith'
> {
  return {
    register: (alias, { signal, ...rest } = {}) =>
      post('/registrations', { alias, ...rest }, signalIn({ signal })),
    lookup: (alias, options) => post('/lookups', { alias }, signalIn(options)),
    invite: ({ signal, ...options } = {}) => post('/invites', options, signalIn({ signal })),
    report: (alias, { signal, ...told }) =>
      post('/reports', { alias, ...told }, signalIn({ signal })),
    contacts: () => get('/contacts'),
    acceptKey: alias => post('/contacts/accept', { alias }),
    verification: alias => get('/contacts/verification', { query: { alias } }),
    verify: (alias, shown) => post('/contacts/verify', { alias, shown }),
    card: alias => get('/card', { query: { alias } }),
    exportKey: () => ask('/key', {}, textOf),
    backup: options => ask('/backup', signalIn(options), streamOf),
    networkBackup: () => get('/backup/network'),
    makeNetworkBackup: () => post('/backup/network', undefined),
    cancelNetworkBackup: () => post('/backup/network/cancel', undefined),
    subkeys: () => get('/key/subkeys'),
    rotateSubkey: () => post('/key/subkeys', {}),
    move: (to, { signal, ...given } = {}) => post('/moves', { to, ...given }, signalIn({ signal })),
    moves: () => get('/moves'),
    succeedKey: (given = {}) => post('/key/succession', given),
    succession: () => get('/key/succession'),
    revocation: () => ask('/key/revocation', {}, textOf),
    revokeKey: ({ reason }) => post('/key/revoke', { reason }),
    async revokeWith(revocation, alias) {
      atMost(revocation, limits.certificateBytesMax, 'KEY_INVALID', 'the revocation')
      return ask(
        '/key/revoke-with',
        { method: 'POST', bytes: revocation, query: { alias } },
        jsonOf<Revoked>
      )
    },
    async importKey(certificate, alias) {
      atMost(certificate, limits.certificateBytesMax, 'KEY_INVALID', 'the certificate')
      return ask(
        '/keys',
        { method: 'POST', bytes: certificate, query: { alias } },
        jsonOf<Contact[]>
      )
    }
  }
}

function addresses(get: AsJson['get'], post: AsJson['post']): AddressCalls {
  return {
    addresses: () => get('/addresses'),
    makeAddress: (options = {}) => post('/addresses', options),
    revokeAddress: id => post('/addresses/revoke', { id }),
    renewAddress: alias => post('/addresses/renew', { alias }),
    useAddress: link => post('/addresses/use', { link })
  }
}

function requests(
  get: Get,
  post: Post
): Pick<Client, 'requests' | 'decide' | 'policies' | 'choosePolicy'> {
  return {
    requests: ({ limit } = {}) => get('/requests', { query: { limit } }),
    async decide(id, decision) {
      await post(`/requests/${segment(id)}`, { decision })
    },
    policies: () => get('/contacts/policy'),
    choosePolicy: (alias, policy) => post('/contacts/policy', { alias, policy })
  }
}

function blobs(ask: Ask): Pick<Client, 'putBlob' | 'getBlob'> {
  return {
    async putBlob(sealed, { lifeMs, via, ...options } = {}) {
      atMost(sealed, limits.blobBytesMax, 'BLOB_TOO_LARGE', 'the blob')
      const query = { lifeMs, via }
      const call: Call = { method: 'POST', bytes: sealed, query, ...signalIn(options) }
      return ask('/blobs', call, jsonOf<Awaited<ReturnType<Client['putBlob']>>>)
    },
    getBlob: (key, { via, ...options } = {}) =>
      ask(`/blobs/${segment(key)}`, { query: { via }, ...signalIn(options) }, bytesOf)
  }
}

/** The request is made at once, so that what happens from here on is seen. An abort ends the events quietly. */
function events(ask: Ask, signal: AbortSignal, ended: AbortSignal): AsyncIterable<MuttrEvent> {
  const asked = ask('/events', { signal }, async answer => answer.body)
  asked.catch(() => {})
  async function* follow(): AsyncGenerator<MuttrEvent> {
    try {
      const body = await asked
      if (body) yield* readEvents(body)
    } catch (err) {
      if (!signal.aborted && !ended.aborted) throw lost(err)
    }
  }
  return follow()
}

import { type Context, Hono } from 'hono'
import { routePath } from 'hono/route'
import { asMuttrError, failureOf } from '../base/failure.ts'
import type { Clock, Log, Random } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import { addAddresses } from './address-routes.ts'
import { addAdmin } from './admin/app.ts'
import { headerCarrier } from './admin/carrier.ts'
import type { AdminDesk } from './admin/desk.ts'
import { addAttachments } from './attachment-routes.ts'
import { readBody, readJson } from './body.ts'
import { addDevices } from './device-routes.ts'
import { addDownloads, type Downloads } from './downloads.ts'
import { addPatience, answerOf, onePiece } from './flowing.ts'
import { createGate, onlyOurselves, onlyWithToken, Refusal, statusOf } from './guard.ts'
import type { House } from './house.ts'
import { addHouse } from './house-routes.ts'
import { apiLimits } from './limits.ts'
import { addMailbox } from './mailbox.ts'
import type { PodOperator } from './operator.ts'
import { addPage, barePolicy, type PageFiles } from './page-files.ts'
import { addPod } from './pod-routes.ts'
import { isNonce, proofOf } from './proof.ts'
import {
  check,
  choosing,
  deciding,
  draft,
  fetching,
  importing,
  inboxListing,
  inviting,
  listing,
  malformed,
  moving,
  named,
  nothing,
  proving,
  registering,
  reporting,
  revoking,
  storing,
  succeeding,
  verifying
} from './schemas.ts'
import { eventStream } from './sse.ts'

export interface AppParts {
  client: Client
  /** Present where a pod runs. */
  pod?: PodOperator
  /** The same, for its admin page. */
  desk?: AdminDesk
  /** The process around the node. */
  house: House
  /** The built web page. */
  page?: PageFiles
  token: string
  clock: Clock
  random: Random
  log: Log
  /** The values of the Host header that mean us. */
  hosts: () => ReadonlySet<string>
}

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const
const draftLimit = { maxBytes: apiLimits.draftBytesMax, code: 'LETTER_TOO_LARGE' } as const
const blobLimit = { maxBytes: apiLimits.blobBytesMax, code: 'BLOB_TOO_LARGE' } as const
const keyLimit = { maxBytes: apiLimits.certificateBytesMax, code: 'KEY_INVALID' } as const

/** The local API as a function from requests to answers. Source: docs/protocol/local-api.md */
export function createApp(parts: AppParts): Hono {
  const { token, log, hosts } = parts
  const app = new Hono()
  const requests = createGate(apiLimits.requestsMax)
  app.onError((err, c) => {
    const failure = failureOf(err)
    if (failure.code === 'INTERNAL')
      log.warn('api.internal', { path: routePath(c, -1), stack: err.stack })
    const status = statusOf(asMuttrError(err))
    // A body that was not read ends the connection: the client is still writing it.
    if (status === 413) c.header('Connection', 'close')
    return c.json({ error: failure }, status)
  })
  app.notFound(() => {
    throw new Refusal(404, 'METHOD_UNKNOWN', 'the local API has no such request')
  })
  addPatience(app, parts.clock)
  app.use(onlyOurselves(hosts))
  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    c.header('X-Content-Type-Options', 'nosniff')
    c.header('Content-Security-Policy', barePolicy)
    await next()
  })
  app.get('/hello', c => {
    const nonce = c.req.query('nonce') ?? ''
    if (!isNonce(nonce)) throw malformed('the nonce is not 32 bytes in hex')
    return c.json({ muttr: 1, proof: proofOf(token, nonce) })
  })
  if (parts.page) addPage(app, parts.page)
  addDesk(app, parts)
  const downloads = addDownloads(app, parts)
  app.use(onlyWithToken(token))
  addEvents(app, parts)
  app.use(async (_, next) => {
    using _place = requests.enter()
    await next()
  })
  addLetters(app, parts)
  addMailbox(app, parts.client)
  addPeople(app, parts)
  addBlobs(app, parts)
  addAttachments(app, { ...parts, downloads })
  addAddresses(app, parts.client)
  addDevices(app, parts)
  addBackups(app, parts, downloads)
  addOffice(app, parts, downloads)
  addPod(app, () => parts.pod, parts.clock)
  addHouse(app, parts.house, parts.clock)
  return app
}

/** The admin page is there for everybody on this machine; it asks who they are. */
function addDesk(app: Hono, { desk, page = new Map(), ...parts }: AppParts): void {
  if (!desk) return
  addAdmin(app, { ...parts, desk, page, carrier: headerCarrier, subnetOf: () => undefined })
}

const signalOf = (c: Context): { signal: AbortSignal } => ({ signal: c.req.raw.signal })

function addLetters(app: Hono, { client }: AppParts): void {
  app.post('/letters', async c =>
    c.json(await client.send(check(draft, await readJson(c.req.raw, draftLimit)), signalOf(c)))
  )
  app.get('/sent', async c => c.json(await client.sent(check(listing, c.req.query()))))
  app.get('/sent/:id', async c => c.json(await client.sentLetter(c.req.param('id'), signalOf(c))))
  app.post('/sent/:id/retract', async c =>
    c.json(await client.retract(c.req.param('id'), signalOf(c)))
  )
  app.post('/sent/:id/resend', async c => c.json(await client.resend(c.req.param('id'))))
  app.get('/sent/:id/proof', async c => {
    const file = await client.proof(c.req.param('id'))
    return c.body(new Uint8Array(file), 200, { 'Content-Type': 'application/cbor' })
  })
  app.get('/inbox', async c => c.json(await client.inbox(check(inboxListing, c.req.query()))))
  app.post('/inbox/:id/read', async c => c.json(await client.read(c.req.param('id'))))
}

function addPeople(app: Hono, { client }: AppParts): void {
  app.post('/registrations', async c => {
    const { alias, ...rest } = check(registering, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.register(alias, { ...rest, ...signalOf(c) }))
  })
  app.post('/lookups', async c => {
    const { alias } = check(named, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.lookup(alias, signalOf(c)))
  })
  app.post('/invites', async c =>
    c.json(
      await client.invite({
        ...check(inviting, await readJson(c.req.raw, jsonLimit)),
        ...signalOf(c)
      })
    )
  )
  app.post('/reports', async c => {
    const { alias, ...told } = check(reporting, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.report(alias, { ...told, ...signalOf(c) }))
  })
  app.get('/contacts', async c => c.json(await client.contacts()))
  app.post('/contacts/accept', async c => {
    const { alias } = check(named, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.acceptKey(alias))
  })
  app.post('/contacts/verify', async c => {
    const { alias, shown } = check(verifying, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.verify(alias, shown))
  })
  app.get('/contacts/verification', async c =>
    c.json(await client.verification(check(named, c.req.query()).alias))
  )
  app.get('/card', async c => c.json(await client.card(check(importing, c.req.query()).alias)))
  app.get('/contacts/policy', async c => c.json(await client.policies()))
  app.post('/contacts/policy', async c => {
    const { alias, policy } = check(choosing, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.choosePolicy(alias, policy))
  })
  app.get('/requests', async c => c.json(await client.requests(check(listing, c.req.query()))))
  app.post('/requests/:id', async c => {
    const id = c.req.param('id')
    const { decision } = check(deciding, await readJson(c.req.raw, jsonLimit))
    await client.decide(id, decision)
    return c.json({ decided: id, decision })
  })
  app.get('/key', async c =>
    c.body(await client.exportKey(), 200, { 'Content-Type': 'application/pgp-keys' })
  )
  app.get('/key/subkeys', async c => c.json(await client.subkeys()))
  app.post('/key/subkeys', async c => {
    check(nothing, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.rotateSubkey())
  })
  app.get('/moves', async c => c.json(await client.moves()))
  app.post('/moves', async c => {
    const { to, ...given } = check(moving, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.move(to, { ...given, ...signalOf(c) }))
  })
  app.get('/key/succession', async c => c.json(await client.succession()))
  app.post('/key/succession', async c => {
    const given = check(succeeding, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.succeedKey(given))
  })
  app.get('/key/revocation', async c =>
    c.body(await client.revocation(), 200, { 'Content-Type': 'application/pgp-keys' })
  )
  app.post('/key/revoke', async c => {
    const { reason } = check(revoking, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.revokeKey({ reason }))
  })
  app.post('/key/revoke-with', async c => {
    const { alias } = check(importing, c.req.query())
    return c.json(await client.revokeWith(await readBody(c.req.raw, keyLimit), alias))
  })
  app.post('/keys', async c => {
    const { alias } = check(importing, c.req.query())
    return c.json(await client.importKey(await readBody(c.req.raw, keyLimit), alias))
  })
}

function addBackups(app: Hono, { client, house }: AppParts, downloads: Downloads): void {
  app.post('/recovery', async c => {
    await house.prove(check(proving, await readJson(c.req.raw, jsonLimit)).passphrase)
    return c.json(await client.recovery())
  })
  app.get('/backup', async c => {
    const pieces = await client.backup(signalOf(c))
    return c.body(answerOf(pieces), 200, { 'Content-Type': 'application/octet-stream' })
  })
  app.get('/backup/network', async c => c.json(await client.networkBackup()))
  app.post('/backup/network', async c => c.json(await client.makeNetworkBackup()))
  app.post('/backup/network/cancel', async c => c.json(await client.cancelNetworkBackup()))
  app.post('/backup/download', async c =>
    c.json(await downloads.offer(signal => client.backup({ signal }), c.req.raw.signal))
  )
}

function addBlobs(app: Hono, { client }: AppParts): void {
  app.post('/blobs', async c => {
    const how = check(storing, c.req.query())
    const sealed = await readBody(c.req.raw, blobLimit)
    return c.json(await client.putBlob(sealed, { ...how, ...signalOf(c) }))
  })
  app.get('/blobs/:key', async c => {
    const how = { ...check(fetching, c.req.query()), ...signalOf(c) }
    const sealed = await client.getBlob(c.req.param('key'), how)
    return c.body(new Uint8Array(sealed), 200, { 'Content-Type': 'application/octet-stream' })
  })
}

function addOffice(app: Hono, { client }: AppParts, downloads: Downloads): void {
  app.get('/status', async c => c.json(await client.status()))
  app.get('/alarms', async c => c.json(await client.alarms()))
  app.post('/alarms/answer', async c => {
    const { alias } = check(named, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.answerAlarms(alias))
  })
  const proof = '/alarms/:alias/proof'
  app.get(proof, async c => {
    const file = await client.alarmProof(c.req.param('alias'))
    return c.body(new Uint8Array(file), 200, { 'Content-Type': 'application/cbor' })
  })
  app.post(`${proof}/download`, async c => {
    const alias = c.req.param('alias')
    const open = async () => onePiece(await client.alarmProof(alias))
    return c.json(await downloads.offer(open, c.req.raw.signal))
  })
  app.get('/doctor', async c => c.json(await client.doctor(signalOf(c))))
}

function addEvents(app: Hono, { client, clock }: AppParts): void {
  const streams = createGate(apiLimits.eventStreamsMax)
  app.get('/events', c => {
    const place = streams.enter()
    const ended = new AbortController()
    const events = client.events(AbortSignal.any([ended.signal, c.req.raw.signal]))
    const onEnd = () => {
      place[Symbol.dispose]()
      ended.abort()
    }
    return c.body(eventStream({ events, clock, onEnd }), 200, {
      'Content-Type': 'text/event-stream'
    })
  })
}

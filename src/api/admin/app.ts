import { createHmac } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { Hono } from 'hono'
import { routePath } from 'hono/route'
import { z } from 'zod'
import { asMuttrError, failureOf } from '../../base/failure.ts'
import type { Clock, Log, Random } from '../../base/ports.ts'
import type { From, Opened, Session } from '../../pod/admin/admin.ts'
import { readJson } from '../body.ts'
import { addDownloads } from '../downloads.ts'
import { answerOf } from '../flowing.ts'
import { createGate, Refusal, statusOf } from '../guard.ts'
import { apiLimits } from '../limits.ts'
import type { PageFiles } from '../page-files.ts'
import { addAdminPage, barePolicy } from '../page-files.ts'
import { addPod } from '../pod-routes.ts'
import { sameSecret } from '../proof.ts'
import { check } from '../schemas.ts'
import { eventStream } from '../sse.ts'
import type { Carrier } from './carrier.ts'
import type { AdminDesk } from './desk.ts'
import { mustBeOwner, within } from './rights.ts'

export interface AdminParts {
  desk: AdminDesk
  carrier: Carrier
  /** The built page; none where it is served elsewhere. */
  page: PageFiles
  /** The network that a request is counted with; undefined for loopback and private ranges. */
  subnetOf: (c: Context) => string | undefined
  clock: Clock
  random: Random
  log: Log
}

interface Env {
  Variables: { token: string; session: Session }
  Bindings: HttpBindings
}
type App = Hono<Env>

const text = z.string().max(2_048)
const login = z.strictObject({ name: text, password: text, code: text.default('') })
const entering = z.strictObject({ token: text })
const renewing = z.strictObject({ old: text.default(''), password: text })
const coding = z.strictObject({ secret: text, code: text })
const uncoding = z.strictObject({ password: text.default('') })
const changing = z.strictObject({
  policy: z.enum(['open', 'invite', 'approval', 'closed']).exactOptional(),
  federation: z.enum(['open', 'list', 'closed']).exactOptional(),
  accountsMax: z.int().positive().exactOptional(),
  mailboxMax: z.int().positive().exactOptional(),
  via: z.boolean().exactOptional()
})
const nothing = z.strictObject({})

const streamsMax = 32
const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const
const bodyOf = async <T>(c: Context, schema: z.ZodType<T>): Promise<T> =>
  check(schema, await readJson(c.req.raw, jsonLimit))

/** What the page sends with whatever may change something: only what reads our answers can know it. */
const csrfOf = (token: string): string =>
  createHmac('sha256', token).update('muttr admin csrf 1').digest('hex')

/** The admin page, and all it asks. Source: docs/protocol/local-api.md#the-admin-page */
export function addAdmin(app: Hono, parts: AdminParts): void {
  addAdminPage(app, parts.page)
  app.route('/admin/api', createAdminApi(parts))
}

function createAdminApi(parts: AdminParts): Hono {
  const { desk, carrier, log } = parts
  const app: App = new Hono()
  app.onError((err, c) => {
    const failure = failureOf(err)
    if (failure.code === 'INTERNAL')
      log.warn('admin.internal', { path: routePath(c, -1), stack: err.stack })
    const status = statusOf(asMuttrError(err))
    if (status === 413) c.header('Connection', 'close')
    const said = failure.code === 'INTERNAL' ? 'something went wrong here' : failure.message
    return c.json({ error: { ...failure, message: said } }, status)
  })
  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    c.header('Content-Security-Policy', barePolicy)
    c.header('Cross-Origin-Resource-Policy', 'same-origin')
    carrier.check(c)
    await next()
  })
  const downloads = addDownloads(app as unknown as Hono, parts)
  addDoors(app, parts)
  app.use(async (c, next) => {
    const token = carrier.tokenOf(c)
    const session = await desk.admin.session(token)
    if (!session) throw new Refusal(401, 'API_REFUSED', 'nobody is logged in')
    if (c.req.method !== 'GET' && !sameSecret(c.req.header('x-muttr-csrf') ?? '', csrfOf(token)))
      throw new Refusal(403, 'API_REFUSED', 'the request is not of this page')
    c.set('token', token)
    c.set('session', session)
    await next()
  })
  addOwn(app, parts)
  addEvents(app, parts)
  app.get('/backup', async c => {
    mustBeOwner(c.var.session.operator.role)
    c.header('Content-Type', 'application/octet-stream')
    c.header('Content-Disposition', 'attachment; filename="pod.muttr-backup"')
    return c.body(answerOf(await desk.backup(c.var.session.operator.name, c.req.raw)))
  })
  app.post('/backup/download', async c => {
    const { name, role } = c.var.session.operator
    mustBeOwner(role)
    // Noted once: what is fetched at the address is this backup.
    let as: string | null = name
    const open = async (signal: AbortSignal) => {
      const pieces = await desk.backup(as, { signal })
      as = null
      return pieces
    }
    return c.json(await downloads.offer(open, c.req.raw.signal))
  })
  addSettings(app, parts)
  addPod(
    app as unknown as Hono,
    c => {
      const { name, role } = (c as Context<Env>).var.session.operator
      return within(desk.as(name), role)
    },
    parts.clock
  )
  return app as unknown as Hono
}

const fromOf = (c: Context, subnet: string | undefined): From => ({
  subnet,
  agent: (c.req.header('user-agent') ?? '').slice(0, 200)
})

/** The two ways in. A session that the browser had until then ends: none is ever taken over. */
function addDoors(app: App, { desk, carrier, subnetOf }: AdminParts): void {
  async function opened(c: Context<Env>, { token, session }: Opened): Promise<Response> {
    await end(desk, carrier.tokenOf(c))
    return c.json({ ...session, csrf: csrfOf(token), ...carrier.keep(c, token) })
  }
  app.post('/login', async c => {
    const given = await bodyOf(c, login)
    return await opened(c, await desk.admin.login(given, fromOf(c, subnetOf(c))))
  })
  app.post('/enter', async c => {
    const { token } = await bodyOf(c, entering)
    return await opened(c, await desk.admin.enter(token, fromOf(c, subnetOf(c))))
  })
}

/** Whatever it was, it lets nobody in any more. */
async function end({ admin }: AdminDesk, token: string): Promise<void> {
  const session = await admin.session(token)
  if (session) await admin.endSession(session.operator.name, session.id).catch(gone)
}
const gone = (err: unknown): void => {
  if (asMuttrError(err).code !== 'SESSION_UNKNOWN') throw err
}

/** What everybody may do with their own login. */
function addOwn(app: App, { desk, carrier, subnetOf }: AdminParts): void {
  app.get('/session', c => c.json({ ...c.var.session, csrf: csrfOf(c.var.token) }))
  app.post('/logout', async c => {
    await bodyOf(c, nothing)
    await end(desk, c.var.token)
    carrier.drop(c)
    return c.json({})
  })
  app.get('/sessions', async c => c.json(await desk.admin.sessions(c.var.session.operator.name)))
  app.post('/sessions/:id/end', async c => {
    await bodyOf(c, nothing)
    await desk.admin.endSession(c.var.session.operator.name, c.req.param('id'))
    return c.json({})
  })
  app.post('/password', async c => {
    const given = await bodyOf(c, renewing)
    const next = await desk.admin.setPassword(c.var.token, given, fromOf(c, subnetOf(c)))
    const { token, session } = next
    return c.json({ ...session, csrf: csrfOf(token), ...carrier.keep(c, token) })
  })
  app.post('/codes/propose', async c => {
    await bodyOf(c, nothing)
    return c.json(desk.admin.proposeCodes(c.var.session.operator.name))
  })
  app.post('/codes', async c =>
    c.json(await desk.admin.beginCodes(c.var.token, await bodyOf(c, coding)))
  )
  app.post('/codes/end', async c =>
    c.json(await desk.admin.endCodes(c.var.token, await bodyOf(c, uncoding)))
  )
}

/** Says that something may be new, and never what: the page asks for what it shows. Ends with the session. */
function addEvents(app: App, { desk, clock }: AdminParts): void {
  const streams = createGate(streamsMax)
  app.get('/events', c => {
    const place = streams.enter()
    const ended = new AbortController()
    const stop = AbortSignal.any([ended.signal, c.req.raw.signal])
    const { token } = c.var
    async function* events(): AsyncGenerator<{ type: 'changed' }> {
      let { promise, resolve } = Promise.withResolvers<void>()
      using _watch = desk.watch(() => resolve())
      stop.addEventListener('abort', () => resolve(), { once: true })
      for (;;) {
        await promise
        ;({ promise, resolve } = Promise.withResolvers<void>())
        if (stop.aborted || !(await desk.admin.session(token))) return
        yield { type: 'changed' }
      }
    }
    const onEnd = () => {
      place[Symbol.dispose]()
      ended.abort()
    }
    return c.body(eventStream({ events: events(), clock, onEnd }), 200, {
      'Content-Type': 'text/event-stream'
    })
  })
}

function addSettings(app: App, { desk, log }: AdminParts): void {
  app.get('/settings', async c => c.json(await desk.settings()))
  app.post('/settings', async c => {
    mustBeOwner(c.var.session.operator.role)
    const change = await bodyOf(c, changing)
    const { settings, restart } = await desk.change(c.var.session.operator.name, change)
    // The pod begins again, and this door with it: not before the answer is out.
    const begin = () => {
      restart().catch(err => log.warn('admin.restart-failed', { err }))
    }
    // Who asked may be gone by now.
    if (c.env.outgoing.destroyed) begin()
    else c.env.outgoing.once('close', begin)
    c.header('Connection', 'close')
    return c.json(settings)
  })
}

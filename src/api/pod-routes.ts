import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { DrainState } from '../pod/drain.ts'
import { readJson } from './body.ts'
import { apiLimits } from './limits.ts'
import { newsOf } from './news.ts'
import type { DrainNews, PodOperator } from './operator.ts'
import { check, limit } from './schemas.ts'

const by = z.string().exactOptional()
const inviting = z.strictObject({
  uses: z.number().exactOptional(),
  lifeMs: z.number().exactOptional(),
  note: z.string().exactOptional(),
  by
})
const bare = z.strictObject({ by })
const pinning = z.strictObject({ fingerprint: z.string().exactOptional(), by })
const accountListing = z.strictObject({
  state: z.enum(['active', 'suspended', 'removed']).exactOptional(),
  text: z.string().max(apiLimits.shownCharsMax).exactOptional(),
  after: z.string().max(apiLimits.shownCharsMax).exactOptional(),
  limit
})
const reasoned = z.strictObject({ reason: z.string(), by })
const suspending = z.strictObject({ reason: z.string(), lifeMs: z.number().exactOptional(), by })
const bound = z.number().nullable().exactOptional()
const bounding = z.strictObject({
  aliases: bound,
  notices: bound,
  noticeBytes: bound,
  aheadBytes: bound,
  invites: bound,
  by
})
const naming = z.strictObject({ names: z.array(z.string()).min(1).max(100), by })
const rating = z.strictObject({ burst: z.number(), perHour: z.number(), by })
const certificate = z.string().max(apiLimits.certificatesBytesMax)
const certifying = z.strictObject({ certificate, lifeMs: z.number().exactOptional(), by })
const certified = z.strictObject({ certificates: certificate, by })
const draining = z.strictObject({
  overMs: z.number().int().min(0).exactOptional(),
  leave: z.boolean().exactOptional(),
  by
})
const auditListing = z.strictObject({
  before: z.coerce.number().int().min(1).exactOptional(),
  limit
})
const auditCheck = z.strictObject({
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional()
})

const role = z.enum(['owner', 'moderator', 'reader'])
const adding = z.strictObject({ name: z.string(), role, by })
const ranking = z.strictObject({ role, by })
const linking = z.strictObject({ name: z.string().exactOptional(), by })

type Pod = (c: Context) => PodOperator

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const

const certificatesLimit = { ...jsonLimit, maxBytes: apiLimits.certificatesBytesMax } as const

const bodyOf = async <T>(
  c: Context,
  schema: z.ZodType<T>,
  limit: Parameters<typeof readJson>[1] = jsonLimit
): Promise<T> => check(schema, await readJson(c.req.raw, limit))

/** What the operators of a pod ask. Source: docs/protocol/local-api.md#a-pods-operators */
export function addPod(app: Hono, of: (c: Context) => PodOperator | undefined, clock: Clock): void {
  const pod: Pod = c => {
    const given = of(c)
    if (given) return given
    throw new MuttrError('POD_UNKNOWN', 'no pod runs here', {
      hint: "This home is a person's or a seed's; give the pod's with --home."
    })
  }
  app.get('/pod/invites', async c => c.json(await pod(c).invites()))
  app.post('/pod/invites', async c => {
    const options = await bodyOf(c, inviting)
    return c.json(await pod(c).invite({ ...options, signal: c.req.raw.signal }))
  })
  app.post('/pod/invites/:id/revoke', async c =>
    c.json(await pod(c).revokeInvite(c.req.param('id'), await bodyOf(c, bare)))
  )
  addOperators(app, pod)
  addAccounts(app, pod)
  addRules(app, pod)
  app.get('/pod/processes', async c => c.json(await pod(c).processes()))
  app.post('/pod/processes/:peer/remove', async c => {
    await pod(c).removeProcess(c.req.param('peer'), await bodyOf(c, bare))
    return c.json({})
  })
  app.post('/pod/certify', async c => {
    const { certificate, ...options } = await bodyOf(c, certifying, certificatesLimit)
    return c.json(await pod(c).certify(certificate, options))
  })
  app.get('/pod/parent', async c => c.json(await pod(c).parent()))
  app.post('/pod/parent', async c => {
    const { certificates, ...options } = await bodyOf(c, certified, certificatesLimit)
    return c.json(await pod(c).setParent(certificates, options))
  })
  app.post('/pod/parent/remove', async c => {
    await pod(c).removeParent(await bodyOf(c, bare))
    return c.json({})
  })
  app.get('/pod/drain', async c => c.json(await pod(c).drainState()))
  app.post('/pod/drain', async c => {
    const options = await bodyOf(c, draining)
    return newsOf<DrainNews, DrainNews>(c, clock, async (signal, tell) => {
      const onProgress = (state: DrainState) => tell({ type: 'parting', ...state })
      return { type: 'parted', ...(await pod(c).drain({ ...options, signal, onProgress })) }
    })
  })
  app.post('/pod/drain/cancel', async c => c.json(await pod(c).serveAgain()))
  app.get('/pod/audit', async c => c.json(await pod(c).audit(check(auditListing, c.req.query()))))
  app.get('/pod/audit/check', async c =>
    c.json(await pod(c).checkAudit(check(auditCheck, c.req.query()).hash))
  )
}

function addAccounts(app: Hono, pod: Pod): void {
  app.get('/pod/accounts', async c =>
    c.json(await pod(c).accounts(check(accountListing, c.req.query())))
  )
  app.get('/pod/accounts/:who', async c => c.json(await pod(c).account(c.req.param('who'))))
  app.post('/pod/accounts/:who/suspend', async c =>
    c.json(await pod(c).suspend(c.req.param('who'), await bodyOf(c, suspending)))
  )
  app.post('/pod/accounts/:who/resume', async c =>
    c.json(await pod(c).resume(c.req.param('who'), await bodyOf(c, bare)))
  )
  app.post('/pod/accounts/:who/remove', async c =>
    c.json(await pod(c).remove(c.req.param('who'), await bodyOf(c, reasoned)))
  )
  app.post('/pod/accounts/:who/quota', async c =>
    c.json(await pod(c).setQuota(c.req.param('who'), await bodyOf(c, bounding)))
  )
  app.post('/pod/accounts/:who/export', async c =>
    c.json(await pod(c).exportAccount(c.req.param('who'), await bodyOf(c, bare)))
  )
  app.post('/pod/aliases/:alias/revoke', async c =>
    c.json(await pod(c).revokeAlias(c.req.param('alias'), await bodyOf(c, reasoned)))
  )
  app.post('/pod/aliases/:alias/free', async c =>
    c.json(await pod(c).freeAlias(c.req.param('alias'), await bodyOf(c, bare)))
  )
}

function addRules(app: Hono, pod: Pod): void {
  app.get('/pod/requests', async c => c.json(await pod(c).requests()))
  app.post('/pod/requests/:who/approve', async c =>
    c.json(await pod(c).approve(c.req.param('who'), await bodyOf(c, bare)))
  )
  app.post('/pod/requests/:who/refuse', async c =>
    c.json(await pod(c).refuse(c.req.param('who'), await bodyOf(c, reasoned)))
  )
  app.get('/pod/reports', async c => c.json(await pod(c).reports()))
  app.post('/pod/reports/:id/close', async c =>
    c.json(await pod(c).closeReport(c.req.param('id'), await bodyOf(c, reasoned)))
  )
  app.get('/pod/names', async c => c.json(await pod(c).names()))
  app.post('/pod/names/reserve', async c => {
    const { names, ...options } = await bodyOf(c, naming)
    return c.json(await pod(c).reserve(names, options))
  })
  app.post('/pod/names/allow', async c => {
    const { names, ...options } = await bodyOf(c, naming)
    return c.json(await pod(c).allow(names, options))
  })
  app.get('/pod/peers', async c => c.json(await pod(c).peers()))
  app.post('/pod/peers/:hostname/allow', async c =>
    c.json(await pod(c).allowPeer(c.req.param('hostname'), await bodyOf(c, pinning)))
  )
  app.post('/pod/peers/:hostname/block', async c =>
    c.json(await pod(c).blockPeer(c.req.param('hostname'), await bodyOf(c, bare)))
  )
  app.get('/pod/rates', async c => c.json(await pod(c).rates()))
  app.post('/pod/rates/:rate', async c =>
    c.json(await pod(c).setRate(c.req.param('rate'), await bodyOf(c, rating)))
  )
  app.post('/pod/rates/:rate/reset', async c =>
    c.json(await pod(c).resetRate(c.req.param('rate'), await bodyOf(c, bare)))
  )
}

function addOperators(app: Hono, pod: Pod): void {
  app.get('/pod/ports', async c => c.json(await pod(c).ports({ signal: c.req.raw.signal })))
  app.get('/pod/overview', async c => c.json(await pod(c).overview()))
  app.get('/pod/doctor', async c => c.json(await pod(c).examine({ signal: c.req.raw.signal })))
  app.get('/pod/operators', async c => c.json(await pod(c).operators()))
  app.post('/pod/operators', async c => {
    const { name, ...options } = await bodyOf(c, adding)
    return c.json(await pod(c).addOperator(name, options))
  })
  app.post('/pod/operators/:name/role', async c =>
    c.json(await pod(c).setRole(c.req.param('name'), await bodyOf(c, ranking)))
  )
  app.post('/pod/operators/:name/remove', async c =>
    c.json(await pod(c).removeOperator(c.req.param('name'), await bodyOf(c, bare)))
  )
  app.post('/pod/operators/:name/reset', async c =>
    c.json(await pod(c).resetOperator(c.req.param('name'), await bodyOf(c, bare)))
  )
  app.post('/pod/login-links', async c => c.json(await pod(c).loginLink(await bodyOf(c, linking))))
}

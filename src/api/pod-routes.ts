import type { Hono } from 'hono'
import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { readJson } from './body.ts'
import { apiLimits } from './limits.ts'
import type { PodOperator } from './operator.ts'
import { check, limit } from './schemas.ts'

const by = z.string().exactOptional()
const inviting = z.strictObject({
  uses: z.number().exactOptional(),
  lifeMs: z.number().exactOptional(),
  note: z.string().exactOptional(),
  by
})
const bare = z.strictObject({ by })
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

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const

/** What the operators of a pod ask. Source: docs/protocol/local-api.md#a-pods-operators */
export function addPod(app: Hono, given: PodOperator | undefined): void {
  const pod = (): PodOperator => {
    if (given) return given
    throw new MuttrError('POD_UNKNOWN', 'no pod runs here', {
      hint: "This home is a person's or a seed's; give the pod's with --home."
    })
  }
  app.get('/pod/invites', async c => c.json(await pod().invites()))
  app.post('/pod/invites', async c => {
    const options = check(inviting, await readJson(c.req.raw, jsonLimit))
    return c.json(await pod().invite({ ...options, signal: c.req.raw.signal }))
  })
  app.post('/pod/invites/:id/revoke', async c => {
    const options = check(bare, await readJson(c.req.raw, jsonLimit))
    return c.json(await pod().revokeInvite(c.req.param('id'), options))
  })
  app.get('/pod/audit', async c => c.json(await pod().audit(check(auditListing, c.req.query()))))
  app.get('/pod/audit/check', async c =>
    c.json(await pod().checkAudit(check(auditCheck, c.req.query()).hash))
  )
}

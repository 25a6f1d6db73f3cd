import type { Hono } from 'hono'
import { z } from 'zod'
import { limits } from '../base/limits.ts'
import type { Client } from '../client/client.ts'
import { readJson } from './body.ts'
import { apiLimits } from './limits.ts'
import { check } from './schemas.ts'

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const
const shown = z.string().max(apiLimits.shownCharsMax)
const making = z.strictObject({
  alias: shown.exactOptional(),
  uses: z.int().min(1).max(limits.addressUsesMax).exactOptional(),
  lifeMs: z.int().min(1).exactOptional(),
  note: shown.exactOptional()
})
const revoking = z.strictObject({ id: shown })
const renewing = z.strictObject({ alias: shown })
const using = z.strictObject({ link: z.string().max(1_024) })

/** Addresses that the person's devices made, and that others handed out. */
export function addAddresses(app: Hono, client: Client): void {
  app.get('/addresses', async c => c.json(await client.addresses()))
  app.post('/addresses', async c =>
    c.json(await client.makeAddress(check(making, await readJson(c.req.raw, jsonLimit))))
  )
  app.post('/addresses/revoke', async c => {
    const { id } = check(revoking, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.revokeAddress(id))
  })
  app.post('/addresses/renew', async c => {
    const { alias } = check(renewing, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.renewAddress(alias))
  })
  app.post('/addresses/use', async c => {
    const { link } = check(using, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.useAddress(link))
  })
}

import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { codeOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock } from '../base/ports.ts'
import { parseJson, readJson } from './body.ts'
import { firstLine, flowing, refusedMeanwhile } from './flowing.ts'
import type {
  House,
  JoinDeviceNews,
  MadeNews,
  MakeHome,
  RestoreNews,
  SettingsChange,
  Setup
} from './house.ts'
import { themes } from './house.ts'
import { apiLimits } from './limits.ts'
import { newsOf } from './news.ts'
import { check, passphrase } from './schemas.ts'

const makeLimit = { maxBytes: apiLimits.homeBytesMax, code: 'WIRE_TOO_LARGE' } as const
const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const

const network = z
  .string()
  .regex(/^(\s*\{|[a-z0-9-]{1,64}$)/)
  .exactOptional()
const making = z.strictObject({
  name: z.string(),
  passphrase: passphrase.min(1).nullable(),
  secretKey: z.string().exactOptional(),
  keyPassphrase: passphrase.exactOptional(),
  link: z.string().exactOptional(),
  network,
  light: z.boolean().exactOptional()
}) satisfies z.ZodType<MakeHome>
const joining = z.strictObject({ link: z.string() })
const restoring = z.strictObject({ words: z.string(), passphrase: passphrase.min(1).nullable() })
const restoringFromNetwork = restoring.extend({ link: z.string().exactOptional(), network })
const joiningDevice = z.strictObject({
  code: z.string(),
  name: z.string().max(apiLimits.shownCharsMax).exactOptional(),
  passphrase: passphrase.min(1).nullable(),
  history: z.boolean()
})
const opening = z.strictObject({ passphrase })

const bytes = z.int().positive()
const rate = z.int().min(limits.bandwidthMin).nullable().exactOptional()
const changing = z.strictObject({
  name: z.string().min(1).max(100).exactOptional(),
  profile: z.enum(['full', 'light']).nullable().exactOptional(),
  storeBytes: bytes.nullable().exactOptional(),
  connectionsMax: z.int().min(8).max(10_000).nullable().exactOptional(),
  upBytesPerSecond: rate,
  downBytesPerSecond: rate,
  strangers: z.enum(['relayed', 'relayed-first', 'direct']).nullable().exactOptional(),
  notices: z.enum(['own-pod', 'direct']).nullable().exactOptional(),
  requests: z.enum(['pull', 'ask', 'ignore']).nullable().exactOptional(),
  receipts: z.enum(['contacts', 'verified', 'nobody']).nullable().exactOptional(),
  networkBackup: z.enum(['off', 'weekly']).nullable().exactOptional(),
  publishAliases: z.boolean().nullable().exactOptional(),
  mdns: z.boolean().nullable().exactOptional(),
  theme: z.enum(themes).nullable().exactOptional()
}) satisfies z.ZodType<SettingsChange>

/** What the page asks of the process around the node. */
export function addHouse(app: Hono, house: House, clock: Clock): void {
  app.get('/setup', async c => c.json(await house.setup()))
  app.post('/setup/home', async c =>
    c.json(await house.make(check(making, await readJson(c.req.raw, makeLimit))))
  )
  app.post('/setup/join', async c => {
    const { link } = check(joining, await readJson(c.req.raw, makeLimit))
    return c.json(await house.join(link))
  })
  app.post('/setup/restore', c => restore(c, house, clock))
  app.post('/setup/restore-network', async c => {
    const said = check(restoringFromNetwork, await readJson(c.req.raw, makeLimit))
    return newsOf<RestoreNews, MadeNews>(c, clock, (signal, tell) =>
      house
        .restoreFromNetwork({
          ...{ ...said, signal },
          onProgress: fetched => tell({ type: 'fetched', ...fetched })
        })
        .then(made)
    )
  })
  app.post('/setup/device', async c => {
    const said = check(joiningDevice, await readJson(c.req.raw, jsonLimit))
    return newsOf<JoinDeviceNews, MadeNews>(c, clock, (signal, tell) =>
      house
        .joinDevice({ ...said, signal, onProgress: rows => tell({ type: 'taken', rows }) })
        .then(made)
    )
  })
  app.post('/unlock', async c => {
    const { passphrase } = check(opening, await readJson(c.req.raw, jsonLimit))
    return c.json(await house.unlock(passphrase))
  })
  app.post('/lock', async c => c.json(await house.lock()))
  app.get('/settings', async c => c.json(await house.settings()))
  app.patch('/settings', async c =>
    c.json(await house.change(check(changing, await readJson(c.req.raw, jsonLimit))))
  )
  app.get('/network', async c => c.json(await house.network()))
}

const made = (setup: Setup): MadeNews => ({ type: 'made', setup })

/** A line of JSON, then the backup. */
async function restore(c: Context, house: House, clock: Clock): Promise<Response> {
  const body = flowing(c, clock)
  try {
    const { line, rest } = await firstLine(body, apiLimits.jsonBytesMax)
    const how = check(restoring, parseJson(line))
    return c.json(await house.restore({ ...how, input: rest, signal: c.req.raw.signal }))
  } catch (err) {
    if (codeOf(err) === undefined) throw err
    return refusedMeanwhile(c, body, err)
  }
}

import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { codeOf } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
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
import { check, passphrase } from './schemas.ts'
import { eventStream } from './sse.ts'

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
    return newsOf<RestoreNews>(c, clock, (signal, tell) =>
      house.restoreFromNetwork({
        ...{ ...said, signal },
        onProgress: fetched => tell({ type: 'fetched', ...fetched })
      })
    )
  })
  app.post('/setup/device', async c => {
    const said = check(joiningDevice, await readJson(c.req.raw, jsonLimit))
    return newsOf<JoinDeviceNews>(c, clock, (signal, tell) =>
      house.joinDevice({ ...said, signal, onProgress: rows => tell({ type: 'taken', rows }) })
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

type MakeWith<News> = (signal: AbortSignal, tell: (news: News) => void) => Promise<Setup>

/** A home is being made as long as somebody listens to how that goes on. */
function newsOf<News extends { type: string }>(
  c: Context,
  clock: Clock,
  make: MakeWith<News>
): Response {
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, c.req.raw.signal])
  const events = makingNews<News>(tell => make(signal, tell))
  return c.body(eventStream({ events, clock, onEnd: () => ended.abort() }), 200, {
    'Content-Type': 'text/event-stream'
  })
}

/** How far it is, as often as that is asked for, and how it ended: a stream that has begun can only say within itself that it failed. */
async function* makingNews<News>(
  make: (tell: (news: News) => void) => Promise<Setup>
): AsyncGenerator<News | MadeNews> {
  let latest: News | undefined
  let more = Promise.withResolvers<null>()
  const end = make(news => {
    latest = news
    more.resolve(null)
  }).then(
    (setup): MadeNews => ({ type: 'made', setup }),
    (err): MadeNews => ({ type: 'failed', error: failureOf(err) })
  )
  for (;;) {
    const last = await Promise.race([end, more.promise])
    if (last) return yield last
    more = Promise.withResolvers()
    if (latest) yield latest
  }
}

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

import type { Hono } from 'hono'
import { z } from 'zod'
import { failureOf } from '../base/failure.ts'
import type { Clock } from '../base/ports.ts'
import type { Client, LinkStep } from '../client/client.ts'
import { readJson } from './body.ts'
import type { House } from './house.ts'
import { apiLimits } from './limits.ts'
import type { LinkNews } from './remote-devices.ts'
import { check, proving } from './schemas.ts'
import { eventStream } from './sse.ts'

const jsonLimit = { maxBytes: apiLimits.jsonBytesMax, code: 'WIRE_TOO_LARGE' } as const
const calling = z.strictObject({ name: z.string().max(apiLimits.shownCharsMax) })
const dismissing = z.strictObject({ device: z.string().max(apiLimits.shownCharsMax) })
const linking = proving.extend({ history: z.boolean().exactOptional() })

/** A person's devices. */
export function addDevices(
  app: Hono,
  { client, house, clock }: { client: Client; house: House; clock: Clock }
): void {
  app.get('/devices', async c => c.json(await client.devices()))
  app.post('/devices/name', async c => {
    const { name } = check(calling, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.renameDevice(name))
  })
  app.post('/devices/revoke', async c => {
    const { device } = check(dismissing, await readJson(c.req.raw, jsonLimit))
    return c.json(await client.revokeDevice(device))
  })
  app.post('/devices/link', async c => {
    const { passphrase, ...options } = check(linking, await readJson(c.req.raw, jsonLimit))
    await house.prove(passphrase)
    const ended = new AbortController()
    const signal = AbortSignal.any([ended.signal, c.req.raw.signal])
    const events = news(await client.linkDevice({ ...options, signal }))
    return c.body(eventStream({ events, clock, onEnd: () => ended.abort() }), 200, {
      'Content-Type': 'text/event-stream'
    })
  })
}

/** A stream that has begun can only say within itself how it failed. */
async function* news(steps: AsyncIterable<LinkStep>): AsyncGenerator<LinkNews> {
  try {
    yield* steps
  } catch (err) {
    yield { type: 'failed', error: failureOf(err) }
  }
}

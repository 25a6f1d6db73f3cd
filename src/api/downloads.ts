import type { Hono } from 'hono'
import { toHex } from '../base/bytes.ts'
import type { Clock, Millis, Random } from '../base/ports.ts'
import { answerOf } from './flowing.ts'
import { Refusal } from './guard.ts'
import { apiLimits } from './limits.ts'

/** One thing that can be saved; asked anew each time, so that what the vault locks meanwhile is not given out. */
type Open = (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>

/** Where something can be fetched once, without the token. */
interface Download {
  path: string
}

export interface Downloads {
  /** @throws {MuttrError} what `open` refuses with: an address is made for what is there only */
  offer(open: Open, signal: AbortSignal): Promise<Download>
}

interface Offer {
  open: Open
  untilMs: Millis
}

/**
 * Browsers save what lies at an address as it comes, and send no header of ours with it. So what shall be saved gets an address that nobody
 * can guess, good for one request within a minute, and for that one thing. Source: docs/protocol/local-api.md#downloads
 */
export function addDownloads(app: Hono, parts: { clock: Clock; random: Random }): Downloads {
  const { clock, random } = parts
  const offers = new Map<string, Offer>()
  app.get('/downloads/:ticket', async c => {
    const ticket = c.req.param('ticket')
    const offer = offers.get(ticket)
    offers.delete(ticket)
    if (!offer || offer.untilMs < clock.now())
      throw new Refusal(404, 'METHOD_UNKNOWN', 'nothing is to be saved here any more')
    const pieces = await offer.open(c.req.raw.signal)
    // Never as what it says it is: a page of ours must not show a stranger's file by itself.
    c.header('Content-Type', 'application/octet-stream')
    c.header('Content-Disposition', 'attachment')
    return c.body(answerOf(pieces))
  })
  return {
    async offer(open, signal) {
      await open(signal)
      const nowMs = clock.now()
      for (const [ticket, { untilMs }] of offers)
        if (untilMs < nowMs || offers.size >= apiLimits.downloadsMax) offers.delete(ticket)
      const ticket = toHex(random.bytes(32))
      offers.set(ticket, { open, untilMs: nowMs + apiLimits.downloadMs })
      return { path: `/downloads/${ticket}` }
    }
  }
}

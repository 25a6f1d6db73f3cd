import { MuttrError } from '../../src/base/errors.ts'
import type { Client, LinkStep } from '../../src/client/client.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { makeLinkCode } from '../../src/wire/link.ts'

const untilMs = Date.UTC(2026, 2, 1, 12, 10)
const device = {
  device: 'ab'.repeat(32),
  name: 'phone',
  peer: peerOfKey(new Uint8Array(32).fill(2)),
  sinceMs: Date.UTC(2026, 2, 1, 12)
}
export const fakeCode = makeLinkCode({
  at: { peer: peerOfKey(new Uint8Array(32).fill(1)), addresses: ['/ip4/192.0.2.1/tcp/4420'] },
  secret: new Uint8Array(16).fill(3)
})

/** Links a device at once; without history, three come with a wrong code. */
export const fakeLink = async (
  calls: unknown[][],
  { history = true, signal }: Parameters<Client['linkDevice']>[0] = {}
): Promise<AsyncIterable<LinkStep>> => {
  if (signal?.aborted) throw new MuttrError('CANCELLED', 'cancelled')
  calls.push(['linkDevice', history])
  async function* steps(): AsyncGenerator<LinkStep> {
    yield { type: 'code', code: fakeCode, untilMs }
    if (!history) {
      for (let left = 2; left >= 0; left--) yield { type: 'refused', left }
      throw new MuttrError('LINK_REFUSED', 'three came with a wrong code', { hint: 'Begin again.' })
    }
    yield { type: 'came', ...device }
    yield { type: 'sent', rows: 12, bytes: 34_567 }
    yield { type: 'linked', ...device }
  }
  return steps()
}

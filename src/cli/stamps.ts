import type { Client } from '../client/client.ts'
import type { Session } from './session.ts'

/**
 * Does `work` and tells meanwhile, on standard error, when the stamp that storing takes is long in the making. Whoever asks a daemon
 * may also hear of the stamps of others that ask it.
 */
export async function withStampNews<T>(
  { out, signal }: Pick<Session, 'out' | 'signal'>,
  client: Client,
  work: () => Promise<T>
): Promise<T> {
  const over = new AbortController()
  const telling = tell(client, AbortSignal.any([signal, over.signal]), out.note)
  try {
    return await work()
  } finally {
    over.abort()
    await telling
  }
}

async function tell(
  client: Client,
  signal: AbortSignal,
  note: (text: string) => void
): Promise<void> {
  try {
    for await (const event of client.events(signal)) {
      if (event.type !== 'stamping') continue
      const { factor, share } = event
      const why = factor === 1 ? '' : `; seeds are pressed and ask for ${factor} times the usual`
      note(`… working for the stamp, ${Math.floor(share * 100)} % likely to be done by now${why}`)
    }
  } catch {
    // No news is no reason to fail.
  }
}

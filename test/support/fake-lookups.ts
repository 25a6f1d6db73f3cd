import { MuttrError } from '../../src/base/errors.ts'
import type { Names, Web } from '../../src/base/lookups.ts'

type Or<T> = T | MuttrError | 'silent'

/** A DNS and a web that say what a test says, and remember what they were asked. */
export interface Lookups {
  readonly names: Pick<Names, 'services' | 'texts'>
  readonly web: Web
  readonly asked: string[]
  services: Or<{ host: string; port: number }[]>
  texts: Or<string[]>
  /** Undefined: there is surely nothing. */
  page: Or<Uint8Array | undefined>
}

export function fakeLookups(): Lookups {
  const asked: string[] = []
  const answer = async <T>(what: string, said: Or<T>, signal: AbortSignal): Promise<T> => {
    asked.push(what)
    if (said instanceof MuttrError) throw said
    if (said !== 'silent') return said as T
    await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
    throw new MuttrError('CANCELLED', 'nobody waits any more')
  }
  const lookups: Lookups = {
    ...{ asked, services: [], texts: [], page: undefined },
    names: {
      services: (name, signal) => answer(`SRV ${name}`, lookups.services, signal),
      texts: (name, signal) => answer(`TXT ${name}`, lookups.texts, signal)
    },
    web: { get: (url, { signal }) => answer(`GET ${url}`, lookups.page, signal) }
  }
  return lookups
}

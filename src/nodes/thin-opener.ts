import { MuttrError } from '../base/errors.ts'
import type { Thin } from '../client/reach-pod.ts'
import type { Config } from '../config/config.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import type { OpenThin } from '../net/thin/open.ts'
import { openThin } from '../net/thin/open.ts'
import { guardedLookup } from '../net/web.ts'
import { isPublishable } from '../pod/finding.ts'
import { thinPath } from '../wire/thin.ts'

/** Opens pods' channels over WebSockets, at their hostnames or where a file says. */
export function thinOpener(
  { thin, connections }: Pick<Config, 'thin' | 'connections'>,
  { keys, log, onWake }: Pick<OpenThin, 'keys' | 'log' | 'onWake'>
): Thin {
  const lookup = guardedLookup(connections.groupLocal)
  return {
    first: thin,
    async open({ hostname, thin }, options) {
      if (thin === undefined && !isPublishable(hostname))
        throw new MuttrError('PEER_UNREACHABLE', `${hostname} is no name of the public DNS`)
      const url = thin ?? `wss://${hostname}${thinPath}`
      return await openThin({ url, lookup, clock, log, random, keys, onWake }, options)
    }
  }
}

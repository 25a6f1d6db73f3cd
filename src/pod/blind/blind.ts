import type { Clock, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Dht } from '../../seed/dht.ts'
import { keyAddressMethods } from '../addresses/key-methods.ts'
import type { KeyAddresses } from '../addresses/keyed.ts'
import type { NoticeDatagrams } from '../datagrams.ts'
import type { Directory } from '../directory.ts'
import type { Federation } from '../federation/federation.ts'
import type { Gates } from '../gates.ts'
import type { Hostnames } from '../hostnames.ts'
import type { PodLimits } from '../limits.ts'
import type { Mailbox } from '../mailbox.ts'
import type { Moves } from '../moves.ts'
import type { Registry } from '../registry.ts'
import { takeNotice } from '../take-notice.ts'
import type { Tokens } from '../token/tokens.ts'
import type { Blind } from './answers.ts'
import { createBlindMethods } from './methods.ts'
import { createBlindRelay } from './relay.ts'
import { createBlindTarget } from './target.ts'

interface Parts {
  federation: Federation
  clock: Clock
  random: Random
  crypto: Crypto
  keys: PeerKeys
  hostname: string
  names: Hostnames
  hpkeSecret: Uint8Array
  registry: Registry
  moves: Moves
  directory: Directory
  mailbox: Mailbox
  gates: Gates
  tokens: Tokens
  keyAddresses: KeyAddresses
  datagrams: Pick<NoticeDatagrams, 'has'> | undefined
  limits: PodLimits
  /** Undefined as long as there is no network. */
  dht(): Pick<Dht, 'get' | 'release'> | undefined
}

/** What a pod passes on without reading it, and answers without knowing whom. */
export function createBlind(parts: Parts): Blind {
  const { federation } = parts
  const isKnown = (hostname: string): boolean =>
    parts.names.has(hostname) || federation.peers.get(hostname) !== undefined
  const methods = {
    ...createBlindMethods({
      ...{ ...parts, isKnown },
      take: (notice, through) => takeNotice(parts, notice, through)
    }),
    ...keyAddressMethods({ ...parts, isKnown })
  }
  return { relay: createBlindRelay(parts), target: createBlindTarget({ ...parts, methods }) }
}

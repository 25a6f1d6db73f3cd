import type { Clock, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Dht } from '../../seed/dht.ts'
import type { NoticeDatagrams } from '../datagrams.ts'
import type { Directory } from '../directory.ts'
import type { Federation } from '../federation/federation.ts'
import type { Gates } from '../gates.ts'
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
  hpkeSecret: Uint8Array
  registry: Registry
  moves: Moves
  directory: Directory
  mailbox: Mailbox
  gates: Gates
  tokens: Tokens
  datagrams: Pick<NoticeDatagrams, 'has'> | undefined
  limits: PodLimits
  /** Undefined as long as there is no network. */
  dht(): Pick<Dht, 'get' | 'release'> | undefined
}

/** What a pod passes on without reading it, and answers without knowing whom. */
export function createBlind(parts: Parts): Blind {
  const { federation } = parts
  const methods = createBlindMethods({
    ...parts,
    isKnown: hostname =>
      hostname === parts.hostname || federation.peers.get(hostname) !== undefined,
    take: (notice, through) => takeNotice(parts, notice, through)
  })
  return { relay: createBlindRelay(parts), target: createBlindTarget({ ...parts, methods }) }
}

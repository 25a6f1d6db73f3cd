import { concatBytes, utf8 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { PortOutcome } from '../base/ports.ts'
import { bool, bytes, nullable, oneOf, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// How a pod has another see whether its ports are open. Source: docs/protocol/federation.md#ports-seen-from-outside

const port = uint(65_535, 1)
const outcome = oneOf<PortOutcome>(
  'open',
  'refused',
  'timeout',
  'unreachable',
  'other',
  'certificate-name',
  'certificate-expired',
  'certificate'
)
const tokenBytes = 32
const hostCharsMax = 45

/** What is to be tried, where the asker is. */
export interface TryPorts {
  /** libp2p's. */
  readonly tcp: number | null
  /** The page at this hostname, which is the asker's. */
  readonly https: string | null
  /** Where it waits for {@link portProbe} with this token of 32 bytes. */
  readonly udp: { readonly port: number; readonly token: Uint8Array } | null
}

export const tryPorts: Codec<TryPorts> = codec(
  'a request to try ports',
  limits.hostnameCharsMax + 64,
  tuple(
    nullable(port),
    nullable(text(limits.hostnameCharsMax, 1)),
    nullable(tuple(port, bytes(tokenBytes)))
  ),
  ([tcp, https, udp]) => ({ tcp, https, udp: udp && { port: udp[0], token: udp[1] } }),
  t => [t.tcp, t.https, t.udp && [t.udp.port, t.udp.token]]
)

/** What the other saw; null for what it was not asked to try. */
export interface TriedPorts {
  /** The IP address that it tried TCP and UDP at. */
  readonly at: string
  readonly tcp: PortOutcome | null
  readonly https: {
    readonly outcome: PortOutcome
    /** Fingerprint of the certificate of the pod that answers there. 20 or 32 bytes. */
    readonly shown: Uint8Array | null
  } | null
  /** Datagrams were sent: whether they arrived the asker knows. */
  readonly udp: boolean | null
}

export const triedPorts: Codec<TriedPorts> = codec(
  'what came of trying ports',
  160,
  tuple(
    text(hostCharsMax, 2),
    nullable(outcome),
    nullable(tuple(outcome, nullable(bytes(20, 32)))),
    nullable(bool)
  ),
  ([at, tcp, https, udp]) => ({
    ...{ at, tcp, udp },
    https: https && { outcome: https[0], shown: https[1] }
  }),
  t => [t.at, t.tcp, t.https && [t.https.outcome, t.https.shown], t.udp]
)

const label = utf8('muttr port 1')

/** The datagram that shows that a UDP port is open: far shorter than any notice. */
export const portProbe = (token: Uint8Array): Uint8Array => concatBytes(label, token)

/** Of which length each is. */
export const portProbeBytes = label.byteLength + tokenBytes

import type { ErrorCode } from './errors.ts'

/** Milliseconds: since the Unix epoch, or a length of time (`...Ms`). */
export type Millis = number
/** A libp2p peer id in its base58btc text form, as in `12D3KooW…`. */
export type PeerId = string

/** A peer and where it can be dialled: multiaddrs as text, without the `/p2p/` part, at most {@link limits.contactAddressesMax}. */
export interface Contact {
  readonly peer: PeerId
  readonly addresses: readonly string[]
}

export interface Clock {
  now(): Millis
  /** Runs `run` once, `delayMs` from now, unless disposed before. A timer never keeps a process alive. */
  after(delayMs: Millis, run: () => void): Disposable
}

export interface Random {
  bytes(length: number): Uint8Array
}

export interface Log {
  /** `fields` never hold secrets or plaintext. Whom they name is hidden before it is written. */
  debug(event: string, fields?: Record<string, unknown>): void
  info(event: string, fields?: Record<string, unknown>): void
  warn(event: string, fields?: Record<string, unknown>): void
}

export interface RequestOptions {
  /** After which the answer is given up with `PEER_TIMEOUT`. Sent along, so that the other side stops too. */
  timeoutMs: Millis
  signal?: AbortSignal
}

/** Answers one request. A thrown MuttrError reaches the asker with its code; anything else as `INTERNAL`. */
export type Handler = (
  payload: Uint8Array,
  from: PeerId,
  signal: AbortSignal
) => Promise<Uint8Array>

/** A long-lived private stream on which both sides ask and answer: what `/muttr/pod/1` runs on. */
export interface Session extends AsyncDisposable {
  /** Who is at the other end; where {@link Session.binding} is set, at a pod's end, a mere name to count by. */
  readonly peer: PeerId
  /**
   * Set where the stream itself does not prove a peer id, as a WebSocket: what ties a signature to this one connection, or null where
   * nothing does.
   */
  readonly binding?: Uint8Array | null
  /** @throws {MuttrError} `PEER_TIMEOUT`, `PEER_CLOSED`, `CANCELLED`, or what the other side refused with. */
  request(method: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array>
  /** One answerer for all methods; until it is set, requests get `METHOD_UNKNOWN`. */
  serve(
    answer: (method: string, payload: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>
  ): void
  /** Resolves when the stream has ended, for whatever reason; never rejects. */
  readonly closed: Promise<void>
}

/** `changed`: still connected, and now a server or no longer one, or to be dialled elsewhere. */
export type PeerEvent = {
  type: 'connected' | 'changed' | 'disconnected'
  contact: Contact
  server: boolean
  /** Of `disconnected`: both said goodbye, as who closes what it does not need; it says nothing against the peer. */
  inPeace?: boolean
}

/**
 * Whether others can dial this node: at an address of its own, at one that a router passes on, through a relay, or not at all;
 * and how it came to that conclusion, for people.
 */
export interface Reachability {
  readonly how: 'direct' | 'mapped' | 'relayed' | 'none'
  readonly reason: string
}

/** Other nodes, as the floors above see them. `net` implements it with libp2p, `sim` with a virtual network. */
export interface Network {
  readonly self: PeerId
  /** Our own contact as others should dial it; no addresses in client mode. */
  contact(): Contact
  /**
   * Whether others keep us in their tables: false in client mode, and while nobody can dial us. What is stored on us then is found
   * by nobody but those we are connected to.
   */
  isServer(): boolean
  /**
   * One request on the hot path to `to`, dialling when there is no connection.
   * @throws {MuttrError} `PEER_TIMEOUT`, `PEER_UNREACHABLE`, `PEER_CLOSED`, `CANCELLED`, or the code the peer refused with.
   */
  request(
    to: Contact,
    method: string,
    payload: Uint8Array,
    options: RequestOptions
  ): Promise<Uint8Array>
  /** Offers a method on the hot path. A node in client mode serves none. */
  serve(method: string, handler: Handler): void
  /** Opens a private stream. @throws {MuttrError} as {@link request}. */
  open(to: Contact, protocol: string, options: RequestOptions): Promise<Session>
  /** Takes private streams of `protocol` that others open. */
  accept(protocol: string, take: (session: Session) => void): void
  /**
   * Dials a multiaddr, with or without `/p2p/`, and learns who answers there.
   * @throws {MuttrError} `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `CANCELLED`
   */
  dial(address: string, options: RequestOptions): Promise<Contact>
  /** Peers with a live connection, and whether they serve the DHT (as their greeting says). */
  connected(): readonly { contact: Contact; server: boolean }[]
  isConnected(peer: PeerId): boolean
  /**
   * The network a connected peer comes from, as it is counted together with its neighbours: `192.0.2` for an IPv4 /24, `2001:db8:1`
   * for an IPv6 /48. Undefined without a connection, and for loopback and private ranges, where one machine may be a whole network.
   */
  subnetOf(peer: PeerId): string | undefined
  onPeer(listener: (event: PeerEvent) => void): Disposable
  /** The neighbourhood to keep warm connections to, nearest first; replaces the former list; obeyed up to a limit. */
  keepWarm(contacts: readonly Contact[]): void
}

/** Datagrams that are sent, and never answered. */
export interface Datagrams {
  /** Sends one to the host of a multiaddr, at another port. Whether it arrives nobody knows; never throws. */
  send(address: string, port: number, bytes: Uint8Array): void
}

/**
 * What came of trying a port. `other`: something answers, and is not whom was meant. The three of certificates are of HTTPS: for another name, too
 * old, by nobody that is trusted.
 */
export type PortOutcome =
  | 'open'
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'other'
  | 'certificate-name'
  | 'certificate-expired'
  | 'certificate'

/** Tries ports of those who ask for it: docs/protocol/federation.md#ports-seen-from-outside. */
export interface PortTrier {
  /** The IP address where a connected peer is; undefined where only a relay is seen, and for one that nobody outside could have. */
  hostOf(peer: PeerId): string | undefined
  /** Whether the peer answers as itself at a TCP port of a host. @throws {MuttrError} `LIMIT_EXCEEDED` while it is being tried already */
  tcp(peer: PeerId, host: string, port: number, signal: AbortSignal): Promise<PortOutcome>
  /** What is shown at a page, found as anybody finds it. @param options.at asks at this IP address alone, where the name leads there */
  https(
    url: string,
    options: { maxBytes: number; at?: string | undefined; signal: AbortSignal }
  ): Promise<{ outcome: PortOutcome; bytes: Uint8Array | undefined }>
}

/** Where datagrams arrive. */
export interface DatagramDoor {
  readonly port: number
  /** @param take gets each, and the network that it seems to come from, as {@link Network.subnetOf} writes it: anybody can forge that. */
  accept(take: (bytes: Uint8Array, network: string) => void): void
}

/** Signs with the node's own peer key (Ed25519) and checks other peers' signatures. Signatures are 64 bytes. */
export interface PeerKeys {
  readonly self: PeerId
  sign(bytes: Uint8Array): Uint8Array
  /** @returns false too when `peer` is not an Ed25519 peer id. */
  verify(peer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean
}

export interface StampOptions {
  signal?: AbortSignal
  /** Told now and then while the search goes on: how likely it would be over by now, 0 to 1 (excluded). */
  onProgress?(share: number): void
}

/** Computes proofs of work beside everything else that goes on. Source: docs/protocol/stamp.md */
export interface Stamper {
  /**
   * @param o.factor how many times the floor price.
   * @returns the stamp's frame.
   * @throws {MuttrError} `CANCELLED`
   */
  make(
    o: {
      key: Uint8Array
      lengthBytes: number
      expiryMs: Millis
      issuedMs: Millis
      factor: number
    },
    options?: StampOptions
  ): Promise<Uint8Array>
}

/** A place in the 256-bit key space of the DHT: SHA-256 of a peer id's multihash bytes, or of a key. 32 bytes. */
export type Place = Uint8Array

/** Computes a peer's {@link Place}. @throws {MuttrError} `WIRE_MALFORMED` when `peer` is no peer id. */
export type PlaceOf = (peer: PeerId) => Place

/** What is told about a failure to people and over the local API. */
export interface Failure {
  code: ErrorCode
  message: string
  hint: string
}

import type { DhtMethod } from '../wire/dht.ts'

/** Why a peer is pinged. */
export type PingReason =
  /** Others named it, or it connected, and the table has room for it. */
  | 'candidate'
  /** The table knows it, and it has greeted from elsewhere. */
  | 'moved'
  /** Others answered what it was asked while it had not. */
  | 'slow'
  /** A request to it failed once. */
  | 'failed'
  /** It left the table because it was silent, and may be back. */
  | 'lost'
  /** Nothing was heard of it for ten minutes. */
  | 'silent'
  /** One of the nearest, and the connection to it ended. */
  | 'cut-off'
  /** A neighbour that is still connected: before those cut off are judged it shows that we are online. */
  | 'witness'

/** What a lookup by find-node is for. */
export type LookupReason =
  /** A get, put or anything else that a person or a program wants. */
  | 'asked for'
  /** Getting to know the network. */
  | 'join'
  /** Those near to us changed, or a copy belongs where we know too few. */
  | 'repair'
  /** A bucket had no lookup for an hour. */
  | 'refresh'
  /** The size of the network is not known yet. */
  | 'measure'

type Counts<T extends string> = Partial<Record<T, number>>

/** What a seed asks of others and why, since the start. */
export interface AskedStatus {
  /** Requests of lookups, without those that went through a relay. */
  lookups: Counts<LookupReason>
  pings: Counts<PingReason>
  /** Of {@link pings}: those that were not answered. */
  unanswered: Counts<PingReason>
  /** Requests given to a neighbour to pass on, by what was asked. */
  forwards: Counts<DhtMethod>
  /** Of {@link forwards}: those that did not lead to the peer meant. */
  astray: Counts<DhtMethod>
}

/** Counts them. */
export class Asked {
  readonly #counts: AskedStatus = {
    ...{ lookups: {}, pings: {}, unanswered: {}, forwards: {}, astray: {} }
  }

  lookup(reason: LookupReason): void {
    add(this.#counts.lookups, reason)
  }

  ping(reason: PingReason): void {
    add(this.#counts.pings, reason)
  }

  unanswered(reason: PingReason): void {
    add(this.#counts.unanswered, reason)
  }

  forward(method: DhtMethod): void {
    add(this.#counts.forwards, method)
  }

  astray(method: DhtMethod): void {
    add(this.#counts.astray, method)
  }

  status(): AskedStatus {
    return structuredClone(this.#counts)
  }
}

function add<T extends string>(counts: Counts<T>, name: T): void {
  counts[name] = (counts[name] ?? 0) + 1
}

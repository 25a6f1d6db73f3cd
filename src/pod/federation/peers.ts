import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Millis, Network, PeerId, Session } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Change, State } from '../../store/state.ts'
import { podRecord } from '../../wire/pod.ts'
import type { PodPapers } from '../../wire/proof.ts'
import { foldHostname } from '../alias.ts'
import { isOutside } from '../finding.ts'
import type { PodFace } from '../greet.ts'
import { greetPod, readPapers } from '../greet.ts'
import type { PodPlace } from '../place.ts'
import { dialFirst } from '../place.ts'
import { tables } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import type { PeerRow, PeerWord } from './rows.ts'
import { peerRow, peerWordRow } from './rows.ts'

/** Whose notices a pod takes, and to whom it passes its people's on: of any seed and pod, of listed pods, of nobody. */
export type FederationPolicy = 'open' | 'list' | 'closed'

/** Where other pods are. */
export interface PodFinder {
  /** Pods may say that they are in private networks: for one that lives there. It does not unless told. */
  readonly allowLocal?: boolean
  /**
   * @param pinned the key is known: only where it is counts.
   * @throws {MuttrError} `POD_UNKNOWN`, `POD_UNREACHABLE` when it cannot be found out; as `findPod` of src/pod/finding.ts
   */
  find(hostname: string, pinned?: string | null): Promise<PodPlace>
  /** Newer addresses of a pod that does not answer where it was: @see MovedPods. */
  moved?(place: PodPlace, fingerprint: string, signal: AbortSignal): Promise<readonly string[]>
  /** Who showed the pinned certificate of a pod. */
  met?(hostname: string, peer: PeerId, peers: readonly PeerId[]): Promise<void>
}

export interface PeersParts {
  state: State
  clock: Clock
  log: Log
  crypto: Crypto
  network: Pick<Network, 'dial' | 'open' | 'self'>
  finder: PodFinder
  policy: FederationPolicy
  /** Of this pod. */
  hostname: string
  /** Names that it had before and answers for; none unless told. */
  former?: readonly string[]
  peersMax: number
}

/** What is remembered of another pod, but for its papers. */
export type Peer = Omit<PeerRow, 'papers'> & { readonly hostname: string }

/** Where a pod has shown its key, and the port beside it at which it takes datagrams. */
export interface MetAt {
  /** A multiaddr. */
  readonly address: string
  readonly udp: number
}

const stranger: PeerRow = {
  ...{ standing: 'none', pin: null, papers: null, seenMs: 0, failures: 0, retryMs: 0, code: null }
}

/** What the operator said counts, whatever was learned before or since. */
const bySaid = (row: PeerRow, word: PeerWord | undefined): PeerRow =>
  word ? { ...row, standing: word.standing, pin: word.fingerprint ?? row.pin } : row

const isAway = (err: unknown): boolean => codeOf(err) === 'POD_UNREACHABLE'

const refused = (what: string): MuttrError => new MuttrError('FEDERATION_REFUSED', what)

/**
 * The other pods that a pod knows: who they are, pinned when first met; what its operator said of them; how reaching them went.
 * Source: docs/protocol/federation.md#who-a-pod-talks-to
 */
export class PeerPods {
  readonly #parts: PeersParts
  readonly #known = new Map<string, Peer>()
  readonly #words = new Map<string, PeerWord>()
  /** Of pods that were met, by hostname. */
  readonly #peers = new Map<string, readonly PeerId[]>()
  /** Where they have shown their keys since this process began. */
  readonly #met = new Map<string, MetAt>()

  /** Where a pod has told its friends that it is. */
  #heardOf: (hostname: string) => readonly string[] = () => []

  private constructor(parts: PeersParts) {
    this.#parts = parts
  }

  static async open(parts: PeersParts): Promise<PeerPods> {
    const peers = new PeerPods(parts)
    await peers.reload()
    return peers
  }

  /** What other processes of the pod have learned, and what its operator told them, counts here too. */
  async reload(): Promise<void> {
    const { state } = this.#parts
    for await (const { key, value } of rowsOf(state, tables.peerWords))
      this.#words.set(key, peerWordRow.decode(value))
    for await (const { key, value } of rowsOf(state, tables.peers))
      this.#remember(key, peerRow.decode(value))
  }

  get policy(): FederationPolicy {
    return this.#parts.policy
  }

  list(): Peer[] {
    return [...this.#known.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1))
  }

  /** The pod that was last seen to have this peer. */
  hostnameOf(peer: PeerId): string | undefined {
    for (const [hostname, peers] of this.#peers) if (peers.includes(peer)) return hostname
    return undefined
  }

  /** From now on a pod that is not found where it was is looked for there, too. */
  heardOf(where: (hostname: string) => readonly string[]): void {
    this.#heardOf = where
  }

  /** Whom the operator has allowed, and this pod may have to do with. */
  friends(): string[] {
    return [...this.#words.keys()].filter(hostname => this.isFriend(hostname))
  }

  isFriend(hostname: string): boolean {
    return this.policy !== 'closed' && this.#words.get(hostname)?.standing === 'allowed'
  }

  metAt(hostname: string): MetAt | undefined {
    return this.#met.get(hostname)
  }

  get(hostname: string): Peer | undefined {
    return this.#known.get(hostname)
  }

  /** Whether it is a name that this pod had before: what is for it is delivered here. */
  wasOurs(hostname: string): boolean {
    return this.#parts.former?.includes(hostname) === true
  }

  #isOurs(hostname: string): boolean {
    return hostname === this.#parts.hostname || this.wasOurs(hostname)
  }

  /**
   * Whether notices go to and come from a pod; undefined for somebody who is none.
   * @throws {MuttrError} `FEDERATION_REFUSED`
   */
  check(hostname: string | undefined): void {
    const { policy } = this.#parts
    const standing = hostname === undefined ? 'none' : (this.get(hostname)?.standing ?? 'none')
    if (standing === 'blocked') throw refused(`this pod has nothing to do with ${hostname}`)
    if (policy === 'closed') throw refused('this pod has nothing to do with others')
    if (policy === 'list' && standing !== 'allowed')
      throw refused('this pod has to do with the pods on its list alone')
  }

  /**
   * Whether a notice may be given to this pod for another.
   * @param pin of the other pod's certificate, as who asks knows it, hex.
   * @throws {MuttrError} `FEDERATION_REFUSED`, `POD_UNKNOWN`, `POD_CHANGED`
   */
  async expect(hostname: string, pin: string | null): Promise<void> {
    if (this.wasOurs(hostname)) return
    if (hostname === this.#parts.hostname || hostname !== foldHostname(hostname))
      throw new MuttrError('POD_UNKNOWN', `${hostname} is not another pod`)
    this.check(hostname)
    // One that is known may be away: what is for it waits then.
    if ((await this.#row(hostname)).pin === null) await this.#parts.finder.find(hostname)
    const papers = pin === null ? null : await this.papers(hostname)
    const shown = papers && (await this.#parts.crypto.readCertificate(papers.certificate))
    if (shown && shown.pin !== pin)
      throw new MuttrError('POD_CHANGED', `${hostname} has shown another key here`)
  }

  /** What a pod showed of itself last. */
  async papers(hostname: string): Promise<PodPapers | null> {
    return (await this.#row(hostname)).papers
  }

  /** Opens a session to a pod, and remembers who it is. @throws {MuttrError} `POD_UNKNOWN`, `POD_UNREACHABLE`, `POD_CHANGED`, `SIGNATURE_INVALID`, `CANCELLED` */
  async meet(hostname: string, signal: AbortSignal): Promise<{ session: Session; pod: PodFace }> {
    const { network, clock, crypto, finder } = this.#parts
    const row = await this.#row(hostname)
    const place = finder.find(hostname, row.pin)
    const at = async (where: PodPlace) => {
      const fingerprint = where.fingerprint ?? row.pin ?? undefined
      const contact = await dialFirst(network, where, signal)
      const pinned = fingerprint === undefined ? {} : { pinned: { fingerprint } }
      return greetPod({ network, contact, clock, crypto, hostname, ...pinned, signal })
    }
    const met = await place.then(at).catch(async err => {
      const known = await this.#fingerprint(row)
      const nowhere = await place.then(() => undefined, codeOf)
      if (known === undefined || !(isAway(err) || nowhere === 'POD_UNKNOWN')) throw err
      const before = await place.catch((): PodPlace => ({ hostname, addresses: [] }))
      const moved = await finder.moved?.(before, known, signal)
      // A friend too sends nobody into our own house, but one that was known to be there.
      const isNear = finder.allowLocal === true || !before.addresses.every(isOutside)
      const heard = this.#heardOf(hostname).filter(address => isNear || isOutside(address))
      const addresses = [...heard, ...(moved ?? [])]
      if (addresses.length === 0) throw err
      return at({ ...before, addresses })
    })
    const { udp, contact } = met.pod
    const [address] = contact.addresses
    this.#met.delete(hostname)
    try {
      await this.#seen(hostname, met.pod.papers)
      await this.#goesOn(hostname, met.pod)
      if (udp !== null && address !== undefined) this.#met.set(hostname, { address, udp })
      await finder.met?.(hostname, met.pod.contact.peer, met.pod.peers)
    } catch (err) {
      await met.session[Symbol.asyncDispose]()
      throw err
    }
    return met
  }

  /**
   * Somebody says that it is a pod. That the peer at the other end has the papers' peer key the connection shows; that the name is
   * its own only a pin does, or meeting it where the pod is.
   * @returns its hostname. @throws {MuttrError} `POD_UNKNOWN`, `POD_UNREACHABLE`, `POD_CHANGED`, `SIGNATURE_INVALID`
   */
  async introduced(papers: PodPapers, peer: PeerId, signal: AbortSignal): Promise<string> {
    const { clock, crypto, finder } = this.#parts
    const { hostname } = podRecord.decode(papers.record)
    if (this.#isOurs(hostname) || hostname !== foldHostname(hostname))
      throw new MuttrError('POD_CHANGED', `${hostname} is another pod`)
    const row = await this.#row(hostname)
    const place = await finder.find(hostname, row.pin).catch(err => {
      if (row.pin === null || !(isAway(err) || codeOf(err) === 'POD_UNKNOWN')) throw err
      return undefined
    })
    const fingerprint = place?.fingerprint ?? row.pin ?? (await this.#look(hostname, signal))
    const shown = { hostname, peer, pinned: { fingerprint }, clock, crypto }
    const { certificate } = await readPapers(papers, shown)
    await this.#seen(hostname, papers)
    await this.#goesOn(hostname, { certificate, papers })
    return hostname
  }

  /**
   * A pod that had another name is the same one, by its key: what the operator said of it still counts. Only where the pod was found under the name
   * that it has now: it must not have what was said of it said of somebody else.
   */
  async #goesOn(
    hostname: string,
    { certificate, papers }: Pick<PodFace, 'certificate' | 'papers'>
  ): Promise<void> {
    const said = podRecord.decode(papers.record)
    if (said.hostname !== hostname) return
    for (const former of said.former) {
      const { pin, standing } = await this.#row(former)
      const isSame = pin === certificate.pin || pin === certificate.fingerprint
      if (!isSame || standing === 'none' || (await this.#word(hostname))) continue
      const { changes, apply } = await this.word(hostname, standing)
      await this.#parts.state.write(changes)
      apply()
    }
  }

  /** An attempt to reach it failed. */
  async failed(
    hostname: string,
    { failures, retryMs, code }: { failures: number; retryMs: Millis; code: ErrorCode }
  ): Promise<void> {
    const row = await this.#row(hostname)
    await this.#put(hostname, { ...row, failures, retryMs, code })
  }

  /**
   * The operator's word, to be written by who notes it. A fingerprint takes the place of the key that was seen.
   * @throws {MuttrError} `ALIAS_INVALID`, `KEY_INVALID`
   */
  async word(
    named: string,
    standing: 'allowed' | 'blocked',
    fingerprint?: string
  ): Promise<{ changes: Change[]; apply(): Peer }> {
    const hostname = foldHostname(named)
    if (fingerprint !== undefined && !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(fingerprint))
      throw new MuttrError('KEY_INVALID', 'a fingerprint has 40 or 64 hexadecimal digits')
    const row = await this.#row(hostname)
    const other = fingerprint === undefined ? {} : { pin: fingerprint, papers: null, code: null }
    const said = await this.#word(hostname)
    const word = { standing, fingerprint: fingerprint ?? said?.fingerprint ?? null }
    const next = { ...row, standing, ...other }
    const { changes, gone } = this.#putting(hostname, next)
    const value = peerWordRow.encode(word)
    return {
      changes: [...changes, { type: 'put', table: tables.peerWords, key: hostname, value }],
      apply: () => {
        this.#words.set(hostname, word)
        return this.#apply(hostname, next, gone)
      }
    }
  }

  async #look(hostname: string, signal: AbortSignal): Promise<string> {
    const { session, pod } = await this.meet(hostname, signal)
    await session[Symbol.asyncDispose]()
    return pod.certificate.pin
  }

  async #seen(hostname: string, papers: PodPapers): Promise<void> {
    const row = await this.#row(hostname)
    const [said, before] = [papers, row.papers].map(p => p && podRecord.decode(p.record))
    const isOther = before && said!.peers.join() !== before.peers.join()
    if (isOther && said!.sequence < before.sequence)
      throw new MuttrError('POD_CHANGED', `${hostname} shows an older record than before`)
    const { pin } = await this.#parts.crypto.readCertificate(papers.certificate)
    const seenMs = this.#parts.clock.now()
    await this.#put(hostname, { ...row, pin, papers, seenMs, failures: 0, retryMs: 0, code: null })
  }

  async #fingerprint({ papers }: PeerRow): Promise<string | undefined> {
    if (!papers) return undefined
    return (await this.#parts.crypto.readCertificate(papers.certificate)).fingerprint
  }

  async #row(hostname: string): Promise<PeerRow> {
    const value = await this.#parts.state.get(tables.peers, hostname)
    return bySaid(value ? peerRow.decode(value) : stranger, await this.#word(hostname))
  }

  async #word(hostname: string): Promise<PeerWord | undefined> {
    const value = await this.#parts.state.get(tables.peerWords, hostname)
    return value && peerWordRow.decode(value)
  }

  async #put(hostname: string, row: PeerRow): Promise<void> {
    const { changes, gone } = this.#putting(hostname, row)
    this.#apply(hostname, row, gone)
    await this.#parts.state.write(changes)
  }

  #putting(hostname: string, row: PeerRow): { changes: Change[]; gone: string | undefined } {
    const isNew = !this.#known.has(hostname)
    const gone = isNew && this.#known.size >= this.#parts.peersMax ? this.#leastMissed() : undefined
    const put: Change = {
      type: 'put',
      table: tables.peers,
      key: hostname,
      value: peerRow.encode(row)
    }
    if (gone === undefined) return { changes: [put], gone }
    return { changes: [put, { type: 'delete', table: tables.peers, key: gone }], gone }
  }

  #apply(hostname: string, row: PeerRow, gone: string | undefined): Peer {
    this.#remember(hostname, row)
    if (gone !== undefined) this.#forget(gone)
    return this.#known.get(hostname)!
  }

  #forget(hostname: string): void {
    this.#met.delete(hostname)
    this.#known.delete(hostname)
    this.#peers.delete(hostname)
  }

  #remember(hostname: string, learned: PeerRow): void {
    const { papers, ...row } = bySaid(learned, this.#words.get(hostname))
    this.#known.set(hostname, { ...row, hostname })
    if (papers) this.#peers.set(hostname, podRecord.decode(papers.record).peers)
    else this.#peers.delete(hostname)
  }

  /** Of those that the operator said nothing of, the one not seen for longest. */
  #leastMissed(): string | undefined {
    let found: Peer | undefined
    for (const peer of this.#known.values())
      if (peer.standing === 'none' && peer.seenMs < (found?.seenMs ?? Number.POSITIVE_INFINITY))
        found = peer
    return found?.hostname
  }
}

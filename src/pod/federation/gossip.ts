import { codeOf } from '../../base/errors.ts'
import type { Clock, Log, Millis, PeerKeys, Random } from '../../base/ports.ts'
import { throwDice } from '../../base/retry.ts'
import type { Crypto } from '../../keys/crypto.ts'
import * as wire from '../../wire/gossip.ts'
import { podRecord } from '../../wire/pod.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { createRates } from '../rates.ts'
import type { FriendFace, Heard, Presence } from './friends.ts'
import { Friends, presenceOf } from './friends.ts'
import type { Lines } from './lines.ts'
import type { PeerPods } from './peers.ts'

/** What a pod tells its friends of itself, but for who it is and when. */
export type OwnSummary = Pick<
  wire.PodSummary,
  'version' | 'policy' | 'federation' | 'load' | 'capabilities' | 'where'
>

interface Parts {
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  keys: PeerKeys
  hostname: string
  /** Of this pod's certificate, hex. */
  pin: string
  peers: PeerPods
  lines: Pick<Lines, 'take'>
  /** A friend is there again. */
  wake(hostname: string): void
  own(): OwnSummary
  /** Other processes serve the pod too, so that it is not away when this one is. */
  isShared: boolean
}

/** How a friend is, for operators. */
export interface FriendState
  extends Pick<Heard, 'version' | 'policy' | 'federation' | 'load' | 'capabilities'> {
  readonly presence: Presence
  readonly saidMs: Millis
}

/** Presence and summaries among pods that call each other friends. Source: docs/protocol/gossip.md */
export interface PodGossip extends AsyncDisposable {
  /** Tells friends that this pod is here, and goes on. */
  begin(): void
  /** @throws {MuttrError} `LIMIT_EXCEEDED` */
  answer(told: wire.Gossip, from: string, nowMs: Millis): Promise<wire.Gossip>
  /** Tells and asks one friend now. */
  greet(friend: string): void
  of(hostname: string): FriendState | undefined
  /** Where a friend has said that it is, with `/p2p/`. */
  whereOf(hostname: string): readonly string[]
}

const roundMs: Millis = 10 * 60_000
/** Friends that are asked in a round; the others hear of it from them. */
const fanOut = 8
/** Friends that are told at once when another one comes or goes. */
const passOn = 4
const timeoutMs: Millis = 20_000
/** Before one's own end nobody waits for longer. */
const farewellMs: Millis = 2_000
const asksOfOne = { burst: 20, everyMs: 30_000 }

export function createGossip(parts: Parts): PodGossip {
  const { clock, random, log, crypto, keys, hostname, pin, peers, lines } = parts
  const friends = new Friends(keys)
  const rates = createRates('gossip of one pod', asksOfOne)
  /** Whom a friend asked about last, and what it knew: what else there is does not concern it. */
  const asked = new Map<string, wire.Gossip['known']>()
  const under = new Set<Promise<void>>()
  const life = new AbortController().signal
  let [ended, lastMs] = [false, 0]
  let timer: Disposable | undefined

  /** Friends now; what is kept of former ones goes. */
  const current = (): string[] => {
    const all = peers.friends()
    const set = new Set(all)
    friends.keep(set)
    for (const one of asked.keys()) if (!set.has(one)) asked.delete(one)
    return all
  }
  const say = (state: wire.PodSummary['state']): Uint8Array => {
    lastMs = Math.max(lastMs + 1, clock.now())
    const own = { hostname, pin: new Uint8Array(Buffer.from(pin, 'hex')), atMs: lastMs, state }
    const summary = wire.podSummary.encode({ ...own, ...parts.own() })
    const signature = keys.sign(wire.summaryBytes(summary))
    return wire.signedSummary.encode({ summary, peer: keys.self, signature })
  }
  const faceOf = async (friend: string): Promise<FriendFace | undefined> => {
    if (!peers.isFriend(friend)) return undefined
    const papers = await peers.papers(friend)
    if (!papers) return undefined
    const { pin: shown } = await crypto.readCertificate(papers.certificate)
    return { pin: shown, peers: podRecord.decode(papers.record).peers }
  }
  const hear = async (frames: readonly Uint8Array[], from: string): Promise<void> => {
    for (const frame of frames) {
      const news = await friends.take(frame, { nowMs: clock.now(), faceOf })
      if (!news?.isChange) continue
      const { hostname: friend } = news
      const presence = presenceOf(friends.of(friend)!, clock.now())
      log.info('pod.friend', { pod: friend, presence })
      if (presence === 'here') parts.wake(friend)
      const others = current().filter(one => one !== friend && one !== from)
      const whom = others.filter(one =>
        asked.get(one)?.some(({ hostname: about }) => about === friend)
      )
      for (const one of some(whom, passOn, random)) begin(one)
    }
  }
  /** What is told somebody who asked about that. */
  const tell = (friend: string, state: wire.PodSummary['state']): wire.Gossip => {
    const known = friends.known(current().filter(one => one !== friend))
    const news = friends.newer(asked.get(friend) ?? [], friend, clock.now())
    return { summaries: [say(state), ...news], known }
  }
  const over = async (friend: string, state: wire.PodSummary['state']): Promise<void> => {
    using line = await lines.take(friend, life)
    // Who takes leave while a link is made says that, and not that it is here, which would be the newer word.
    const told = wire.gossip.encode(tell(friend, ended ? 'leaving' : state))
    const answer = await line.session.request(podMethods.gossip, told, { timeoutMs })
    const { summaries, known } = wire.gossip.decode(answer)
    asked.set(friend, known)
    await hear(summaries, friend)
  }
  const begin = (friend: string): void => {
    if (ended) return
    const done: Promise<void> = over(friend, 'here')
      .catch(err => log.debug('pod.gossip-failed', { pod: friend, code: codeOf(err) }))
      .finally(() => under.delete(done))
    under.add(done)
  }
  const round = (): void => {
    if (ended) return
    for (const friend of some(current(), fanOut, random)) begin(friend)
    timer?.[Symbol.dispose]()
    timer = clock.after(roundMs * (0.8 + 0.4 * throwDice(random)), round)
  }

  return {
    begin: round,
    greet: begin,
    async answer({ summaries, known }, from, nowMs) {
      rates.take(from, nowMs)
      asked.set(from, known)
      await hear(summaries, from)
      return tell(from, 'here')
    },
    of(friend) {
      const heard = friends.of(friend)
      if (!heard || !peers.isFriend(friend)) return undefined
      const { version, policy, federation, load, capabilities, atMs } = heard
      const said = { version, policy, federation, load, capabilities, saidMs: atMs }
      return { presence: presenceOf(heard, clock.now()), ...said }
    },
    whereOf(friend) {
      const heard = peers.isFriend(friend) ? friends.of(friend) : undefined
      return heard?.where.map(address => `${address}/p2p/${heard.peer}`) ?? []
    },
    async [Symbol.asyncDispose]() {
      if (ended) return
      ended = true
      timer?.[Symbol.dispose]()
      if (parts.isShared) return
      const told = some(current(), fanOut, random).map(friend =>
        over(friend, 'leaving').catch(err =>
          log.debug('pod.gossip-failed', { pod: friend, code: codeOf(err) })
        )
      )
      const late = Promise.withResolvers<void>()
      using _patience = clock.after(farewellMs, late.resolve)
      await Promise.race([Promise.all(told), late.promise])
    }
  }
}

/** So many at most, drawn by lot. */
function some<T>(all: readonly T[], count: number, random: Random): T[] {
  if (all.length <= count) return [...all]
  return all
    .map(one => ({ one, at: throwDice(random) }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ one }) => one)
}

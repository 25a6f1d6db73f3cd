import { multiaddr } from '@multiformats/multiaddr'
import { codeOf } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Millis, PeerId, Random } from '../../base/ports.ts'
import { decodeDialBackAnswer, dialBackMethod, encodeDialBack } from '../../wire/reach.ts'
import type { Scope } from '../addresses.ts'
import { isRelayed, scopeOf, scopes } from '../addresses.ts'
import { hostOf } from '../crowd.ts'
import type { Link } from '../links.ts'
import type { Found } from './standing.ts'

interface Round {
  /** Whom we are connected to. */
  links: readonly Link[]
  /** Where we listen. */
  own: readonly string[]
  /** A port of the router's that leads to us. */
  extraPort: number | undefined
  /** Whether a question so far away is worth asking. */
  counts(scope: Scope): boolean
  /** Whether a peer connected to us since. */
  cameSince(peer: PeerId, sinceMs: Millis): boolean
  random: Random
  clock: Clock
  signal: AbortSignal
}

const askedAtOnce = 3
const askMs: Millis = 9_000
/** The word of a peer may come before libp2p has told of its connection. */
const graceMs: Millis = 1_000
const graceSteps = 10

/** The TCP ports of the addresses of a family, `/ip4` or `/ip6`. */
export const portsOf = (addresses: readonly string[], family: string): number[] => [
  ...new Set(
    addresses
      .filter(address => address.startsWith(family))
      .map(address => Number(/\/tcp\/(\d+)$/.exec(address)?.[1]))
      .filter(port => port > 0)
  )
]

/**
 * Asks some of our peers, of different hosts and as far away as we have any, to dial us.
 * @returns undefined when there is nobody to ask; `isTranslated` when one saw us at an address that is none of ours
 */
export async function askRound(
  round: Round
): Promise<{ found: Found[]; isTranslated: boolean } | undefined> {
  const { links, own, counts } = round
  const direct = links.filter(
    ({ server, connection }) => server && !isRelayed(connection.remoteAddr)
  )
  const scopeOfLink = ({ connection }: Link) => scopeOf(connection.remoteAddr)
  const scope = scopes.findLast(s => direct.some(link => scopeOfLink(link) === s))
  if (!scope || !counts(scope)) return undefined
  const asked = pick(
    direct.filter(link => scopeOfLink(link) === scope),
    round.random
  )
  const answers = await Promise.all(asked.map(link => ask(link, scope, round)))
  const found = answers.filter(answer => answer !== undefined)
  const hosts = new Set(own.map(hostIn))
  return { found, isTranslated: found.some(({ seen }) => !hosts.has(hostIn(seen))) }
}

const hostIn = (address: string): string => address.split('/')[2] ?? ''

/** Some, no two of one host: who has many ids there has one word. */
function pick(links: readonly Link[], random: Random): Link[] {
  const byHost = new Map<string, Link>()
  const dice = random.bytes(2 * links.length)
  const order = links.map((link, i) => ({ link, at: dice[2 * i]! * 256 + dice[2 * i + 1]! }))
  for (const { link } of order.sort((a, b) => a.at - b.at))
    byHost.set(hostOf(link.connection), link)
  return [...byHost.values()].slice(0, askedAtOnce)
}

/** @returns undefined for a peer that cannot say anything, or does not want to. */
async function ask(
  { peer, connection, channel }: Link,
  scope: Scope,
  { own, extraPort, cameSince, clock, signal }: Round
): Promise<(Found & { seen: string }) | undefined> {
  const family = connection.remoteAddr.toString().slice(0, 4)
  const extra = extraPort === undefined || family !== '/ip4' ? [] : [extraPort]
  const all = [...new Set([...extra, ...portsOf(own, family)])]
  const ports = all.slice(0, limits.dialBackPortsMax)
  if (ports.length === 0) return undefined
  const sinceMs = clock.now()
  try {
    const options = { timeoutMs: askMs, signal }
    const frame = await channel.request(dialBackMethod, encodeDialBack(ports), options)
    const { seen, open } = decodeDialBackAnswer(frame)
    const host = hostIn(seen)
    const isTrue = open.length > 0 && (await becomes(() => cameSince(peer, sinceMs), clock))
    const reached = isTrue
      ? open
          .filter(port => ports.includes(port))
          .map(port => `${family}/${host}/tcp/${port}`)
          .filter(isAddress)
      : []
    return { peer, scope, reached, seen }
  } catch (err) {
    if (codeOf(err) === undefined) throw err
    return undefined
  }
}

async function becomes(holds: () => boolean, clock: Clock): Promise<boolean> {
  for (let step = 0; step < graceSteps && !holds(); step++) {
    const { promise, resolve } = Promise.withResolvers<void>()
    clock.after(graceMs / graceSteps, resolve)
    await promise
  }
  return holds()
}

function isAddress(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

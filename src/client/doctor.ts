import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Millis, Network } from '../base/ports.ts'
import type { AddressHomes } from './addresses/homes.ts'
import type { Alarm, Check, Status } from './client.ts'
import type { Pods } from './pods.ts'
import type { Self } from './self.ts'

/** How far other machines' clocks were from ours when they signed something for us. */
export interface Skew {
  /** A time just read off an answer. */
  seen(theirMs: Millis): void
  /** Theirs minus ours: the middle of the last ones; undefined before the first. */
  median(): Millis | undefined
}

const skewsMax = 25

export function createSkew(clock: Clock): Skew {
  const seen: Millis[] = []
  return {
    seen(theirMs) {
      seen.push(theirMs - clock.now())
      if (seen.length > skewsMax) seen.shift()
    },
    median: () => [...seen].sort((a, b) => a - b)[Math.floor(seen.length / 2)]
  }
}

export interface DoctorParts {
  network: Pick<Network, 'connected'>
  clock: Clock
  self: Self
  pods: Pods
  skew: Skew
  /** The pod that runs here, and how many others could be connected to. */
  about: { hosts: string | null; others: number }
  /** Of home folder and disk, which only the nodes know. */
  more: readonly (() => Promise<Check[]>)[]
  outbox: () => number
  inbox: () => Status['inbox']
  homes: () => AddressHomes
  alarms: () => Promise<Alarm[]>
}

const dayMs = 24 * 3_600_000
const good = (name: string, detail: string): Check => ({ name, ok: true, detail, hint: null })
const bad = (name: string, detail: string, hint: string): Check => ({
  name,
  ok: false,
  detail,
  hint
})

/** What our own errors say of what is wrong is better than a guess. */
const unmade = (err: unknown): Check =>
  err instanceof MuttrError
    ? bad('checks', `one could not be made: ${err.message}`, err.hint)
    : bad('home', `${err}`, 'Look at the permissions of the home folder.')

/** Looks at everything a letter needs, and says what to do about what is not well. */
export async function examine(parts: DoctorParts): Promise<Check[]> {
  const more = await Promise.all(parts.more.map(check => check().catch(err => [unmade(err)])))
  return [
    ...more.flat(),
    keys(parts),
    seeds(parts),
    ...pods(parts),
    clockCheck(parts),
    outbox(parts),
    ...relays(parts),
    ...homes(parts),
    ...(await parts.alarms()).map(({ alias, what, detail, hint }) =>
      bad(`alarm ${alias} ${what}`, detail, `${hint} Then: muttr alarms answer ${alias}`)
    )
  ]
}

function keys({ self, clock }: DoctorParts): Check {
  const certificate = self.certificate()
  if (!certificate) return good('keys', 'a seed without a person')
  const { fingerprint, revoked, expiresMs } = certificate
  if (revoked) return bad('keys', `${fingerprint} is revoked`, 'Make a new identity: `muttr init`.')
  if (expiresMs !== null && expiresMs < clock.now() + 30 * dayMs)
    return bad('keys', `${fingerprint} expires soon or has expired`, 'Extend it with GnuPG.')
  if (self.locked)
    return bad('keys', `${fingerprint} is locked`, 'Give the passphrase when the seed starts.')
  return good('keys', `${fingerprint} is unlocked`)
}

function seeds({ network, about }: DoctorParts): Check {
  const count = network.connected().filter(({ server }) => server).length
  if (count === 0 && about.others === 0)
    return good('network', 'the first of its network: there is nobody to connect to yet')
  return count > 0
    ? good('network', `connected to ${count} seeds`)
    : bad(
        'network',
        'connected to no seed',
        'Check the network file and whether TCP goes out; letters wait meanwhile.'
      )
}

function pods({ pods: { lines }, self, about }: DoctorParts): Check[] {
  if (self.certificate() && self.registrations().length === 0 && about.hosts === null)
    return [bad('pod', 'no alias is registered', 'Register one: `muttr register ALIAS@POD`.')]
  return lines
    .filter(line => line.own)
    .map(({ hostname, identified, problem }) => {
      const name = `pod ${hostname}`
      if (identified && !problem) return good(name, 'connected and listening')
      return bad(
        name,
        problem ? `${problem.code}: ${problem.message}` : 'not connected yet',
        problem?.hint ?? 'Wait a moment and look again.'
      )
    })
}

function clockCheck({ skew, pods: { lines } }: DoctorParts): Check {
  const refused = lines.find(({ own, problem }) => own && problem?.code === 'CLOCK_WRONG')?.problem
  if (refused) return bad('clock', refused.message, refused.hint)
  const off = skew.median()
  if (off === undefined) return good('clock', 'no answer to compare it with yet')
  const seconds = (Math.abs(off) / 1_000).toFixed(1)
  return Math.abs(off) < limits.clockSkewMs / 2
    ? good('clock', `within ${seconds} s of others`)
    : bad('clock', `${seconds} s away from others`, 'Set the clock, best with NTP.')
}

/** Letters of strangers come through the pod that announced them, and wait where that does not work. */
function relays({ inbox }: DoctorParts): Check[] {
  const { waiting, relays } = inbox()
  if (waiting === 0) return []
  return relays.map(({ pod, problem }) =>
    bad(
      `relay ${pod}`,
      `letters of people you do not know wait for it. ${problem.code}: ${problem.message}`,
      `${problem.hint} With "strangers": "relayed-first" in muttr.json they are fetched directly meanwhile, which shows your address to whoever stored them.`
    )
  )
}

/** Pods that keep addresses for correspondents of ours are asked through our own; what waits there comes no other way. */
function homes(parts: DoctorParts): Check[] {
  const { wanted, made, pods } = parts.homes()
  const name = 'addresses'
  if (wanted === 'blind' && made === 'account')
    return [
      bad(
        name,
        'your own pods keep them: no other pod is known',
        'Name one under "pods" in muttr.json, or join a network that has more than one.'
      )
    ]
  const failing = pods.filter(({ problem }) => problem !== null)
  if (failing.length > 0)
    return failing.map(({ hostname, addresses, problem }) =>
      bad(
        `${name} at ${hostname}`,
        `${addresses} not asked after. ${problem!.code}: ${problem!.message}`,
        `${problem!.hint} A pod that does not answer for a day is left by itself; letters come to your own pod after three days.`
      )
    )
  if (pods.length === 0) return []
  const count = pods.reduce((sum, { addresses }) => sum + addresses, 0)
  return [good(name, `${count} live at ${pods.map(({ hostname }) => hostname).join(', ')}`)]
}

const outbox = (parts: DoctorParts): Check => {
  const waiting = parts.outbox()
  return good('outbox', waiting === 0 ? 'nothing waits' : `${waiting} letters on their way`)
}

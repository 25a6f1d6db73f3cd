import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import { blindOpen } from '../../wire/blind.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { foldHostname } from '../alias.ts'
import type { Federation } from '../federation/federation.ts'
import { reached } from '../greet.ts'
import type { Hostnames } from '../hostnames.ts'
import type { PodLimits } from '../limits.ts'
import type { AccountId } from '../rows.ts'
import type { Turns } from './turns.ts'
import { createTurns } from './turns.ts'

interface Parts {
  federation: Pick<Federation, 'peers' | 'lines'>
  clock: Clock
  /** Of this pod, former ones too. */
  names: Pick<Hostnames, 'has'>
  limits: Pick<PodLimits, 'blindAtOncePerAccountMax' | 'blindAtOnceMax'>
}

/** A pod as the one between: it knows who asks, and which pod is asked. Source: docs/protocol/blind.md */
export interface BlindRelay {
  /**
   * @returns the pod's answer, a `blindAnswer` of src/wire/blind.ts, as it came.
   * @throws {MuttrError} `POD_UNKNOWN`, `POD_UNREACHABLE`, `FEDERATION_REFUSED`, `LIMIT_EXCEEDED`, and what the pod refused with
   */
  pass(asked: {
    account: AccountId
    hostname: string
    sealed: Uint8Array
    signal: AbortSignal
  }): Promise<Uint8Array>
  /** What a pod showed of itself to this one: a `helloAnswer`'s parts. @throws as {@link pass} */
  papers(asked: { account: AccountId; hostname: string; signal: AbortSignal }): Promise<{
    record: Uint8Array
    signature: Uint8Array
    certificate: Uint8Array
  }>
}

const askTimeoutMs: Millis = 25_000
/** A pod that could not be reached is not dialled again at once, whoever asks. */
const awayMs: Millis = 15_000
const awayPodsMax = 1_000

export function createBlindRelay({ federation, clock, names, limits }: Parts): BlindRelay {
  const { peers, lines } = federation
  const turns: Turns = createTurns('blind requests', {
    eachMax: limits.blindAtOncePerAccountMax,
    max: limits.blindAtOnceMax
  })
  const awayUntil = new Map<string, Millis>()

  async function line(hostname: string, signal: AbortSignal) {
    if (names.has(hostname) || hostname !== foldHostname(hostname))
      throw new MuttrError('POD_UNKNOWN', `${hostname} is not another pod`)
    peers.check(hostname)
    if ((awayUntil.get(hostname) ?? 0) > clock.now())
      throw new MuttrError('POD_UNREACHABLE', `${hostname} did not answer just now`)
    try {
      return await lines.take(hostname, signal)
    } catch (err) {
      if (codeOf(err) === 'POD_UNREACHABLE') remember(hostname)
      throw err
    }
  }
  function remember(hostname: string): void {
    awayUntil.delete(hostname)
    awayUntil.set(hostname, clock.now() + awayMs)
    const [oldest] = awayUntil.keys()
    if (awayUntil.size > awayPodsMax && oldest !== undefined) awayUntil.delete(oldest)
  }

  return {
    pass: ({ account, hostname, sealed, signal }) =>
      turns.run(account, async () => {
        using taken = await line(hostname, signal)
        const options = { timeoutMs: askTimeoutMs, signal }
        const asked = taken.session.request(
          podMethods.blindOpen,
          blindOpen.encode({ sealed }),
          options
        )
        return await reached(hostname, asked).catch(err => {
          if (codeOf(err) !== 'METHOD_UNKNOWN') throw err
          throw new MuttrError('POD_TOO_OLD', `${hostname} answers nothing that is asked blindly`)
        })
      }),
    papers: ({ account, hostname, signal }) =>
      turns.run(account, async () => {
        using _taken = await line(hostname, signal)
        const papers = await peers.papers(hostname)
        if (!papers) throw new MuttrError('POD_UNKNOWN', `${hostname} was never met`)
        return papers
      })
  }
}

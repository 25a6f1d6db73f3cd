import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Millis, Random } from '../../base/ports.ts'
import { throwDice } from '../../base/retry.ts'
import { addressOf, signKeyDeed } from '../../keys/address-key.ts'
import { readAlias } from '../../pod/alias.ts'
import { podTimes } from '../../pod/limits.ts'
import type { AddressPlace } from '../../wire/address.ts'
import { blindMethods } from '../../wire/blind.ts'
import type { KeyPage } from '../../wire/key-address.ts'
import { keyMade, keyMake, keyPage, keyRequest } from '../../wire/key-address.ts'
import { nothing } from '../../wire/pod.ts'
import type { Asking } from '../blind/asking.ts'

/** An address of a key, at a pod that does not know whose it is. */
export interface KeyPlace {
  readonly pod: string
  /** 32 bytes, from which the key is made. */
  readonly key: Uint8Array
}

interface Parts {
  asking: Pick<Asking, 'ask' | 'askPaid' | 'face' | 'relayFor' | 'isOwn'>
  /** Pods that files of ours name, and pods that were found; the person's own may be among them. */
  pods(): { named: readonly string[]; found: readonly string[] }
  clock: Clock
  random: Random
}

/** Asks pods blindly about addresses of keys. Source: docs/protocol/anonymous.md */
export interface KeyPods {
  /** Whether there is a pod other than our own where one could live. */
  readonly isPossible: boolean
  /**
   * Makes a fresh one, at a pod picked at random: of those that our files name before those that were found, and of the correspondent's own last.
   * @param avoid pods that have failed lately. @throws {MuttrError} when none makes one now: `RELAY_UNREACHABLE`, `LIMIT_EXCEEDED`, …
   */
  choose(
    them: string,
    avoid: ReadonlySet<string>,
    signal: AbortSignal
  ): Promise<AddressPlace & KeyPlace>
  /** Makes one, or keeps it longer. @returns until when it is taken now */
  keep(place: KeyPlace, signal: AbortSignal): Promise<Millis>
  /** @param through what is on our disk. @throws {MuttrError} `ADDRESS_UNKNOWN`, … */
  poll(place: KeyPlace, through: number, signal: AbortSignal): Promise<KeyPage>
  drop(place: KeyPlace, signal: AbortSignal): Promise<void>
}

/** What is no fault of the pod that is asked, and would be the same at another. */
const ours: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['RELAY_UNREACHABLE', 'RELAY_REFUSED', 'CANCELLED', 'VAULT_LOCKED'] as const),
  ...(['ALIAS_MISSING', 'ACCOUNT_SUSPENDED', 'ACCOUNT_REMOVED', 'DEVICE_REVOKED'] as const),
  ...(['IDENTIFY_FIRST', 'IDENTIFY_REFUSED', 'STATEMENT_INVALID', 'CLOCK_WRONG'] as const)
])
const isOfTarget = (code: ErrorCode | undefined): boolean => code !== undefined && !ours.has(code)

const small = { size: 'small', isOfOneSize: true } as const
/** So many pods are asked for a fresh one before it waits. */
const triesMax = 3

export function createKeyPods(parts: Parts): KeyPods {
  const { asking, clock, random } = parts
  const others = (): { named: string[]; found: string[] } => {
    const { named, found } = parts.pods()
    const isOther = (hostname: string): boolean =>
      !asking.isOwn(hostname) && asking.relayFor(hostname) !== undefined
    return {
      named: named.filter(isOther),
      found: found.filter(one => isOther(one) && !named.includes(one))
    }
  }
  const shuffled = (all: readonly string[]): string[] =>
    all
      .map(hostname => ({ hostname, at: throwDice(random) }))
      .sort((a, b) => a.at - b.at)
      .map(({ hostname }) => hostname)
  const signed = ({ key, pod }: KeyPlace, deed: 'make' | 'drop' | 'poll', number: number) =>
    signKeyDeed(key, deed, { pod, nowMs: clock.now(), number })

  const keep: KeyPods['keep'] = async (place, signal) => {
    const request = signed(place, 'make', Math.floor(clock.now()) + podTimes.keyAddressLifeMs)
    const frame = (paid: { issuer: string; token: Uint8Array }) =>
      keyMake.encode({ request, ...paid })
    const made = await asking.askPaid(place.pod, blindMethods.keyMake, frame, { ...small, signal })
    return keyMade.decode(made).untilMs
  }

  return {
    get isPossible() {
      const { named, found } = others()
      return named.length + found.length > 0
    },
    async choose(them, avoid, signal) {
      const { named, found } = others()
      const theirs = readAlias(them).hostname
      const isFit = (pod: string): boolean => pod !== theirs && !avoid.has(pod)
      const all = [...shuffled(named), ...shuffled(found)]
      const order = [...all.filter(isFit), ...all.filter(pod => !isFit(pod))]
      let last: unknown = new MuttrError('RELAY_UNREACHABLE', 'no other pod is known')
      for (const pod of order.slice(0, triesMax)) {
        const key = random.bytes(32)
        try {
          const { hpkeKey } = await asking.face(pod, signal)
          await keep({ pod, key }, signal)
          return { address: addressOf(key), pod, hpkeKey, key }
        } catch (err) {
          last = err
          if (!isOfTarget(codeOf(err))) break
        }
      }
      throw last
    },
    keep,
    async poll(place, through, signal) {
      const frame = keyRequest.encode(signed(place, 'poll', through))
      return keyPage.decode(
        await asking.ask(place.pod, blindMethods.keyPoll, frame, { ...small, signal })
      )
    },
    async drop(place, signal) {
      const frame = keyRequest.encode(signed(place, 'drop', 0))
      nothing.decode(await asking.ask(place.pod, blindMethods.keyDrop, frame, { ...small, signal }))
    }
  }
}

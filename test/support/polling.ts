import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { Outbox } from '../../src/base/outbox.ts'
import type { Millis } from '../../src/base/ports.ts'
import type { KeyPods } from '../../src/client/addresses/key-pods.ts'
import { PollMarks } from '../../src/client/addresses/poll-marks.ts'
import { pollRestMs, pollSchedule } from '../../src/client/addresses/poll-pace.ts'
import { Polls } from '../../src/client/addresses/polls.ts'
import type { FormerPlace, OwnPlace, Relation } from '../../src/client/addresses/relation-rows.ts'
import { firstRelation } from '../../src/client/addresses/relation-rows.ts'
import { TargetRefusal } from '../../src/client/blind/asking.ts'
import type { Closet } from '../../src/client/closet.ts'
import { closetOf } from '../../src/client/closet.ts'
import type { Policy } from '../../src/client/requests/request.ts'
import { addressOf } from '../../src/keys/address-key.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { KeyPage } from '../../src/wire/key-address.ts'
import type { Notice } from '../../src/wire/notice.ts'
import { encodeStored } from '../../src/wire/notice.ts'
import { dice, quiet } from './client-world.ts'
import { fakeClock } from './fake-clock.ts'
import { turn } from './own-devices.ts'
import { noticeFor } from './pod-world.ts'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export const placeAt = (pod: string, madeMs: number, isOfKey = true): OwnPlace => {
  const key = dice.bytes(32)
  const rest = {
    hpkeKey: dice.bytes(32),
    secret: dice.bytes(32),
    madeMs,
    key: isOfKey ? key : null
  }
  return { address: addressOf(key), pod, ...rest }
}
export const relationWith = (
  them: string,
  ours: OwnPlace,
  former: FormerPlace[] = []
): Relation => ({
  ...firstRelation('alice@one.test', them),
  ...{ wrote: true, heard: true, ours, former, toldMs: ours.madeMs }
})

const ofRelay = new Set<ErrorCode>(['RELAY_UNREACHABLE', 'POD_UNREACHABLE'])

/** What outlives a client that polls. */
export interface PollingBefore {
  clock: ReturnType<typeof fakeClock>
  disk: { state: State; closet: Closet }
}

const newDisk = (): PollingBefore['disk'] => ({
  state: memoryState(),
  closet: closetOf(dice.bytes(32), dice)
})

/** Polls of some relations at pods that answer as they are told. */
export function polling(
  relations: Relation[],
  /** A client that ran before, over the same disk. */
  { clock, disk }: PollingBefore = { clock: fakeClock(), disk: newDisk() }
) {
  const asked: {
    what: 'make' | 'poll' | 'drop'
    address: Uint8Array
    through: number
    atMs: number
  }[] = []
  const waiting = new Map<string, Notice[]>()
  const received: Notice[] = []
  const policies = new Map<string, Policy>()
  const lost: Relation[] = []
  const fails = new Map<string, ErrorCode>()
  /** What a pod answers in the place of what it should. */
  const lies: { poll?: (through: number) => KeyPage; keep?: () => Millis } = {}
  const life = new AbortController()
  let locked = false
  const note = (
    what: (typeof asked)[number]['what'],
    key: Uint8Array,
    pod: string,
    through = 0
  ) => {
    asked.push({ what, address: addressOf(key), through, atMs: clock.now() })
    const code = fails.get(pod)
    if (code) throw new (ofRelay.has(code) ? MuttrError : TargetRefusal)(code, 'as told')
  }
  const keyPods: KeyPods = {
    isPossible: true,
    choose: () => Promise.reject(new Error('not asked for here')),
    async keep({ key, pod }) {
      note('make', key, pod)
      if (lies.keep) return lies.keep()
      return clock.now() + 60 * dayMs
    },
    async poll({ key, pod }, through): Promise<KeyPage> {
      if (lies.poll) {
        note('poll', key, pod, through)
        return lies.poll(through)
      }
      if (fails.get(pod) === 'ADDRESS_UNKNOWN') fails.delete(pod)
      else {
        note('poll', key, pod, through)
        const all = waiting.get(pod) ?? []
        const left = all.filter(({ sequence }) => sequence > through)
        const page = left.slice(0, 3)
        waiting.set(pod, left)
        const entries = page.map(({ sequence, ...rest }) => ({
          sequence,
          frame: encodeStored(rest)
        }))
        const last = page.at(-1)?.sequence ?? through
        return { untilMs: clock.now() + 50 * dayMs, through: last, more: left.length > 3, entries }
      }
      throw new TargetRefusal('ADDRESS_UNKNOWN', 'as told')
    },
    async drop({ key, pod }) {
      note('drop', key, pod)
    }
  }
  const closet = () => {
    if (locked) throw new MuttrError('VAULT_LOCKED', 'as told')
    return disk.closet
  }
  const polls = new Polls({
    marks: new PollMarks({ state: disk.state, log: quiet, closet }),
    relations: {
      all: () => relations,
      of: (_, them) => relations.find(one => one.them === them)!,
      at: () => undefined
    },
    ...{ keyPods, clock, random: dice, log: quiet, life: life.signal },
    policyOf: them => policies.get(them) ?? null,
    self: {
      get locked() {
        return locked
      }
    },
    onNotices: async (_, notices) => void received.push(...notices),
    onLost: relation => void lost.push(relation),
    outbox: new Outbox({ schedule: pollSchedule, parallel: 1, restMs: pollRestMs })
  })
  return {
    ...{ clock, disk, polls, asked, waiting, received, policies, lost, fails, lies, relations },
    async lock(to: boolean) {
      locked = to
      if (to) polls.locked()
      else await polls.unlocked()
    },
    async pass(ms: number, stepMs = 5_000) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs)
        for (let i = 0; i < 8; i++) await turn()
      }
    },
    put(place: OwnPlace, sequence: number) {
      const { takenMs = clock.now(), ...body } = noticeFor(place.address, clock.now()) as Notice
      const all = waiting.get(place.pod) ?? []
      waiting.set(place.pod, [...all, { ...body, takenMs, sequence }])
    },
    [Symbol.asyncDispose]: async () => {
      life.abort()
      await polls[Symbol.asyncDispose]()
    }
  }
}

import { sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import type { PodAddresses } from '../../src/client/pod-addresses.ts'
import { podAddresses } from '../../src/client/pod-addresses.ts'
import { createAddresses } from '../../src/pod/addresses/addresses.ts'
import { addressAnswers } from '../../src/pod/addresses/answers.ts'
import { dropHeld, hold } from '../../src/pod/addresses/held.ts'
import { ownerId } from '../../src/pod/addresses/rows.ts'
import { tables, under } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { NoticeBody } from '../../src/wire/notice.ts'
import { decodeStored, encodeStored } from '../../src/wire/notice.ts'

/** The addresses that people made at a fake pod: a pod's own table. */
export interface FakeAddresses {
  /** `off` knows no such request, as an older pod. */
  mode: 'off' | 'on'
  /** The last requests went to so many of these. */
  asked: number
  /** All that were made, with what is done with what comes there. */
  made(): Promise<{ address: string; policy: string }[]>
  /** Forgets all of them. */
  lose(): Promise<void>
  /** @returns the alias to whose mailbox it goes now; null when it goes nowhere, undefined for an address that nobody made. */
  take(body: NoticeBody): Promise<string | null | undefined>
  /** @param alias of who asks, once they have said who they are. */
  link(o: { alias(): string; put(body: NoticeBody): void }): PodAddresses
}

const idOf = (alias: string): string => toHex(sha256(utf8(alias)))

export function fakeAddresses(clock: Clock): FakeAddresses {
  let state = memoryState()
  let addresses = createAddresses({ state, perOwnerMax: 1_000 })
  const aliases = new Map<string, string>()
  const fake: FakeAddresses = {
    mode: 'on',
    asked: 0,
    async made() {
      const rows = await state.list(tables.ownAddresses)
      return Promise.all(
        rows.map(async ({ key }) => {
          const address = key.split('/')[1]!
          const row = await addresses.find(address, clock.now())
          return { address, policy: row?.policy ?? 'over' }
        })
      )
    },
    async lose() {
      state = memoryState()
      addresses = createAddresses({ state, perOwnerMax: 1_000 })
    },
    async take(body) {
      const address = toHex(body.address)
      const row = await addresses.find(address, clock.now())
      if (!row) return undefined
      const mark = sha256(body.key, body.slip)
      if (row.uses !== null) {
        const used = await addresses.use(address, { uses: row.uses, mark, also: [] })
        if (!used) return null
        await state.write(used)
      }
      const owner = ownerId(row.owner)
      if (row.policy === 'pull') return aliases.get(owner)
      const entry = encodeStored({ ...body, takenMs: clock.now() })
      if (row.policy === 'ask')
        await state.write([hold({ owner, address, mark: toHex(mark) }, entry)])
      return null
    },
    link: ({ alias, put }) =>
      podAddresses(async (method, payload) => {
        const own = alias()
        fake.asked++
        aliases.set(idOf(own), own)
        const mailbox = {
          async handOver(owner: string, address: string) {
            const rows = await state.list(tables.held, under(`${owner}/${address}`))
            await dropHeld(state, { owner, address })
            for (const { value } of rows) put(decodeStored(value))
            return rows.length
          },
          dropHeld: async (owner: string, address?: string) =>
            (await dropHeld(state, { owner, ...(address !== undefined && { address }) })).count
        }
        const answers = addressAnswers({
          ...{ state, addresses, mailbox },
          gates: { addresses: () => undefined },
          account: () => idOf(own),
          isKnown: async () => true
        })
        if (fake.mode === 'off' || !answers[method]) throw new MuttrError('METHOD_UNKNOWN', method)
        return answers[method](payload, clock.now(), new AbortController().signal)
      })
  }
  return fake
}

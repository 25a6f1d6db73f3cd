import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { LinkStep } from '../../src/client/client.ts'
import { joinDevice } from '../../src/client/linking/join.ts'
import { Linking } from '../../src/client/linking/session.ts'
import type { Node } from '../../src/net/node.ts'
import type { LinkCode } from '../../src/wire/link.ts'
import { readLinkCode } from '../../src/wire/link.ts'
import type { DeviceCard } from '../../src/wire/sync.ts'
import { dice, quiet } from './client-world.ts'
import type { FakeClock } from './fake-clock.ts'
import { fakeClock } from './fake-clock.ts'
import { makeNode } from './net-nodes.ts'
import { alone } from './own-devices.ts'

export const goods = randomBytes(700_000)
export const never = new AbortController().signal
export const timeoutMs = 30_000

export interface Host {
  node: Node
  clock: FakeClock
  linking: Linking
  /** Every device that was taken in. */
  cards: DeviceCard[]
  /** What was asked for. */
  wanted: boolean[]
}

/** A device that is there, with the clock in the test's hand. */
export async function makeHost(
  changes: Partial<ConstructorParameters<typeof Linking>[0]> = {}
): Promise<Host> {
  const node = await makeNode()
  const clock = fakeClock()
  const cards: DeviceCard[] = []
  const wanted: boolean[] = []
  async function* pieces(onRows: (rows: number) => void) {
    for (let at = 0; at < goods.length; at += 50_000) {
      yield new Uint8Array(goods.subarray(at, at + 50_000))
      onRows(at / 50_000 + 1)
    }
  }
  const linking = new Linking({
    network: node,
    addresses: () => node.contact().addresses,
    goods: async ({ history, onRows }) => {
      wanted.push(history)
      return pieces(onRows)
    },
    expect: alone,
    linked: async card => void cards.push(card),
    ...{ clock, random: dice, log: quiet, life: never },
    ...changes
  })
  return { node, clock, linking, cards, wanted }
}

/** A code that is shown, and the steps after it. */
export async function begin({ linking }: Host, options: Parameters<Linking['open']>[0] = {}) {
  const steps = (await linking.open(options))[Symbol.asyncIterator]()
  const { value } = await steps.next()
  assert(value?.type === 'code')
  return { code: readLinkCode(value.code), steps, untilMs: value.untilMs }
}

export const cardOf = ({ self }: Node, name = 'laptop'): DeviceCard => ({
  deviceKey: new Uint8Array(32).fill(6),
  sealKey: new Uint8Array(32).fill(7),
  ...{ peer: self, name, sinceMs: 1 }
})

export const join = (
  network: Node,
  code: LinkCode,
  changes: Partial<Parameters<typeof joinDevice>[0]> = {}
) => joinDevice({ network, code, card: cardOf(network), history: true, signal: never, ...changes })

export const wrong = (code: LinkCode): LinkCode => ({ ...code, secret: new Uint8Array(16) })

export async function rest(steps: AsyncIterator<LinkStep>): Promise<LinkStep[]> {
  const all: LinkStep[] = []
  for (let next = await steps.next(); !next.done; next = await steps.next()) all.push(next.value)
  return all
}

/** A device that is there, and machines that may become one. */
export class Devices implements AsyncDisposable {
  readonly host: Host
  readonly guest: Node
  /** Ended with the others. */
  readonly made: Node[]

  private constructor(host: Host, guest: Node) {
    this.host = host
    this.guest = guest
    this.made = [host.node, guest]
  }

  static async make(): Promise<Devices> {
    return new Devices(await makeHost(), await makeNode({ mode: 'client' }))
  }

  /** Another machine. */
  async client(): Promise<Node> {
    const node = await makeNode({ mode: 'client' })
    this.made.push(node)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.made.map(node => node[Symbol.asyncDispose]()))
  }
}

import assert from 'node:assert/strict'
import type { ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import { Testnet } from './testnet.ts'

/** Alice and carol at one pod, bob at another, as processes, and what they type. */
export interface Correspondence {
  readonly net: Testnet
  /** A command that goes well. @returns what it printed */
  ok<T>(who: string, ...args: string[]): Promise<T[]>
  send(from: string, to: string, body: string): Promise<SentLetter>
  /** Resolves when the letter was opened there, since that event, and says so. */
  arrives(who: string, sent: Pick<SentLetter, 'id'>, since: number, body: string): Promise<void>
}

/** @param pod theirs; bob is at `two.test` */
export async function createCorrespondence(pod: string): Promise<Correspondence> {
  await using stack = new AsyncDisposableStack()
  const net = stack.use(
    await Testnet.lay({ pods: [pod, 'two.test'], people: ['alice', 'carol', 'bob'], seeds: 4 })
  )
  const ok: Correspondence['ok'] = (who, ...args) => net.json(who, ...args)
  await net.startAll()
  await ok('alice', 'register', `alice@${pod}`)
  await ok('carol', 'register', `carol@${pod}`)
  await ok('bob', 'register', 'bob@two.test')
  stack.move()
  return {
    net,
    ok,
    async send(from, to, body) {
      const [letter] = await ok<SentLetter>(from, 'send', to, body)
      return letter!
    },
    async arrives(who, { id }, since, body) {
      await net.event(who, 'opened', since, ({ letter }) => letter === id)
      const [read] = await ok<ReceivedLetter>(who, 'read', id)
      assert.equal(read!.body.trim(), body)
    }
  }
}

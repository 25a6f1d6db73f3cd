import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8 } from '../../src/base/bytes.ts'
import { levelState } from '../../src/store/level.ts'
import { ClientWorld } from '../support/client-world.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

export const lettersMax = 10_000
export const perFile = 1_000
const wordsPerLetter = 150
/** Of words as they come in a language: the nth is n times as rare as the first. */
const vocabulary = 20_000

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startMs = performance.now()
  const result = await work()
  return { ms: performance.now() - startMs, result }
}

/** The same letters in every run. */
export function texts(): () => string {
  let state = 1
  const dice = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const word = () => `w${Math.floor(vocabulary ** dice()).toString(36)}`
  return () => Array.from({ length: wordsPerLetter }, word).join(' ')
}

/** Letters from number `from` on, each `perThread` of them in one conversation. */
export function mailboxFile(from: number, text: () => string, perThread = 3): Uint8Array {
  const message = (n: number) =>
    [
      'From someone@mail.test Thu Jan  1 00:00:00 2026',
      `From: person${n % 300}@mail.test`,
      'To: alice@one.test',
      `Subject: letter ${n} ${text().slice(0, 30)}`,
      `Date: ${new Date(Date.UTC(2025, 0, 1) + n * 60_000).toUTCString()}`,
      `Message-ID: <${n}@mail.test>`,
      ...(n % perThread === 0 ? [] : [`References: <${n - (n % perThread)}@mail.test>`]),
      '',
      text(),
      ''
    ].join('\n')
  return utf8(Array.from({ length: perFile }, (_, i) => message(from + i)).join('\n'))
}

/** A mailbox of ten thousand letters of 150 words on a real disk: taking them in, unlocking, listing, opening, searching. */
export async function benchMailbox(rounds: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-mailbox-'))
  try {
    await using state = await levelState(join(folder, 'client'))
    await using world = await ClientWorld.make()
    const alice = await world.join('alice', { state })
    const text = texts()
    const before = process.memoryUsage().rss
    const importMs: number[] = []
    for (let n = 0; n < lettersMax; n += perFile) {
      const file = mailboxFile(n, text)
      importMs.push((await timed(() => alice.client.importLetters(file))).ms / perFile)
    }
    const unlock: number[] = []
    const first: number[] = []
    for (let r = 0; r < rounds; r++) {
      await alice.restart({ locked: true })
      unlock.push((await timed(() => alice.client.unlock(alice.person))).ms)
      first.push((await timed(() => alice.client.search('w1'))).ms)
    }
    const list: number[] = []
    const open: number[] = []
    const search: number[] = []
    for (let r = 0; r < rounds; r++) {
      let before: string | undefined
      for (let page = 0; page < 20; page++) {
        const asked = { limit: 50, ...(before !== undefined && { before }) }
        const { ms, result } = await timed(() => alice.client.conversations(asked))
        list.push(ms)
        before = result.next ?? undefined
        const thread = result.conversations[page % result.conversations.length]!.thread
        open.push((await timed(() => alice.client.conversation(thread))).ms)
      }
      for (let i = 0; i < 100; i++) {
        const words = text().split(' ')
        const asked = i % 2 === 0 ? words[0]! : `${words[0]} ${words[1]}`
        search.push((await timed(() => alice.client.search(asked, { limit: 50 }))).ms)
      }
    }
    const rssMiB = (process.memoryUsage().rss - before) / 2 ** 20
    const row = (name: string, values: readonly number[]): Row => ({
      name: `mailbox of 10,000: ${name}`,
      unit: 'ms',
      ...summary(values)
    })
    return [
      row('one imported', importMs),
      row('unlocked', unlock),
      row('first search after unlocking', first),
      row('50 conversations listed', list),
      row('one conversation opened', open),
      row('a search, one or two words', search),
      { name: 'mailbox of 10,000: memory above the start', unit: 'MiB', ...summary([rssMiB]) }
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

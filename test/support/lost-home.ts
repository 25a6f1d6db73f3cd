import assert from 'node:assert/strict'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, ReceivedLetter, SentLetter, Status } from '../../src/client/client.ts'
import { Testnet } from './testnet.ts'

/** What Bob has before he loses his home, and what is to be there again afterwards. */
export interface Belonging {
  before: SentLetter
  words: string[]
  /** The words, and those of somebody else. */
  wordsFile: string
  others: string
  status: Status
}

/** Alice and Bob with aliases at a pod, and five seeds, each a process. */
export async function layLostHome(): Promise<Testnet> {
  const net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 5 })
  await net.startAll()
  for (const name of ['alice', 'bob']) await net.json(name, 'register', `${name}@one.test`)
  return net
}

/** A letter each way, and Bob's words on paper. */
export async function live(net: Testnet): Promise<Belonging> {
  const [before] = await net.json<SentLetter>('alice', 'send', 'bob@one.test', 'before the loss')
  await net.event('bob', 'opened', 0, ({ letter }) => letter === before!.id)
  await net.json('bob', 'send', 'alice@one.test', 'I have it')
  await net.event('alice', 'opened')
  const wordsOf = async (who: string): Promise<string[]> =>
    (await net.json<{ words: string[] }>(who, 'recovery'))[0]!.words
  const words = await wordsOf('bob')
  const [wordsFile, others] = [join(net.folder, 'words'), join(net.folder, 'others')]
  await writeFile(wordsFile, `${words.slice(0, 6).join(' ')}\n${words.slice(6).join(' ')}\n`)
  await writeFile(others, (await wordsOf('alice')).join(' '))
  const [status] = await net.json<Status>('bob', 'status')
  return { before: before!, words, wordsFile, others, status: status! }
}

/** Nothing is left of Bob's home. @returns what Alice writes to him then */
export async function lose(net: Testnet): Promise<SentLetter> {
  await net.kill('bob')
  await rm(net.home('bob'), { recursive: true })
  const body = 'while he had nothing'
  const [lost] = await net.json<SentLetter>('alice', 'send', 'bob@one.test', body)
  return lost!
}

export const isGone = (net: Testnet): Promise<void> =>
  assert.rejects(stat(join(net.home('bob'), 'muttr.json')), { code: 'ENOENT' })

/** Starts the home that came back: who he was, with all that he had and what came meanwhile; letters go both ways. */
export async function liveOn(
  net: Testnet,
  lost: SentLetter,
  { before, status }: Belonging
): Promise<void> {
  const from = net.events.length
  const opened = (who: string, id: string) =>
    net.event(who, 'opened', from, ({ letter }) => letter === id)
  await net.start('bob')
  await net.event('bob', 'rotated', from)
  await opened('bob', lost.id)
  const [now] = await net.json<Status>('bob', 'status')
  assert.equal(now!.fingerprint, status.fingerprint)
  assert.notEqual(now!.peer, status.peer, 'it is another device')
  for (const [id, body] of [
    [before.id, 'before the loss'],
    [lost.id, 'while he had nothing']
  ] as const) {
    const [read] = await net.json<ReceivedLetter>('bob', 'read', id)
    assert.equal(read!.body.trim(), body)
  }
  const [contact] = await net.json<Contact>('bob', 'contacts')
  assert.equal(contact!.alias, 'alice@one.test')
  const [answer] = await net.json<SentLetter>('bob', 'send', 'alice@one.test', 'I am back')
  await opened('alice', answer!.id)
  const [after] = await net.json<SentLetter>('alice', 'send', 'bob@one.test', 'good')
  await opened('bob', after!.id)
}

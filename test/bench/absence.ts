import { Testnet } from '../support/testnet.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const senders = ['alice', 'carol']
const each = 2_500
const atOnce = 8

/**
 * Eleven processes: a pod, seven seeds, bob, and two who write to him while he is away, since a pod takes no more than some thousand notices of one at
 * once. Time runs from the start of bob's process, its loading included, to the event of its last letter.
 */
export async function benchAbsence(rounds: number): Promise<Row[]> {
  const letters = senders.length * each
  const [first, all, ready]: number[][] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    await using net = await Testnet.lay({
      pods: ['one.test'],
      people: [...senders, 'bob'],
      seeds: 7
    })
    await net.startAll()
    {
      await using bob = await net.client('bob')
      await bob.register('bob@one.test')
    }
    await net.stop('bob')
    await Promise.all(senders.map(name => writeAll(net, name)))
    const from = net.events.length
    const beganMs = performance.now()
    await net.start('bob')
    ready!.push(performance.now() - beganMs)
    const seen = new Set<string>()
    await net.event('bob', 'opened', from, ({ letter }) => {
      if (seen.size === 0) first!.push(performance.now() - beganMs)
      return seen.add(letter).size === letters
    })
    all!.push(performance.now() - beganMs)
  }
  const rates = all!.map(ms => (1_000 * letters) / ms)
  return [
    { name: `${letters} letters after absence, start to ready`, unit: 'ms', ...summary(ready!) },
    { name: 'start to the first of them opened', unit: 'ms', ...summary(first!) },
    { name: 'start to the last of them opened', unit: 'ms', ...summary(all!) },
    { name: 'opened', unit: 'letters/s', ...summary(rates) }
  ]
}

async function writeAll(net: Testnet, name: string): Promise<void> {
  await using client = await net.client(name)
  await client.register(`${name}@one.test`)
  let left = each
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0)
        await client.send({ to: 'bob@one.test', subject: `${left}`, body: 'x'.repeat(500) })
    })
  )
}

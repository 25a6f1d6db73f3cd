import { Testnet } from '../support/testnet.ts'
import type { Row } from './table.ts'
import { quantile, summary } from './table.ts'

const warmUp = 20
const perRound = 40
const atOnce = 16

/** Nine processes: a pod, six seeds, alice and bob. Time runs from the call of alice's local API to the event of bob's. */
export async function benchLetters(rounds: number): Promise<Row[]> {
  await using net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 6 })
  await net.startAll()
  await using alice = await net.client('alice')
  await using bob = await net.client('bob')
  await alice.register('alice@one.test')
  await bob.register('bob@one.test')
  const letter = async () => {
    const beganMs = performance.now()
    const { id } = await alice.send({ to: 'bob@one.test', subject: 'Bench', body: 'x'.repeat(500) })
    const sentMs = performance.now()
    await net.event('bob', 'opened', 0, e => e.letter === id)
    return { sentMs: sentMs - beganMs, openedMs: performance.now() - beganMs }
  }
  for (let i = 0; i < warmUp; i++) await letter()
  const p50: number[] = []
  const p95: number[] = []
  const sent: number[] = []
  const rate: number[] = []
  for (let r = 0; r < rounds; r++) {
    const one = []
    for (let i = 0; i < perRound; i++) one.push(await letter())
    p50.push(
      quantile(
        one.map(l => l.openedMs),
        0.5
      )
    )
    p95.push(
      quantile(
        one.map(l => l.openedMs),
        0.95
      )
    )
    sent.push(
      quantile(
        one.map(l => l.sentMs),
        0.5
      )
    )
    let left = 2 * perRound
    const beganMs = performance.now()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) await letter()
      })
    )
    rate.push((2 * perRound * 1000) / (performance.now() - beganMs))
  }
  return [
    { name: 'letter, send to opened, p50', unit: 'ms', ...summary(p50) },
    { name: 'letter, send to opened, p95', unit: 'ms', ...summary(p95) },
    { name: 'letter, send to announced, p50', unit: 'ms', ...summary(sent) },
    { name: 'letters through one pod, 16 at once', unit: 'letters/s', ...summary(rate) }
  ]
}

import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { ClientWorld, Tester } from './client-world.ts'

/** What happens while a device is linked is kept for nobody. */
export const alone = (): AsyncDisposable => ({ [Symbol.asyncDispose]: async () => undefined })

/** What a copy of a device's folder has in it. */
export async function copyOf(state: State, copy: State = memoryState()): Promise<State> {
  for await (const { table, key, value } of state.rows())
    await copy.write([{ type: 'put', table, key, value }])
  return copy
}

const mirrored = ({ events }: Tester): number =>
  events.filter(({ type }) => type === 'mirrored').length

/** What happened on the others goes out, and is taken by this one. */
export async function told(world: ClientWorld, to: Tester, times = 1): Promise<void> {
  const before = mirrored(to)
  world.clock.advance(2_000)
  while (mirrored(to) < before + times) await new Promise(done => setImmediate(done))
}

/** Another device of the same person, with all that the first has; each knows the other when this resolves. */
export async function secondDevice(
  world: ClientWorld,
  first: Tester,
  { state, ...how }: { requests?: 'pull' | 'ask'; state?: State } = {}
): Promise<Tester> {
  await using _expected = first.client.linking.expect()
  const second = await world.rejoin(first.person, await copyOf(first.state, state), how)
  await second.seen('listening')
  await first.client.linking.linked(second.client.linking.card())
  await second.seen('mirrored')
  world.clock.advance(2_000)
  await first.seen('mirrored')
  return second
}

export const turn = (): Promise<void> => new Promise(done => setImmediate(done))

export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await turn()
}

/** So much time passes that what is tried again is tried, until it is so. */
export async function inTime(
  { clock }: ClientWorld,
  stepMs: number,
  isSo: () => Promise<boolean> | boolean
): Promise<void> {
  while (!(await isSo())) {
    clock.advance(stepMs)
    for (let i = 0; i < 50; i++) await turn()
  }
}

export async function away({ client }: Tester): Promise<void> {
  await client[Symbol.asyncDispose]()
}

export const counted = ({ events }: Tester, wanted: string): number =>
  events.filter(({ type }) => type === wanted).length

/** Alice, who writes, and Bob at his desk and his laptop. */
export async function aliceAndTwoBobs(
  world: ClientWorld
): Promise<{ alice: Tester; desk: Tester; laptop: Tester }> {
  const alice = await world.join('alice')
  const desk = await world.join('bob')
  return { alice, desk, laptop: await secondDevice(world, desk) }
}

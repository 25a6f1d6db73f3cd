import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { ClientWorld, Tester } from './client-world.ts'

/** What happens while a device is linked is kept for nobody. */
export const alone = (): AsyncDisposable => ({ [Symbol.asyncDispose]: async () => undefined })

/** What a copy of a device's folder has in it. */
export async function copyOf(state: State): Promise<State> {
  const copy = memoryState()
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
  how: { requests?: 'pull' | 'ask' } = {}
): Promise<Tester> {
  await using _expected = first.client.linking.expect()
  const second = await world.rejoin(first.person, await copyOf(first.state), how)
  await second.seen('listening')
  await first.client.linking.linked(second.client.linking.card())
  await second.seen('mirrored')
  world.clock.advance(2_000)
  await first.seen('mirrored')
  return second
}

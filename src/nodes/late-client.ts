import type { Client } from '../client/client.ts'
import type { Events } from '../client/events.ts'

/**
 * A client that hands each call to the one that runs at that moment. Events are those of the process: they go on when a node is started
 * again.
 * @param current throws while none runs
 */
export const lateClient = (current: () => Client, events: Events): Client =>
  new Proxy({} as Client, {
    get(_, name: keyof Client) {
      if (name === 'events') return events.stream
      return (...given: never[]) => callOn(current, name, given)
    }
  })

/** What refuses does so as the call's own result, as a client's methods do. */
async function callOn(current: () => Client, name: keyof Client, given: never[]): Promise<unknown> {
  const client = current()
  return await (client[name] as (...given: never[]) => unknown).apply(client, given)
}

import { serveApi } from '../../src/api/server.ts'
import { createEvents } from '../../src/client/events.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { NodeHouse } from '../../src/nodes/house.ts'
import { testToken } from './api.ts'
import { openTab, type Tab } from './browser.ts'
import { log } from './net-nodes.ts'
import type { PageStage } from './page-stage.ts'

/** A daemon's house on a folder, empty or not, behind its API, and its page in the browser. */
export async function openHouse(
  { browser, files, waitMs }: PageStage,
  folder: string
): Promise<Tab> {
  await using stack = new AsyncDisposableStack()
  const over = new AbortController()
  const { signal } = over
  const house = stack.use(
    new NodeHouse({ folder, overrides: { bandwidth: {} }, events: createEvents(), clock, signal })
  )
  stack.defer(() => over.abort())
  const parts = { client: house.client, house, page: files, clock, random, log }
  const server = stack.use(await serveApi({ ...parts, token: testToken }))
  const tab = stack.use(await openTab({ browser, url: server.url, token: testToken }))
  tab.page.setDefaultTimeout(waitMs)
  const all = stack.move()
  return { ...tab, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

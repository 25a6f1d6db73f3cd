import axe from 'axe-core'
import type { Browser, Locator, Page } from 'playwright-core'
import type { Setup } from '../../src/api/house.ts'
import type { PageFiles } from '../../src/api/page-files.ts'
import type { Client } from '../../src/client/client.ts'
import { type ServedClient, serveClient, testToken } from './api.ts'
import { builtPage, openTab, startBrowser, type Tab } from './browser.ts'
import { createFakeHouse, type FakeHouse } from './fake-house.ts'
import { createPageClient, type PageClient } from './page-client.ts'
import { temporaryFolder } from './store-folder.ts'

interface Opened extends AsyncDisposable, Tab {
  client: PageClient
  house: FakeHouse
  served: ServedClient
  /** Goes to a place in the page, as its own links do. */
  to(hash: string): Promise<void>
}

interface Served extends AsyncDisposable {
  page: Page
  tab: Tab
}

interface OpenOptions {
  setup?: Partial<Setup>
  many?: number
  width?: number
  height?: number
  dark?: boolean
}

interface Axe {
  run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
}

export interface PageStage extends AsyncDisposable {
  browser: Browser
  /** How long something may take to show. */
  waitMs: number
  files: PageFiles
  /** The page before a client in memory. */
  open(options?: OpenOptions): Promise<Opened>
  /** The page before a client that runs. */
  openOn(client: Client, alias: string): Promise<Served>
  /** By how many pixels the page is wider than what can be seen of it. */
  tooWidePx(page: Page): Promise<number>
  /** What axe finds wrong with the page as it stands: by all its rules, or by some. */
  flaws(page: Page, runOnly?: string[]): Promise<string[]>
}

export const heading = (page: Page, name: string | RegExp): Locator =>
  page.getByRole('heading', { name, exact: true }).first()

export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click()

export const tooWidePx = (page: Page): Promise<number> =>
  page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth))

export async function flawsOf(page: Page, runOnly?: string[]): Promise<string[]> {
  // Put there by the browser itself, past the page's policy.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    only =>
      (globalThis as unknown as { axe: Axe }).axe.run({
        resultTypes: ['violations'],
        ...(only && { runOnly: only })
      }),
    runOnly
  )
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join(' ')}`)
}

/** On a busy machine even what is quick takes its time. */
const waitMs = 60_000

/** One browser and one build of the page, for all tests of a file. */
export async function createPageStage(): Promise<PageStage> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const files = await builtPage(folder.path)
  const browser = await startBrowser()
  stack.defer(() => browser.close())
  const all = stack.move()
  return {
    browser,
    waitMs,
    files,
    async open({ setup = {}, many = 0, ...look } = {}) {
      const client = createPageClient(Date.now(), many)
      const house = createFakeHouse(setup)
      const served = await serveClient(client, { house, page: files })
      const tab = await openTab({ browser, url: served.server.url, token: testToken, ...look })
      tab.page.setDefaultTimeout(waitMs)
      return {
        ...tab,
        client,
        house,
        served,
        to: hash => tab.page.evaluate(to => void (location.hash = to), hash),
        async [Symbol.asyncDispose]() {
          await tab[Symbol.asyncDispose]()
          await served[Symbol.asyncDispose]()
        }
      }
    },
    async openOn(client, alias) {
      const house = createFakeHouse({ aliases: [alias], introduced: [] })
      const served = await serveClient(client, { house, page: files })
      const tab = await openTab({ browser, url: served.server.url, token: testToken })
      tab.page.setDefaultTimeout(waitMs)
      return {
        page: tab.page,
        tab,
        async [Symbol.asyncDispose]() {
          await tab[Symbol.asyncDispose]()
          await served[Symbol.asyncDispose]()
        }
      }
    },
    tooWidePx,
    flaws: flawsOf,
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

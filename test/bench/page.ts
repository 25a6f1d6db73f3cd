import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { Client } from '../../src/client/client.ts'
import { levelState } from '../../src/store/level.ts'
import { serveClient, testToken } from '../support/api.ts'
import { builtPage, startBrowser } from '../support/browser.ts'
import { ClientWorld } from '../support/client-world.ts'
import { lettersMax, mailboxFile, perFile, texts } from './mailbox.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const loads = 5
const stepPx = 300
const row = '.virtual .row'

interface Timed {
  listMs?: number
}

/** Written down in the page itself: the first frame in which a row of the list can be seen. */
function watchList(selector: string): void {
  const look = () => {
    if (document.querySelector(selector))
      requestAnimationFrame(() => ((globalThis as Timed).listMs = performance.now()))
    else requestAnimationFrame(look)
  }
  look()
}

/** Scrolls by so much a frame until there is no further. @returns how long each frame took, in ms */
const scrolled = (page: Page, box: string, stepPx: number): Promise<number[]> =>
  page.evaluate(
    ([box, stepPx]) =>
      new Promise<number[]>(resolve => {
        const list = document.querySelector(box)!
        const frames: number[] = []
        let lastMs: number | undefined
        let standing = 0
        const step = (nowMs: number) => {
          if (lastMs !== undefined) frames.push(nowMs - lastMs)
          lastMs = nowMs
          const before = list.scrollTop
          list.scrollTop += stepPx
          // What comes next may be on its way.
          standing = list.scrollTop === before ? standing + 1 : 0
          if (standing < 120) requestAnimationFrame(step)
          else resolve(frames.slice(0, -standing))
        }
        requestAnimationFrame(step)
      }),
    [box, stepPx] as const
  )

/** A mailbox of ten thousand letters, three to a conversation or all in one. */
async function filled(client: Client, perThread: number): Promise<void> {
  const text = texts()
  for (let n = 0; n < lettersMax; n += perFile)
    await client.importLetters(mailboxFile(n, text, perThread))
}

async function opened(browser: Browser, url: string, hash = ''): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 } })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  await page.addInitScript(watchList, hash ? '.letter' : row)
  await page.goto(`${url}/#token=${testToken}`)
  if (hash) await page.evaluate(to => void (location.hash = to), hash)
  await page.waitForFunction(() => (globalThis as Timed).listMs !== undefined)
  return page
}

const listMs = (page: Page): Promise<number> =>
  page.evaluate(() => (globalThis as Timed).listMs ?? Number.NaN)

/** The page as it is built, in Chromium, on the real API and a real disk: until letters are seen, and how smoothly they are scrolled. */
export async function benchPage(rounds: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-page-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const files = await builtPage(join(folder, 'web'))
  const browser = await startBrowser()
  stack.defer(() => browser.close())
  const world = stack.use(await ClientWorld.make())
  const serve = async (name: string, perThread: number) => {
    const state = stack.use(await levelState(join(folder, name)))
    const { client } = await world.join(name, { state })
    await filled(client, perThread)
    return { client, served: stack.use(await serveClient(client, { page: files })) }
  }
  const many = await serve('alice', 3)
  const long = await serve('bob', lettersMax)
  const [conversation] = (await long.client.conversations({ limit: 1 })).conversations
  const first: number[] = []
  const frames: number[] = []
  const letters: number[] = []
  const upwards: number[] = []
  for (let r = 0; r < rounds; r++) {
    for (let i = 0; i < loads; i++) {
      const page = await opened(browser, many.served.server.url)
      first.push(await listMs(page))
      if (i === 0) frames.push(...(await scrolled(page, '.virtual', stepPx)))
      await page.context().close()
    }
    const page = await opened(browser, long.served.server.url, `#/inbox/${conversation!.thread}`)
    letters.push(await listMs(page))
    upwards.push(...(await scrolled(page, '.letters', -stepPx)))
    await page.context().close()
  }
  const figure = (name: string, values: readonly number[]): Row => ({
    name: `page, 10,000 letters: ${name}`,
    unit: 'ms',
    ...summary(values)
  })
  const late = (values: readonly number[]) =>
    (100 * values.filter(ms => ms > 50).length) / values.length
  return [
    figure('from opening it to the list', first),
    figure('a frame while the list is scrolled', frames),
    { name: 'of those, longer than 50 ms', unit: '%', ...summary([late(frames)]) },
    figure('from opening it to a conversation of all 10,000', letters),
    figure('a frame while that is scrolled upwards', upwards),
    { name: 'of those, longer than 50 ms', unit: '%', ...summary([late(upwards)]) }
  ]
}

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import decodeQR from 'qr/decode.js'
import { build } from 'vite'
import { type PageFiles, readPageFiles } from '../../src/api/page-files.ts'
import { packageRoot } from '../../src/config/package-root.ts'

/** Where the screenshots of a run are kept; git ignores it. */
const shots = join(packageRoot, 'test-output', 'page')

/** The page as it is built for people, from the sources as they are now. */
export async function builtPage(outDir: string): Promise<PageFiles> {
  const root = join(packageRoot, 'src', 'web')
  await build({ root, configFile: join(root, 'vite.config.ts'), build: { outDir } })
  return await readPageFiles(outDir)
}

/** Debian's Chromium. */
/** @param more arguments of it */
export const startBrowser = (...more: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...more]
  })

export interface Tab extends AsyncDisposable {
  page: Page
  context: BrowserContext
  /** What the page complained of: errors, refusals of its policy, requests to anywhere else. */
  complaints: string[]
  shot(name: string): Promise<void>
}

interface TabOptions {
  browser: Browser
  /** Of the daemon; any other address that is asked for is a complaint. */
  url: string
  /** Of its API; the admin page is opened by a link instead. */
  token?: string
  /** Behind the `#`. */
  path?: string
  width?: number
  height?: number
  dark?: boolean
}

/** The page, opened as `muttr page` opens it. */
export async function openTab(options: TabOptions): Promise<Tab> {
  const { browser, url, token, path = '', width = 1280, height = 820, dark = false } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    // Of a test's own authority.
    ignoreHTTPSErrors: true
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    // A refusal by the API is for the page to show; the browser notes each as well.
    const isRefusal = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text())
  })
  page.on('pageerror', err => complaints.push(`${err.stack ?? err}`))
  page.on('request', request => {
    const target = request.url()
    if (!target.startsWith(`${url}/`) && !target.startsWith('blob:'))
      complaints.push(`asked for ${target}`)
  })
  await page.goto(token === undefined ? `${url}/admin/#${path}` : `${url}/#token=${token}`)
  if (path && token !== undefined) await page.evaluate(to => void (location.hash = to), path)
  return {
    page,
    context,
    complaints,
    async shot(name) {
      await mkdir(shots, { recursive: true })
      await page.screenshot({ path: join(shots, `${name}.png`) })
    },
    [Symbol.asyncDispose]: () => context.close()
  }
}

/** What a picture (PNG) of a QR code says. */
export async function readCode({ context }: Tab, picture: Buffer): Promise<string> {
  const page = await context.newPage()
  const { width, height, base64 } = await page.evaluate(async png => {
    const bytes = Uint8Array.from(atob(png), c => c.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const { width, height } = image
    const canvas = new OffscreenCanvas(width, height).getContext('2d')!
    canvas.drawImage(image, 0, 0)
    const { data } = canvas.getImageData(0, 0, width, height)
    const text = Array.from(data, byte => String.fromCharCode(byte)).join('')
    return { width, height, base64: btoa(text) }
  }, picture.toString('base64'))
  await page.close()
  return decodeQR({ width, height, data: new Uint8Array(Buffer.from(base64, 'base64')) })
}

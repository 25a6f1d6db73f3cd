import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Hono } from 'hono'
import { Refusal } from './guard.ts'

/** The built page: its parts by their path in the URL. They are few and small, and no other file can ever be asked for. */
export type PageFiles = ReadonlyMap<string, { bytes: Uint8Array<ArrayBuffer>; type: string }>

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2'
}

/** @returns empty when the page was not built. */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const names = ['index.html', 'admin.html', ...(await namesIn(join(folder, 'assets')))]
  const files = await Promise.all(
    names.map(async name => {
      const type = types[extname(name)]
      const found = await readFile(join(folder, name)).catch(() => undefined)
      return type && found ? [[`/${name}`, { bytes: new Uint8Array(found), type }] as const] : []
    })
  )
  return new Map(files.flat())
}

const namesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).map(name => `assets/${name}`)

/**
 * What the page may do: run and show what came with it, and talk to its own server. Nothing of a letter can reach past that: no address
 * is ever fetched, no script or style in it runs. The one trusted type is the reader of HTML letters, whose document never lives.
 */
const policyWith = (trusted: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${trusted}`
  ].join('; ')

/** For every other answer: should a browser ever show one, nothing in it comes to life. */
export const barePolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

const strict = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY'
}

const notBuilt = 'The page is not built here. In a clone: npm run build:page\n'
/** Of what has a name with a hash of what is in it. */
const forEver = 'public, max-age=31536000, immutable'

function giver(files: PageFiles, trusted: string) {
  const headers = { ...strict, 'Content-Security-Policy': policyWith(trusted) }
  return (path: string, cache: string): Response => {
    const file = files.get(path)
    if (!file) throw new Refusal(404, 'METHOD_UNKNOWN', 'the page has no such part')
    return new Response(file.bytes, {
      headers: { ...headers, 'Cache-Control': cache, 'Content-Type': file.type }
    })
  }
}

/** Serves the page's own parts, to which no token is needed: they are the same for everybody. */
export function addPage(app: Hono, files: PageFiles): void {
  const give = giver(files, 'muttr-inert')
  app.get('/', c => (files.size === 0 ? c.text(notBuilt, 404) : give('/index.html', 'no-cache')))
  app.get('/assets/:name', c => give(c.req.path, forEver))
}

/** The same of the admin page, under `/admin/`; its parts are asked for beside it, whatever path a proxy gives that. */
export function addAdminPage(app: Hono, files: PageFiles): void {
  const give = giver(files, "'none'")
  app.get('/admin', c => c.redirect('admin/', 302))
  app.get('/admin/', c =>
    files.size === 0 ? c.text(notBuilt, 404) : give('/admin.html', 'no-cache')
  )
  app.get('/admin/assets/:name', c => give(`/assets/${c.req.param('name')}`, forEver))
}

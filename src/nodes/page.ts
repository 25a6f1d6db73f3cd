import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readApiFile } from '../api/file.ts'
import { MuttrError } from '../base/errors.ts'
import { homePaths, writeFileAtomic } from '../config/home.ts'
import { packageRoot } from '../config/package-root.ts'

/** Where `npm run build` puts the web page. */
export const pageFolder = join(packageRoot, 'dist', 'web')

/** The token stands behind the `#`, which browsers send to nobody. */
export const pageUrl = (api: string, token: string): string => `${api}/#token=${token}`

/** The page of the daemon of a home, with its token. @throws {MuttrError} `DAEMON_UNREACHABLE` */
export async function pageOf(home: string): Promise<string> {
  const file = await readApiFile(home)
  if (!file) throw new MuttrError('DAEMON_UNREACHABLE', 'no node of this home runs')
  return pageUrl(file.url, file.token)
}

/**
 * Opens the page in the person's browser. Everybody on a machine can read which commands run with what, so the browser is given a file
 * that only its owner can read, and which leads to the page.
 * @throws {MuttrError} `BROWSER_MISSING`, `DISK_FULL`, `DISK_FAILED`
 */
export async function openPage(home: string, url: string): Promise<void> {
  const { page } = homePaths(home)
  await writeFileAtomic(
    page,
    `<!doctype html><meta charset="utf-8"><title>Muttr</title><meta http-equiv="refresh" content="0;url=${url}"><a href="${url}">Muttr</a>\n`
  )
  const [command, ...args] = opener(process.platform)
  const child = spawn(command!, [...args, pathToFileURL(page).href], {
    stdio: 'ignore',
    detached: true
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', cause =>
      reject(new MuttrError('BROWSER_MISSING', `${command} does not start`, { cause }))
    )
  })
  child.unref()
}

function opener(platform: NodeJS.Platform): string[] {
  if (platform === 'darwin') return ['open']
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler']
  return ['xdg-open']
}

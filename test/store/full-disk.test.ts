import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '../support/store-folder.ts'

const filler = fileURLToPath(import.meta.resolve('../support/store-filler.ts'))
const run = promisify(execFile)

// A mount namespace of one's own takes root, or a system where everybody may have one; the limit works for all.
const mayMount = (...unshare: string[]) =>
  spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const unshare = [['-m'], ['-rm']].find(flags => mayMount(...flags))

const fillLimited = (what: string, folder: string, limitBytes: number) =>
  run('prlimit', [`--fsize=${limitBytes}:`, process.execPath, filler, what, 'limit', folder])

const fillSmallDisk = (what: string, folder: string) => {
  const script = 'mount -t tmpfs -o size=32m none "$1" && exec "$2" "$3" "$4" ballast "$1"'
  const args = ['-c', script, 'sh', folder, process.execPath, filler, what]
  return run('unshare', [...(unshare ?? []), 'sh', ...args])
}

describe('a full disk is refused, and nothing acknowledged is lost', () => {
  for (const what of ['seed', 'state']) {
    // Met while writing the log, and while turning it into tables.
    for (const limitKiB of [37, 700, 2_100])
      it(`a ${what} that may not write files above ${limitKiB} KiB`, async () => {
        await using folder = await temporaryFolder()
        const { stdout } = await fillLimited(what, folder.path, limitKiB * 1024)
        assert.match(stdout, /^[0-9]+ kept$/m)
      })
    if (unshare)
      it(`a ${what} on a small disk`, async () => {
        await using folder = await temporaryFolder()
        const { stdout } = await fillSmallDisk(what, folder.path)
        assert.match(stdout, /^[0-9]+ kept$/m)
      })
  }
})

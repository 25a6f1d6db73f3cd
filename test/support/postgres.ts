import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Debian keeps the server's programs out of the path, by version. */
const shelf = '/usr/lib/postgresql'
const programs = (): string | undefined =>
  (existsSync(shelf) ? readdirSync(shelf) : [])
    .toSorted((a, b) => Number(b) - Number(a))
    .map(version => join(shelf, version, 'bin'))
    .find(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))

export const hasPostgres = (): boolean => programs() !== undefined

/** PostgreSQL refuses to run as root; `nobody` is on every machine. */
const nobody = 65_534

const asRoot = (...command: string[]): void => {
  const [program, ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
  execFileSync(program!, args)
}

export interface Postgres extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  /** Ends the server as a crash would, or in order. What it has acknowledged is still there at the next start. */
  stop(how: 'kill' | 'end'): Promise<void>
  start(): Promise<void>
}

/**
 * A PostgreSQL of the test's own, on a socket in a folder that is gone afterwards.
 * @param o.diskMiB on a disk of its own, of so much. Takes root.
 * @param o.isDurable waits for the disk, as one that is in earnest does.
 */
export async function startPostgres({
  isDurable = false,
  diskMiB
}: {
  isDurable?: boolean
  diskMiB?: number
} = {}): Promise<Postgres> {
  const bin = programs()!
  const as = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : undefined
  // Short, since the path of a socket is bounded.
  const folder = await mkdtemp('/tmp/mpg')
  if (diskMiB !== undefined)
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'none', folder)
  if (as) await chown(folder, as.uid, as.gid)
  const data = join(folder, 'data')
  const options = { cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...as }
  const made = ['-D', data, '-U', 'muttr', '-A', 'trust', '--no-sync', '--encoding=UTF8']
  execFileSync(join(bin, 'initdb'), made, { ...options, stdio: 'pipe' })
  const hasty = isDurable ? [] : ['fsync=off', 'autovacuum=off']
  const settings = ['listen_addresses=', 'max_wal_senders=0', ...hasty]
  const args = ['-D', data, '-k', folder, ...settings.flatMap(setting => ['-c', setting])]
  const launch = async () => {
    const server = spawn(join(bin, 'postgres'), args, {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    const ended = once(server, 'close')
    const lines = createInterface({ input: server.stderr })
    const said: string[] = []
    for await (const line of lines) {
      said.push(line)
      if (/ready to accept connections/.test(line)) break
    }
    if (server.exitCode !== null) throw new Error(`postgres ended: ${said.join('\n')}`)
    server.stderr.resume()
    return { server, ended }
  }
  let running: Awaited<ReturnType<typeof launch>> | undefined = await launch()
  // SIGQUIT ends all its processes at once, without writing down what is in memory; SIGINT in order, without waiting for who is connected.
  const stop = async (how: 'kill' | 'end') => {
    running?.server.kill(how === 'kill' ? 'SIGQUIT' : 'SIGINT')
    await running?.ended
    running = undefined
  }
  return {
    folder,
    url: `postgres://muttr@/postgres?host=${folder}`,
    stop,
    async start() {
      running = await launch()
    },
    async [Symbol.asyncDispose]() {
      await stop('end')
      if (diskMiB !== undefined) asRoot('umount', folder)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

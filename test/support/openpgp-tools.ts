import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Which of them this machine lacks. Sequoia's command line changed with 1.0; Debian's 0.27 is what is called here. */
export const missingTools = (): string[] => {
  const wanted = { gpg: /GnuPG/, gpgconf: /GnuPG/, sq: /^sq 0\.2/, 'sq-wot': /sq-wot/ }
  const isThere = ([command, version]: [string, RegExp]) =>
    version.test(String(spawnSync(command, ['--version']).stdout ?? ''))
  return Object.entries(wanted)
    .filter(entry => !isThere(entry))
    .map(([command]) => command)
}

/** The real GnuPG and Sequoia, with a keyring of their own that is gone afterwards. */
export interface OpenPgpTools extends AsyncDisposable {
  /** Batch mode, passphrase {@link passphrase}, everybody trusted. @returns stdout and stderr. */
  gpg(...args: string[]): Promise<{ stdout: Buffer; stderr: string }>
  sq(...args: string[]): Promise<{ stdout: Buffer; stderr: string }>
  /** Sequoia's web of trust, which finds a path from a trust root to a User ID. */
  wot(...args: string[]): Promise<{ stdout: Buffer; stderr: string }>
  path(name: string): string
  write(name: string, content: Uint8Array | string): Promise<string>
  read(name: string): Promise<Uint8Array>
  readonly passphrase: string
}

/** @param inside what the programs are started through, as in `ip netns exec NAME`; and variables of theirs. */
export async function openPgpTools(
  inside: { through?: readonly string[]; env?: NodeJS.ProcessEnv } = {}
): Promise<OpenPgpTools> {
  // Short, since gpg-agent's sockets lie in it and their paths are bounded.
  const folder = await mkdtemp('/tmp/mk')
  const passphrase = 'correct horse'
  const env = { ...process.env, GNUPGHOME: folder, LC_ALL: 'C.UTF-8', ...inside.env }
  const start = async (program: string, given: string[]) => {
    const [command, ...args] = [...(inside.through ?? []), program, ...given] as [
      string,
      ...string[]
    ]
    const options = { env, encoding: 'buffer', timeout: 30_000, maxBuffer: 16 * 2 ** 20 } as const
    const { stdout, stderr } = await run(command, args, options)
    return { stdout, stderr: stderr.toString() }
  }
  const batch = ['--batch', '--yes', '--pinentry-mode', 'loopback', '--trust-model', 'always']
  const path = (name: string) => join(folder, name)
  return {
    passphrase,
    path,
    gpg: (...args) => start('gpg', [...batch, '--passphrase', passphrase, ...args]),
    sq: (...args) => start('sq', ['--force', ...args]),
    wot: (...args) => start('sq-wot', args),
    async write(name, content) {
      await writeFile(path(name), content)
      return path(name)
    },
    read: async name => new Uint8Array(await readFile(path(name))),
    async [Symbol.asyncDispose]() {
      await run('gpgconf', ['--homedir', folder, '--kill', 'all'])
      await rm(folder, { recursive: true, force: true })
    }
  }
}

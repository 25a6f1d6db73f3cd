import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/config/package-root.ts'
import { Testnet } from '../support/testnet.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

/** What is installed as people install it, beside a network that runs already. */

export const run = promisify(execFile)

export interface Installed {
  /** Runs `muttr` as it was installed. @returns what it printed */
  muttr(...args: string[]): Promise<string>
  startChild: typeof import('../../src/nodes/child.ts').startChild
}

export const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_loglevel: 'error'
}

/** What would be published. Its making is no newcomer's, and is not timed. */
async function pack(folder: string): Promise<string> {
  const at = { cwd: packageRoot, env }
  await run('npm', ['run', 'build'], at)
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const { stdout } = await run('npm', args, at)
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  return join(folder, filename)
}

/** As `npm install -g` does, beside whatever is installed here. */
export async function install(
  { tarball, cache }: Pick<Ground, 'tarball' | 'cache'>,
  prefix: string
): Promise<Installed> {
  await mkdir(prefix)
  const where = ['--global', '--prefix', prefix, '--cache', cache, '--no-audit', '--no-fund']
  await run('npm', ['install', ...where, tarball], { cwd: prefix, env })
  const { startChild } = await import(
    join(prefix, 'lib/node_modules/muttr/dist/src/nodes/child.js')
  )
  const bin = join(prefix, 'bin/muttr')
  return { startChild, muttr: async (...args) => (await run(bin, args, { env })).stdout }
}

export interface Ground {
  readonly folder: string
  readonly tarball: string
  /** Of npm. Empty. */
  readonly cache: string
  readonly net: Testnet
  /** Alice's, who has an alias at `one.test`. */
  readonly link: string
}

/** The package, and a pod, six seeds and a friend, which run already. */
export async function layGround(
  name: string,
  stack: Pick<AsyncDisposableStack, 'defer' | 'use'>
): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), `muttr-${name}-`))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const tarball = await pack(folder)
  const net = stack.use(await Testnet.lay({ pods: ['one.test'], people: ['alice'], seeds: 6 }))
  await net.startAll()
  await net.json('alice', 'register', 'alice@one.test')
  const [{ link }] = (await net.json('alice', 'card')) as [{ link: string }]
  return { folder, tarball, cache: join(folder, 'cache'), net, link }
}

/** A row of a table, of times in ms. */
export const secondsRow = (name: string, values: readonly number[]): Row => ({
  name,
  unit: 's',
  ...summary(values.map(ms => ms / 1000))
})

/** What each step took in ms, round by round. */
export type Taken<Step extends string> = Readonly<Record<Step, number>>

/** All of a round, in ms. */
export const wholeOf = (round: Taken<string>): number =>
  Object.values(round).reduce((sum, ms) => sum + ms, 0)

/** A row for each step. */
export const stepRows = <Step extends string>(
  title: string,
  steps: Readonly<Record<Step, string>>,
  rounds: readonly Taken<Step>[]
): Row[] =>
  (Object.entries(steps) as [Step, string][]).map(([step, typed]) =>
    secondsRow(
      `${title}: ${typed}`,
      rounds.map(round => round[step])
    )
  )

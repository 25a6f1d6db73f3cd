import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/config/package-root.ts'
import { Testnet } from '../support/testnet.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const run = promisify(execFile)

/** What a person types, in order. */
const steps = {
  install: 'npm install -g muttr',
  init: 'muttr init --name carol --join LINK',
  up: 'muttr up, until it is ready',
  register: 'muttr register carol@one.test',
  letter: 'a friend writes, until it is opened here',
  read: 'muttr inbox'
} as const
type Step = keyof typeof steps

export interface Installed {
  /** Runs `muttr` as it was installed. @returns what it printed */
  muttr(...args: string[]): Promise<string>
  startChild: typeof import('../../src/nodes/child.ts').startChild
}

const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_loglevel: 'error'
}

/** What would be published. Its making is no newcomer's, and is not timed. */
export async function pack(folder: string): Promise<string> {
  const at = { cwd: packageRoot, env }
  await run('npm', ['run', 'build'], at)
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const { stdout } = await run('npm', args, at)
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  return join(folder, filename)
}

/** What who wants the sources does instead, with nothing cached. @returns how long, in ms */
async function cloneAndInstall(folder: string): Promise<number> {
  const clone = join(folder, 'clone')
  const beganMs = performance.now()
  await run('git', ['clone', '--quiet', packageRoot, clone], { env })
  const quiet = ['--cache', join(folder, 'clone-cache'), '--no-audit', '--no-fund']
  await run('npm', ['ci', ...quiet], { cwd: clone, env })
  return performance.now() - beganMs
}

/** As `npm install -g` does, beside whatever is installed here. */
export async function install(
  tarball: string,
  { prefix, cache }: { prefix: string; cache: string }
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

/**
 * From nothing to the first letter, by a friend's link: package, home, node, name, letter, each in processes of their own. A pod, six
 * seeds and the friend run already. The package is installed once with an empty cache of npm, then with the one that this filled.
 */
export async function benchNewcomer(rounds: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-newcomer-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const tarball = await pack(folder)
  const cache = join(folder, 'cache')
  const net = stack.use(await Testnet.lay({ pods: ['one.test'], people: ['alice'], seeds: 6 }))
  await net.startAll()
  await net.json('alice', 'register', 'alice@one.test')
  const [{ link }] = (await net.json('alice', 'card')) as [{ link: string }]
  const beganMs = performance.now()
  await install(tarball, { cache, prefix: join(folder, 'first') })
  const coldMs = performance.now() - beganMs
  const cloneMs = await cloneAndInstall(folder)
  const taken = Object.fromEntries(
    Object.keys(steps).map(step => [step, [] as number[]])
  ) as Record<Step, number[]>
  for (let r = 0; r < rounds; r++) {
    const prefix = join(folder, `installed-${r}`)
    const said = await newcomer({ net, tarball, cache, prefix, link, name: `carol-${r}` })
    for (const step of Object.keys(steps) as Step[]) taken[step].push(said[step])
  }
  const all = taken.install.map((_, r) =>
    Object.values(taken).reduce((sum, values) => sum + values[r]!, 0)
  )
  const cold = all.map((ms, r) => ms - taken.install[r]! + coldMs)
  const figure = (name: string, values: readonly number[]): Row => ({
    name: `newcomer: ${name}`,
    unit: 's',
    ...summary(values.map(ms => ms / 1000))
  })
  return [
    figure('git clone and npm ci instead, nothing cached', [cloneMs]),
    figure('npm install -g, nothing cached', [coldMs]),
    ...Object.entries(steps).map(([step, typed]) => figure(typed, taken[step as Step])),
    figure('all of it, packages cached', all),
    figure('all of it, nothing cached', cold)
  ]
}

interface Newcomer {
  net: Testnet
  tarball: string
  cache: string
  prefix: string
  link: string
  name: string
}

/** @returns how long each step took, in ms */
async function newcomer(o: Newcomer): Promise<Record<Step, number>> {
  let lastMs = performance.now()
  const lap = () => -lastMs + (lastMs = performance.now())
  const { muttr, startChild } = await install(o.tarball, o)
  const installMs = lap()
  const home = join(o.prefix, 'home')
  const at = ['--home', home, '--json']
  await muttr('init', '--name', o.name, '--no-passphrase', '--join', o.link, ...at)
  const init = lap()
  const opened = Promise.withResolvers<void>()
  const over = new AbortController()
  await using _child = await startChild({
    ...{ home, command: 'up', signal: over.signal },
    onEvent: ({ type }) => {
      if (type === 'opened') opened.resolve()
    }
  })
  const up = lap()
  await muttr('register', `${o.name}@one.test`, ...at)
  const register = lap()
  const body = 'Good that you are here.'
  await o.net.json('alice', 'send', `${o.name}@one.test`, body, '--subject', 'Welcome')
  await opened.promise
  const letter = lap()
  if (!(await muttr('inbox', ...at)).includes('Welcome')) throw new Error('no letter in the inbox')
  return { install: installMs, init, up, register, letter, read: lap() }
}

import { join } from 'node:path'
import { packageRoot } from '../../src/config/package-root.ts'
import type { Ground, Taken } from './packaged.ts'
import { env, install, layGround, run, secondsRow, stepRows, wholeOf } from './packaged.ts'
import type { Row } from './table.ts'

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

/** What who wants the sources does instead, with nothing cached. @returns how long, in ms */
async function cloneAndInstall(folder: string): Promise<number> {
  const clone = join(folder, 'clone')
  const beganMs = performance.now()
  await run('git', ['clone', '--quiet', packageRoot, clone], { env })
  const quiet = ['--cache', join(folder, 'clone-cache'), '--no-audit', '--no-fund']
  await run('npm', ['ci', ...quiet], { cwd: clone, env })
  return performance.now() - beganMs
}

/**
 * From nothing to the first letter, by a friend's link: package, home, node, name, letter, each in processes of their own. A pod, six
 * seeds and the friend run already. The package is installed once with an empty cache of npm, then with the one that this filled.
 */
export async function benchNewcomer(rounds: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const ground = await layGround('newcomer', stack)
  const { folder } = ground
  const beganMs = performance.now()
  await install(ground, join(folder, 'first'))
  const coldMs = performance.now() - beganMs
  const cloneMs = await cloneAndInstall(folder)
  const taken: Taken<Step>[] = []
  for (let r = 0; r < rounds; r++) {
    const prefix = join(folder, `installed-${r}`)
    taken.push(await newcomer({ ...ground, prefix, name: `carol-${r}` }))
  }
  const title = 'newcomer'
  return [
    secondsRow(`${title}: git clone and npm ci instead, nothing cached`, [cloneMs]),
    secondsRow(`${title}: npm install -g, nothing cached`, [coldMs]),
    ...stepRows(title, steps, taken),
    secondsRow(`${title}: all of it, packages cached`, taken.map(wholeOf)),
    secondsRow(
      `${title}: all of it, nothing cached`,
      taken.map(round => wholeOf(round) - round.install + coldMs)
    )
  ]
}

interface Newcomer extends Ground {
  prefix: string
  name: string
}

/** @returns how long each step took, in ms */
async function newcomer(o: Newcomer): Promise<Taken<Step>> {
  let lastMs = performance.now()
  const lap = () => -lastMs + (lastMs = performance.now())
  const { muttr, startChild } = await install(o, o.prefix)
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

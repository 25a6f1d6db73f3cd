import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom as random } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { Ground, Taken } from './packaged.ts'
import { install, layGround, secondsRow, stepRows, wholeOf } from './packaged.ts'
import type { Row } from './table.ts'

/** What an operator types, and then the first person. */
const steps = {
  install: 'npm install -g muttr, packages cached',
  init: 'muttr pod init --hostname two.test --join LINK',
  up: 'muttr pod up, until it is ready',
  invite: 'muttr pod invite',
  join: 'muttr init --name dora --join INVITE',
  personUp: 'muttr up, until it is ready',
  register: 'muttr register dora@two.test'
} as const
type Step = keyof typeof steps

/** From nothing to the first alias of a pod: package, pod and person in processes of their own. Nobody's DNS, and no certificate, are waited for. */
export async function benchNewPod(rounds: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const ground = await layGround('new-pod', stack)
  await install(ground, join(ground.folder, 'first')) // fills the cache
  const taken: Taken<Step>[] = []
  for (let r = 0; r < rounds; r++)
    taken.push(await newPod(ground, join(ground.folder, `installed-${r}`)))
  return [
    ...stepRows('new pod', steps, taken),
    secondsRow('new pod: all of it', taken.map(wholeOf))
  ]
}

/** @returns how long each step took, in ms */
async function newPod(ground: Ground, prefix: string): Promise<Taken<Step>> {
  let lastMs = performance.now()
  const lap = () => -lastMs + (lastMs = performance.now())
  const { muttr, startChild } = await install(ground, prefix)
  const installMs = lap()
  const signal = new AbortController().signal
  const at = (name: string) => ['--home', join(prefix, name), '--json']
  const start = (name: string, command: 'up' | 'pod') =>
    startChild({ home: join(prefix, name), command, signal, onEvent() {} })
  await muttr(
    'pod',
    'init',
    '--hostname',
    'two.test',
    '--no-passphrase',
    '--join',
    ground.link,
    ...at('pod')
  )
  const init = lap()
  await ownPort(join(prefix, 'pod', 'muttr.json'))
  lap()
  await using _pod = await start('pod', 'pod')
  const up = lap()
  const { link } = JSON.parse(await muttr('pod', 'invite', ...at('pod'))) as { link: string }
  const invite = lap()
  await muttr('init', '--name', 'dora', '--no-passphrase', '--join', link, ...at('dora'))
  const joined = lap()
  await using _dora = await start('dora', 'up')
  const personUp = lap()
  await muttr('register', 'dora@two.test', ...at('dora'))
  return { install: installMs, init, up, invite, join: joined, personUp, register: lap() }
}

/** Another pod may run on this machine. */
async function ownPort(file: string): Promise<void> {
  const [port] = await freePorts(1, random)
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replaceAll('/tcp/4420', `/tcp/${port}`))
}

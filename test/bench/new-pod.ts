import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom as random } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { Testnet } from '../support/testnet.ts'
import { install, pack } from './newcomer.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

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

interface NewPod {
  tarball: string
  cache: string
  prefix: string
  /** To the network that it joins. */
  link: string
}

/** From nothing to the first alias of a pod: package, pod and person in processes of their own. Nobody's DNS, and no certificate, are waited for. */
export async function benchNewPod(rounds: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'muttr-new-pod-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const tarball = await pack(folder)
  const cache = join(folder, 'cache')
  const net = stack.use(await Testnet.lay({ pods: ['one.test'], people: ['alice'], seeds: 6 }))
  await net.startAll()
  await net.json('alice', 'register', 'alice@one.test')
  const [{ link }] = (await net.json('alice', 'card')) as [{ link: string }]
  await install(tarball, { cache, prefix: join(folder, 'first') }) // fills the cache
  const taken = Object.fromEntries(
    Object.keys(steps).map(step => [step, [] as number[]])
  ) as Record<Step, number[]>
  for (let r = 0; r < rounds; r++) {
    const said = await newPod({ tarball, cache, link, prefix: join(folder, `installed-${r}`) })
    for (const step of Object.keys(steps) as Step[]) taken[step].push(said[step])
  }
  const figure = (name: string, values: readonly number[]): Row => ({
    name: `new pod: ${name}`,
    unit: 's',
    ...summary(values.map(ms => ms / 1000))
  })
  const all = taken.install.map((_, r) =>
    Object.values(taken).reduce((sum, values) => sum + values[r]!, 0)
  )
  return [
    ...Object.entries(steps).map(([step, typed]) => figure(typed, taken[step as Step])),
    figure('all of it', all)
  ]
}

/** @returns how long each step took, in ms */
async function newPod(o: NewPod): Promise<Record<Step, number>> {
  let lastMs = performance.now()
  const lap = () => -lastMs + (lastMs = performance.now())
  const { muttr, startChild } = await install(o.tarball, o)
  const installMs = lap()
  const signal = new AbortController().signal
  const at = (name: string) => ['--home', join(o.prefix, name), '--json']
  const start = (name: string, command: 'up' | 'pod') =>
    startChild({ home: join(o.prefix, name), command, signal, onEvent() {} })
  await muttr(
    'pod',
    'init',
    '--hostname',
    'two.test',
    '--no-passphrase',
    '--join',
    o.link,
    ...at('pod')
  )
  const init = lap()
  await ownPort(join(o.prefix, 'pod', 'muttr.json'))
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

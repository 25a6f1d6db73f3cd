import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createHome } from '../../src/nodes/home.ts'
import { startMuttr } from './muttr-system.ts'
import { layPackage } from './package.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const settleMs = 20_000
const watchMs = 30_000
const neighbours = 20
/** USER_HZ: what /proc counts CPU time in. */
const ticksPerSecond = 100

const rssMiB = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

const cpuSeconds = async (pid: number): Promise<number> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/**
 * A whole daemon (seed, client, local API), as it is published, that 20 seeds of another process have as their neighbour, beside
 * a bare libp2p node.
 */
export async function benchIdle(rounds: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-idle-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const others = stack.use(await startMuttr(neighbours, { connections: 100, reach: 'dial' }))
  const packed = join(folder, 'package')
  await mkdir(packed)
  const { startChild } = await layPackage(packed)
  const plainJs = join(packed, 'bare-node.mjs') // no types in it: nothing has to be stripped from either
  await copyFile(join(import.meta.dirname, 'bare-node.ts'), plainJs)
  const bare = fork(plainJs, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  stack.defer(() => void bare.kill())
  await once(bare, 'message')
  const home = join(folder, 'seed')
  const network = {
    name: 'idle',
    description: '',
    seeds: others.addresses.slice(0, 3),
    pods: [],
    parameters: { replicas: 8, quorum: 5 }
  }
  await createHome({
    home,
    name: 'idle',
    person: true,
    pod: null,
    network,
    listen: ['/ip4/127.0.0.1/tcp/0']
  })
  const child = stack.use(
    await startChild({ home, command: 'up', onEvent() {}, signal: new AbortController().signal })
  )
  await wait(settleMs)
  const above: number[] = []
  const whole: number[] = []
  const plain: number[] = []
  const cpu: number[] = []
  for (let r = 0; r < rounds; r++) {
    const before = await cpuSeconds(child.pid)
    await wait(watchMs)
    cpu.push((((await cpuSeconds(child.pid)) - before) / (watchMs / 1000)) * 100)
    const [ours, theirs] = await Promise.all([rssMiB(child.pid), rssMiB(bare.pid!)])
    above.push(ours - theirs)
    whole.push(ours)
    plain.push(theirs)
  }
  const rival = { name: 'bare libp2p node', ...summary(plain) }
  return [
    { name: 'idle seed with 20 neighbours, memory', unit: 'MiB', ...summary(whole), rival },
    { name: 'idle seed with 20 neighbours, memory above it', unit: 'MiB', ...summary(above) },
    { name: 'idle seed with 20 neighbours, CPU of a core', unit: '%', ...summary(cpu) }
  ]
}

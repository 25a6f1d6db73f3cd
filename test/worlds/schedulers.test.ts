import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { packageRoot } from '../../src/config/package-root.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { refusalOf } from '../support/command.ts'
import { filesOf, jsonFile, options } from '../support/simulated.ts'
import { hasSlurm, startSlurm } from '../support/slurm.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const sweep = {
  scenario: {
    name: 'scheduled',
    question: 'Is it the same?',
    nodes: 8,
    hours: 0.5,
    workload: { blobs: 5, getsPerHour: 20 }
  },
  grid: { 'parameters.replicas': [5, 8] },
  seeds: '1..4'
}

/** As the guide has it, but for the folder. */
async function lineOf(program: string, out: string): Promise<string> {
  const guide = await readFile(join(packageRoot, 'docs/guides/research.md'), 'utf8')
  const line = guide.split('\n').find(line => line.startsWith(`    ${program} `)) ?? ''
  assert(line.includes('/shared/mine'), `no line of ${program}`)
  return line.replace('/shared/mine', out)
}

/** A folder with the sweep, what it comes to in one process, and a `muttr` on the path that tells who began what. */
async function stage(path: string) {
  const at = (name: string) => join(path, name)
  const file = await jsonFile(path, 'mine.json', sweep)
  const simulator = createSimulator()
  await simulator.sweep(options(file, { out: at('whole') }))
  for (const name of ['bin', 'said']) await mkdir(at(name))
  await writeFile(at('begun'), '')
  const muttr = `#!/bin/sh
exec 2>'${at('said')}'/$$
echo "$$ $SLURM_ARRAY_JOB_ID $*" >>'${at('begun')}'
exec node '${join(packageRoot, 'bin/muttr.js')}' "$@"
`
  await writeFile(at('bin/muttr'), muttr, { mode: 0o755 })
  const path_ = `${at('bin')}:${dirname(process.execPath)}:${process.env.PATH}`
  return {
    at,
    file,
    env: { PATH: path_, HOME: path },
    whole: await filesOf(at('whole')),
    /** The process of a part, when one of its two runs is done and the other begins. */
    async inside(part: string) {
      const begun = await lineIn(at('begun'), line => line.endsWith(`--shard ${part}`))
      const [pid, job] = begun.split(' ') as [string, string]
      await lineIn(at(`said/${pid}`), line => line.startsWith('1 of 2 runs'))
      return { pid: Number(pid), job }
    }
  }
}

/** The first such line of a file that grows. */
async function lineIn(file: string, is: (line: string) => boolean): Promise<string> {
  const tail = spawn('tail', ['-n', '+1', '-s', '0.05', '-f', file], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  try {
    for await (const line of createInterface({ input: tail.stdout })) if (is(line)) return line
    throw new Error(`${file} has no such line`)
  } finally {
    tail.kill()
  }
}

function start(line: string, { env, at }: { env: NodeJS.ProcessEnv; at(name: string): string }) {
  const child = spawn('bash', ['-c', line], {
    cwd: at('.'),
    env,
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const ended = Promise.all([once(child, 'close'), text(child.stderr)])
  return ended.then(([[status], said]) => ({ status: status as number, said }))
}

/** What is to happen while a scheduler works. */
const meanwhile = <T>(ended: ReturnType<typeof start>, happens: Promise<T>): Promise<T> =>
  Promise.race([happens, ended.then(({ said }) => assert.fail(`it ended: ${said}`))])

function parallel(): void {
  it('comes to the same as in one process, also when a part is killed, begun twice and done again', async () => {
    await using folder = await temporaryFolder()
    const { at, file, env, whole, inside } = await stage(folder.path)
    const line = await lineOf('parallel', at('out'))
    const first = start(line, { env, at })
    const { pid } = await meanwhile(first, inside('2/4'))
    process.kill(pid, 'SIGSTOP')
    const twice = ['sim', 'sweep', file, '--out', at('out'), '--shard', '2/4']
    assert.deepEqual(await refusalOf(twice), [2, 'HOME_IN_USE'])
    process.kill(pid, 'SIGKILL')
    // How many of its tasks failed.
    assert.equal((await first).status, 1)
    assert((await readdir(at('out/runs'))).length < 8)
    const { status, said } = await start(line, { env, at })
    assert.equal(status, 0, said)
    assert.deepEqual(await filesOf(at('out')), whole)
  }).timeout(300_000)
}

function slurm(): void {
  it('comes to the same as in one process, also when a task is sent back into the queue', async () => {
    await using folder = await temporaryFolder()
    await using slurm = await startSlurm(2)
    const { at, whole, inside, ...staged } = await stage(folder.path)
    const env = { ...staged.env, ...slurm.env }
    const line = await lineOf('sbatch', at('out'))
    const ended = start(line.replace('sbatch', 'sbatch --wait --output /dev/null'), { env, at })
    const { job } = await meanwhile(ended, inside('2/4'))
    assert.equal((await start(`scontrol requeue ${job}_2`, { env, at })).status, 0)
    const { status, said } = await ended
    assert.equal(status, 0, said)
    const begun = (await readFile(at('begun'), 'utf8')).match(/--shard 2\/4$/gm)
    assert.equal(begun?.length, 2)
    assert.deepEqual(await filesOf(at('out')), whole)
  }).timeout(300_000)
}

const tried = [
  { name: 'GNU parallel', isHere: existsSync('/usr/bin/parallel'), suite: parallel },
  { name: 'Slurm', isHere: hasSlurm(), suite: slurm }
]
for (const { name, isHere, suite } of tried)
  if (isHere) describe(`a sweep by ${name}`, suite)
  else
    it(`a sweep by ${name}: not tried, this machine has none`, () => {
      // As with PostgreSQL: where the project is checked, it is installed.
      assert.equal(process.env.CI, undefined)
    })

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runMuttr, startMuttr } from '../support/command.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const sweep = {
  scenario: {
    name: 'killed',
    question: 'Is it the same?',
    nodes: 8,
    hours: 1,
    workload: { blobs: 5, getsPerHour: 10 }
  },
  grid: { 'parameters.replicas': [5, 8] },
  seeds: '1..4'
}

/** Starts a command and ends it by a signal once a run is done. @returns its exit status, null when it was killed. */
async function endAfterOne(args: string[], signal: NodeJS.Signals): Promise<number | null> {
  const child = startMuttr(args)
  for await (const line of createInterface({ input: child.stderr }))
    if (/^[1-7] of 8 runs/.test(line)) {
      child.kill(signal)
      break
    }
  const [status] = await once(child, 'close')
  return status
}

describe('a sweep in a process of its own', () => {
  it('goes on after it was killed and interrupted, and comes out as one that ran through', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'sweep.json')
    await writeFile(file, JSON.stringify(sweep))
    const [out, whole] = [join(folder.path, 'out'), join(folder.path, 'whole')]
    const command = (out: string) => ['sim', 'sweep', file, '--threads', '1', '--out', out]
    assert.equal((await runMuttr(command(whole))).status, 0)

    assert.equal(await endAfterOne(command(out), 'SIGKILL'), null)
    const killed = await readdir(join(out, 'runs'))
    assert(killed.length > 0 && killed.length < 8, `${killed.length} runs`)
    assert.equal(await endAfterOne(command(out), 'SIGINT'), 3)
    const { status, stderr } = await runMuttr(command(out))
    assert.equal(status, 0, stderr)
    for (const name of ['summary.json', 'time.csv'])
      assert.equal(
        await readFile(join(out, name), 'utf8'),
        await readFile(join(whole, name), 'utf8')
      )
  })
})

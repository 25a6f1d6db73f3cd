import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgramOptions } from '../../src/cli/doors.ts'
import { openJournal } from '../../src/nodes/journal.ts'
import { runProgram } from '../../src/nodes/run-program.ts'
import { goneProcess } from '../support/command.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const run = (script: string, more: Partial<ProgramOptions> = {}) =>
  runProgram({
    argv: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    stdin: '',
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    ...more
  })

describe('a program for a letter', () => {
  it('gets its arguments as they are, its standard input, and no environment but its own', async () => {
    const argv = ['/bin/echo', '$(id)', 'a b;', '*'] as const
    assert.equal((await run('', { argv })).output, '$(id) a b; *\n')
    const env = { MUTTR_SUBJECT: '() { :; }; echo broken' }
    const { output, status } = await run('cat; env | grep -c .', { stdin: 'in\n', env })
    assert.equal(status, 0)
    assert.match(output, /^in\n[1-5]\n$/)
  })

  it('ends with its status, and what it says is bounded', async () => {
    assert.equal((await run('exit 7')).status, 7)
    const { output } = await run('yes | head -c 300000; echo never')
    assert.equal(output.length, 16 * 1_024)
    await assert.rejects(run('', { argv: ['/no/such/program'] }), { code: 'USAGE' })
  })

  it('is ended when it takes too long, with all that it started', async () => {
    const { timedOut, status, output } = await run('sleep 600 & echo $!; wait', { timeoutMs: 300 })
    assert.deepEqual([timedOut, status], [true, null])
    await goneProcess(Number(output))
  })

  it('is ended by Ctrl-C, and leaves nothing when it ends by itself', async () => {
    const stop = new AbortController()
    const long = run('sleep 600', { signal: stop.signal })
    stop.abort()
    assert.equal((await long).signal, 'SIGKILL')
    const { output, status } = await run('sleep 600 & echo $!')
    assert.equal(status, 0)
    await goneProcess(Number(output))
  })

  it('does not hold us up when somebody who left the group keeps its output open', async () => {
    const { output, status } = await run('setsid sleep 600 & echo $!')
    assert.equal(status, 0)
    process.kill(Number(output))
  })
})

describe('the journal of a hook', () => {
  it('outlives the process, belongs to one at a time, and keeps the last ten thousand', async () => {
    await using folder = await temporaryFolder()
    const home = folder.path
    await assert.rejects(openJournal(home, 'letters'), { code: 'HOME_MISSING' })
    await writeFile(join(home, 'muttr.json'), '{}')
    {
      await using journal = await openJournal(home, 'letters')
      assert.equal(journal.isNew, true)
      await journal.add(['a', 'b'])
      await assert.rejects(openJournal(home, 'letters'), { code: 'HOME_IN_USE' })
      await using other = await openJournal(home, 'other')
      assert.equal(other.has('a'), false)
    }
    {
      await using journal = await openJournal(home, 'letters')
      assert.deepEqual([journal.isNew, journal.has('a'), journal.has('c')], [false, true, false])
      await journal.add(Array.from({ length: 10_000 }, (_, i) => `c${i}`))
    }
    await using journal = await openJournal(home, 'letters')
    assert.deepEqual([journal.has('b'), journal.has('c0')], [false, true])
    const text = await readFile(join(home, 'hooks', 'letters', 'done'), 'utf8')
    assert.equal(text.split('\n').length, 10_001)
  })
})

import assert from 'node:assert/strict'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { requestOf } from '../support/fake-letters.ts'

describe('muttr requests, accept, ignore and block', () => {
  const calls = (doors: ReturnType<typeof createFakeDoors>) =>
    doors.client.calls.filter(([name]) => name === 'decide' || name === 'choosePolicy')

  it('show who asks, and how far the name can be believed', async () => {
    const doors = createFakeDoors()
    doors.client.asking.push(
      requestOf('mallory@two.test', { certifiedByPod: false, letters: 3 }),
      requestOf('b0b@two.test', { looksLike: 'bob@two.test' }),
      requestOf('erin@two.test', { invited: 'ab'.repeat(20) })
    )
    const { stdout } = await muttr('requests', { doors })
    assert.match(stdout, /carol@one\.test +1 +4\.0 KiB +\S+ +this is their key/)
    assert.match(stdout, /mallory@two\.test +3 +.*none: anybody can claim this name/)
    assert.match(stdout, /! b0b@two\.test is not bob@two\.test, and looks like it\./)
    const listed = (await muttr('requests --json --limit 2', { doors })).objects()
    assert.deepEqual(listed, doors.client.asking.slice(0, 2))
    assert.match(stdout, /! Your invitation named another key for erin@two\.test: ABAB ABAB/i)
    doors.client.asking.length = 0
    assert.match((await muttr('requests', { doors })).stdout, /Nobody asks/)
    assert.equal((await muttr('requests --policies --limit 1', { doors })).status, 1)
  })

  it('let in by alias or id, once or always', async () => {
    const doors = createFakeDoors()
    const [first] = doors.client.asking
    const second = requestOf('dave@one.test', { letters: 2 })
    doors.client.asking.push(second)
    const ran = await muttr(['accept', first!.id.slice(0, 8), '--once', '--json'], { doors })
    assert.deepEqual(ran.objects(), [{ ...first, decision: 'once' }])
    const human = await muttr('accept DAVE@one.test', { doors })
    assert.match(human.stdout, /✓ 2 letters of dave@one\.test let in, now and later\./)
    assert.deepEqual(calls(doors), [
      ['decide', first!.id, 'once'],
      ['decide', second.id, 'always']
    ])
  })

  it('put away, once or for good', async () => {
    const doors = createFakeDoors()
    const [first] = doors.client.asking
    const second = requestOf('dave@one.test')
    doors.client.asking.push(second)
    assert.equal((await muttr('ignore carol@one.test', { doors })).status, 0)
    assert.equal((await muttr('block dave@one.test', { doors })).status, 0)
    assert.deepEqual(calls(doors), [
      ['decide', first!.id, 'ignore'],
      ['decide', second.id, 'block']
    ])
  })

  it('speak of somebody who has not written yet, and show what was said', async () => {
    const doors = createFakeDoors()
    for (const line of ['accept erin@one.test', 'block fred@one.test'])
      assert.equal((await muttr(line, { doors })).status, 0)
    assert.deepEqual(calls(doors), [
      ['choosePolicy', 'erin@one.test', 'pull'],
      ['choosePolicy', 'fred@one.test', 'ignore']
    ])
    const { stdout } = await muttr('requests --policies', { doors })
    assert.match(stdout, /fred@one\.test .*ignored\nerin@one\.test .*letters come in/)
    for (const line of ['accept 0000', 'accept x', 'ignore g@one.test', 'accept g@one.test --once'])
      assert.equal((await muttr(`${line} --json`, { doors })).error().code, 'REQUEST_UNKNOWN', line)
  })

  it('take of several under one alias the one that its pod knows, else ask which', async () => {
    const doors = createFakeDoors()
    const fingerprint = 'ab'.repeat(20)
    const twin = requestOf('carol@one.test', { id: 'ab'.repeat(32), fingerprint })
    doors.client.asking.unshift({ ...twin, certifiedByPod: false })
    const [, carol] = doors.client.asking
    await muttr('accept carol@one.test', { doors })
    assert.deepEqual(calls(doors), [['decide', carol!.id, 'always']])
    doors.client.asking.push({ ...twin, id: 'cd'.repeat(32), certifiedByPod: false })
    assert.equal(
      (await muttr('block carol@one.test --json', { doors })).error().code,
      'REQUEST_UNKNOWN'
    )
  })

  it('ask before they let in a name that looks like another', async () => {
    const doors = createFakeDoors()
    const liar = requestOf('b0b@two.test', { looksLike: 'bob@two.test' })
    doors.client.asking.push(liar)
    const prompts = (answer: boolean) => ({
      password: async () => undefined,
      confirm: async () => answer
    })
    assert.equal((await muttr('accept b0b@two.test', { doors })).status, 1)
    assert.equal(
      (await muttr('accept b0b@two.test', { doors, tty: true, prompts: prompts(false) })).status,
      3
    )
    assert.deepEqual(calls(doors), [])
    const ran = await muttr('accept b0b@two.test', { doors, tty: true, prompts: prompts(true) })
    assert.equal(ran.status, 0)
    assert.match(ran.stderr, /b0b@two\.test is not bob@two\.test/)
    doors.client.asking.push(liar)
    assert.equal((await muttr('accept b0b@two.test --yes', { doors })).status, 0)
    assert.equal(calls(doors).length, 2)
  })
})

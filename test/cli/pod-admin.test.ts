import assert from 'node:assert/strict'
import { createFakeDoors, muttr } from '../support/cli.ts'

async function run(command: string, home = '/p') {
  const doors = createFakeDoors()
  const ran = await muttr(`pod admin ${command} --home ${home}`, {
    doors,
    env: { MUTTR_OPERATOR: 'olga' }
  })
  return { ran, asked: doors.opened.slice(1) }
}

describe('muttr pod admin', () => {
  it('prints a login link: where it leads, what may keep it from working, and until when', async () => {
    const { ran, asked } = await run('link')
    assert.deepEqual(asked, [['loginLink', { by: 'olga' }]])
    assert.match(ran.stdout, /page +https:\/\/one\.test\/admin\/#link=ef/)
    assert.match(ran.stdout, /but +no certificate/)
    assert.match(ran.stdout, /on this machine +http:\/\/127\.0\.0\.1:5\/admin\/#link=ef/)
    assert.match(ran.stdout, /good until .*, once/)
    assert.deepEqual((await run('link mona')).asked, [['loginLink', { by: 'olga', name: 'mona' }]])
    const [object] = (await run('link --json')).ran.objects()
    assert.deepEqual(Object.keys(object!), ['operator', 'untilMs', 'local', 'url', 'problem'])
    assert.match((await run('link', '/resting')).ran.stderr, /start it with `muttr pod up`/)
  })

  it('adds, lists, ranks, resets and removes', async () => {
    const added = await run('add mona --role moderator')
    assert.deepEqual(added.asked, [
      ['addOperator', { name: 'mona', role: 'moderator', by: 'olga' }],
      ['loginLink', { name: 'mona', by: 'olga' }]
    ])
    assert.match(added.ran.stdout, /#link=/)
    assert.match((await run('list')).ran.stdout, /olga +owner +yes +- +never/)
    const ranked = await run('role mona --role reader')
    assert.deepEqual(ranked.asked, [['setRole', { name: 'mona', role: 'reader', by: 'olga' }]])
    assert.equal((await run('role mona')).ran.status, 1)
    assert.equal((await run('add mona --role god')).ran.status, 1)
    assert.deepEqual((await run('reset olga')).asked[0], [
      'resetOperator',
      { name: 'olga', by: 'olga' }
    ])
    assert.match((await run('remove olga')).ran.stdout, /Removed: olga\./)
    assert.equal((await run('remove nobody --json')).ran.error().code, 'OPERATOR_UNKNOWN')
  })
})

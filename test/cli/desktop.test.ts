import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { MuttrEvent } from '../../src/base/events.ts'
import { runProgram } from '../../src/nodes/run-program.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { startMuttr } from '../support/command.ts'
import { type Desktop, startDesktop } from '../support/desktop.ts'
import { Testnet } from '../support/testnet.ts'

describe('muttr notify, with notify-send and what shows notifications', () => {
  let desktop: Desktop
  beforeEach(async () => {
    desktop = await startDesktop()
  })
  afterEach(() => desktop?.[Symbol.asyncDispose]())

  const asking = (from: string): MuttrEvent => ({
    ...{ type: 'requested', request: 'ab', from, certifiedByPod: false, letters: 1 }
  })

  it('shows any name as the words that it is made of, and runs nothing of it', async () => {
    const stop = new AbortController()
    const doors = createFakeDoors({ runProgram })
    const notifying = muttr('notify', { doors, env: desktop.env, signal: stop.signal })
    while (doors.client.listeners() === 0) await new Promise(setImmediate)
    const names: Record<string, string> = {
      'bob@two.test': 'bob@two.test',
      '<b>bob</b>@two.test': '&lt;b&gt;bob&lt;/b&gt;@two.test',
      '&lt;img src=x&gt;': '&amp;lt;img src=x&amp;gt;',
      '<a href="http://evil.test">bob</a>': '&lt;a href="http://evil.test"&gt;bob&lt;/a&gt;',
      '--replace-id=1': '--replace-id=1',
      '$(touch pwned)`touch pwned`;touch pwned': '$(touch pwned)`touch pwned`;touch pwned',
      '%s%n\\n\\x1b\\\\': '%s%n\\n\\x1b\\\\',
      '\\074b\\076bob\\074/b\\076\\033': '\\074b\\076bob\\074/b\\076\\033',
      'b\u202eob\u001b]0;x\u0007\n\u0000@two.test': 'b\ufffdob␛]0;x␇␊␀@two.test'
    }
    for (const [name, body] of Object.entries(names)) {
      doors.client.emit(asking(name))
      const shown = await desktop.next()
      assert.deepEqual([shown.app, shown.summary], ['Muttr', 'Muttr'])
      assert.equal(shown.body, `${body} asks to be read`)
      assert.ok(shown.drawn.endsWith(`${body} asks to be read`), shown.drawn)
    }
    assert.ok(!(await readdir('.')).includes('pwned'))
    stop.abort()
    assert.equal((await notifying).status, 0)
  })

  it('goes on when nobody shows notifications any more', async () => {
    const stop = new AbortController()
    const ends: Awaited<ReturnType<typeof runProgram>>[] = []
    const told = Promise.withResolvers<void>()
    const doors = createFakeDoors({
      async runProgram(options) {
        const ended = await runProgram(options)
        ends.push(ended)
        if (ends.length === 2) told.resolve()
        return ended
      }
    })
    const notifying = muttr('notify', { doors, env: desktop.env, signal: stop.signal })
    while (doors.client.listeners() === 0) await new Promise(setImmediate)
    await desktop.hideAll()
    doors.client.emit(asking('bob@two.test'))
    await told.promise
    assert.notEqual(ends[1]!.status, 0)
    stop.abort()
    assert.equal((await notifying).status, 0)
  })

  it('tells of a letter that came over a real network', async () => {
    await using net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 0 })
    await net.startAll()
    for (const name of ['alice', 'bob']) await net.json(name, 'register', `${name}@one.test`)
    const notifying = startMuttr(['notify', '--home', net.home('bob')], desktop.env)
    await once(createInterface({ input: notifying.stderr }), 'line')
    await net.json('alice', 'send', 'bob@one.test', 'in the body', '--subject', 'Lunch')
    const shown = await desktop.next()
    assert.equal(shown.body, 'A letter from alice@one.test')
    assert.doesNotMatch(shown.drawn, /Lunch|in the body/)
    notifying.kill('SIGINT')
    assert.deepEqual(await once(notifying, 'exit'), [0, null])
  })
})

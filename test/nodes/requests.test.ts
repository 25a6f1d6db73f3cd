import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Printed } from '../support/command.ts'
import { firstLines, refusalOf, resultsOf, runMuttr, startMuttr } from '../support/command.ts'
import { Testnet } from '../support/testnet.ts'

describe('a first letter, over separate processes', () => {
  let net: Testnet
  const running: ChildProcessWithoutNullStreams[] = []

  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 1 })
    // As `muttr init` leaves it.
    const file = join(net.home('bob'), 'muttr.json')
    const { requests: _, ...config } = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify(config))
    await net.startAll()
    await Promise.all([
      resultsOf(['register', 'alice@one.test', ...home('alice')]),
      resultsOf(['register', 'bob@one.test', ...home('bob')])
    ])
  })
  after(async () => {
    for (const child of running) child.kill()
    await net[Symbol.asyncDispose]()
  })

  const home = (name: string): string[] => ['--home', net.home(name)]
  const inbox = () => resultsOf(['inbox', ...home('bob')])

  function start(...args: string[]): ChildProcessWithoutNullStreams {
    const child = startMuttr([...args, ...home('bob')])
    running.push(child)
    return child
  }

  async function write(body: string): Promise<Printed> {
    const args = ['send', 'bob@one.test', body, '--subject', 'Hello', ...home('alice')]
    const [sent] = await resultsOf(args)
    assert.equal(sent.state, 'announced')
    return sent
  }

  it('waits until it is let in, and then runs the programs that wait for letters', async () => {
    const watching = start('watch', '--type', 'requested,opened')
    await once(createInterface({ input: watching.stderr }), 'line')
    const seen = firstLines(watching, 2)
    // From here on letters are new to the hook.
    await runMuttr(['on-letter', '--once', ...home('bob'), '--', 'true'])
    const hooked = startMuttr([
      ...['on-letter', '--json', ...home('bob'), '--'],
      ...['/bin/sh', '-c', 'echo "$MUTTR_FROM $MUTTR_SUBJECT"; cat']
    ])
    running.push(hooked)
    const ran = firstLines(hooked, 1)
    const sent = await write('in the first letter')
    await net.event('bob', 'requested', 0)
    const [request] = await resultsOf(['requests', ...home('bob')])
    assert.deepEqual(
      [request.alias, request.certifiedByPod, request.letters, request.sizeBytes],
      ['alice@one.test', true, 1, sent.sizeBytes]
    )
    assert.deepEqual(await inbox(), [])
    assert.match(
      (await runMuttr(['requests', ...home('bob')])).stdout.toString(),
      /alice@one\.test/
    )
    await resultsOf(['accept', 'alice@one.test', ...home('bob')])
    assert.deepEqual(
      (await inbox()).map(({ id }) => id),
      [sent.id]
    )
    assert.deepEqual(
      (await seen).map(event => [event.type, event.from]),
      [
        ['requested', 'alice@one.test'],
        ['opened', 'alice@one.test']
      ]
    )
    const [ended] = await ran
    const [first, summary] = ended.output.split('\n')
    assert.deepEqual([ended.letter, ended.status, first], [sent.id, 0, 'alice@one.test Hello'])
    assert.deepEqual([JSON.parse(summary).subject, JSON.parse(summary).body], ['Hello', undefined])
    hooked.kill('SIGINT')
    assert.deepEqual(await once(hooked, 'exit'), [0, null])
  })

  it('is not seen by whoever was blocked to have been', async () => {
    await resultsOf(['block', 'alice@one.test', ...home('bob')])
    const from = net.events.length
    const sent = await write('never seen')
    await net.event('bob', 'notified', from)
    // What comes after it in the same queue is dealt with after it.
    await net.stop('bob')
    await net.start('bob')
    assert.deepEqual(await resultsOf(['requests', ...home('bob')]), [])
    assert.equal((await inbox()).length, 1)
    assert.deepEqual(
      net.events.slice(from).filter(({ event }) => event.type === 'fetched'),
      []
    )
    const [asked] = await resultsOf(['sent', sent.id, ...home('alice')])
    assert.deepEqual([asked.state, asked.accepted], ['announced', null])
    assert.deepEqual(await refusalOf(['accept', 'ffff', ...home('bob')]), [2, 'REQUEST_UNKNOWN'])
  })

  it('catches up on letters that came while no program waited, once each', async () => {
    await resultsOf(['accept', 'alice@one.test', ...home('bob')])
    const from = net.events.length
    const sent = [await write('one'), await write('two')]
    for (const { id } of sent) await net.event('bob', 'opened', from, e => e.letter === id)
    const line = ['on-letter', '--once', ...home('bob'), '--', '/bin/sh', '-c', 'exit 0']
    const once = (await runMuttr(['--json', ...line])).stdout.toString()
    const letters = once
      .trim()
      .split('\n')
      .map(text => JSON.parse(text).letter)
    assert.deepEqual(letters.sort(), sent.map(({ id }) => id).sort())
    assert.equal((await runMuttr(['--json', ...line])).stdout.toString(), '')
  })
})

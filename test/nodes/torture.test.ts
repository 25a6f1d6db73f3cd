import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { systemClock as clock } from '../../src/net/clock.ts'
import { Checks } from '../../src/nodes/torture/checks.ts'
import type { BadLine, Way } from '../../src/nodes/torture/exchange.ts'
import { createExchange } from '../../src/nodes/torture/exchange.ts'
import { Weather } from '../../src/nodes/torture/faults.ts'
import type { Printed } from '../support/command.ts'
import { goneProcess, startMuttr } from '../support/command.ts'

describe('the lines of a torture', () => {
  const ports = new Map([
    [1, 'alice'],
    [2, 'bob'],
    [3, 'carol']
  ])
  const slow = (node: string, delayMs: number, bytesPerSecond: number) =>
    ({ do: 'slow', node, delayMs, bytesPerSecond, forMs: 9 }) as const

  it('are held or cut between the two sides of a split, and nowhere else', () => {
    const weather = new Weather(port => ports.get(port))
    const split = { do: 'split', nodes: ['alice', 'bob'], how: 'hold', forMs: 9 } as const
    weather.begin(split)
    const ways = () => [weather.way(1, 2), weather.way(1, 3), weather.way(3, 2), weather.way(3, 3)]
    assert.deepEqual(ways(), ['open', 'hold', 'hold', 'open'])
    weather.end(split)
    assert.deepEqual(new Set(ways()), new Set(['open']))
  })

  it('are as bad as both ends together', () => {
    const weather = new Weather(port => ports.get(port))
    const [bad, worse] = [slow('alice', 100, 9_000), slow('bob', 20, 8_000)]
    weather.begin(bad)
    weather.begin(worse)
    assert.deepEqual(weather.line(3, 1), { delayMs: 100, bytesPerSecond: 9_000 })
    assert.deepEqual(weather.line(1, 2), { delayMs: 120, bytesPerSecond: 8_000 })
    weather.end(bad)
    assert.deepEqual([weather.line(3, 1), weather.way(3, 1)], [undefined, 'open'])
  })
})

describe('the exchange between nodes of a torture', () => {
  let way: Way
  let bad: BadLine | undefined
  let stack: AsyncDisposableStack
  let to: number
  let exchange: Awaited<ReturnType<typeof createExchange>>
  beforeEach(async () => {
    way = 'open'
    bad = undefined
    stack = new AsyncDisposableStack()
    // It answers what it is told, in upper case.
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.on('data', chunk => socket.write(chunk.toString().toUpperCase()))
      stack.defer(() => void socket.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(() => void server.close())
    const address = server.address()
    assert(address !== null && typeof address === 'object')
    to = address.port
    exchange = stack.use(
      await createExchange({
        clock,
        way: (from, target) => (from === 4711 && target === to ? way : 'open'),
        line: from => (from === 4711 ? bad : undefined)
      })
    )
  })
  afterEach(() => stack.disposeAsync())

  function dial(from: number): Socket {
    const socket = connect(exchange.port, '127.0.0.1')
    socket.on('error', () => {})
    const greeting = Buffer.alloc(4)
    greeting.writeUInt16BE(from, 0)
    greeting.writeUInt16BE(to, 2)
    socket.write(greeting)
    stack.defer(() => void socket.destroy())
    return socket
  }
  async function say(socket: Socket, what: string): Promise<string> {
    socket.write(what)
    let heard = ''
    while (heard.length < what.length) heard += String((await once(socket, 'data'))[0])
    return heard
  }

  it('passes bytes on, both ways', async () => {
    const socket = dial(4711)
    assert.equal(await say(socket, 'hello'), 'HELLO')
    const long = 'abcdefgh'.repeat(64 * 1_024)
    assert.equal(await say(socket, long), long.toUpperCase())
  })

  it('holds what is on the way between two nodes, and loses none of it', async () => {
    const [held, late, other] = [dial(4711), dial(4711), dial(4712)]
    assert.equal(await say(held, 'a'), 'A')
    way = 'hold'
    exchange.changed()
    let isHeard = false
    const answers = Promise.all([say(held, 'bcd'), say(late, 'e')])
    answers.then(() => {
      isHeard = true
    })
    // Others come and go meanwhile.
    for (const word of ['one', 'two', 'three'])
      assert.equal(await say(other, word), word.toUpperCase())
    assert.equal(isHeard, false)
    way = 'open'
    exchange.changed()
    assert.deepEqual(await answers, ['BCD', 'E'])
  })

  it('cuts connections, and lets none be made', async () => {
    const [before, other] = [dial(4711), dial(4712)]
    assert.equal(await say(before, 'a'), 'A')
    way = 'cut'
    exchange.changed()
    await once(before, 'close')
    await once(dial(4711).resume(), 'close')
    assert.equal(await say(other, 'b'), 'B')
  })

  it('delays and throttles, in order', async () => {
    bad = { delayMs: 20, bytesPerSecond: 100_000 }
    const socket = dial(4711)
    const startMs = clock.now()
    const words = Array.from({ length: 500 }, (_, i) => `word ${i} `).join('')
    assert.equal(await say(socket, words), words.toUpperCase())
    // Twice 20 ms on the way, and about 4,400 bytes each way at 100 in a millisecond; the clock's steps are left out.
    assert(clock.now() - startMs >= 80)
  })
})

describe('muttr net torture', () => {
  let temporary: string
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'muttr-test-'))
  })
  afterEach(() => rm(temporary, { recursive: true, force: true }))

  const start = (...args: string[]) =>
    startMuttr(['net', 'torture', '--json', ...args], { TMPDIR: temporary })

  it('breaks nothing in a minute', async () => {
    const out = join(temporary, 'out')
    const child = start(
      ...['--minutes', '1', '--seed', 'mocha', '--out', out],
      ...['--pods', '1', '--people', '3', '--seeds', '3']
    )
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close')
    ])
    const lines: Printed[] = stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
    const summary = lines.at(-1)
    assert.deepEqual([summary?.violations, status, stderr], [[], 0, ''])
    assert.equal(summary.type, 'summary')
    assert(summary.letters.sent > 10 && summary.letters.shown > 10, JSON.stringify(summary.letters))
    assert(summary.faults.kill > 0)
    const plan = lines.filter(({ type }) => type === 'plan').map(({ type: _, ...one }) => one)
    const written = (await readFile(join(out, 'plan.jsonl'), 'utf8')).trim().split('\n')
    assert.deepEqual(
      written.map(line => JSON.parse(line)),
      plan
    )
    // What was noted is enough to judge it again.
    const again = new Checks()
    for (const line of (await readFile(join(out, 'history.jsonl'), 'utf8')).trim().split('\n'))
      again.take(JSON.parse(line))
    assert.deepEqual([again.violations, again.shown], [[], summary.letters.shown])
    assert.deepEqual(await readdir(temporary), ['out'])
  }).timeout(400_000)

  it('tells by its status what broke, ends at Ctrl-C, and leaves nothing', async () => {
    const child = start('--minutes', '9', '--pods', '1', '--people', '2', '--seeds', '0')
    const pidOf = (name: string) => up.nodes.find((node: Printed) => node.name === name).pid
    const broken: string[] = []
    let summary: Printed
    let up: Printed
    for await (const line of createInterface({ input: child.stdout })) {
      const said: Printed = JSON.parse(line)
      if (said.type === 'up') {
        up = said
        process.kill(pidOf('bob'), 'SIGKILL') // nobody planned that
      }
      if (said.type === 'violation') {
        broken.push(said.invariant)
        child.kill('SIGINT')
      }
      if (said.type === 'summary') summary = said
    }
    if (child.exitCode === null) await once(child, 'exit')
    assert.deepEqual([broken, child.exitCode], [['node-ended'], 4])
    assert.deepEqual(
      summary.violations.map(({ invariant, what }: Printed) => [invariant, what.slice(0, 20)]),
      [['node-ended', 'bob ended by itself:']]
    )
    assert(summary.stoppedAtMs < 540_000)
    assert.deepEqual(
      up.nodes.map(({ name }: Printed) => name),
      ['one.test', 'alice', 'bob']
    )
    await Promise.all(up.nodes.map(({ pid }: Printed) => goneProcess(pid)))
    assert.deepEqual(await readdir(temporary), [])
  }).timeout(200_000)
})

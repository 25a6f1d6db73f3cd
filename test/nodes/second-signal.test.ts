import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Testnet } from '../support/testnet.ts'

describe('a pod that is told to end while it takes leave', () => {
  let net: Testnet
  /** Events before this one are of the pod's former process. */
  let startedAt = 0
  before(async function () {
    this.timeout(120_000)
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 1 })
    await net.startAll()
    await Promise.all([
      net.json('alice', 'register', 'alice@one.test'),
      net.json('bob', 'register', 'bob@one.test')
    ])
  })
  after(() => net[Symbol.asyncDispose]())

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    it(`ends at once with the second ${signal}, and has lost nothing`, async () => {
      const from = net.events.length
      // A pod that nobody is connected to has no leave to take.
      await net.event('bob', 'listening', startedAt)
      // Bob's machine sleeps: he hears of no leave, which the pod waits for.
      net.freeze('bob', 'stop')
      const [sent] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', signal)
      await net.event('alice', 'announced', from, ({ letter }) => letter === sent!.id)
      const pod = net.child('one.test')
      await using client = await net.client('one.test')
      process.kill(pod.pid, signal)
      while ((await client.pod.drainState()).state !== 'draining') await nextTurn()
      const ended = assert.rejects(pod.ended, / ended with 3: /)
      process.kill(pod.pid, signal)
      await ended
      await net.stop('one.test').catch(() => undefined)
      startedAt = net.events.length
      await net.start('one.test')
      net.freeze('bob', 'go on')
      await net.event('bob', 'opened', from, ({ letter }) => letter === sent!.id)
    }).timeout(120_000)
})

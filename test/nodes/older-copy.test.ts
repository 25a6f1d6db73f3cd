import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { askIfRestored } from '../../src/nodes/older-copy.ts'
import { isRestored, restoredRow } from '../../src/pod/renamed-since.ts'
import type { Dht } from '../../src/seed/dht.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { quiet } from '../support/client-world.ts'
import { fakeDht } from '../support/fake-dht.ts'
import type { PodWorld } from '../support/pod-world.ts'
import { podWorld } from '../support/pod-world.ts'
import { ed25519Author } from '../support/record-authors.ts'

const hostname = 'one.test'

describe('a pod that comes out of a backup', () => {
  let world: PodWorld
  beforeEach(() => {
    world = podWorld()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  async function restored() {
    const { state, pod } = await world.host({ hostname })
    await state.write([{ type: 'put', ...restoredRow }])
    const warned: string[] = []
    const ask = (join: () => Promise<Dht>, signal = new AbortController().signal) =>
      askIfRestored(
        {
          ...{
            state,
            hostname,
            clock: world.clock,
            self: peerOfKey(ed25519Author(1).author.bytes)
          },
          fingerprint: pod.certificate.fingerprint,
          log: { ...quiet, warn: event => void warned.push(event) }
        },
        { join },
        signal
      )
    return { state, warned, ask }
  }

  it('begins after a while where nobody lets it into the network, and asks the next time', async () => {
    const { state, warned, ask } = await restored()
    const called = Promise.withResolvers<void>()
    const begun = ask(() => {
      called.resolve()
      return new Promise<Dht>(() => {})
    })
    await called.promise
    world.clock.advance(30_000)
    await begun
    assert.deepEqual(warned, ['pod.not-asked-what-it-is-called'])
    assert.equal(await isRestored(state), true)
    await ask(async () => fakeDht(world.clock))
    assert.equal(await isRestored(state), false)
    await ask(() => assert.fail('has asked'))
  })

  it('begins where joining fails, and ends with the start', async () => {
    const { ask, warned } = await restored()
    await ask(() => Promise.reject(new MuttrError('NETWORK_EMPTY', 'nobody')))
    assert.equal(warned.length, 1)
    const over = new AbortController()
    const begun = ask(() => new Promise<Dht>(() => {}), over.signal)
    over.abort(new MuttrError('CANCELLED', 'as told'))
    await assert.rejects(begun, { code: 'CANCELLED' })
  })
})

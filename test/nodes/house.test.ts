import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { createEvents } from '../../src/client/events.ts'
import { NodeHouse } from '../../src/nodes/house.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe('the process around a node', () => {
  it('tries a node again that did not start, with its vault as it was', async () => {
    await using folder = await temporaryFolder()
    const over = new AbortController()
    const clock = fakeClock(Date.now())
    const states: string[] = []
    let isLocked = true
    let heard = Promise.withResolvers<void>()
    const events = createEvents(event => {
      if (event.type === 'node') {
        states.push(event.state)
        isLocked = event.locked
      }
      heard.resolve()
      heard = Promise.withResolvers()
    })
    const is = async (state: string) => {
      while (states.at(-1) !== state) await heard.promise
    }
    await using house = new NodeHouse({
      ...{ folder: folder.path, overrides: { bandwidth: {} }, events, clock },
      signal: over.signal
    })
    await house.make({ name: 'alice', passphrase: 'rope boat lunch lamp', network: 'local' })
    await is('running')
    const [file, away] = ['network.json', 'away.json'].map(name => `${folder.path}/${name}`)
    await rename(file!, away!)
    await assert.rejects(house.change({ connectionsMax: 30 }), { code: 'HOME_DAMAGED' })
    assert.deepEqual([states.at(-1), (await house.setup()).state], ['failed', 'failed'])
    clock.advance(14_999)
    assert.equal(states.at(-1), 'failed')
    clock.advance(1)
    await is('starting')
    await is('failed')
    await rename(away!, file!)
    clock.advance(15_000)
    await is('running')
    assert.equal(isLocked, false)
    over.abort()
  })
})

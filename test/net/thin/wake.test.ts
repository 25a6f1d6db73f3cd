import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Session } from '../../../src/base/ports.ts'
import { systemClock } from '../../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../../src/net/peer-key.ts'
import { systemRandom as random } from '../../../src/net/random.ts'
import { createThinDoor } from '../../../src/net/thin/accept.ts'
import { openThin } from '../../../src/net/thin/open.ts'
import type { Wake } from '../../../src/net/wakes.ts'
import { bind, bindAnswer, bindBytes, thinPath } from '../../../src/wire/thin.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { localPair, openThinDoor } from '../../support/thin-network.ts'

const log = { debug() {}, info() {}, warn() {} }
const options = { timeoutMs: 60_000 }

describe('a WebSocket session of a machine that slept', () => {
  it('is asked for a sign of life at once, and ended within seconds when there is none', async () => {
    const keys = peerKeys(await makePeerKey())
    const thin = createThinDoor({ clock: systemClock, log })
    thin.accept(session =>
      session.serve(async (_method, payload) => {
        const { nonce } = bind.decode(payload)
        const binding = session.binding ?? null
        const signature = keys.sign(bindBytes({ pod: keys.self, nonce, binding }))
        return bindAnswer.encode({ pod: keys.self, binding, signature })
      })
    )
    await using door = await openThinDoor(thin)
    // A line that dies without a word, as one does whose machine was asleep.
    const through: Socket[] = []
    const line = createServer(near => {
      const far = connect(door.status.port, '127.0.0.1')
      through.push(near, far)
      near.pipe(far).pipe(near)
      for (const end of [near, far]) end.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(line, 'listening')
    const { port } = line.address() as AddressInfo

    const clock = fakeClock()
    const listeners = new Set<(wake: Wake) => void>()
    const { ca } = await localPair()
    const open = async (): Promise<Session> =>
      await openThin(
        {
          ...{ ca, clock, log, random, keys, url: `wss://localhost:${port}${thinPath}` },
          onWake(listener) {
            listeners.add(listener)
            return { [Symbol.dispose]: () => void listeners.delete(listener) }
          }
        },
        options
      )
    const woke = (): void => {
      for (const listener of listeners) listener({ type: 'slept', ms: 3_600_000 })
    }
    const heard = (at: Socket): Promise<unknown> => once(at, 'data')

    const session = await open()
    let isOver = false
    void session.closed.then(() => {
      isOver = true
    })
    const answered = heard(through[1]!)
    woke()
    await answered
    await session.request('bind', bind.encode({ nonce: random.bytes(32) }), options)
    clock.advance(4_000)
    assert(!isOver, 'it has answered')

    const [near, far] = through as [Socket, Socket]
    near.unpipe(far)
    far.unpipe(near)
    woke()
    clock.advance(4_000)
    await session.closed
    assert.equal(listeners.size, 0)
    for (const end of through) end.destroy()
    line.close()
  })
})

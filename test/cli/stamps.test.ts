import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Client } from '../../src/client/client.ts'
import { stampNews } from '../../src/client/stamp-news.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Doors to a client whose `method` tells of work for a stamp while it lasts. */
function doorsAtWork(method: 'putBlob' | 'send', factor: number) {
  const doors = createFakeDoors()
  const { client } = doors
  const heard = () => new Promise(done => setImmediate(done))
  const atOnce = client[method] as (...o: unknown[]) => Promise<never>
  client[method] = async (...o: unknown[]) => {
    client.emit({ type: 'stamping', key: 'ab'.repeat(32), factor, share: 0.423 })
    client.emit({ type: 'stamping', key: 'ab'.repeat(32), factor, share: 0.9 })
    await heard()
    return atOnce(...o)
  }
  return doors
}

describe('work for a stamp that takes long', () => {
  it('is shown while a blob is put, and a letter sent', async () => {
    const put = await muttr('blob put -', { doors: doorsAtWork('putBlob', 1), stdin: 'bytes' })
    assert.equal(put.status, 0)
    assert.match(put.stderr, /working for the stamp, 42 % likely to be done by now\n.*90 %/)
    assert.doesNotMatch(put.stderr, /times/)
    const doors = doorsAtWork('send', 50)
    const sent = await muttr('send bob@two.test Hello', { doors })
    assert.equal(sent.status, 0)
    assert.match(sent.stderr, /42 %.*seeds are pressed and ask for 50 times the usual/)
    assert.equal(doors.client.listeners(), 0)
  })

  it('leaves what programs read alone', async () => {
    const doors = doorsAtWork('putBlob', 50)
    const put = await muttr('blob put - --json', { doors, stdin: 'bytes' })
    assert.equal(put.stderr, '')
    assert.equal(put.objects().length, 1)
  })

  it('is not missed where there are no events to hear', async () => {
    const doors = createFakeDoors()
    // biome-ignore lint/correctness/useYield: it fails before
    doors.client.events = async function* () {
      throw new MuttrError('LIMIT_EXCEEDED', 'too many listeners')
    } as Client['events']
    const put = await muttr('blob put -', { doors, stdin: 'bytes' })
    assert.equal(put.status, 0)
  })

  it('is told of after 1, 2, 4 and 8 seconds, and not before', () => {
    const clock = fakeClock()
    const told: [number, number][] = []
    const startMs = clock.now()
    const emit: Parameters<typeof stampNews>[0]['emit'] = event => {
      if (event.type === 'stamping') told.push([clock.now() - startMs, event.factor])
    }
    const { onStamp } = stampNews({ clock, emit }, 'ab')
    for (let i = 0; i < 100; i++) {
      clock.advance(100)
      onStamp({ factor: 7, hashes: 1e9, share: i / 100 })
    }
    assert.deepEqual(
      told,
      [1_000, 2_000, 4_000, 8_000].map(ms => [ms, 7])
    )
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits } from '../../src/base/limits.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { readStamp } from '../../src/wire/stamp.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const KiB = 1_024
const network = {
  name: 'stamps',
  description: '',
  seeds: [],
  pods: [],
  parameters: { replicas: 8, quorum: 5 }
}

/** A blob of an hour or so: its stamp costs the least there is, and a thousand times of it a second at most. */
const smallBlob = () =>
  makeBlob(random.bytes(16 * KiB), {
    expiryMs: expiryAt(clock.now() + limits.expiryStepMs),
    retract: random.bytes(32),
    accept: null
  })

describe('whole nodes and stamps', () => {
  let folder: string
  let writer: Whole
  let small: Whole

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-stamps-'))
    const about = { folder, person: false, network } as const
    writer = await wholeNode({ ...about, name: 'writer' })
    small = await wholeNode({ ...about, name: 'small', capBytes: 1_024 * KiB })
    await writer.seed.join([small.network.contact()])
  })
  after(async () => {
    await writer?.[Symbol.asyncDispose]()
    await small?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('pay what a seed asks for that fills up, and it keeps what they paid with', async () => {
    let asked = 1
    for (let i = 0; i < 60 && asked < 20; i++) {
      const blob = smallBlob()
      const { settled } = await writer.seed.dht.put(blob)
      const end = await settled
      asked = end.asked
      const holders = end.acknowledgements.map(({ holder }) => holder).sort()
      assert.deepEqual(holders, [writer.network.self, small.network.self].sort())
      const { key, header } = blob
      const { stamp } = (await small.seed.dht.get(key)).blob
      const { lengthBytes, expiryMs } = header
      assert(readStamp(stamp, { key, lengthBytes, expiryMs }, clock.now()).pays(asked))
    }
    assert(asked >= 20, `${asked}`)
  })
})

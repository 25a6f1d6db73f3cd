import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Carried } from '../../src/client/carried.ts'
import { createCarried } from '../../src/client/carried.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../support/pod-world.ts'

const log = { debug() {}, info() {}, warn() {} }

describe('blobs along with pushes', () => {
  let world: PodWorld
  let host: PodHost
  let writer: PodLink
  const held = new Map<string, Blob>()
  let reads: number
  beforeEach(async () => {
    world = podWorld()
    host = await world.host()
    held.clear()
    reads = 0
    host.pod.bringAlong(async key => {
      reads += 1
      return held.get(toHex(key))
    })
    writer = await (await world.device(await personNamed('bob'))).open(host)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Somebody who listens, and what comes to them. */
  async function reader(wantedBytes: number) {
    const device = await world.device(await personNamed('alice'))
    const { clock } = world
    const carried = createCarried({ clock, log, wantedBytes })
    const link = await openPodLink({
      ...{ clock, carried, hostname: host.hostname },
      network: world.network.at(device.keys.self),
      contact: { peer: host.keys.self, addresses: [] }
    })
    const { certificate } = device.person
    const statement = await device.statement(host.hostname)
    await link.identify({ device: device.device, statement, certificate, nowMs: clock.now() })
    await link.register('alice', certificate)
    const box = makeBox()
    await link.listen(box.take, 0)
    return { carried, box }
  }

  /** A letter of so many sealed bytes, of which the pod's node has a copy. */
  async function write(sizeBytes: number, saidBytes = sizeBytes): Promise<Blob> {
    const nowMs = world.clock.now()
    const { intro, hpkeKey } = await writer.lookup('alice')
    const blob = makeBlob(random.bytes(sizeBytes), {
      expiryMs: expiryAt(nowMs + dayMs),
      retract: random.bytes(32),
      accept: null
    })
    held.set(toHex(blob.key), blob)
    const about = { key: blob.key, sizeBytes: saidBytes, expiryMs: blob.header.expiryMs }
    await writer.submit(await sealNotice(hpkeKey, noticeFor(intro, nowMs, about)))
    return blob
  }

  const took = (carried: Carried, { key }: Blob) => carried.take(key)?.blob.sealed

  it('come to who asked for them, of the size asked for and no larger', async () => {
    const { carried, box } = await reader(4_096)
    const small = await write(4_096)
    const large = await write(16_384)
    await box.has(2)
    assert.deepEqual(took(carried, small), small.sealed)
    assert.equal(took(carried, large), undefined)
  })

  it('come to nobody else, for whom nothing is read', async () => {
    const { carried, box } = await reader(0)
    const blob = await write(1_024)
    await box.has(1)
    assert.equal(took(carried, blob), undefined)
    assert.equal(reads, 0)
  })

  it('are not what a notice says that is wrong about the size', async () => {
    const { carried, box } = await reader(limits.alongBlobBytesMax)
    const blob = await write(64 * 1_024, 1_024)
    await box.has(1)
    assert.equal(took(carried, blob), undefined)
  })

  it('are left out, and no notice with them, when the store cannot be read', async () => {
    const { box } = await reader(4_096)
    host.pod.bringAlong(async () => {
      throw new Error('the disk is gone')
    })
    await write(1_024)
    await box.has(1)
  })

  it('are asked for in vain at a pod that does not know of them', async () => {
    const { network } = world
    const at = network.at.bind(network)
    const asked: string[] = []
    network.at = self => {
      const mine = at(self)
      return {
        ...mine,
        accept: (protocol, take) =>
          mine.accept(protocol, session => {
            const serve = session.serve.bind(session)
            session.serve = answer =>
              serve(async (method, payload, signal) => {
                asked.push(method)
                return await answer(method === 'along' ? 'unheard-of' : method, payload, signal)
              })
            take(session)
          })
      }
    }
    await host.restart()
    writer = await (await world.device(await personNamed('bob'))).open(host)
    const { box } = await reader(4_096)
    await write(1_024)
    await box.has(1)
    assert(asked.includes('along'))
  })
})

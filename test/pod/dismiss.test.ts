import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { makeDismissal } from '../../src/keys/device.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'

const pod = 'one.test'

describe('a device that its person takes off the list', () => {
  it('is let in no more, its session ends, and nobody else can have it dismissed', async () => {
    const world = podWorld()
    const host = await world.host()
    const alice = await personNamed('alice')
    const mallory = await personNamed('mallory')
    const [desk, phone, other] = await Promise.all([alice, alice, mallory].map(world.device))
    const fromDesk = await desk!.enter(host)
    await fromDesk.register('alice', alice.certificate)
    const fromPhone = await phone!.enter(host)
    const fromOther = await other!.enter(host)
    await fromOther.register('mallory', mallory.certificate)

    const nowMs = world.clock.now()
    const about = { deviceKey: phone!.device.publicKey, pod, nowMs }
    const right = await makeDismissal(alice, about)
    const wrong = [
      await makeDismissal(mallory, about),
      await makeDismissal(alice, { ...about, pod: 'two.test' }),
      right.map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
      right.subarray(0, 100)
    ]
    for (const dismissal of wrong)
      await assert.rejects(fromDesk.dismiss(dismissal), { code: 'STATEMENT_INVALID' })
    await assert.rejects(fromOther.dismiss(right), { code: 'STATEMENT_INVALID' })
    const stranger = await other!.open(host)
    await assert.rejects(stranger.dismiss(right), { code: 'IDENTIFY_FIRST' })

    await fromDesk.dismiss(right)
    await fromPhone.closed
    await assert.rejects(phone!.enter(host), { code: 'DEVICE_REVOKED' })
    await host.restart()
    await assert.rejects(phone!.enter(host), { code: 'DEVICE_REVOKED' })
    await (await desk!.enter(host)).dismiss(right)
    world.clock.advance(limits.deviceLifeMsMax + limits.clockSkewMs + 1)
    assert.deepEqual((await phone!.enter(host)).hostname, pod)
    await world[Symbol.asyncDispose]()
  })

  it('is sent away too when that was decided while it identified', async () => {
    const world = podWorld()
    const inner = memoryState()
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let held: string | undefined
    const state: State = {
      ...inner,
      async write(changes) {
        const isIt = changes.some(
          one => one.type === 'put' && held !== undefined && one.key.endsWith(held)
        )
        if (isIt) {
          held = undefined
          reached.resolve()
          await released.promise
        }
        return inner.write(changes)
      }
    }
    const host = await world.host({ state })
    const alice = await personNamed('alice')
    const [desk, phone] = await Promise.all([alice, alice].map(world.device))
    const fromDesk = await desk!.enter(host)
    await fromDesk.register('alice', alice.certificate)
    const deviceKey = phone!.device.publicKey
    held = `/${toHex(deviceKey)}`
    const entering = assert.rejects(phone!.enter(host), { code: 'DEVICE_REVOKED' })
    await reached.promise
    await fromDesk.dismiss(await makeDismissal(alice, { deviceKey, pod, nowMs: world.clock.now() }))
    released.resolve()
    await entering
    const rows = await inner.list(tables.devices)
    assert(!rows.some(({ key }) => key.endsWith(toHex(deviceKey))))
    await world[Symbol.asyncDispose]()
  })

  it('has no more of its kind than a pod keeps in mind', async () => {
    const world = podWorld()
    const rate = { burst: 200, everyMs: 1_000 }
    const host = await world.host({ limits: { registrationsPerAccount: rate } })
    const alice = await personNamed('alice')
    const desk = await world.device(alice)
    const link = await desk.enter(host)
    await link.register('alice', alice.certificate)
    const dismiss = async (i: number) => {
      const deviceKey = new Uint8Array(32).fill(i)
      await link.dismiss(await makeDismissal(alice, { deviceKey, pod, nowMs: world.clock.now() }))
    }
    for (let i = 0; i < 64; i++) await dismiss(i)
    await assert.rejects(dismiss(64), { code: 'LIMIT_EXCEEDED' })
    await world[Symbol.asyncDispose]()
  })
})

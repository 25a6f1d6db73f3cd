import assert from 'node:assert/strict'
import { revoke } from '../../src/keys/revoke.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'

const nowMs = Date.UTC(2026, 0, 1)

describe('a pod that is shown a revocation', () => {
  it('takes it from anybody, shows it, and lets nobody in with that key, now or after a restart', async () => {
    const world = podWorld()
    const host = await world.host()
    const [alice, bob] = [await personNamed('alice'), await personNamed('bob')]
    const device = await world.device(alice)
    const link = await device.enter(host)
    await link.register('alice', alice.certificate)
    const stranger = await (await world.device(bob)).open(host)
    await assert.rejects(stranger.revoke('alice', alice.certificate), { code: 'KEY_INVALID' })
    const revoked = await revoke(alice, 'compromised', nowMs)
    await assert.rejects(stranger.revoke('bob', revoked), { code: 'ALIAS_UNKNOWN' })
    const ofBob = await revoke(bob, 'compromised', nowMs)
    await assert.rejects(stranger.revoke('alice', ofBob), { code: 'ALIAS_UNKNOWN' })
    assert.equal((await stranger.lookup('alice@one.test')).certificate.revoked, false)

    await stranger.revoke('alice', revoked)
    await link.closed
    await host.restart()
    const again = await (await world.device(bob)).open(host)
    await again.revoke('alice', revoked)
    const shown = await again.lookup('alice@one.test')
    assert(shown.certificate.revoked && shown.certificate.pin === alice.certificate.pin)
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })

    await host.pod[Symbol.asyncDispose]()
  })
})

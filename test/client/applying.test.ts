import assert from 'node:assert/strict'
import { createApplying } from '../../src/client/applying.ts'
import { memoryState } from '../../src/store/memory.ts'
import { quiet } from '../support/client-world.ts'
import { olga, until } from '../support/federation-world.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'

describe('an alias that waits for an operator', () => {
  it('is waited for no more once somebody else has it', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval' })
    const { office } = host.pod
    const carol = await world.device(await personNamed('carol'))
    const link = await carol.enter(host)
    const { signal } = new AbortController()
    const applying = createApplying({
      ...{ state: memoryState(), clock: world.clock, log: quiet, pods: { keep: () => undefined } },
      life: signal,
      async register(alias) {
        const { untilMs } = await link.register(alias, carol.person.certificate)
        return { alias, pod: link.hostname, certifiedUntilMs: untilMs }
      }
    })
    const { register } = applying
    await assert.rejects(register('carol@one.test', { signal }), { code: 'REGISTRATION_WAITS' })
    assert.equal((await applying.list()).length, 1)
    await office.approve(olga, 'carol')
    const other = await world.device(await personNamed('other', ['carol']))
    const { code } = await office.invite(olga, {})
    await (await other.enter(host)).register('carol', other.person.certificate, { invite: code })
    applying.heard('one.test', { suspended: null, application: null })
    await until(async () => (await applying.list()).length === 0)
  })
})

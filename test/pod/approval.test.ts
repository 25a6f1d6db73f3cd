import assert from 'node:assert/strict'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { PodStanding } from '../../src/wire/pod-standing.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { dayMs, personNamed, podWorld } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const
const waits = { code: 'REGISTRATION_WAITS' }

async function asks(world: PodWorld, host: PodHost, name: string, note = '') {
  const device = await world.device(await personNamed(name))
  const link = await device.enter(host)
  const register = (o: { invite?: string } = {}) =>
    link.register(name, device.person.certificate, { ...o, ...(note !== '' && { note }) })
  return { device, link, register }
}

async function standingOf(host: PodHost, { device, person, ...who }: TestDevice, nowMs: number) {
  await using link = await who.open(host)
  const statement = await who.statement(host.hostname)
  const { certificate } = person
  return (await link.identify({ device, statement, certificate, nowMs })).standing
}

describe('a pod whose operators approve of each', () => {
  it('lets an applicant wait, tells them what was decided, and then lets them in', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval', subnetOf: peer => peer.slice(-8) })
    const { office } = host.pod
    const carol = await asks(world, host, 'carol', 'I sing alto')
    const told = Promise.withResolvers<PodStanding>()
    await carol.link.listen(async () => undefined, 0, undefined, told.resolve)
    await assert.rejects(carol.register(), waits)
    await assert.rejects(carol.register(), waits)
    const { pin, fingerprint } = carol.device.person.certificate
    const nowMs = world.clock.now()
    assert.deepEqual(await office.requests(), [
      {
        ...{ account: pin, fingerprint, alias: 'carol@one.test', state: 'waiting', reason: '' },
        ...{ note: 'I sing alto', network: carol.device.keys.self.slice(-8), atMs: nowMs },
        untilMs: nowMs + 14 * dayMs
      }
    ])
    assert.deepEqual(host.pod.usage().accounts, 0)

    assert.equal((await office.approve(olga, 'carol@one.test')).network, null)
    assert.equal((await told.promise).application?.state, 'approved')
    await carol.register()
    assert.deepEqual(await office.requests(), [])
    assert.deepEqual(await host.state.list(tables.applicantNetworks), [])
    await carol.register() // a renewal asks nobody
    const [entry] = await office.audit()
    assert.deepEqual([entry?.action, entry?.subject], ['request.approve', pin])
  })

  it('is asked too by who comes with an invite that is used up', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval' })
    const { code: invite } = await host.pod.office.invite(olga, {})
    await (await asks(world, host, 'carol')).register({ invite })
    const dave = await asks(world, host, 'dave')
    await assert.rejects(dave.register({ invite }), waits)
    await host.pod.office.approve(olga, 'dave')
    await dave.register({ invite })
    const { code: fresh } = await host.pod.office.invite(olga, {})
    await (await asks(world, host, 'erin')).register({ invite: fresh })
  })

  it('is asked by somebody for one alias at a time', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval' })
    const carol = await world.device(await personNamed('carol', ['carol', 'c2']))
    const link = await carol.enter(host)
    const { certificate } = carol.person
    await assert.rejects(link.register('carol', certificate), waits)
    const other = { code: 'REGISTRATION_REFUSED', message: /carol was asked for before/ }
    await assert.rejects(link.register('c2', certificate), other)
    await host.pod.office.approve(olga, 'carol')
    await link.register('carol', certificate)
    await assert.rejects(link.register('c2', certificate), waits)
  })

  it('is asked for another alias by who was approved of for one that was taken meanwhile', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval' })
    const { office } = host.pod
    const carol = await world.device(await personNamed('carol', ['carol', 'c2']))
    const link = await carol.enter(host)
    const { certificate } = carol.person
    await assert.rejects(link.register('carol', certificate), waits)
    await office.approve(olga, 'carol')
    const other = await world.device(await personNamed('other', ['carol']))
    const { code } = await office.invite(olga, {})
    await (await other.enter(host)).register('carol', other.person.certificate, { invite: code })
    await assert.rejects(link.register('carol', certificate), { code: 'ALIAS_TAKEN' })
    await assert.rejects(link.register('c2', certificate), waits)
    await office.approve(olga, 'c2')
    await link.register('c2', certificate)
  })

  it('refuses with a reason, for a month', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'approval' })
    const { office } = host.pod
    const { device, register } = await asks(world, host, 'carol')
    await assert.rejects(register(), waits)
    await office.refuse(olga, 'carol', { reason: 'members only' })
    const refused = { code: 'REGISTRATION_REFUSED', message: /members only/ }
    await assert.rejects(register(), refused)
    const { application } = await standingOf(host, device, world.clock.now())
    assert.deepEqual([application?.state, application?.reason], ['refused', 'members only'])
    await assert.rejects(office.refuse(olga, 'nobody', { reason: '' }), {
      code: 'APPLICATION_UNKNOWN'
    })
    await office.approve(olga, 'carol') // on second thoughts
    await register()
  })

  it('holds one of an account, one of a network, and so many in all', async () => {
    await using world = podWorld()
    const network = new Map<string, string>()
    const host = await world.host({
      policy: 'approval',
      subnetOf: peer => network.get(peer),
      limits: { applicationsMax: 2 }
    })
    const names = ['carol', 'dave', 'erin', 'frank']
    const [carol, dave, erin, frank] = await Promise.all(names.map(name => asks(world, host, name)))
    network.set(carol!.device.keys.self, 'a').set(dave!.device.keys.self, 'a')
    await assert.rejects(carol!.register(), waits)
    await assert.rejects(dave!.register(), { code: 'LIMIT_EXCEEDED', message: /network/ })
    await assert.rejects(erin!.register(), waits)
    await assert.rejects(frank!.register(), { code: 'LIMIT_EXCEEDED', message: /too many/ })
    // An invite needs nobody's leave.
    const { code } = await host.pod.office.invite(olga, {})
    await frank!.register({ invite: code })
    // Two weeks later the queue is empty again.
    await world.clock.advance(14 * dayMs)
    await host.pod.sweep()
    assert.deepEqual(await host.pod.office.requests(), [])
    for (const table of [tables.applications, tables.applicantNetworks])
      assert.deepEqual(await host.state.list(table), [])
    const again = await dave!.device.enter(host)
    await assert.rejects(again.register('dave', dave!.device.person.certificate), waits)
  })

  it('tells at every process, and decides once', async () => {
    await using world = podWorld()
    const state = memoryState()
    const one = await world.host({ policy: 'approval', state })
    const two = await world.host({ policy: 'approval', state })
    const { link, register } = await asks(world, one, 'carol')
    const told = Promise.withResolvers<PodStanding>()
    await link.listen(async () => undefined, 0, undefined, told.resolve)
    await assert.rejects(register(), waits)
    await Promise.all([two.pod.office.approve(olga, 'carol'), one.pod.office.requests()])
    assert.equal((await told.promise).application?.state, 'approved')
    const results = await Promise.allSettled([register(), register()])
    assert.equal(
      results.some(({ status }) => status === 'fulfilled'),
      true
    )
    assert.equal((await state.list(tables.owned)).length, 1)
  })
})

describe('what operators set while a pod runs', () => {
  it('are names: more of them, or fewer, and who has one keeps it', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const olgas = await asks(world, host, 'postmaster')
    const mayor = await asks(world, host, 'mayor')
    await assert.rejects(olgas.register(), { code: 'ALIAS_RESERVED' })
    await office.allow(olga, ['Postmaster', 'mayor'])
    await olgas.register()
    await mayor.register()
    const names = await office.reserve(olga, ['MAYOR', 'council', 'root'])
    assert.deepEqual([names.reserved, names.allowed], [['council', 'mayor'], ['postmaster']])
    await mayor.register() // renewed
    const late = await asks(world, host, 'council')
    await assert.rejects(late.register(), { code: 'ALIAS_RESERVED' })
    const similar = await asks(world, host, 'c0uncil')
    await assert.rejects(similar.register(), { code: 'ALIAS_CONFUSABLE' })
    assert.deepEqual((await office.allow(olga, ['council'])).reserved, ['mayor'])
    await late.register()
    await assert.rejects(office.reserve(olga, ['no names']), { code: 'ALIAS_INVALID' })
  })

  it('are rates, at once and at every process, also after a restart', async () => {
    await using world = podWorld()
    const state = memoryState()
    const one = await world.host({ state })
    const two = await world.host({ state })
    const { office } = one.pod
    const alice = await asks(world, two, 'alice')
    await alice.register()
    const link = await alice.device.open(two)
    for (let i = 0; i < 5; i++) await link.lookup('alice')
    const set = await office.setRate(olga, 'lookupsPerPeer', { burst: 1, perHour: 60 })
    assert.deepEqual([set.burst, set.usual], [1, { burst: 200, perHour: 18_000 }])
    // The other process hears of it in a moment, long before the usual rate would refuse.
    const refused = async () => {
      for (let asked = 5; asked < 100; asked++)
        if (
          await link.lookup('alice').then(
            () => false,
            () => true
          )
        )
          return asked
      return undefined
    }
    assert.notEqual(await refused(), undefined)
    await two.restart()
    const again = await alice.device.open(two)
    await again.lookup('alice')
    await assert.rejects(again.lookup('alice'), { code: 'LIMIT_EXCEEDED' })
    await world.clock.advance(60_000)
    await again.lookup('alice')
    await office.setRate(olga, 'lookupsPerPeer', null)
    assert.equal((await office.rates()).find(({ rate }) => rate === 'lookupsPerPeer')?.burst, 200)
    for (const wrong of [
      { burst: 0, perHour: 1 },
      { burst: 1, perHour: 0.5 }
    ])
      await assert.rejects(office.setRate(olga, 'lookupsPerPeer', wrong), { code: 'USAGE' })
    await assert.rejects(office.setRate(olga, 'accountsMax', null), { code: 'USAGE' })
  })
})

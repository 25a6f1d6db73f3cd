import assert from 'node:assert/strict'
import { tables } from '../../src/pod/rows.ts'
import { dayMs, personNamed, podWorld, random } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const

describe('reports to a pod', () => {
  it('come from anybody about its aliases, are kept once, and closed by an operator', async () => {
    await using world = podWorld()
    const host = await world.host({ subnetOf: peer => peer.slice(-6) })
    const { office } = host.pod
    const mallory = await world.device(await personNamed('mallory'))
    await (await mallory.enter(host)).register('mallory', mallory.person.certificate)
    const bob = await world.device(await personNamed('bob'))
    const link = await bob.open(host)
    const letter = random.bytes(32)
    const told = { kind: 'spam', text: 'sells pills', letter } as const
    await link.report('Mallory@one.test', told)
    await link.report('mallory', { ...told, text: 'in other words' })
    await (await mallory.enter(host)).report('mallory', { ...told, letter: null, text: 'me?' })
    await assert.rejects(link.report('nobody', told), { code: 'ALIAS_UNKNOWN' })
    const reports = await office.reports()
    assert.equal(reports.length, 2)
    const found = reports.find(({ text }) => text === 'sells pills')!
    assert.deepEqual(
      [found.alias, found.kind, found.letter, found.account, found.network],
      [
        ...['mallory@one.test', 'spam', Buffer.from(letter).toString('hex'), null],
        bob.keys.self.slice(-6)
      ]
    )
    const { pin } = mallory.person.certificate
    assert.equal(reports.find(({ text }) => text === 'me?')?.account, pin)

    const closed = await office.closeReport(olga, found.id.slice(0, 8), { reason: 'warned' })
    assert.deepEqual([closed.isOpen, closed.answer, closed.network], [false, 'warned', null])
    await assert.rejects(office.closeReport(olga, found.id, { reason: '' }), {
      code: 'REPORT_UNKNOWN'
    })
    const [entry] = await office.audit()
    assert.deepEqual([entry?.action, entry?.subject], ['report.close', found.id])
    await world.clock.advance(90 * dayMs)
    await host.pod.sweep()
    assert.deepEqual(await host.state.list(tables.reports), [])
  })

  it('come in so many and no more: from one network, and in all', async () => {
    await using world = podWorld()
    const network = new Map<string, string>()
    const host = await world.host({
      subnetOf: peer => network.get(peer),
      limits: { reportsPerSubnet: { burst: 3, everyMs: 60_000 }, reportsMax: 5 }
    })
    const mallory = await world.device(await personNamed('mallory'))
    await (await mallory.enter(host)).register('mallory', mallory.person.certificate)
    const tell = async (where: string, text: string) => {
      world.clock.advance(1)
      const device = await world.device(await personNamed('bob'))
      network.set(device.keys.self, where)
      await using link = await device.open(host)
      await link.report('mallory', { kind: 'other', text, letter: null })
    }
    for (let i = 0; i < 3; i++) await tell('a', `${i}`)
    await assert.rejects(tell('a', 'one more'), { code: 'LIMIT_EXCEEDED' })
    for (let i = 0; i < 2; i++) await tell('b', `${i}`)
    await assert.rejects(tell('c', 'too many in all'), {
      code: 'LIMIT_EXCEEDED',
      message: /reports wait/
    })
    const { office } = host.pod
    const before = await office.reports()
    assert.equal(before.length, 5)
    // Closed ones give way, the oldest first.
    for (const { id } of before.slice(0, 2)) await office.closeReport(olga, id, { reason: '' })
    const [, , , second, first] = await office.reports()
    await tell('c', 'one more')
    const after = (await office.reports()).map(({ id }) => id)
    assert.equal(after.length, 5)
    assert(after.includes(second!.id) && !after.includes(first!.id))
    await tell('c', 'and one more')
    await assert.rejects(tell('c', 'too many in all'), { code: 'LIMIT_EXCEEDED' })
    assert((await office.reports()).every(({ isOpen }) => isOpen))
  })
})

import assert from 'node:assert/strict'
import { addressRow, ownerId } from '../../src/pod/addresses/rows.ts'
import type { AccountExport } from '../../src/pod/office/export.ts'
import { tables } from '../../src/pod/rows.ts'
import type { PodHost, TestDevice } from '../support/pod-world.ts'
import { noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const

/** Whatever tells that a row is of somebody: in its key, or among its bytes, as text or raw. */
function mentions(row: { key: string; value: Uint8Array }, marks: readonly string[]): boolean {
  const hex = Buffer.from(row.value).toString('hex')
  return marks.some(
    mark =>
      row.key.includes(mark) ||
      hex.includes(Buffer.from(mark).toString('hex')) ||
      (/^[0-9a-f]{40,}$/.test(mark) && hex.includes(mark))
  )
}

async function rowsOf({ state }: PodHost, marks: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for await (const { table, ...row } of state.rows())
    if (mentions(row, marks)) found.push(`${table} ${row.key}`)
  return found.sort()
}

const exported = ({ tables }: AccountExport): string[] =>
  Object.entries(tables)
    .flatMap(([table, rows]) => rows.map(({ row }) => `${table} ${row}`))
    .sort()

describe('what a pod hands out of somebody', () => {
  it('is every row of every table that is theirs, and no row of anybody else', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'invite' })
    const { office } = host.pod
    const { code } = await office.invite(olga, { uses: 9 })
    const enter = async (name: string, aliases: string[]): Promise<TestDevice> => {
      const device = await world.device(await personNamed(name, aliases))
      const link = await device.enter(host)
      for (const alias of aliases)
        await link.register(alias, device.person.certificate, { invite: code })
      return device
    }
    const alice = await enter('alice', ['zalice', 'zal'])
    const bob = await enter('bob', ['zbob'])
    await (await alice.enter(host)).unregister('zal')
    const link = await bob.open(host)
    const { intro } = await link.lookup('zalice')
    await link.lookup('zbob')
    const notice = noticeFor(intro, world.clock.now())
    await link.submit(await sealNotice(host.hpkeKey, notice))
    await office.setQuota(olga, 'zalice', { notices: 7, invites: 3 })
    await (await alice.enter(host)).invite({ uses: 3, lifeMs: 60_000, note: '' })
    await link.report('zalice', { kind: 'spam', text: 'pills', letter: null })
    await office.suspend(olga, 'zalice', { reason: 'to see' })
    await office.suspend(olga, 'zbob', { reason: 'to see' })

    const all = await office.export(olga, 'zalice')
    const { pin, fingerprint } = alice.person.certificate
    const addresses = (await host.state.list(tables.addresses))
      .filter(({ value }) => ownerId(addressRow.decode(value).owner) === pin)
      .map(({ key }) => key)
    const marks = [pin, fingerprint, 'zalice', 'zal', ...addresses, alice.keys.self]
    assert.deepEqual(exported(all), await rowsOf(host, marks))
    const { certificate } = bob.person
    const bobs = [certificate.pin, certificate.fingerprint, 'zbob', bob.keys.self]
    const theirs = new Set(await rowsOf(host, bobs))
    assert.deepEqual(
      exported(all).filter(row => theirs.has(row)),
      []
    )
    assert.deepEqual(
      [all.format, all.pod, all.account, all.mail.length],
      ['muttr pod account 1', 'one.test', pin, 1]
    )
    // It can be read: names and times are in words, and only what is sealed or signed is in bytes.
    const [standing] = all.tables[tables.standings]!
    assert.deepEqual([standing?.state, standing?.reason], ['suspended', 'to see'])
    assert.equal(all.mail[0]?.row, '1')
    assert.equal(JSON.parse(JSON.stringify(all)).tables.quotas[0].notices, 7)
  })

  it('does not say who reported them, nor in what words', async () => {
    await using world = podWorld()
    const host = await world.host({ subnetOf: () => '192.0.2.0/24' })
    const enter = async (name: string) => {
      const { person, ...device } = await world.device(await personNamed(name))
      const link = await device.enter(host)
      await link.register(name, person.certificate)
      return { link, pin: person.certificate.pin }
    }
    const [alice, bob] = [await enter('alice'), await enter('bob')]
    await bob.link.report('alice', { kind: 'spam', text: 'she wrote to bob', letter: null })
    await alice.link.report('bob', { kind: 'abuse', text: 'he is rude', letter: null })
    const told = ({ tables: { reports = [] } }: AccountExport) =>
      reports.map(({ kind, account, network, text }) => [kind, account, network, text]).sort()
    const { office } = host.pod
    const own = ['abuse', alice.pin, '192.0.2.0/24', 'he is rude']
    assert.deepEqual(told(await office.export(olga, 'alice')), [own, ['spam', null, null, '']])
    const bobs = ['spam', bob.pin, '192.0.2.0/24', 'she wrote to bob']
    assert.deepEqual(told(await office.export(olga, 'bob')), [['abuse', null, null, ''], bobs])
  })

  it('is noted each time', async () => {
    await using world = podWorld()
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    await (await alice.enter(host)).register('alice', alice.person.certificate)
    await host.pod.office.export(olga, 'alice')
    const again = await host.pod.office.export(olga, 'alice')
    assert.deepEqual(
      again.tables[tables.audit]?.map(({ action }) => action),
      ['account.export', 'account.export']
    )
    await assert.rejects(host.pod.office.export(olga, 'nobody'), { code: 'ACCOUNT_UNKNOWN' })
    assert.equal((await host.pod.office.audit()).length, 2)
  })
})

import assert from 'node:assert/strict'
import { eraseAfterMs } from '../../src/client/rotation.ts'
import type { Person } from '../../src/keys/person.ts'
import { open } from '../../src/keys/seal.ts'
import { dropSubkeys } from '../../src/keys/subkeys.ts'
import { openVault, sealVault } from '../../src/keys/vault.ts'
import { readTombstone } from '../../src/wire/tombstone.ts'
import { away, ClientWorld, type Tester } from '../support/client-world.ts'
import { dyingState } from '../support/dying-state.ts'

const dayMs = 86_400_000
const monthMs = 30 * dayMs
const newest = ({ person }: Tester) => person.certificate.subkeys[0]!.fingerprint

describe('rotation of subkeys', () => {
  it('takes a new one every month, shows it at the pod, and people seal to it', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob', { subkeyEveryMs: monthMs })
    const before = newest(bob)
    await alice.client.send({ to: 'bob@one.test', body: 'to the old one' })
    await bob.seen('opened')
    bob.events.length = 0
    world.clock.advance(monthMs + dayMs)
    const { subkey } = await bob.seen('rotated')
    await bob.seen('registered')
    const shown = world.pod().accounts.get('bob@one.test')!.certificate
    assert.deepEqual(
      shown.subkeys.map(({ fingerprint }) => fingerprint),
      [subkey, before]
    )
    bob.events.length = 0
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'to the new one' })
    await bob.seen('opened')
    const blob = [...world.dht.blobs.values()].at(-1)!
    assert.equal((await bob.client.read(sent.id)).body, 'to the new one')
    const onlyNew = await onlyWith(bob, subkey)
    await open(blob.sealed, { reader: onlyNew, nowMs: world.clock.now() })
  })

  it('erases an old secret when nothing in the network can be sealed to it any more', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob', { subkeyEveryMs: monthMs })
    const sent = await alice.client.send({ to: 'bob@one.test', subject: 'kept', body: 'for long' })
    await bob.seen('opened')
    const recorded = [...world.dht.blobs.values()].at(-1)!.sealed
    const old = newest(bob)
    world.clock.advance(monthMs + dayMs)
    await bob.seen('rotated')
    await until(bob, list => list.some(({ eraseMs }) => eraseMs !== null))
    await away(world, [alice, bob], eraseAfterMs - dayMs)
    await bob.revive()
    assert((await bob.client.subkeys()).some(({ fingerprint }) => fingerprint === old))
    await away(world, [bob], 2 * dayMs)
    await bob.revive()
    const { subkeys } = await bob.seen('erased')
    assert(subkeys.includes(old))
    // What a thief finds: the vault with its passphrase, and all that was recorded on the way.
    const stolen = await openVault(await sealVault(bob.person, 'pass'), 'pass')
    const nowMs = world.clock.now()
    await assert.rejects(open(recorded, { reader: stolen, nowMs }), { code: 'SEAL_REFUSED' })
    assert.equal((await bob.client.read(sent.id)).body, 'for long')
    await bob.restart()
    assert.equal((await bob.client.read(sent.id)).body, 'for long')
  })

  it('goes on after a crash at each of its writes, and loses no letter by it', async () => {
    for (let writes = 0; writes < 5; writes++) {
      await using world = await ClientWorld.make()
      const alice = await world.join('alice')
      const { state, killAfter, killed } = dyingState()
      const bob = await world.join('bob', { subkeyEveryMs: monthMs, state })
      const early = await alice.client.send({ to: 'bob@one.test', body: 'before' })
      await bob.seen('opened')
      killAfter(writes, () => bob.kill())
      world.clock.advance(monthMs + dayMs)
      await killed
      await bob.revive()
      await bob.seen('listening')
      const sent = await alice.client.send({ to: 'bob@one.test', body: 'after' })
      await bob.seen('opened', ({ letter }) => letter === sent.id)
      for (const [id, body] of [
        [early.id, 'before'],
        [sent.id, 'after']
      ] as const)
        assert.equal((await bob.client.read(id)).body, body)
      await until(bob, list => list.length === 2 && list[1]!.eraseMs !== null)
      const shown = world.pod().accounts.get('bob@one.test')!.certificate
      assert.equal(shown.subkeys[0]!.fingerprint, newest(bob))
    }
  })

  it('tells correspondents in the next letter, so that receipts reach the new subkey', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice', { subkeyEveryMs: null })
    const bob = await world.join('bob')
    await alice.client.send({ to: 'bob@one.test', body: 'one' })
    await bob.seen('opened')
    await bob.client.send({ to: 'alice@one.test', body: 'two' })
    await alice.seen('opened')
    await alice.client.rotateSubkey()
    const subkey = newest(alice)
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'three', receipt: true })
    await bob.seen('released', ({ receipt }) => receipt)
    assert.equal(newest(alice), subkey)
    world.clock.advance(60_000)
    await alice.seen('accepted', ({ letter }) => letter === sent.id)
    assert((await alice.sent(sent.id)).accepted?.receipt)
    const tombstone = world.dht.tombstones.get((await alice.sent(sent.id)).key!)!
    const reader = await onlyWith(alice, subkey)
    const { receipt } = readTombstone(tombstone)
    await open(receipt!, { reader, nowMs: world.clock.now() })
  })

  it('leaves a key alone that was not to be touched, until it is asked to', async () => {
    await using world = await ClientWorld.make()
    const bob = await world.join('bob')
    await away(world, [bob], 3 * monthMs)
    await bob.revive()
    assert.equal((await bob.client.subkeys()).length, 1)
    const [current, old] = await bob.client.rotateSubkey()
    assert(current!.current && !old!.current)
    assert.equal(old!.eraseMs, null)
    await bob.restart({ locked: true })
    await assert.rejects(bob.client.rotateSubkey(), { code: 'VAULT_LOCKED' })
  })
})

async function until(
  tester: Tester,
  fits: (list: Awaited<ReturnType<Tester['client']['subkeys']>>) => boolean
): Promise<void> {
  while (!fits(await tester.client.subkeys())) await new Promise(done => setImmediate(done))
}

/** The person without the secrets of the other subkeys. */
const onlyWith = ({ person }: Tester, subkey: string): Promise<Person> =>
  dropSubkeys(
    person,
    new Set(person.certificate.subkeys.map(s => s.fingerprint).filter(one => one !== subkey))
  )

describe('whose certificate is old', () => {
  it('is asked about before anything is sealed, and written to as known while the pod is away', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.send({ to: 'bob@one.test', body: 'pins him' })
    await bob.seen('opened')
    await away(world, [alice, bob], 8 * dayMs)
    await bob.revive()
    await bob.client.rotateSubkey()
    const subkey = newest(bob)
    await alice.revive()
    await alice.client.send({ to: 'bob@one.test', body: 'to the new subkey' })
    const blob = [...world.dht.blobs.values()].at(-1)!
    const nowMs = world.clock.now()
    await open(blob.sealed, { reader: await onlyWith(bob, subkey), nowMs })
    await away(world, [alice, bob], 8 * dayMs)
    await alice.revive()
    world.pod().down()
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'kept by the network' })
    assert.equal(sent.state, 'stored')
    const long = {
      to: 'bob@one.test',
      body: 'longer than he is sure to read it',
      lifeMs: 100 * dayMs
    }
    const waits = await alice.client.send(long)
    assert.equal(waits.state, 'queued')
    assert.equal(waits.waiting?.code, 'POD_UNREACHABLE')
  })
})

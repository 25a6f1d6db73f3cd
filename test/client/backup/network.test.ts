import assert from 'node:assert/strict'
import type { ErrorCode } from '../../../src/base/errors.ts'
import type { NetworkBackup } from '../../../src/client/client.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld } from '../../support/client-world.ts'
import { secondDevice } from '../../support/own-devices.ts'

const dayMs = 24 * 3_600_000
const maxBytes = 2 ** 20
const weekly = { networkBackup: { mode: 'weekly' as const, maxBytes } }
const off = { networkBackup: { mode: 'off' as const, maxBytes } }

/** Waits until the backup in the network is as it shall be. */
async function stands(
  who: Tester,
  fits: (shown: NetworkBackup) => boolean
): Promise<NetworkBackup> {
  let shown: NetworkBackup | undefined
  await who.seen('network-backup', event => fits((shown = event as unknown as NetworkBackup)))
  return shown!
}
const isMade = ({ making, last }: NetworkBackup) => !making && last !== null

describe('a backup in the network', () => {
  let world: ClientWorld
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** One stands, and what follows is told from here on. */
  async function made(): Promise<void> {
    await stands(bob, isMade)
    bob.events.length = 0
  }
  const chunks = () => world.dht.blobs.size
  const puts = () => world.dht.recordPuts.length

  it('is made by itself where that is wanted, and only there', async () => {
    const alice = await world.join('alice', off)
    bob = await world.join('bob', weekly)
    const { last, mode } = await stands(bob, isMade)
    assert.equal(mode, 'weekly')
    assert.equal(puts(), 1)
    assert.equal(world.dht.recordPuts[0]!.byteLength < 1_000, true)
    const { networkBackup, backupMs } = await bob.client.status()
    assert.deepEqual([networkBackup.last, backupMs], [last, last!.madeMs])
    assert(last!.expiryMs >= last!.madeMs + 90 * dayMs)
    assert.deepEqual(await bob.client.attachments(), [])
    assert.equal((await alice.client.networkBackup()).last, null)
  })

  it('is left alone while nothing changes, but for its record, and made anew in time', async () => {
    bob = await world.join('bob', weekly)
    await made()
    // What came with the registration is in this one.
    await bob.client.makeNetworkBackup()
    await bob.seen('backed-up')
    const [stored, before] = [chunks(), (await bob.client.networkBackup()).last!]
    world.clock.advance(8 * dayMs)
    bob.client.wake()
    await until(() => puts() === 3)
    assert.equal(chunks(), stored, 'nothing was made')
    assert.deepEqual((await bob.client.networkBackup()).last, before)
    bob.events.length = 0
    world.clock.advance(69 * dayMs)
    bob.client.wake()
    const { last } = await stands(bob, it => isMade(it) && it.last!.madeMs > before.madeMs)
    assert(last!.expiryMs > before.expiryMs)
  })

  it('is followed by another when something changed; the former is taken back when that stands', async () => {
    bob = await world.join('bob', weekly)
    await made()
    await bob.client.saveDraft({ to: 'alice@one.test', body: 'to be kept' })
    const before = (await bob.client.networkBackup()).last!
    world.dht.recordFails = 'PEER_TIMEOUT'
    world.clock.advance(8 * dayMs)
    bob.client.wake()
    await stands(bob, ({ making, problem }) => making !== null && problem?.code === 'PEER_TIMEOUT')
    assert.equal(world.dht.tombstones.size, 0)
    assert.deepEqual((await bob.client.networkBackup()).last, before)
    world.dht.recordFails = null
    bob.events.length = 0
    bob.client.wake()
    await stands(bob, shown => isMade(shown) && shown.last!.madeMs > before.madeMs)
    await until(() => world.dht.tombstones.size > 0)
    assert.equal(puts(), 2)
  })

  it('goes on where a killed process was', async () => {
    bob = await world.join('bob', off)
    const { promise: held, resolve: goOn } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    world.dht.beforePut = () => {
      reach()
      return held
    }
    await bob.client.makeNetworkBackup()
    await reached
    bob.kill()
    goOn()
    world.dht.beforePut = async () => undefined
    world.dht.recordFails = 'PEER_TIMEOUT'
    await bob.revive()
    await stands(bob, ({ making }) => making?.step === 'telling')
    bob.kill()
    world.dht.recordFails = null
    await bob.revive()
    await bob.seen('listening')
    await until(async () => isMade(await bob.client.networkBackup()))
    assert.equal(puts(), 1)
  })

  it('is begun anew when the process was killed while it was sealed', async () => {
    bob = await world.join('bob', off)
    bob.at = event => {
      if (event.type === 'network-backup' && event.making?.step === 'sealing') bob.kill()
    }
    await bob.client.makeNetworkBackup()
    await stands(bob, ({ making }) => making?.step === 'sealing')
    bob.at = () => undefined
    assert.equal(chunks(), 0)
    await bob.revive()
    await until(async () => isMade(await bob.client.networkBackup()))
    assert.equal(puts(), 1)
  })

  it('waits while the vault is locked', async () => {
    bob = await world.join('bob', weekly)
    await made()
    await bob.client.saveDraft({ to: 'alice@one.test', body: 'to be kept' })
    await bob.restart({ locked: true })
    world.clock.advance(8 * dayMs)
    bob.client.wake()
    await assert.rejects(bob.client.makeNetworkBackup(), { code: 'VAULT_LOCKED' })
    const stored = chunks()
    assert.equal((await bob.client.networkBackup()).making, null)
    assert.deepEqual([puts(), chunks()], [1, stored])
    bob.events.length = 0
    await bob.client.unlock(bob.person)
    await stands(bob, shown => isMade(shown) && shown.last!.madeMs >= world.clock.now())
    assert.equal(puts(), 2)
  })

  it('is refused above its bound, and says so', async () => {
    const networkBackup = { mode: 'off' as const, maxBytes: 1_000 }
    bob = await world.join('bob', { networkBackup })
    await bob.client.makeNetworkBackup()
    const { problem } = await stands(bob, shown => shown.problem !== null)
    assert.equal(problem!.code, 'LIMIT_EXCEEDED' satisfies ErrorCode)
    assert.match(problem!.hint, /networkBackupBytes/)
    assert.deepEqual([chunks(), puts()], [0, 0])
  })

  it('can be ended while it is made: what was stored of it is taken back', async () => {
    bob = await world.join('bob', weekly)
    await made()
    const [stored, before] = [chunks(), (await bob.client.networkBackup()).last]
    world.dht.recordFails = 'PEER_TIMEOUT'
    await bob.client.makeNetworkBackup()
    await stands(bob, ({ making }) => making?.step === 'telling')
    const { making, last } = await bob.client.cancelNetworkBackup()
    assert.deepEqual([making, last], [null, before])
    await until(() => world.dht.tombstones.size === chunks() - stored && chunks() > stored)
    assert.deepEqual([puts(), (await bob.client.networkBackup()).making], [1, null])
  })

  it('is made by one device of the person, and kept by no other', async () => {
    const both = [await world.join('bob', off)]
    both.push(await secondDevice(world, both[0]!))
    const shown = await Promise.all(both.map(({ client }) => client.networkBackup()))
    assert.deepEqual(shown.map(({ elsewhere }) => elsewhere).sort(), [false, true])
    const [maker, other] = shown[0]!.elsewhere ? [both[1]!, both[0]!] : [both[0]!, both[1]!]
    await assert.rejects(other.client.makeNetworkBackup(), { code: 'USAGE' })
    assert.equal(puts(), 0)
    bob = maker
    await bob.client.makeNetworkBackup()
    await stands(bob, isMade)
    world.clock.advance(8 * dayMs)
    other.client.wake()
    maker.client.wake()
    await until(() => puts() === 2)
    assert.equal((await other.client.networkBackup()).last, null)
  })

  /** What the client does on its own, told by what its network and events show. */
  async function until(fits: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await fits())) await new Promise(resolve => setImmediate(resolve))
  }
})

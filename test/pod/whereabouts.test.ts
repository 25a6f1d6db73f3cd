import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Contact, Log } from '../../src/base/ports.ts'
import { publishWhereabouts } from '../../src/pod/whereabouts.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { decodeWhereabouts, whereaboutsKey } from '../../src/wire/records/whereabouts.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fakeDht } from '../support/fake-dht.ts'
import { ed25519Author } from '../support/record-authors.ts'

const silent: Log = { debug() {}, info() {}, warn() {} }

describe('a running pod', () => {
  const { author, sign } = ed25519Author(1)
  const self = peerOfKey(author.bytes)
  const pod = {
    hostname: 'one.test',
    fingerprint: 'ab'.repeat(20),
    hpkeKey: new Uint8Array(32).fill(1)
  }

  it('says where it is, and again when its addresses change', async () => {
    const clock = fakeClock()
    const dht = fakeDht(clock)
    let contact: Contact = { peer: self, addresses: [] }
    await using publisher = publishWhereabouts({
      ...pod,
      dht,
      quorum: 5,
      network: { contact: () => contact },
      clock,
      random: { bytes: length => new Uint8Array(length) },
      log: silent,
      keys: { self, sign, verify: () => false }
    })
    await publisher.quiet()
    assert.equal(dht.recordPuts.length, 0, 'without an address there is nothing to say')
    for (const addresses of [['/ip4/127.0.0.1/tcp/1'], ['/ip4/127.0.0.1/tcp/2']]) {
      contact = { peer: self, addresses }
      clock.advance(60_000)
      await publisher.quiet()
      const { body } = decodeRecord(await dht.getRecord(whereaboutsKey(self)!))
      assert.deepEqual(decodeWhereabouts(body), { ...pod, addresses })
    }
    assert.equal(dht.recordPuts.length, 2)
  })

  it('sees that another process has its keys, once that says so after it, and says it once', async () => {
    const clock = fakeClock()
    const dht = fakeDht(clock)
    const warned: unknown[] = []
    const at = (address: string, log: Log = silent) =>
      publishWhereabouts({
        ...{ ...pod, dht, quorum: 5, clock, log },
        network: { contact: () => ({ peer: self, addresses: [address] }) },
        random: { bytes: length => new Uint8Array(length) },
        keys: { self, sign, verify: () => false }
      })
    const [here, there] = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2']
    await using old = at(there)
    await old.quiet()
    clock.advance(1)
    // The machine that it came from said so before: that is no second one.
    await using own = at(here, { ...silent, warn: (...said) => void warned.push(said) })
    assert.equal(await own.elsewhere(), null)
    assert.deepEqual(await old.elsewhere(), [here])
    clock.advance(1)
    await using again = at(there)
    await again.quiet()
    assert.deepEqual(await own.elsewhere(), [there])
    assert.equal(await again.elsewhere(), null)
    for (let i = 0; i < 3; i++) {
      clock.advance(5 * 60_000)
      await own.elsewhere()
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.deepEqual(warned, [['pod.elsewhere', { pod: 'one.test', where: there }]])
  })

  it('says nothing before it has read what stands there, and nothing where that says more than it knows', async () => {
    const clock = fakeClock()
    const dht = fakeDht(clock)
    let asked = 0
    const begin = (isOlder: () => Promise<boolean>) =>
      publishWhereabouts({
        ...{ ...pod, dht, quorum: 5, clock, log: silent, isOlder },
        network: { contact: () => ({ peer: self, addresses: ['/ip4/127.0.0.1/tcp/1'] }) },
        random: { bytes: length => new Uint8Array(length) },
        keys: { self, sign, verify: () => false }
      })
    await using older = begin(async () => true)
    await older.quiet()
    await using own = begin(async () => {
      if (asked++ === 0) throw new MuttrError('NETWORK_EMPTY', 'nobody is there yet')
      return false
    })
    await own.quiet()
    assert.equal(dht.recordPuts.length, 0)
    for (let i = 0; i < 3; i++) {
      clock.advance(60_000)
      await older.quiet()
      await own.quiet()
    }
    assert.deepEqual([dht.recordPuts.length, asked], [1, 2])
  })
})

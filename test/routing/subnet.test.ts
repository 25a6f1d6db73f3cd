import assert from 'node:assert/strict'
import fc from 'fast-check'
import { limits } from '../../src/base/limits.ts'
import { believed, subnetOf } from '../../src/routing/subnet.ts'

const machine = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.9.9.9/tcp/22', '/ip6/::1/tcp/1']
const mapped = [
  '/ip6/::ffff:7f00:1/tcp/1',
  '/ip6/0:0:0:0:0:ffff:7f00:1/tcp/1',
  '/ip6/::/tcp/1',
  '/ip6/64:ff9b::7f00:1/tcp/1'
]
const house = [
  '/ip4/10.0.0.1/tcp/80',
  '/ip4/172.16.9.1/tcp/80',
  '/ip4/192.168.1.1/tcp/80',
  '/ip4/169.254.169.254/tcp/80',
  '/ip4/100.64.0.1/tcp/80',
  '/ip4/0.0.0.0/tcp/80',
  '/ip6/fe80::1/tcp/80',
  '/ip6/fd00::1/tcp/80',
  '/ip6/64:ff9b::c0a8:109/tcp/80',
  '/ip6/64:ff9b:0:0::192.168.1.9/tcp/80',
  '/ip6/64:FF9B:1::1/tcp/80',
  '/ip6/2002:c0a8:109::1/tcp/80',
  '/ip6/2001::3f57:fef6/tcp/80',
  '/ip6/2001:0:4136:e378:8000:63bf:f5ff:fffe/tcp/80',
  '/ip6/fec0::1/tcp/80'
]
const world = [
  '/ip4/198.41.0.4/tcp/4420',
  '/ip6/2001:503:ba3e::2:30/tcp/4420',
  '/ip6/64:ff9b::c629:4/tcp/4420',
  '/ip6/2002:c629:4::1/tcp/4420'
]
const names = [
  '/dns4/intranet/tcp/80',
  '/dnsaddr/a.example',
  '/dns/localhost/tcp/22',
  '/unix/run/x'
]

const told = [...machine, ...mapped, ...house, ...world, ...names].map((address, i) => ({
  peer: `peer ${i}`,
  addresses: [address]
}))
const by = (...addresses: string[]) =>
  believed({ peer: 'teller', addresses }, told).flatMap(contact => contact.addresses)

describe('what others say of where peers are', () => {
  it('is believed of the world, whoever says it', () => {
    assert.deepEqual(by(world[0]!), world)
    assert.deepEqual(by(), world, 'by one whose place we do not know')
    assert.deepEqual(by('/dns4/seed.example/tcp/1'), world)
  })

  it('is believed of our own networks, said from there', () => {
    assert.deepEqual(by(house[2]!), [...house, ...world])
    assert.deepEqual(by(world[0]!, house[2]!), [...house, ...world])
  })

  it('is believed of our own machine, said from there', () => {
    assert.deepEqual(by(machine[0]!), [...machine, ...mapped, ...house, ...world])
    assert.deepEqual(by(machine[2]!), [...machine, ...mapped, ...house, ...world])
  })

  it('keeps every contact, and those as they are that lose nothing', () => {
    const teller = { peer: 'teller', addresses: [world[0]!] }
    const mixed = { peer: 'a', addresses: [house[0]!, world[1]!, names[0]!] }
    const [same, cut] = believed(teller, [told.find(c => c.addresses[0] === world[0])!, mixed])
    assert.equal(
      same,
      told.find(c => c.addresses[0] === world[0])
    )
    assert.deepEqual(cut, { peer: 'a', addresses: [world[1]] })
  })

  it('has nobody knock at one network without end', () => {
    const teller = { peer: 'teller', addresses: [world[0]!] }
    const ports = (host: string) => (_: unknown, i: number) => `/ip4/${host}/tcp/${i + 1}`
    const victims = Array.from({ length: 20 }, (_, i) => ({
      peer: `peer ${i}`,
      addresses: Array.from({ length: 8 }, ports(`198.41.0.${i}`))
    }))
    const knocks = believed(teller, victims).map(({ addresses }) => addresses.length)
    assert.equal(Math.max(...knocks), limits.hearsayAddressesMax)
    const sum = knocks.reduce((a, b) => a + b)
    assert.equal(sum, limits.subnetPeersMax)
    const far = victims.map((contact, i) => ({
      ...contact,
      addresses: Array.from({ length: 8 }, ports(`198.41.${i}.1`))
    }))
    assert.equal(believed(teller, far).flatMap(c => c.addresses).length, 80)
  })

  it('meets any text', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (addresses, said) => {
        believed({ peer: 'a', addresses }, [{ peer: 'b', addresses: said }])
      })
    )
  })
})

describe('the network of an address', () => {
  const cases: [address: string, network: string | undefined, withLocal: string | undefined][] = [
    ['/ip4/192.0.2.77/tcp/1', '192.0.2', '192.0.2'],
    ['/ip6/2001:db8:a::1/tcp/1', '2001:db8:a', '2001:db8:a'],
    ['/ip6/2001:db8:a:ffff:1:2:3:4/udp/1/quic-v1', '2001:db8:a', '2001:db8:a'],
    ['/ip6/::ffff:192.0.2.9/tcp/1', '192.0.2', '192.0.2'],
    ['/ip6/::ffff:c000:209/tcp/1', '192.0.2', '192.0.2'],
    ['/ip6/0:0:0:0:0:ffff:c000:209/tcp/1', '192.0.2', '192.0.2'],
    ['/ip6/::ffff:10.0.0.1/tcp/1', undefined, '10.0.0'],
    ['/ip4/127.0.0.1/tcp/1', undefined, '127.0.0'],
    ['/ip4/192.168.7.1/tcp/1', undefined, '192.168.7'],
    ['/ip6/::1/tcp/1', undefined, '0:0:0'],
    ['/ip6/fe80::1/tcp/1', undefined, 'fe80:0:0'],
    ['/ip4/192.0.2.77/tcp/1/p2p/QmRelay/p2p-circuit', '192.0.2', '192.0.2'],
    ['/dns4/seed.example/tcp/1', 'seed.example', 'seed.example'],
    ['/unix/x', undefined, undefined],
    ['', undefined, undefined]
  ]
  it('is a /24, a /48 or a name; loopback and private ranges are none unless asked for', () => {
    for (const [address, network, withLocal] of cases) {
      assert.equal(subnetOf(address), network, address)
      assert.equal(subnetOf(address, true), withLocal, address)
    }
  })
})

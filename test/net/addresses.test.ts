import assert from 'node:assert/strict'
import { multiaddr } from '@multiformats/multiaddr'
import { limits } from '../../src/base/limits.ts'
import { believable, dialable, isPublic, readAddress } from '../../src/net/addresses.ts'

const machine = ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1', '/ip6/::ffff:7f00:1/tcp/1']
const house = ['/ip4/192.168.1.9/tcp/1', '/ip4/169.254.169.254/tcp/80', '/ip6/fd00::9/tcp/1']
const world = ['/ip4/198.41.0.4/tcp/1', '/ip6/2001:503:ba3e::2:30/tcp/1']
const names = ['/dns4/intranet/tcp/1', '/dnsaddr/a.example', '/dns/localhost/tcp/1', '/unix/run']
const all = [...machine, ...house, ...world, ...names, 'nonsense', '/ip4/300.1.1.1/tcp/1']
const seenAt = (address: string) => believable(all, multiaddr(address))

describe('an address of networks like ours', () => {
  it('is one however it is written, and also behind a gateway', () => {
    const house = ['127.0.0.1', '10.0.0.1', '192.168.1.9', '::', '::1', 'fe80::1', 'fd00::1']
    const written = ['::ffff:192.168.1.9', '::ffff:c0a8:109', '::192.168.1.9', '::a00:1']
    const nat64 = ['64:ff9b::c0a8:109', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1']
    const sixToFour = ['2002:c0a8:109::1', '2002:7f00:1::', '2002:a00:1:2::3']
    // 192.168.1.9 and 10.0.0.1, each bit turned.
    const teredo = ['2001::3f57:fef6', '2001:0:4136:e378:8000:63bf:f5ff:fffe']
    const older = ['::ffff:0:192.168.1.9', '::ffff:0:7f00:1', 'fec0::1', 'feff::1']
    const hidden = [...written, ...nat64, ...sixToFour, ...teredo, ...older]
    for (const ip of [...house, ...hidden, 'localhost', '']) assert.equal(isPublic(ip), false, ip)
    const world = ['198.41.0.4', '2001:503:ba3e::2:30', '::ffff:198.41.0.4']
    for (const ip of [
      ...world,
      '64:ff9b::c629:4',
      '2002:c629:4::1',
      '2003::1',
      '64:ff9c::1',
      '2001:1::1'
    ])
      assert.equal(isPublic(ip), true, ip)
  })
})

describe('what a peer says of itself', () => {
  it('leads no nearer than where it was met, and to no name', () => {
    assert.deepEqual(seenAt(world[0]!), world)
    assert.deepEqual(seenAt(house[0]!), [...house, ...world])
    assert.deepEqual(seenAt(machine[0]!), [...machine, ...house, ...world])
  })

  it('is so many addresses at most, none of them long, each once', () => {
    const many = Array.from({ length: 20 }, (_, i) => `/ip4/198.41.0.${i}/tcp/1`)
    const found = believable([many[0]!, ...many], multiaddr(world[0]!))
    assert.deepEqual(found, many.slice(0, limits.contactAddressesMax))
    const long = `/ip4/198.41.0.4/tcp/1/${'http/'.repeat(40)}`
    assert.deepEqual(believable([long], multiaddr(world[0]!)), [])
  })

  it('names its peer itself, whatever peer an address names', () => {
    const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
    const other = '12D3KooWHHzSeKaY8xuZVzkLbKFfvNgPPeKhFBGrMbNzbm5akpqu'
    const [found] = dialable({ peer, addresses: [`/ip4/198.41.0.4/tcp/1/p2p/${other}`] })
    assert.equal(String(found), `/ip4/198.41.0.4/tcp/1/p2p/${peer}`)
    assert.deepEqual(dialable({ peer, addresses: ['nonsense', ''] }), [])
    assert.throws(() => readAddress('nonsense'), { code: 'WIRE_MALFORMED' })
  })
})

import assert from 'node:assert/strict'
import { peerIdFromString } from '@libp2p/peer-id'
import fc from 'fast-check'
import type { Contact } from '../../src/base/ports.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import { contact, keyOfPeer, peerOfKey, wireContact, wireContacts } from '../../src/wire/contact.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const addresses = fc.array(
  fc.oneof(
    fc
      .tuple(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }))
      .map(([ip, p]) => `/ip4/${ip}/tcp/${p}`),
    fc.tuple(fc.ipV6(), fc.nat(65_535)).map(([ip, port]) => `/ip6/${ip}/tcp/${port}`),
    fc
      .domain()
      .map(name => `/dns4/${name}/tcp/443/tls/ws`)
      .filter(a => a.length <= 160)
  ),
  { maxLength: 8 }
)
const contacts = recordOf<Contact>({ peer: bytesOf(32).map(peerOfKey), addresses })
const read = (bytes: Uint8Array) => decodeCbor(bytes, 'a contact', contact, 2_000)

describe('a peer id', () => {
  it('is made of its key and gives it back, as libp2p does', () => {
    fc.assert(
      fc.property(bytesOf(32), key => {
        const peer = peerOfKey(key)
        assert.deepEqual(keyOfPeer(peer), key)
        const theirs = peerIdFromString(peer)
        assert.deepEqual(theirs.publicKey?.raw, key)
        assert.equal(theirs.toString(), peer)
      })
    )
  })

  it('of another kind, or broken, has no key', () => {
    const good = peerOfKey(new Uint8Array(32).fill(9))
    const rsa = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
    for (const peer of [rsa, '', good.slice(1), `${good}1`, good.replace('K', '0'), '1'.repeat(52)])
      assert.equal(keyOfPeer(peer), undefined, peer)
    fc.assert(fc.property(fc.string(), text => void keyOfPeer(text)))
    fc.assert(
      fc.property(fc.string({ minLength: 44, maxLength: 44 }), text => {
        const key = keyOfPeer(`12D3KooW${text}`)
        assert(key === undefined || peerOfKey(key) === `12D3KooW${text}`)
      })
    )
  })
})

describe('a contact on the wire', () => {
  it('is read as written', () => {
    fc.assert(
      fc.property(contacts, made => {
        assert.deepEqual(read(encodeCbor(wireContact(made))), made)
      })
    )
  })

  it('meets any bytes with a contact or WIRE_MALFORMED', () => {
    hostile({
      valid: contacts.map(made => encodeCbor(wireContact(made))),
      read: bytes => encodeCbor(wireContact(read(bytes))),
      codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
      maxBytes: 2_000
    })
  })

  it('is small: twenty of them fit one packet', () => {
    const peer = peerOfKey(new Uint8Array(32).fill(9))
    const list = Array(20).fill({ peer, addresses: ['/ip4/203.0.113.200/tcp/44201'] })
    assert(encodeCbor(wireContacts(list)).byteLength < 1_200)
  })

  it('has no second way to write an address, and none that is no multiaddr', () => {
    const key = new Uint8Array(32)
    const refused = (address: string) =>
      assert.throws(() => read(encodeCbor([key, [address]])), { code: 'WIRE_MALFORMED' }, address)
    for (const address of ['/ip4/1.2.3.4/tcp/5', '', 'tcp', '/', '//', '/a b', '/ä', '/a/'])
      refused(address)
    refused(`/dns4/${'x'.repeat(160)}`)
    refused(`/ip6/::1/tcp/1/p2p/${peerOfKey(key)}`)
  })

  it('is one object wherever it is named, unless anything in it differs', () => {
    const key = (last: number) => new Uint8Array(32).fill(7).fill(last, 31)
    const at = (port: number) => `/ip4/192.0.2.1/tcp/${port}`
    const named = (last: number, port: number) => {
      const told = { peer: peerOfKey(key(last)), addresses: [at(port)] }
      const heard = read(encodeCbor(wireContact(told)))
      assert.deepEqual(heard, told)
      return heard
    }
    assert.equal(named(1, 1), named(1, 1))
    // All of them begin alike.
    for (const last of [2, 1]) for (const port of [2, 1]) named(last, port)
    assert.equal(named(2, 2), named(2, 2))
  })

  it('leaves out what cannot be written', () => {
    assert.equal(wireContact({ peer: 'QmRsa', addresses: [] }), undefined)
    const peer = peerOfKey(new Uint8Array(32).fill(1))
    const odd = [
      'nonsense',
      '/ip4/1.2.3.4/tcp/5',
      '/ip4/1.2.3.4/tcp/5/p2p/x',
      '/ip4/01.2.3.4/tcp/5'
    ]
    const { addresses } = read(encodeCbor(wireContact({ peer, addresses: odd })))
    assert.deepEqual(addresses, ['/ip4/1.2.3.4/tcp/5', '/ip4/01.2.3.4/tcp/5'])
  })
})

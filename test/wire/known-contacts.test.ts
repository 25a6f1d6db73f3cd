import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Contact } from '../../src/base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, tuple } from '../../src/wire/cbor.ts'
import { address, knownContacts, peerOfKey, wireContacts } from '../../src/wire/contact.ts'
import { decodeContacts } from '../../src/wire/dht.ts'

/** Few enough to be met again, and so much alike that all stand in one place. */
const keys = fc.nat(60).map(last => new Uint8Array(32).fill(5).fill(last, 31))
const ports = fc.nat(3).map(port => `/ip4/192.0.2.1/tcp/${port}`)
const addresses = fc.oneof(
  { weight: 5, arbitrary: ports.map(at => [at]) },
  fc.constantFrom<string[]>(
    [],
    ['/dns4/a.example/tcp/1'],
    ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.1/tcp/2']
  )
)
const lists = fc.array(fc.record({ key: keys, addresses }), { maxLength: 20 })
type Told = { key: Uint8Array; addresses: readonly string[] }[]
const contactsOf = (told: Told): Contact[] =>
  told.map(({ key, addresses }) => ({ peer: peerOfKey(key), addresses }))

/** What the frame says, by the reader of single fields. */
function plainly(frame: Uint8Array): Contact[] | undefined {
  const one = tuple(bytes(32), array(address, 8))
  try {
    const [list] = decodeCbor(frame, 'contacts', tuple(array(one, 20)), 20_000)
    return list.map(([key, addresses]) => ({ peer: peerOfKey(key), addresses: [...addresses] }))
  } catch {
    return undefined
  }
}

describe('contacts that were met before', () => {
  it('are read as the first time, each as the same object', () => {
    fc.assert(
      fc.property(lists, told => {
        const frame = encodeCbor([wireContacts(contactsOf(told))])
        const first = decodeContacts(frame)
        assert.deepEqual(first, contactsOf(told))
        assert.deepEqual(decodeContacts(frame), first)
      })
    )
  })

  it('are not taken apart when all of them are usual', () => {
    const key = (last: number) => new Uint8Array(32).map((_, i) => 11 * i * last)
    const told = [1, 2, 3].map(n => ({ key: key(n), addresses: ['/ip4/192.0.2.9/tcp/9'] }))
    const frame = encodeCbor([wireContacts(contactsOf(told))])
    assert.equal(knownContacts(frame), undefined, 'nobody was met yet')
    const first = decodeContacts(frame)
    const again = knownContacts(frame)
    assert.ok(again)
    for (const [i, contact] of again.entries()) assert.equal(contact, first[i])
  })

  it('do not hide what else a frame says', () => {
    fc.assert(
      fc.property(lists, fc.nat(), fc.nat(7), fc.boolean(), (told, at, bit, isCut) => {
        const frame = encodeCbor([wireContacts(contactsOf(told))])
        decodeContacts(frame)
        const other = isCut ? frame.slice(0, at % frame.length) : frame.slice()
        if (!isCut) other[at % frame.length]! ^= 1 << bit
        const expected = plainly(other)
        if (expected) assert.deepEqual(decodeContacts(other), expected)
        else assert.throws(() => decodeContacts(other), { code: 'WIRE_MALFORMED' })
      }),
      { numRuns: 1_000 }
    )
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { keyOfPeer, peerOfKey } from '../../src/wire/contact.ts'
import { recordKeyOf } from '../../src/wire/record.ts'
import type { PersonRecord } from '../../src/wire/records/person.ts'
import { decodePerson, encodePerson, personKey } from '../../src/wire/records/person.ts'
import type { Whereabouts } from '../../src/wire/records/whereabouts.ts'
import {
  decodeWhereabouts,
  encodeWhereabouts,
  whereaboutsKey
} from '../../src/wire/records/whereabouts.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const invalid = { code: 'RECORD_INVALID' }
const codes = ['RECORD_INVALID', 'WIRE_TOO_LARGE'] as const
const peer = peerOfKey(new Uint8Array(32).fill(7))
const hex = (length: number) => bytesOf(length).map(toHex)
const print = fc.oneof(hex(20), hex(32))
const octet = fc.nat(255)
const port = fc.nat(65_535)
const addresses = fc.array(
  fc.oneof(
    fc
      .tuple(octet, octet, octet, octet, port)
      .map(([a, b, c, d, p]) => `/ip4/${a}.${b}.${c}.${d}/tcp/${p}`),
    port.map(p => `/dns4/pod.example/tcp/${p}`),
    port.map(p => `/ip6/2001:db8::1/tcp/${p}`)
  ),
  { minLength: 1, maxLength: limits.contactAddressesMax }
)
const hostname = fc.stringMatching(/^[a-z0-9]{1,20}\.example$/)
const whereabouts: fc.Arbitrary<Whereabouts> = recordOf<Whereabouts>({
  hostname,
  addresses,
  fingerprint: print,
  hpkeKey: bytesOf(32)
})
const person: fc.Arbitrary<PersonRecord> = recordOf<PersonRecord>({
  pods: fc.uniqueArray(
    recordOf<PersonRecord['pods'][number]>({
      hostname,
      peer: bytesOf(32).map(peerOfKey),
      fingerprint: print,
      names: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,20}$/), {
        minLength: 1,
        maxLength: limits.personNamesMax
      })
    }),
    { maxLength: limits.personPodsMax, selector: pod => pod.hostname }
  ),
  moves: fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), {
    maxLength: limits.recordMovesMax
  })
})
const nobody: PersonRecord = { pods: [], moves: [] }

describe('where a pod is', () => {
  it('is read back as written', () => {
    fc.assert(
      fc.property(whereabouts, w =>
        assert.deepEqual(decodeWhereabouts(encodeWhereabouts(peer, w)!), w)
      )
    )
  })

  it('meets any bytes with a value or RECORD_INVALID', () => {
    hostile({
      valid: whereabouts.map(w => encodeWhereabouts(peer, w)!),
      read: bytes => encodeWhereabouts(peer, decodeWhereabouts(bytes))!,
      codes,
      maxBytes: limits.recordBytesMax
    })
  })

  it('is kept under the peer key of the pod', () => {
    assert.deepEqual(whereaboutsKey(peer), recordKeyOf('pod', 0, new Uint8Array(32).fill(7)))
    assert.equal(whereaboutsKey('Qm'), undefined)
  })

  it('has an address that others can dial', () => {
    const nowhere = { hostname: 'a.b', fingerprint: 'ab'.repeat(20), hpkeKey: new Uint8Array(32) }
    assert.equal(encodeWhereabouts(peer, { ...nowhere, addresses: [] }), undefined)
    assert.equal(encodeWhereabouts('Qm', { ...nowhere, addresses: ['/dns4/a/tcp/1'] }), undefined)
    const frame = (...a: unknown[]) =>
      encodeCbor([1, 'a.b', a, new Uint8Array(20), new Uint8Array(32)])
    decodeWhereabouts(frame('/dns4/a/tcp/1'))
    for (const bad of [
      [],
      ['/ip4/1.2.3.4/tcp/1'],
      ['no'],
      ['/dns4/a/tcp/1/p2p/Qm'],
      Array(9).fill('/dns4/a/tcp/1')
    ])
      assert.throws(() => decodeWhereabouts(frame(...bad)), invalid, `${bad}`)
  })
})

describe('which pods a person uses', () => {
  it('is read back as written, also when there are none', () => {
    fc.assert(fc.property(person, p => assert.deepEqual(decodePerson(encodePerson(p)), p)))
    assert.deepEqual(decodePerson(encodePerson(nobody)), nobody)
  })

  it('meets any bytes with a value or RECORD_INVALID', () => {
    hostile({
      valid: person.map(encodePerson),
      read: bytes => encodePerson(decodePerson(bytes)),
      codes,
      maxBytes: limits.recordBytesMax
    })
  })

  it('names no pod and no alias twice', () => {
    const pod = (host: string, ...names: string[]) => [
      host,
      keyOfPeer(peer),
      new Uint8Array(20),
      names
    ]
    decodePerson(encodeCbor([1, [pod('a.b', 'x', 'y'), pod('c.d', 'x')], []]))
    for (const pods of [
      [pod('a.b', 'x'), pod('a.b', 'y')],
      [pod('a.b', 'x', 'x')],
      [pod('a.b')],
      Array.from({ length: limits.personPodsMax + 1 }, (_, i) => pod(`${i}.b`, 'x')),
      [pod('a.b', ...Array.from({ length: limits.personNamesMax + 1 }, (_, i) => `n${i}`))]
    ])
      assert.throws(() => decodePerson(encodeCbor([1, pods, []])), invalid)
  })

  it('leaves out what has no place', () => {
    const one = { hostname: 'a.b', peer, fingerprint: 'ab'.repeat(20), names: ['x'] }
    const many = Array.from({ length: 9 }, (_, i) => ({ ...one, hostname: `${i}.b` }))
    assert.equal(
      decodePerson(encodePerson({ pods: many, moves: [] })).pods.length,
      limits.personPodsMax
    )
    const none = [
      { ...one, peer: 'Qm' },
      { ...one, names: [] }
    ]
    assert.deepEqual(decodePerson(encodePerson({ pods: none, moves: [] })), nobody)
  })
})

describe('the vectors of bodies in docs/protocol/record.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/record.json', import.meta.url)
    const { whereabouts: pods, persons, refusedBodies } = JSON.parse(await readFile(file, 'utf8'))
    const bytes = (text: string) => fromHex(text, text.length / 2)!
    for (const v of pods) {
      const { hpkeKey, ...said } = decodeWhereabouts(bytes(v.frame))
      const seen = { ...said, hpkeKey: toHex(hpkeKey), key: toHex(whereaboutsKey(v.peer)!) }
      assert.deepEqual({ ...seen, peer: v.peer, frame: v.frame }, v)
    }
    for (const v of persons) {
      const { moves, ...said } = decodePerson(bytes(v.frame))
      const seen = { ...said, moves: moves.map(toHex), key: toHex(personKey(v.pin)) }
      assert.deepEqual({ ...seen, pin: v.pin, frame: v.frame }, v)
    }
    for (const v of refusedBodies)
      for (const read of [decodeWhereabouts, decodePerson])
        assert.throws(() => read(bytes(v.frame)), invalid, v.why)
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { proveLink } from '../../src/keys/linking.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import type { Knock, LinkCode } from '../../src/wire/link.ts'
import {
  decodeChallenge,
  decodeKnock,
  decodeLinkPart,
  decodeLinkWord,
  encodeChallenge,
  encodeKnock,
  encodeLinkPart,
  encodeLinkWord,
  linkPartBytesMax,
  makeLinkCode,
  readLinkCode
} from '../../src/wire/link.ts'
import type { DeviceCard } from '../../src/wire/sync.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const vector = JSON.parse(readFileSync(new URL('../vectors/link.json', import.meta.url), 'utf8'))
const unhex = (hex: string) => fromHex(hex, hex.length / 2)!

const address = fc.oneof(
  fc.nat(65_535).map(port => `/ip4/192.0.2.7/tcp/${port}`),
  fc.constantFrom(
    '/ip6/2001:db8::1/tcp/4420',
    '/dns4/pod.example/tcp/4420',
    `/ip4/192.0.2.9/tcp/4420/p2p/${peerOfKey(new Uint8Array(32).fill(9))}/p2p-circuit`
  )
)
const code = recordOf<LinkCode>({
  at: recordOf<LinkCode['at']>({
    peer: bytesOf(32).map(peerOfKey),
    addresses: fc.array(address, { minLength: 1, maxLength: 4 })
  }),
  secret: bytesOf(16)
})
const card = recordOf<DeviceCard>({
  deviceKey: bytesOf(32),
  sealKey: bytesOf(32),
  peer: bytesOf(32).map(peerOfKey),
  name: fc.string({ minLength: 1, maxLength: 16 }),
  sinceMs: fc.maxSafeNat()
})
const knock = recordOf<Knock>({ card, history: fc.boolean(), proof: bytesOf(32) })
const bounds = { codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'] as const, numRuns: 200 }

describe('the code of a device', () => {
  it('is read as it was made, with blanks around it', () => {
    fc.assert(
      fc.property(code, wanted => {
        const made = makeLinkCode(wanted)
        assert.match(made, /^muttr:device\?[A-Za-z0-9_-]+$/)
        assert.deepEqual(readLinkCode(`  ${made}\n`), wanted)
      })
    )
  })

  it('fits a QR code that a terminal can show: of two addresses 109 characters', () => {
    const at = {
      peer: peerOfKey(new Uint8Array(32)),
      addresses: ['/ip4/192.168.1.20/tcp/4420', '/ip4/203.0.113.7/tcp/4420']
    }
    assert.equal(makeLinkCode({ at, secret: new Uint8Array(16) }).length, 109)
  })

  it('is refused when anything of it was changed, cut off or added', () => {
    fc.assert(
      fc.property(
        code,
        fc.nat(),
        fc.constantFrom('A', '-', '=', ' ', '\n', ''),
        (wanted, at, by) => {
          const made = makeLinkCode(wanted)
          const i = at % made.length
          const changed = made.slice(0, i) + by + made.slice(i + 1)
          if (changed.trim() !== made)
            assert.throws(() => readLinkCode(changed), { code: 'LINK_INVALID' })
        }
      )
    )
    fc.assert(
      fc.property(fc.string({ maxLength: 3_000 }), text => {
        for (const wild of [text, `muttr:device?${text}`])
          assert.throws(() => readLinkCode(wild), { code: 'LINK_INVALID' })
      })
    )
  })

  it('says of a link to join by that it is one', () => {
    const said = { code: 'LINK_INVALID', message: /to join by/, hint: /muttr init --join/ }
    assert.throws(() => readLinkCode(` muttr:${'A'.repeat(4_000)}`), said)
  })

  it('is made for somewhere, and not for more than four places', () => {
    const at = { peer: peerOfKey(new Uint8Array(32)), addresses: [] as string[] }
    const secret = new Uint8Array(16)
    assert.throws(() => makeLinkCode({ at, secret }), { code: 'LINK_INVALID' })
    const five = Array.from({ length: 5 }, (_, i) => `/ip4/192.0.2.${i}/tcp/1`)
    assert.throws(() => makeLinkCode({ at: { ...at, addresses: five }, secret }), {
      code: 'LINK_INVALID'
    })
  })
})

describe('what two devices say while one is linked', () => {
  it('is read as written; any other bytes meet a named code', () => {
    fc.assert(
      fc.property(knock, wanted => assert.deepEqual(decodeKnock(encodeKnock(wanted)), wanted))
    )
    hostile({
      valid: knock.map(encodeKnock),
      read: frame => encodeKnock(decodeKnock(frame)),
      codes: [...bounds.codes],
      maxBytes: 512,
      numRuns: bounds.numRuns
    })
    hostile({
      valid: bytesOf(16).map(encodeChallenge),
      read: frame => encodeChallenge(decodeChallenge(frame)),
      codes: [...bounds.codes],
      maxBytes: 32,
      numRuns: bounds.numRuns
    })
    const part = recordOf({ last: fc.boolean(), part: fc.uint8Array({ maxLength: 300 }) })
    hostile({
      valid: part.map(encodeLinkPart),
      read: frame => encodeLinkPart(decodeLinkPart(frame)),
      codes: [...bounds.codes],
      maxBytes: linkPartBytesMax + 16,
      numRuns: bounds.numRuns
    })
    decodeLinkWord(encodeLinkWord())
    for (const wild of [[], [2], [1, 1]])
      assert.notEqual(codeOf(thrown(() => decodeLinkWord(Uint8Array.from(wild)))), undefined)
  })

  it('has room for the largest part, and for no larger one', () => {
    const part = new Uint8Array(linkPartBytesMax)
    assert.equal(decodeLinkPart(encodeLinkPart({ last: true, part })).part.length, part.length)
    const larger = encodeLinkPart({ last: true, part: new Uint8Array(linkPartBytesMax + 1) })
    assert.throws(() => decodeLinkPart(larger), { code: 'WIRE_MALFORMED' })
  })

  it('is that of the vectors', () => {
    for (const { code, says } of vector.codes) {
      const { at, secret } = readLinkCode(code)
      assert.deepEqual({ ...at, secret: toHex(secret) }, says)
      assert.equal(makeLinkCode({ at, secret }), code)
    }
    for (const { code } of vector.invalid)
      assert.throws(() => readLinkCode(code), { code: 'LINK_INVALID' })
    const { secret, nonce, host, frames } = vector.exchange
    const terms = { secret: unhex(secret), nonce: unhex(nonce), host }
    assert.equal(toHex(encodeChallenge(terms.nonce)), frames.challenge)
    const shown = decodeKnock(unhex(frames.prove))
    assert.deepEqual(proveLink(shown, terms), shown.proof)
    assert.equal(toHex(encodeLinkWord()), frames.word)
    assert.equal(toHex(encodeLinkPart(decodeLinkPart(unhex(frames.part)))), frames.part)
  })
})

function thrown(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (err) {
    return err
  }
}

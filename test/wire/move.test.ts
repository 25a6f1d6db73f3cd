import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import type { Move } from '../../src/wire/move.ts'
import {
  decodeSignedMove,
  encodeMove,
  encodeSignedMove,
  moveAnswer,
  movedAnswer,
  moveRequest
} from '../../src/wire/move.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const print = fc.oneof(bytesOf(20), bytesOf(32)).map(toHex)
const some = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
const name = fc.stringMatching(/^[a-z]{1,20}$/)
const moves: fc.Arbitrary<Move> = recordOf<Move>({
  key: recordOf({ fingerprint: print, pin: bytesOf(32).map(toHex) }),
  from: name.map(n => `${n}@one.test`),
  to: name.map(n => `${n}@two.test`),
  pod: recordOf({
    fingerprint: print,
    peer: bytesOf(32).map(peerOfKey),
    addresses: fc.array(
      fc.nat(65_535).map(port => `/ip4/192.0.2.1/tcp/${port}`),
      { maxLength: limits.moveAddressesMax }
    )
  }),
  sequence: fc.maxSafeNat(),
  issuedMs: fc.maxSafeNat()
})

describe('a move on the wire', () => {
  it('comes back as written, and any bytes give one or a code', () => {
    fc.assert(
      fc.property(moves, some(200), (move, signature) => {
        const moveBytes = new Uint8Array(encodeMove(move))
        const frame = new Uint8Array(encodeSignedMove(moveBytes, signature))
        assert.deepEqual(decodeSignedMove(frame), { move, moveBytes, signature })
      })
    )
    hostile({
      valid: fc
        .tuple(moves, some(200))
        .map(([move, signature]) => new Uint8Array(encodeSignedMove(encodeMove(move), signature))),
      read: bytes => {
        const { moveBytes, signature } = decodeSignedMove(bytes)
        return new Uint8Array(encodeSignedMove(moveBytes, signature))
      },
      codes: ['MOVE_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.signedMoveBytesMax
    })
  })

  it('refuses fields of other lengths, too many addresses, and a move to the same alias', () => {
    const key = [new Uint8Array(20), new Uint8Array(32)]
    const pod = [new Uint8Array(20), new Uint8Array(32), []]
    const good = [1, key, 'a@one.test', 'a@two.test', pod, 7, 7]
    const read = (fields: unknown[]) =>
      decodeSignedMove(encodeSignedMove(encodeCbor(fields), Uint8Array.of(1)))
    assert.equal(read(good).move.sequence, 7)
    const many = Array.from({ length: limits.moveAddressesMax + 1 }, () => new Uint8Array(6))
    for (const bad of [
      good.with(0, 2),
      good.with(1, [new Uint8Array(21), new Uint8Array(32)]),
      good.with(2, 'a@two.test'),
      good.with(3, 'a'),
      good.with(4, [new Uint8Array(20), new Uint8Array(32), many] as never),
      good.with(4, [new Uint8Array(20), new Uint8Array(31), []]),
      good.with(5, -1),
      [...good, null]
    ])
      assert.throws(() => read(bad), { code: 'MOVE_INVALID' }, `${bad}`)
  })

  it('is asked for and answered as it was written', () => {
    fc.assert(
      fc.property(some(300), some(300), some(300), (certificate, move, signature) => {
        assert.deepEqual(moveRequest.decode(moveRequest.encode({ move })), { move })
        assert.deepEqual(moveAnswer.decode(moveAnswer.encode({ signature })), { signature })
        const moved = { certificate, move, signature }
        assert.deepEqual(movedAnswer.decode(movedAnswer.encode(moved)), moved)
      })
    )
    assert.equal(movedAnswer.decode(movedAnswer.encode(null)), null)
  })
})

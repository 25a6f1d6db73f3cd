import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { answerNonceBytes, openRequest, sealRequest } from '../../src/keys/blind.ts'
import { hpkeSeal, makeHpkeKey } from '../../src/keys/hpke.ts'
import * as wire from '../../src/wire/blind.ts'

const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
const refused = { code: 'BLIND_INVALID' }
const { sealing } = JSON.parse(
  readFileSync(new URL('../vectors/blind.json', import.meta.url), 'utf8')
)

describe('a request that goes blindly', () => {
  const ikm = new Uint8Array(32).fill(1)
  const nonce = new Uint8Array(answerNonceBytes).fill(9)

  it('is opened by the pod it is for, and the answer by who asked', async () => {
    const { publicKey, secret } = await makeHpkeKey(ikm)
    const [plaintext, reply] = [new Uint8Array(100).fill(3), new Uint8Array(50).fill(4)]
    const { sealed, open } = await sealRequest(publicKey, plaintext)
    const opened = await openRequest(secret, sealed)
    assert.deepEqual(opened.plaintext, plaintext)
    assert.deepEqual(open(opened.answer(reply, nonce)), reply)
  })

  it('is opened by no other, nor under another label, nor an answer by who asked something else', async () => {
    const { publicKey, secret } = await makeHpkeKey(ikm)
    const other = await makeHpkeKey(new Uint8Array(32).fill(2))
    const plaintext = new Uint8Array(100)
    const [mine, theirs] = [
      await sealRequest(publicKey, plaintext),
      await sealRequest(publicKey, plaintext)
    ]
    await assert.rejects(openRequest(other.secret, mine.sealed), refused)
    const notice = await hpkeSeal(publicKey, 'muttr notice 1', plaintext)
    await assert.rejects(openRequest(secret, notice), refused)
    const answer = (await openRequest(secret, theirs.sealed)).answer(new Uint8Array(8), nonce)
    assert.throws(() => mine.open(answer), refused)
    assert.equal(theirs.open(answer).byteLength, 8)
  })

  it('meets any other bytes with a refusal, on either way', async () => {
    const { publicKey, secret } = await makeHpkeKey(ikm)
    const { sealed, open } = await sealRequest(publicKey, new Uint8Array(40))
    const answer = (await openRequest(secret, sealed)).answer(new Uint8Array(40), nonce)
    const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
      const flipped = bytes.slice()
      flipped[(bit >> 3) % bytes.byteLength]! ^= 1 << (bit & 7)
      return flipped
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(4_000), async bit => {
        await assert.rejects(openRequest(secret, flip(sealed, bit)), refused)
        await assert.rejects(openRequest(secret, sealed.slice(0, bit % sealed.byteLength)), refused)
        assert.throws(() => open(flip(answer, bit)), refused)
        assert.throws(() => open(answer.slice(0, bit % answer.byteLength)), refused)
      }),
      { numRuns: 60 }
    )
  })

  it('is sealed as in the vectors', async () => {
    const { publicKey, secret } = await makeHpkeKey(raw(sealing.ikm))
    assert.equal(toHex(publicKey), sealing.publicKey)
    const opened = await openRequest(secret, raw(sealing.sealed))
    assert.deepEqual(wire.decodeBlindRequest(opened.plaintext), {
      ...sealing.request,
      payload: raw(sealing.request.payload)
    })
    assert.equal(toHex(opened.plaintext.slice(0, 96)), sealing.plaintextStart)
    for (const { code, payload, sealed, what } of sealing.answers) {
      const reply = code === undefined ? { payload: raw(payload) } : { code }
      const plaintext = wire.encodeBlindAnswer(reply, sealing.request.size)
      assert.equal(toHex(opened.answer(plaintext, raw(sealing.nonce))), sealed, what)
      assert.deepEqual(wire.decodeBlindAnswer(plaintext), reply)
    }
  })

  it('and its answer have the same size whatever is asked and answered', () => {
    const sizes = (['small', 'medium', 'large'] as const).flatMap(size =>
      [
        { payload: new Uint8Array(0) },
        { payload: new Uint8Array(4_000) },
        { code: 'INTERNAL' as const }
      ].map(
        reply => wire.encodeBlindAnswer(reply, size).byteLength + 48 - wire.blindAnswerBytes[size]
      )
    )
    assert.deepEqual(new Set(sizes), new Set([0]))
    const plain = [0, 1_200, 3_900].map(length =>
      wire.encodeBlindRequest({
        ...{ atMs: 1, size: 'small', method: 'm' },
        payload: new Uint8Array(length)
      })
    )
    assert(plain.every(({ byteLength }) => byteLength + 48 === wire.blindRequestBytes))
    const tooMuch = wire.encodeBlindAnswer({ payload: new Uint8Array(5_000) }, 'small')
    assert.deepEqual(wire.decodeBlindAnswer(tooMuch), { code: 'WIRE_TOO_LARGE' })
  })

  it('with padding that is not zero, or a length beyond it, is refused', () => {
    const request = wire.encodeBlindRequest({
      atMs: 1,
      size: 'small',
      method: 'm',
      payload: new Uint8Array(3)
    })
    const reply = wire.encodeBlindAnswer({ code: 'INTERNAL' }, 'small')
    for (const [read, bytes] of [
      [wire.decodeBlindRequest, request],
      [wire.decodeBlindAnswer, reply]
    ] as const) {
      const last = bytes.slice()
      last[last.byteLength - 1] = 1
      assert.throws(() => read(last), refused)
      const long = bytes.slice().fill(0xff, 0, 2)
      assert.throws(() => read(long), refused)
    }
    assert.throws(() => wire.decodeBlindRequest(request.slice(1)), refused)
  })
})

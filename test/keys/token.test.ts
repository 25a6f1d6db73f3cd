import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { concatBytes, fromHex, toHex } from '../../src/base/bytes.ts'
import {
  blind,
  checkTokenKey,
  makeTokenKey,
  signBlinded,
  verifyToken
} from '../../src/keys/token.ts'
import { challengeDigest, readToken, tokenInput } from '../../src/wire/token.ts'

const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
const { token: vector } = JSON.parse(
  readFileSync(new URL('../vectors/token.json', import.meta.url), 'utf8')
)
const [key, secret] = [raw(vector.key), raw(vector.secret)]
const refused = { code: 'TOKEN_INVALID' }

describe('a token', () => {
  it('is as in the vectors', () => {
    const challenge = challengeDigest(vector.issuer, vector.origin)
    assert.equal(toHex(challenge), vector.challenge)
    const input = tokenInput(raw(vector.nonce), challenge, key)
    assert.equal(toHex(input), vector.input)
    assert.equal(toHex(signBlinded(secret, raw(vector.blinded))), vector.signed)
    const read = readToken(raw(vector.token))!
    assert.deepEqual(read.input, input)
    assert(verifyToken(key, read.input, read.signature))
  })

  it('is signed unseen: what the pod signs says nothing of it, and what comes out is good', async () => {
    const input = tokenInput(new Uint8Array(32).fill(7), challengeDigest('a.test', 'b.test'), key)
    const [first, second] = [await blind(key, input), await blind(key, input)]
    assert.notDeepEqual(first.blinded, second.blinded)
    for (const { blinded, finish } of [first, second])
      assert(verifyToken(key, input, await finish(signBlinded(secret, blinded))))
    const crossed = signBlinded(secret, second.blinded)
    await assert.rejects(first.finish(crossed), refused)
  })

  it('is of one key, one pod that signs and one that takes it', async () => {
    const read = readToken(raw(vector.token))!
    const other = await makeTokenKey()
    checkTokenKey(other.key)
    assert.equal(verifyToken(other.key, read.input, read.signature), false)
    for (let at = 0; at < read.input.byteLength; at += 16) {
      const changed = read.input.slice()
      changed[at]! ^= 1
      assert.equal(verifyToken(key, changed, read.signature), false)
    }
    const digests = [
      ['one.example', 'two.example'],
      ['two.example', 'one.example'],
      ['one.example', 'two.exampl'],
      ['one.examplet', 'wo.example']
    ].map(([issuer, origin]) => toHex(challengeDigest(issuer!, origin!)))
    assert.equal(new Set(digests).size, digests.length)
  })

  it('meets what is no key, no token, or no number that can be signed, with a refusal', async () => {
    for (const bad of [
      key.slice(1),
      concatBytes(key.slice(0, 20), new Uint8Array([1]), key.slice(21)),
      concatBytes(key.slice(0, -1), new Uint8Array([3])),
      new Uint8Array(key.byteLength)
    ])
      assert.throws(() => checkTokenKey(bad), refused)
    for (const bad of [new Uint8Array(256).fill(255), new Uint8Array(255), new Uint8Array(257)])
      assert.throws(() => signBlinded(secret, bad), refused)
    assert.equal(readToken(raw(vector.token).slice(1)), undefined)
    assert.equal(readToken(raw(vector.token).fill(3, 1, 2)), undefined)
    const { finish } = await blind(key, new Uint8Array(98))
    for (const bad of [new Uint8Array(256), new Uint8Array(255)])
      await assert.rejects(finish(bad), refused)
  })
})

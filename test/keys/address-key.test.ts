import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { addressOf, checkKeyDeed, signKeyDeed } from '../../src/keys/address-key.ts'
import { makeDevice } from '../../src/keys/device.ts'
import type { KeyDeed } from '../../src/wire/key-address.ts'
import { keyDeedBytes } from '../../src/wire/key-address.ts'

interface Deed {
  deed: KeyDeed
  pod: string
  atMs: number
  number: number
  signed: string
  signature: string
}
const {
  key: vector
}: { key: Record<'seed' | 'publicKey' | 'address', string> & { deeds: Deed[] } } = JSON.parse(
  readFileSync(new URL('../vectors/key-address.json', import.meta.url), 'utf8')
)
const seed = fromHex(vector.seed, 32)!
const minuteMs = 60_000

describe('the key of an address', () => {
  it('makes the address and signs as in the vectors', () => {
    assert.equal(toHex(makeDevice(seed).publicKey), vector.publicKey)
    assert.equal(toHex(addressOf(seed)), vector.address)
    assert.deepEqual(
      vector.deeds.map(({ deed }) => deed),
      ['make', 'drop', 'poll']
    )
    for (const { deed, pod, atMs, number, signed, signature } of vector.deeds) {
      assert.equal(toHex(keyDeedBytes(deed, { pod, atMs, number })), signed)
      const request = signKeyDeed(seed, deed, { pod, nowMs: atMs, number })
      assert.equal(toHex(request.signature), signature)
      checkKeyDeed(request, deed, { pods: ['other.example', pod], nowMs: atMs + 4 * minuteMs })
    }
  })

  it('says one thing, to one pod, at one time', () => {
    const nowMs = vector.deeds[0]!.atMs
    const request = signKeyDeed(seed, 'poll', { pod: 'two.example', nowMs, number: 3 })
    const about = { pods: ['two.example'], nowMs }
    const other = makeDevice(new Uint8Array(32).fill(8)).publicKey
    const wrong = { code: 'SIGNATURE_INVALID' }
    assert.throws(() => checkKeyDeed(request, 'drop', about), wrong)
    assert.throws(() => checkKeyDeed(request, 'poll', { ...about, pods: ['one.example'] }), wrong)
    assert.throws(() => checkKeyDeed({ ...request, number: 4 }, 'poll', about), wrong)
    assert.throws(() => checkKeyDeed({ ...request, atMs: nowMs + 1 }, 'poll', about), wrong)
    assert.throws(() => checkKeyDeed({ ...request, key: other }, 'poll', about), wrong)
    for (const at of [nowMs + 6 * minuteMs, nowMs - 6 * minuteMs])
      assert.throws(() => checkKeyDeed(request, 'poll', { ...about, nowMs: at }), {
        code: 'CLOCK_WRONG'
      })
  })
})

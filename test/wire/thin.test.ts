import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { identifyBytes } from '../../src/wire/pod.ts'
import { bind, bindAnswer, bindBytes } from '../../src/wire/thin.ts'

const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!

interface Vectors {
  valid: {
    bind: { what: string; nonce: string; frame: string }[]
    'bind-answer': {
      what: string
      pod: string
      nonce: string
      binding: string | null
      signed: string
      signature: string
      frame: string
    }[]
  }
  identify: {
    hostname: string
    pod: string
    self: string
    nonce: string
    timeMs: number
    statement: string
    binding: string
    signed: string
  }
  invalid: { what: string; rule: 'bind' | 'bind-answer'; code: string; frame: string }[]
}

describe('the frames that bind a thin channel', () => {
  let vectors: Vectors
  before(async () => {
    const file = new URL('../vectors/thin.json', import.meta.url)
    vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
  })

  it('are as the vectors say', () => {
    const { valid, identify } = vectors
    for (const { what, nonce, frame } of valid.bind) {
      assert.equal(toHex(bind.encode({ nonce: raw(nonce) })), frame, what)
      assert.deepEqual(bind.decode(raw(frame)), { nonce: raw(nonce) })
    }
    for (const { what, frame, signed, ...v } of valid['bind-answer']) {
      const binding = v.binding === null ? null : raw(v.binding)
      const answer = { pod: v.pod, binding, signature: raw(v.signature) }
      assert.equal(toHex(bindAnswer.encode(answer)), frame, what)
      assert.deepEqual(bindAnswer.decode(raw(frame)), answer)
      assert.equal(toHex(bindBytes({ pod: v.pod, nonce: raw(v.nonce), binding })), signed, what)
    }
    const { nonce, statement, binding, signed, ...told } = identify
    const bytes = { nonce: raw(nonce), statement: raw(statement), binding: raw(binding) }
    assert.equal(toHex(identifyBytes({ ...told, ...bytes })), signed)
  })

  it('are refused when they are anything else', () => {
    const decoders = { bind, 'bind-answer': bindAnswer }
    for (const { what, rule, code, frame } of vectors.invalid)
      assert.throws(() => decoders[rule].decode(raw(frame)), { code }, what)
  })

  it('sign something else on a stream that proves its peers', () => {
    const { nonce, statement, binding: _, signed, ...told } = vectors.identify
    const about = { ...told, nonce: raw(nonce), statement: raw(statement) }
    const all = [undefined, null, new Uint8Array(32)].map(binding =>
      toHex(identifyBytes({ ...about, binding }))
    )
    assert.equal(new Set([...all, signed]).size, 4)
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { concatBytes } from '../../src/base/bytes.ts'
import { openStream, sealStream } from '../../src/keys/sealed-stream.ts'
import { dice } from '../support/client-world.ts'

const secret = new Uint8Array(16).fill(7)
const headBytes = 47
const chunkBytes = 64 * 1024 + 16

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}
const all = async (source: AsyncIterable<Uint8Array>) =>
  concatBytes(...(await Array.fromAsync(source)))
const sealed = (plain: Uint8Array, size = 10_000) =>
  all(sealStream(secret, inParts(plain, size), dice))
const opened = (bytes: Uint8Array, size = 10_000, by = secret) =>
  all(openStream(by, inParts(bytes, size)))

describe('a sealed stream', () => {
  const plain = dice.bytes(200_000)

  it('comes back, of any length and in parts of any size', async () => {
    for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
      for (const size of [1_000, 65_536, 300_000]) {
        const part = plain.subarray(0, length)
        assert.deepEqual(await opened(await sealed(part, size), 1_000 + size), part)
      }
  })

  it('never says the same twice', async () => {
    assert.notDeepEqual(await sealed(plain), await sealed(plain))
  })

  it('tells wrong words from a file that is none', async () => {
    const bytes = await sealed(plain)
    const other = new Uint8Array(16)
    await assert.rejects(opened(bytes, 1_000, other), { code: 'RECOVERY_WRONG' })
    for (const wrong of [new Uint8Array(), dice.bytes(100), bytes.subarray(0, headBytes - 1)])
      await assert.rejects(opened(wrong), { code: 'BACKUP_INVALID' })
  })

  it('is refused when anything was changed, moved, left out, added or cut off', async () => {
    const bytes = await sealed(plain)
    const chunk = (n: number) =>
      bytes.subarray(headBytes + n * chunkBytes, headBytes + (n + 1) * chunkBytes)
    const head = bytes.subarray(0, headBytes)
    const [a, b, c, last] = [0, 1, 2, 3].map(chunk) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array
    ]
    for (const wrong of [
      concatBytes(head, b, a, c, last),
      concatBytes(head, a, c, last),
      concatBytes(head, a, b, c),
      concatBytes(bytes, last),
      head
    ])
      await assert.rejects(opened(wrong), { code: 'BACKUP_INVALID' })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.byteLength - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const changed = bytes.slice()
          changed[at]! ^= by
          await assert.rejects(opened(changed, 70_000), ({ code }: { code: string }) =>
            ['BACKUP_INVALID', 'RECOVERY_WRONG'].includes(code)
          )
        }
      ),
      { numRuns: 50 }
    )
  })
})

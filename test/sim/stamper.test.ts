import assert from 'node:assert/strict'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { instantStamper, standInNumber } from '../../src/sim/stamper.ts'
import { issuedAt, readStamp } from '../../src/wire/stamp.ts'
import { noonMs } from '../support/store-blobs.ts'

const issuedMs = issuedAt(noonMs)
const jobOf = (n: number) => ({
  key: sha256(utf8(`key ${n}`)),
  lengthBytes: 262_144,
  expiryMs: issuedMs + 30 * 86_400_000,
  issuedMs
})
const { make } = instantStamper()

describe('stamps of a virtual world', () => {
  it('are worth what was asked for, and more as often as true finds are', async () => {
    const factor = 1_000
    const lucky = { two: 0, eight: 0 }
    for (let n = 0; n < 800; n++) {
      const job = jobOf(n)
      const frame = await make({ ...job, factor })
      const { pays, fresh } = readStamp(frame, job, noonMs, standInNumber)
      assert(fresh && pays(1) && pays(factor))
      if (pays(2 * factor)) lucky.two += 1
      if (pays(8 * factor)) lucky.eight += 1
    }
    // Half of them and an eighth, give or take five standard deviations.
    assert(Math.abs(lucky.two - 400) < 71, `${lucky.two}`)
    assert(Math.abs(lucky.eight - 100) < 47, `${lucky.eight}`)
  })

  it('pay nothing where stamps are hashed', async () => {
    const frame = await make({ ...jobOf(1), factor: 1_000 })
    assert.throws(() => readStamp(frame, jobOf(1), noonMs), { code: 'STAMP_TOO_LOW' })
  })
})

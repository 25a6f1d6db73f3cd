import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson, secretOf } from '../../src/keys/person.ts'
import { openVault, sealVault, vaultNeedsPassphrase } from '../../src/keys/vault.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { nowMs } from '../support/sealing.ts'

describe('vault', () => {
  let alice: Person
  let open: Uint8Array
  let locked: Uint8Array
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    open = await sealVault(alice, null)
    locked = await sealVault(alice, 'Zürich')
  })

  it('gives the person back, with and without a passphrase', async () => {
    for (const [file, passphrase] of [
      [open, null],
      [open, 'not needed'],
      [locked, 'Zürich'],
      [locked, 'Zu\u0308rich']
    ] as const) {
      const person = await openVault(file, passphrase)
      assert.deepEqual(person.certificate, alice.certificate)
      assert.deepEqual(secretOf(person).write(), secretOf(alice).write())
    }
    assert.equal(vaultNeedsPassphrase(open), false)
    assert.equal(vaultNeedsPassphrase(locked), true)
  })

  it('tells a missing and a wrong passphrase from damage', async () => {
    await assert.rejects(openVault(locked, null), { code: 'PASSPHRASE_MISSING' })
    await assert.rejects(openVault(locked, 'Zurich'), { code: 'PASSPHRASE_WRONG' })
    await assert.rejects(openVault(locked, ''), { code: 'PASSPHRASE_WRONG' })
  })

  it('hides the key, and is locked differently each time', async () => {
    const secret = Buffer.from(secretOf(alice).write())
    assert.ok(Buffer.from(open).includes(secret))
    for (let at = 0; at + 16 <= secret.byteLength; at += 8)
      assert.ok(!Buffer.from(locked).includes(secret.subarray(at, at + 16)))
    assert.notDeepEqual(await sealVault(alice, 'Zürich'), locked)
  })

  it('damaged anywhere it says so, and nothing else', async () => {
    const damaged = { code: 'VAULT_DAMAGED' }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(open, locked),
        fc.nat(),
        fc.boolean(),
        async (file, n, cut) => {
          const bytes = cut ? file.subarray(0, n % file.byteLength) : file.slice()
          if (!cut) bytes[n % file.byteLength]! ^= 1 << (n % 7)
          await assert.rejects(openVault(bytes, 'Zürich'), damaged)
          assert.throws(() => vaultNeedsPassphrase(bytes), damaged)
        }
      ),
      { numRuns: 300 }
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), bytes =>
        assert.rejects(openVault(bytes, null), damaged)
      ),
      { numRuns: 300 }
    )
    await assert.rejects(openVault(new Uint8Array(10_000_000), null), damaged)
  })

  it('bounds what it is asked to compute before it computes anything', () => {
    const file = (memoryKiB: number, passes: number, lanes: number) => {
      const lock = [1, memoryKiB, passes, lanes, new Uint8Array(16), new Uint8Array(12)]
      const body = new Uint8Array(100)
      return encodeCbor([1, lock, body, sha256(utf8('muttr vault 1'), encodeCbor(lock), body)])
    }
    assert.equal(vaultNeedsPassphrase(file(65_536, 3, 4)), true)
    for (const [memoryKiB, passes, lanes] of [
      [2 ** 21, 3, 4],
      [65_536, 11, 4],
      [65_536, 3, 17],
      [1024, 3, 4],
      [65_536, 0, 4],
      [65_536, 3, 0]
    ] as const)
      assert.throws(() => vaultNeedsPassphrase(file(memoryKiB, passes, lanes)), {
        code: 'VAULT_DAMAGED'
      })
  })

  it('with a checksum but no key in it is damaged', async () => {
    const body = new Uint8Array(50)
    const file = encodeCbor([1, null, body, sha256(utf8('muttr vault 1'), encodeCbor(null), body)])
    await assert.rejects(openVault(file, null), err => codeOf(err) === 'VAULT_DAMAGED')
  })
})

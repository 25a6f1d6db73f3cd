import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { loadPeerKey, makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe("a node's key", () => {
  it('is made once, for its owner alone, and stays', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'peer.key')
    const made = await Promise.all([loadPeerKey(file), loadPeerKey(file), loadPeerKey(file)])
    const again = await loadPeerKey(file)
    for (const key of made) assert.ok(again.equals(key), 'who came second uses the first key')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(new Uint8Array(await readFile(file)), privateKeyToProtobuf(again))
  })

  it('that is damaged, or of another kind, is not replaced', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'peer.key')
    const other = privateKeyToProtobuf(await generateKeyPair('secp256k1'))
    for (const bytes of [new Uint8Array(0), utf8('not a key'), other]) {
      await writeFile(file, bytes)
      await assert.rejects(loadPeerKey(file), { code: 'HOME_DAMAGED' })
      assert.deepEqual(new Uint8Array(await readFile(file)), bytes)
    }
  })

  it('signs what others verify by the peer id alone', async () => {
    const a = peerKeys(await makePeerKey())
    const b = peerKeys(await makePeerKey())
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(63), fc.nat(7), (bytes, at, bit) => {
        const signature = a.sign(bytes)
        assert.equal(signature.byteLength, 64)
        assert.ok(b.verify(a.self, bytes, signature))
        assert.ok(!b.verify(b.self, bytes, signature))
        assert.ok(!b.verify(a.self, new Uint8Array([...bytes, 0]), signature))
        signature[at]! ^= 1 << bit
        assert.ok(!b.verify(a.self, bytes, signature))
      }),
      { numRuns: 30 }
    )
    assert.ok(!b.verify('nobody', utf8('x'), new Uint8Array(64)))
    assert.ok(!b.verify(a.self, utf8('x'), new Uint8Array(63)))
  })
})

describe('a place', () => {
  it('is the hash of the id, as kad-dht has it', () => {
    const peer = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
    const place = '8b1fc5f178f93a27a858740be47c38049cf90b9ebdb8de749f301a3c0f1feb20'
    assert.equal(toHex(placeOf(peer)), place)
  })

  it('meets any text with a place or WIRE_MALFORMED', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String().map(t => `12D3KooW${t}`)
        ),
        text => {
          try {
            assert.equal(placeOf(text).byteLength, 32)
          } catch (err) {
            assert.equal(codeOf(err), 'WIRE_MALFORMED')
          }
        }
      )
    )
  })
})

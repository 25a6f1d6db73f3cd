import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { keyOf } from '../../src/keys/certificate.ts'
import { packet, tags, walkPackets } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson, secretOf } from '../../src/keys/person.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { compressed, encryptedTo, nowMs, signedBy } from '../support/sealing.ts'

describe('open, met with bad input', () => {
  const plaintext = new TextEncoder().encode('a letter')
  let alice: Person
  let bob: Person
  let sealed: Uint8Array
  let signed: Uint8Array
  before(async () => {
    alice = await makePerson({ name: 'Alice', nowMs })
    bob = await makePerson({ name: 'Bob', nowMs })
    sealed = await seal(plaintext, { from: alice, to: bob.certificate, sizes: [1024], nowMs })
    signed = await signedBy([alice], plaintext)
  })
  const refused = (bytes: Uint8Array, message?: RegExp) =>
    assert.rejects(open(bytes, { reader: bob, nowMs }), {
      code: 'SEAL_REFUSED',
      ...(message && { message })
    })
  const opens = async (bytes: Uint8Array) => {
    const opened = await open(bytes, { reader: bob, nowMs })
    await opened.verify(alice.certificate)
    assert.deepEqual(opened.plaintext, plaintext)
  }

  it('any bytes give SEAL_REFUSED and nothing else', async () => {
    const head = fc.constantFrom([], [...sealed.subarray(0, 3)], [...sealed.subarray(0, 110)])
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ maxLength: 200 }), (start, rest) =>
        refused(Uint8Array.of(...start, ...rest))
      ),
      { numRuns: 500 }
    )
  })

  it('truncated anywhere it is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.byteLength - 1 }), length =>
        refused(sealed.subarray(0, length))
      ),
      { numRuns: 200 }
    )
  })

  it('with any bit flipped it is refused, or still says the same', async () => {
    // Only bits that mean nothing (how many bits a number's first octet has) may leave it readable.
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.byteLength * 8 - 1 }), async bit => {
        const flipped = sealed.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        try {
          await opens(flipped)
        } catch (err) {
          assert.equal(codeOf(err), 'SEAL_REFUSED')
        }
      }),
      { numRuns: 300 }
    )
  })

  it('tries four session keys and refuses a fifth before it decrypts anything', async () => {
    await opens(await encryptedTo(bob.certificate, signed, { copies: 4 }))
    await refused(await encryptedTo(bob.certificate, signed, { copies: 5 }), /too many/)
  })

  it('takes OCB and EAX up to 64 KiB', async () => {
    for (const aead of ['ocb', 'eax'] as const) {
      await opens(await encryptedTo(bob.certificate, signed, { aead }))
      const large = await signedBy([alice], new Uint8Array(limits.sealedSlowModeBytesMax))
      await refused(await encryptedTo(bob.certificate, large, { aead }), /in OCB or EAX/)
    }
  })

  it('refuses thousands of tiny chunks', async () => {
    await opens(await encryptedTo(bob.certificate, signed, { chunkSizeByte: 4 }))
    await refused(await encryptedTo(bob.certificate, signed, { chunkSizeByte: 3 }))
  })

  it('refuses more than a blob holds', () => refused(new Uint8Array(limits.blobBytesMax + 1)))

  it('refuses what has no integrity protection, a password, no recipient, or something after it', async () => {
    const [key] = walkPackets(sealed, 2)
    const keyPacket = packet(tags.pkesk, key!.head)
    const body = sealed.subarray(sealed.byteLength - walkPackets(sealed, 2)[1]!.bodyBytes - 6)
    await refused(body)
    await refused(Buffer.concat([keyPacket, packet(9, new Uint8Array(40))]), /integrity/)
    await refused(Buffer.concat([packet(3, new Uint8Array(20)), sealed]))
    await refused(Buffer.concat([sealed, packet(tags.padding, new Uint8Array(9))]))
    await refused(Buffer.concat([sealed, sealed]))
  })

  it('refuses the unsigned, the twice signed and signatures of text', async () => {
    await refused(await encryptedTo(bob.certificate, await signedBy([], plaintext)))
    await refused(await encryptedTo(bob.certificate, await signedBy([alice, bob], plaintext)))
    const text = await open(await encryptedTo(bob.certificate, await signedBy([alice], 'a\nb')), {
      reader: bob,
      nowMs
    })
    await assert.rejects(text.verify(alice.certificate), { code: 'SIGNATURE_INVALID' })
  })

  it('opens the compressed; refuses nested, repeated and exploding compression', async () => {
    const { certificate } = bob
    await opens(await encryptedTo(certificate, compressed(signed)))
    await refused(await encryptedTo(certificate, compressed(compressed(signed))))
    await refused(
      await encryptedTo(certificate, Buffer.concat([compressed(signed), compressed(signed)]))
    )
    await refused(await encryptedTo(certificate, Buffer.concat([compressed(signed), signed])))
    const bomb = compressed(await signedBy([alice], new Uint8Array(64 * 2 ** 20)))
    assert.ok(bomb.byteLength < limits.blobBytesMax)
    await refused(await encryptedTo(certificate, bomb))
    await refused(
      await encryptedTo(certificate, packet(tags.compressed, Uint8Array.of(3, 1, 2, 3)))
    )
  })

  it('verifies no letter of another, put under a sender’s name', async () => {
    const mallory = await makePerson({ name: 'Mallory', nowMs })
    const [onePass, literal] = walkPackets(signed, 3)
    const stolen = await signedBy([mallory], plaintext)
    const mixed = Buffer.concat([
      packet(tags.onePass, onePass!.head),
      packet(tags.literal, literal!.head),
      stolen.subarray(-189)
    ])
    await refused(await encryptedTo(bob.certificate, mixed.subarray(0, mixed.byteLength - 189)))
    const opened = await open(await encryptedTo(bob.certificate, stolen), { reader: bob, nowMs })
    assert.equal(opened.issuer, mallory.certificate.fingerprint)
    await assert.rejects(opened.verify(alice.certificate), { code: 'SIGNATURE_INVALID' })
  })

  it('refuses a literal that was changed after it was signed', async () => {
    const changed = Buffer.from(signed)
    changed[changed.indexOf('a letter')]! ^= 1
    const opened = await open(await encryptedTo(bob.certificate, changed), { reader: bob, nowMs })
    await assert.rejects(opened.verify(alice.certificate), { code: 'SIGNATURE_INVALID' })
  })

  it('opens what names its reader openly', async () => {
    const message = await openpgp.createMessage({ binary: plaintext })
    const encrypted = await openpgp.encrypt({
      message,
      encryptionKeys: await keyOf(bob.certificate),
      signingKeys: secretOf(alice),
      format: 'binary',
      date: new Date(nowMs)
    })
    await opens(encrypted as Uint8Array)
  })
})

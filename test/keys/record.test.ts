import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { concatBytes, fromHex, toHex, utf8 } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { makeSignature, readKeyPackets } from '../../src/keys/openpgp.ts'
import { packet, tags } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson, makePerson, secretOf } from '../../src/keys/person.ts'
import { recordAuthorOf, signRecord, verifyRecord } from '../../src/keys/record.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { authorId, makeRecord, readRecord } from '../../src/wire/record.ts'
import type { OpenPgpTools } from '../support/openpgp-tools.ts'
import { missingTools, openPgpTools } from '../support/openpgp-tools.ts'
import { nowMs, personWith } from '../support/sealing.ts'

const { signature: types, keyFlags } = openpgp.enums
const signed = utf8('muttr record 1: any bytes')
const body = utf8('what it says')
const dayMs = 86_400_000

async function recordOf(person: Person, atMs = nowMs) {
  const author = await recordAuthorOf(person, atMs)
  return makeRecord({ kind: 'person', author, sequence: atMs, body }, bytes =>
    signRecord(person, bytes, atMs)
  )
}

/** Signed by a subkey, the primary key only certifies: as Sequoia makes keys. */
const withSigningSubkey = (more: Partial<openpgp.SubkeyOptions> = {}) =>
  personWith({ subkeys: [{ sign: true, ...more }, {}] })

async function partsOf(person: Person, atMs = nowMs) {
  const { bytes: author } = await recordAuthorOf(person, atMs)
  return { author, signed, signature: await signRecord(person, signed, atMs), nowMs: atMs }
}

const rsa = { type: 'rsa', rsaBits: 2048 } as const

describe('a record by a person', () => {
  for (const [name, make] of [
    ['our own key', () => makePerson({ name: 'Alice', nowMs })],
    ['a key that signs with a subkey', () => withSigningSubkey()],
    ['an RSA key', () => personWith(rsa)],
    ['an ECDSA key', () => personWith({ type: 'ecc', curve: 'nistP256' })],
    ['a version 6 key', () => personWith({ type: 'curve25519' }, { v6Keys: true })]
  ] as const)
    it(`holds, by ${name}`, async () => {
      const person = await make()
      const { frame, author } = await recordOf(person)
      assert(frame.byteLength < limits.recordBytesMax)
      const read = await readRecord(frame, { verifyRecord, nowMs })
      assert.deepEqual(read.body, body)
      assert.deepEqual(authorId(author), fromHex(person.certificate.pin, 32))
      await readRecord(frame, { verifyRecord, nowMs: nowMs + 90 * dayMs })
    })

  it('shows the key alone where the primary key signs, and the binding where a subkey does', async () => {
    const kinds = async (person: Person) =>
      [...(await readKeyPackets((await recordAuthorOf(person, nowMs)).bytes))].map(
        found => (found.constructor as unknown as { tag: number }).tag
      )
    assert.deepEqual(await kinds(await makePerson({ name: 'Alice', nowMs })), [tags.publicKey])
    const all = [tags.publicKey, tags.publicSubkey, tags.signature]
    assert.deepEqual(await kinds(await withSigningSubkey()), all)
  })

  it('is refused when others signed it, when it says something else, and from the future', async () => {
    const alice = await partsOf(await makePerson({ name: 'Alice', nowMs }))
    const mallory = await partsOf(await makePerson({ name: 'Mallory', nowMs }))
    await verifyRecord(alice)
    for (const change of [
      { signature: mallory.signature },
      { author: mallory.author },
      { signed: utf8('muttr record 1: other bytes') },
      { signature: concatBytes(alice.signature, alice.signature) },
      { signature: new Uint8Array() },
      { signature: new Uint8Array(limits.recordSignatureBytesMax + 1) },
      { nowMs: nowMs - limits.clockSkewMs - 1_000 }
    ])
      await assert.rejects(verifyRecord({ ...alice, ...change }), { code: 'SIGNATURE_INVALID' })
  })

  it('is not what a letter or a labelled signature signs, nor a text', async () => {
    const alice = await makePerson({ name: 'Alice', nowMs })
    const parts = await partsOf(alice)
    const labelled = await signDetached(alice, 'muttr record 1', signed, nowMs)
    await assert.rejects(verifyRecord({ ...parts, signature: labelled }), {
      code: 'SIGNATURE_INVALID'
    })
    const message = await openpgp.createMessage({ text: 'muttr record 1: any bytes' })
    const data = message.packets[0]!
    const text = await makeSignature(secretOf(alice), types.text, data, new Date(nowMs))
    const signature = packet(tags.signature, text.write())
    await assert.rejects(verifyRecord({ ...parts, signature }), { code: 'SIGNATURE_INVALID' })
  })
})

describe('the author of a record', () => {
  const refused = async (author: Uint8Array, person: Person, atMs = nowMs) =>
    assert.rejects(verifyRecord({ ...(await partsOf(person)), author, nowMs: atMs }), {
      code: 'KEY_INVALID'
    })

  it('cannot adopt the signing subkey of somebody else', async () => {
    const victim = await withSigningSubkey()
    const mallory = secretOf(await makePerson({ name: 'Mallory', nowMs }))
    const [, subkey, binding] = await readKeyPackets((await recordAuthorOf(victim, nowMs)).bytes)
    const adopted = async (embedded: openpgp.SignaturePacket | null) => {
      const data = { key: mallory.keyPacket, bind: subkey }
      const fields = { keyFlags: Uint8Array.of(keyFlags.signData), embeddedSignature: embedded }
      const date = new Date(nowMs)
      const own = await makeSignature(mallory, types.subkeyBinding, data, date, fields as object)
      const list = new openpgp.PacketList<openpgp.AnyPacket>()
      list.push(mallory.toPublic().keyPacket, subkey!, own)
      return list.write()
    }
    await refused(await adopted(null), victim)
    await refused(await adopted((binding as openpgp.SignaturePacket).embeddedSignature), victim)
  })

  it('is refused with a subkey not meant for signing, or whose time is over', async () => {
    const person = await withSigningSubkey({ keyExpirationTime: 7 * 86_400 } as object)
    const parts = await partsOf(person)
    await verifyRecord(parts)
    await refused(parts.author, person, nowMs + 8 * dayMs)
    const key = secretOf(person).toPublic()
    const reading = key.subkeys.find(({ bindingSignatures: [b] }) => !b!.embeddedSignature)!
    const list = new openpgp.PacketList<openpgp.AnyPacket>()
    list.push(key.keyPacket, reading.keyPacket as openpgp.AnyPacket, reading.bindingSignatures[0]!)
    await refused(list.write(), person)
  })

  it('is the key, nothing before, between or after it', async () => {
    const person = await withSigningSubkey()
    const { bytes } = await recordAuthorOf(person, nowMs)
    const [primary, subkey, binding] = await readKeyPackets(bytes)
    const userId = packet(tags.userId, utf8('Mallory'))
    const written = (...packets: unknown[]) => {
      const list = new openpgp.PacketList<openpgp.AnyPacket>()
      list.push(...(packets as openpgp.AnyPacket[]))
      return list.write()
    }
    for (const author of [
      new Uint8Array(),
      concatBytes(bytes, userId),
      concatBytes(userId, bytes),
      written(primary, subkey),
      written(primary, binding, subkey),
      written(primary, primary, binding),
      written(subkey, subkey, binding),
      written(primary, subkey, binding, binding),
      bytes.subarray(0, -1),
      packet(tags.publicKey, randomBytes(3_000)),
      packet(tags.publicKey, randomBytes(limits.recordAuthorBytesMax))
    ])
      await refused(author, person)
  })

  it('is refused, and fast, with numbers that are slow to reckon with', async () => {
    const person = await makePerson({ name: 'Alice', nowMs })
    const number = (bytes: number) => {
      const all = randomBytes(bytes)
      all[0]! |= 0x80
      return concatBytes(Uint8Array.of((bytes * 8) >> 8, (bytes * 8) & 255), all)
    }
    const rsaKey = (modulus: number, exponent: number) =>
      packet(
        tags.publicKey,
        concatBytes(Uint8Array.of(4, 0x60, 0, 0, 0, 1), number(modulus), number(exponent))
      )
    for (const [modulus, exponent] of [
      [1_024, 1_024],
      [512, 9],
      [1_500, 3]
    ] as const)
      await refused(rsaKey(modulus, exponent), person)
    // SHA-224 is what openpgp.js computes without OpenSSL.
    const rsaPerson = await personWith(rsa)
    const parts = await partsOf(rsaPerson)
    const slow = parts.signature.slice()
    const at = slow.indexOf(openpgp.enums.hash.sha512, 3)
    slow[at] = openpgp.enums.hash.sha224
    await assert.rejects(verifyRecord({ ...parts, signature: slow }), /not signed/)
  })

  it('meets any bytes with an answer or a code', async () => {
    const known = await Promise.all([makePerson({ name: 'A', nowMs }), withSigningSubkey()])
    const valid = await Promise.all(known.map(person => partsOf(person)))
    const spoiled = fc
      .record({
        parts: fc.constantFrom(...valid),
        which: fc.constantFrom('author' as const, 'signature' as const),
        at: fc.nat(),
        bit: fc.nat(7),
        cut: fc.option(fc.nat(), { freq: 4 })
      })
      .map(({ parts, which, at, bit, cut }) => {
        const bytes = parts[which].slice()
        bytes[at % bytes.byteLength]! ^= 1 << bit
        return { ...parts, [which]: cut === null ? bytes : bytes.subarray(0, cut % bytes.length) }
      })
    const random = fc
      .record({ author: fc.uint8Array(), signature: fc.uint8Array() })
      .map(any => ({ ...valid[0]!, ...any }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(spoiled, random), async parts => {
        try {
          await verifyRecord(parts)
        } catch (err) {
          assert(['KEY_INVALID', 'SIGNATURE_INVALID'].includes(codeOf(err) ?? ''), `${err}`)
        }
      }),
      { numRuns: 400 }
    )
  })
})

describe('the vectors of records by OpenPGP keys', () => {
  it('hold', async () => {
    const file = new URL('../vectors/record.json', import.meta.url)
    const { openpgp: good, refusedOpenpgp } = JSON.parse(await readFile(file, 'utf8'))
    const atMs = 1_790_000_000_000
    const read = (frame: string) =>
      readRecord(fromHex(frame, frame.length / 2)!, { verifyRecord, nowMs: atMs })
    for (const { frame, pin, key } of good) {
      const record = await read(frame)
      assert.deepEqual([toHex(record.key), toHex(authorId(record.author))], [key, pin])
    }
    for (const { frame, why } of refusedOpenpgp)
      await assert.rejects(read(frame), { code: 'RECORD_INVALID' }, why)
  })
})

function interop(): void {
  let tools: OpenPgpTools
  before(async () => {
    tools = await openPgpTools()
  })
  after(() => tools[Symbol.asyncDispose]())

  async function holds(person: Person) {
    const atMs = Date.now()
    const { frame } = await recordOf(person, atMs)
    const read = await readRecord(frame, { verifyRecord, nowMs: atMs })
    assert.deepEqual(authorId(read.author), fromHex(person.certificate.pin, 32))
    const spoiled = frame.slice()
    spoiled[spoiled.length - 1]! ^= 1
    await assert.rejects(readRecord(spoiled, { verifyRecord, nowMs: atMs }), {
      code: 'RECORD_INVALID'
    })
  }
  async function gpgPerson(name: string, ...made: [string, ...string[]][]) {
    await tools.gpg('--quick-gen-key', name, ...made[0]!)
    const { stdout } = await tools.gpg('--with-colons', '--list-keys', `=${name}`)
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(stdout.toString())![1]!
    for (const key of made.slice(1)) await tools.gpg('--quick-add-key', fingerprint, ...key)
    const secret = await tools.gpg('--export-secret-keys', fingerprint)
    return importPerson(secret.stdout, tools.passphrase)
  }

  it('gpg, Ed25519', async () => {
    await holds(await gpgPerson('gpg one', ['ed25519', 'sign,cert', 'never'], ['cv25519', 'encr']))
  })

  it('gpg, RSA, signing with the primary key', async () => {
    await holds(await gpgPerson('gpg two', ['rsa3072', 'sign,cert', 'never'], ['rsa3072', 'encr']))
  })

  it('gpg, RSA, signing with a subkey', async () => {
    const made = [
      ['rsa2048', 'cert', 'never'],
      ['rsa2048', 'sign', '1y'],
      ['rsa2048', 'encr']
    ] as [string, ...string[]][]
    await holds(await gpgPerson('gpg three', ...made))
  })

  it('sq, which signs with a subkey', async () => {
    await tools.sq('key', 'generate', '--userid', '<sq@x.test>', '--export', tools.path('sq.key'))
    await holds(await importPerson(await tools.read('sq.key')))
  })
}

const missing = missingTools()
if (missing.length === 0) describe('a record by a key made by', interop)
else
  it(`records beside gpg and sq: not tried, this machine lacks ${missing.join(', ')}`, () => {
    assert.equal(process.env.CI, undefined)
  })

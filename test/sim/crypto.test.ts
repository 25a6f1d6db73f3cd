import assert from 'node:assert/strict'
import { utf8 } from '../../src/base/bytes.ts'
import type { Crypto } from '../../src/keys/crypto.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import { makeHpkeKey } from '../../src/keys/hpke.ts'
import type { Person } from '../../src/keys/person.ts'
import { makePerson } from '../../src/keys/person.ts'
import { standInCrypto } from '../../src/sim/crypto.ts'
import { Dice } from '../../src/sim/dice.ts'

const nowMs = Date.UTC(2027, 0, 1)
const minuteMs = 60_000
const dice = new Dice(1, 'keys')

/** What both have to answer alike. */
interface Keys {
  crypto: Crypto
  make(name: string): Promise<Person>
  hpke: { publicKey: Uint8Array; secret: Uint8Array }
}

async function both(): Promise<[string, Keys][]> {
  const standIn = standInCrypto()
  const seed = dice.bytes(32)
  return [
    [
      'OpenPGP',
      {
        crypto: openPgp,
        make: name => makePerson({ name, nowMs: nowMs - minuteMs }),
        hpke: await makeHpkeKey(seed)
      }
    ],
    [
      'the stand-in',
      {
        crypto: standIn,
        make: async name =>
          standIn.makePerson({ name, key: dice.bytes(32), nowMs: nowMs - minuteMs }),
        hpke: standIn.makeHpkeKey(seed)
      }
    ]
  ]
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))

describe('keys and their stand-in', () => {
  let kinds: [string, Keys][]
  const each = async (check: (keys: Keys) => Promise<unknown>) => {
    const answers: unknown[] = []
    for (const [, keys] of kinds) answers.push(await check(keys))
    assert.deepEqual(answers[1], answers[0])
  }
  before(async () => {
    kinds = await both()
  })

  it('seal to the same sizes, for one reader alone, whoever signed it', () =>
    each(async ({ crypto, make }) => {
      const [alice, bob, carol] = [await make('alice'), await make('bob'), await make('carol')]
      const sizes = [1_024, 4_096]
      const sealed: number[] = []
      for (const bytes of [1, 640, 660, 3_700, 3_720])
        for (const brief of [false, true]) {
          const how = { from: alice, to: bob.certificate, sizes, nowMs, brief }
          const result = await crypto.seal(new Uint8Array(bytes), how).catch(err => err)
          sealed.push(result.byteLength ?? result.code)
        }
      const text = utf8('a letter')
      const letter = await crypto.seal(text, { from: alice, to: bob.certificate, sizes, nowMs })
      const opened = await crypto.open(letter, { reader: bob, nowMs })
      assert.deepEqual(new Uint8Array(opened.plaintext), text)
      assert.equal(opened.issuer, alice.certificate.fingerprint)
      await opened.verify(alice.certificate)
      await assert.rejects(opened.verify(carol.certificate), { code: 'SIGNATURE_INVALID' })
      const refused = { code: 'SEAL_REFUSED' }
      await assert.rejects(crypto.open(letter, { reader: carol, nowMs }), refused)
      const damaged = flipped(letter, letter.byteLength - 40)
      await assert.rejects(crypto.open(damaged, { reader: bob, nowMs }), refused)
      return sealed
    }))

  it('certify an alias, for a time, by who signed it', () =>
    each(async ({ crypto, make }) => {
      const [pod, other] = [await make('one.test'), await make('two.test')]
      const alias = 'alice@one.test'
      const alice = await crypto.addAlias(await make('alice'), alias, nowMs)
      const about = { certificate: alice.certificate, alias, nowMs, lifeMs: 60 * minuteMs }
      const certified = await crypto.certify(pod, about)
      const read = await crypto.readCertificate(certified.bytes)
      assert.deepEqual(read, certified)
      const whole = await crypto.withCertificate(alice, read, pod.certificate)
      const check = { alias, by: pod.certificate, nowMs }
      const { untilMs } = await crypto.checkCertification(whole.certificate, check)
      const invalid = { code: 'SIGNATURE_INVALID' }
      const bad = [
        { ...check, by: other.certificate },
        { ...check, alias: 'bob@one.test' },
        { ...check, nowMs: nowMs + 61 * minuteMs }
      ]
      for (const o of bad) await assert.rejects(crypto.checkCertification(read, o), invalid)
      const early = { ...check, nowMs: nowMs - 10 * minuteMs }
      await assert.rejects(crypto.checkCertification(read, early), { code: 'CLOCK_WRONG' })
      await assert.rejects(crypto.certify(pod, { ...about, alias: 'bob@one.test' }), {
        code: 'KEY_INVALID'
      })
      const damaged = flipped(certified.bytes, 60)
      await assert.rejects(crypto.readCertificate(damaged), { code: 'KEY_INVALID' })
      const { userIds, fingerprint, pin, expiresMs, revoked } = read
      return { untilMs, userIds, sizes: [fingerprint.length, pin.length], expiresMs, revoked }
    }))

  it('sign, and tell other bytes, labels, keys and times apart', () =>
    each(async ({ crypto, make }) => {
      const [alice, bob] = [await make('alice'), await make('bob')]
      const signature = await crypto.signDetached(alice, 'label', utf8('text'), nowMs)
      const { certificate } = alice
      await crypto.verifyDetached(certificate, 'label', utf8('text'), signature, nowMs)
      const invalid = { code: 'SIGNATURE_INVALID' }
      for (const [by, label, text, shown] of [
        [bob.certificate, 'label', 'text', signature],
        [certificate, 'other', 'text', signature],
        [certificate, 'label', 'other', signature],
        [certificate, 'label', 'text', signature.subarray(1)]
      ] as const)
        await assert.rejects(crypto.verifyDetached(by, label, utf8(text), shown, nowMs), invalid)
      const early = crypto.verifyDetached(
        ...([certificate, 'label', utf8('text'), signature, nowMs - 10 * minuteMs] as const)
      )
      await assert.rejects(early, { code: 'CLOCK_WRONG' })
      return signature.byteLength
    }))

  it('seal a notice to a pod', () =>
    each(async ({ crypto, hpke }) => {
      const sealed = await crypto.hpkeSeal(hpke.publicKey, 'a notice', utf8('text'))
      assert.deepEqual(await crypto.hpkeOpen(hpke.secret, 'a notice', sealed), utf8('text'))
      const invalid = { code: 'NOTICE_INVALID' }
      await assert.rejects(crypto.hpkeOpen(hpke.secret, 'another', sealed), invalid)
      await assert.rejects(crypto.hpkeOpen(hpke.secret, 'a notice', flipped(sealed, 33)), invalid)
      await assert.rejects(crypto.hpkeOpen(hpke.secret, 'a notice', new Uint8Array(40)), invalid)
      return sealed.byteLength
    }))

  it('counts what it does, and what that would have cost', async () => {
    const crypto = standInCrypto()
    const alice = crypto.makePerson({ name: 'alice', key: dice.bytes(32), nowMs })
    for (let i = 0; i < 3; i++) await crypto.signDetached(alice, 'label', utf8('text'), nowMs)
    assert.deepEqual([...crypto.calls], [['signDetached', 3]])
    assert(Math.abs(crypto.costMs - 1.2) < 1e-9)
  })
})

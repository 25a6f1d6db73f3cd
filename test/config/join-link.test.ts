import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { codeOf } from '../../src/base/errors.ts'
import type { JoinLink } from '../../src/config/join-link.ts'
import { makeJoinLink, readJoinLink } from '../../src/config/join-link.ts'
import type { NetworkFile } from '../../src/config/network.ts'
import { recordOf } from '../support/hostile-frames.ts'

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(b => Buffer.from(b).toString('hex'))
const hostname = fc.integer({ min: 0, max: 999 }).map(n => `pod-${n}.test`)
const address = fc.nat({ max: 65_535 }).map(port => `/ip4/127.0.0.1/tcp/${port}`)
const fingerprint = fc.oneof(hex(20), hex(32))

const pod = fc
  .tuple(hostname, fc.array(address, { minLength: 1, maxLength: 3 }), fc.option(fingerprint))
  .map(([name, addresses, print]) => ({
    hostname: name,
    addresses,
    ...(print === null ? {} : { fingerprint: print })
  }))

const network: fc.Arbitrary<NetworkFile> = recordOf({
  name: fc.constantFrom('local', 'home.net', 'a-1'),
  description: fc.string({ maxLength: 40 }),
  seeds: fc.array(address, { maxLength: 3 }),
  pods: fc.uniqueArray(pod, { maxLength: 3, selector: p => p.hostname }),
  parameters: fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
    .map(([a, b]) => ({ replicas: Math.max(a, b), quorum: Math.min(a, b) }))
})

const link: fc.Arbitrary<JoinLink> = recordOf({
  network: fc.option(network),
  pod: fc.option(hostname),
  invite: fc.option(fc.string({ minLength: 1, maxLength: 40 })),
  contact: fc.option(recordOf({ alias: fc.constant('bob@two.test'), fingerprint }))
}).filter(l => Object.values(l).some(part => part !== null))

const refusedOrSame = (text: string): void => {
  try {
    assert.equal(makeJoinLink(readJoinLink(text)), text.trim())
  } catch (err) {
    if (codeOf(err) !== 'LINK_INVALID') throw err
  }
}

describe('a join link', () => {
  it('comes back as it was, also with blanks around it', () => {
    fc.assert(
      fc.property(link, l => {
        const made = makeJoinLink(l)
        assert.match(made, /^muttr:[\w-]+$/)
        assert.deepEqual(readJoinLink(` ${made}\n`), l)
      })
    )
  })

  it('meets any text with a link or LINK_INVALID', () => {
    fc.assert(fc.property(fc.string(), refusedOrSame))
    fc.assert(fc.property(fc.base64String(), text => refusedOrSame(`muttr:${text}`)))
  })

  it('is refused when one character is missing, doubled or another', () => {
    fc.assert(
      fc.property(link, fc.nat(), fc.constantFrom('cut', 'double', 'change'), (l, at, how) => {
        const made = makeJoinLink(l)
        const i = 6 + (at % (made.length - 6))
        const other = made[i] === 'A' ? 'B' : 'A'
        const middle = { cut: '', double: made[i]! + made[i]!, change: other }[how]
        const spoiled = made.slice(0, i) + middle + made.slice(i + 1)
        if (spoiled !== made)
          assert.throws(() => readJoinLink(spoiled), { code: 'LINK_INVALID' }, spoiled)
      })
    )
  })

  it('is refused with a fingerprint of no key', () => {
    for (const bytes of [20, 21, 31, 32]) {
      const contact = { alias: 'bob@two.test', fingerprint: 'ab'.repeat(bytes) }
      const make = () => makeJoinLink({ network: null, pod: null, invite: null, contact })
      if (bytes === 20 || bytes === 32) assert.deepEqual(readJoinLink(make()).contact, contact)
      else assert.throws(make, { code: 'LINK_INVALID' }, `${bytes} bytes`)
    }
  })

  it('is refused when it says nothing, or comes from elsewhere', () => {
    const nothing = { network: null, pod: null, invite: null, contact: null }
    assert.throws(() => makeJoinLink(nothing), { code: 'LINK_INVALID' })
    for (const text of ['', 'muttr:', 'https://one.test', `muttr:${'A'.repeat(20_000)}`])
      assert.throws(() => readJoinLink(text), { code: 'LINK_INVALID' }, text.slice(0, 40))
  })

  it('holds the vectors', async () => {
    const file = new URL('../vectors/join-link.json', import.meta.url)
    const { valid, invalid } = JSON.parse(await readFile(file, 'utf8')) as {
      valid: { link: string; says: JoinLink }[]
      invalid: { why: string; link: string }[]
    }
    for (const { link: text, says } of valid) {
      assert.deepEqual(readJoinLink(text), says)
      assert.equal(makeJoinLink(says), text)
    }
    for (const { why, link: text } of invalid)
      assert.throws(() => readJoinLink(text), { code: 'LINK_INVALID' }, why)
  })
})

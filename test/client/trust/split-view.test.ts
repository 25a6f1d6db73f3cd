import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../../src/base/bytes.ts'
import { codeOf } from '../../../src/base/errors.ts'
import { limits } from '../../../src/base/limits.ts'
import { verifySplitView } from '../../../src/client/verify-split-view.ts'
import { revocationCertificate, withRevocation } from '../../../src/keys/revoke.ts'
import { decodeCbor, encodeCbor } from '../../../src/wire/cbor.ts'
import type { SplitView } from '../../../src/wire/split-view.ts'
import { decodeSplitView, encodeSplitView } from '../../../src/wire/split-view.ts'
import { spoil } from '../../support/cddl-values.ts'
import { person, clientStartMs as startMs } from '../../support/client-world.ts'
import { signedAnswer } from '../../support/pod-papers.ts'
import { certifiedKey, viewOf } from '../../support/signed-views.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const nowMs = startMs + 30 * dayMs
/** Bob's true key was certified a day ago, and another one an hour after that. */
const trueMs = startMs + dayMs
const lieMs = trueMs + hourMs

interface Said {
  who: string
  certifiedMs: number
  issuedMs: number
  validMs?: number
  alias?: string
  pod?: string
}

async function splitOf(former: Partial<Said>, later: Partial<Said> = {}): Promise<SplitView> {
  const said = async ({ who, pod = 'one.test', ...rest }: Said) =>
    viewOf(await person(pod), await person(who), rest)
  const first = { who: 'bob', certifiedMs: trueMs, issuedMs: lieMs + hourMs, ...former }
  const second = { who: 'eve', certifiedMs: lieMs, issuedMs: lieMs + 2 * hourMs, ...later }
  return {
    pod: (await person('one.test')).certificate.bytes,
    former: await said(first),
    later: await said(second)
  }
}

const verified = (split: SplitView, atMs = nowMs) => verifySplitView(encodeSplitView(split), atMs)
const refused = async (split: SplitView, why: string) =>
  assert.rejects(verified(split), { code: 'PROOF_INVALID' }, why)

describe('a proof of a split view', () => {
  it('says who signed what, and when', async () => {
    const said = await verified(await splitOf({}))
    const print = async (name: string) => (await person(name)).certificate.fingerprint
    assert.deepEqual(said, {
      alias: 'bob@one.test',
      pod: 'one.test',
      fingerprint: await print('one.test'),
      former: {
        fingerprint: await print('bob'),
        certifiedMs: trueMs,
        issuedMs: lieMs + hourMs,
        validUntilMs: lieMs + hourMs + 7 * dayMs
      },
      later: {
        fingerprint: await print('eve'),
        certifiedMs: lieMs,
        issuedMs: lieMs + 2 * hourMs,
        validUntilMs: lieMs + 2 * hourMs + 7 * dayMs
      }
    })
  })

  it('holds whichever of the two keys is the lie, and years later', async () => {
    await verified(await splitOf({ who: 'eve' }, { who: 'bob' }))
    await verified(await splitOf({}), nowMs + 3_000 * dayMs)
  })

  it('is none of a pod whose alias changed hands between two answers', async () => {
    await refused(await splitOf({ issuedMs: lieMs - hourMs }), 'the first answer is of before')
    await refused(await splitOf({ issuedMs: lieMs + 9 * 60_000 }), 'clocks that are apart')
    const again = lieMs + 90 * 60_000
    await refused(await splitOf({}, { certifiedMs: again }), 'given away after the first answer')
    await refused(await splitOf({ certifiedMs: lieMs + 1_000 }), 'given back before it')
  })

  it('is none of a pod that was restored from a backup and shows what came before', async () => {
    await refused(await splitOf({ issuedMs: lieMs + 2 * hourMs }, { issuedMs: lieMs + hourMs }), '')
    const same = lieMs + hourMs
    await refused(await splitOf({ issuedMs: same }, { issuedMs: same }), 'at one time')
    await refused(await splitOf({}, { issuedMs: same + 9 * 60_000 }), 'clocks that are apart')
  })

  it('is none of answers that do not overlap, or name one key', async () => {
    await refused(await splitOf({ validMs: hourMs }), 'the first one had ended')
    await refused(await splitOf({}, { who: 'bob' }), 'one key')
    const { pod, former, later } = await splitOf({})
    await refused({ pod, former, later: former }, 'the same twice')
    await refused({ pod, former: later, later: former }, 'the wrong way round')
  })

  it('is none of another alias, another pod, or a revoked key', async () => {
    await refused(await splitOf({}, { alias: 'bobby@one.test' }), 'another alias')
    await refused(await splitOf({}, { pod: 'two.test' }), 'another pod')
    const split = await splitOf({})
    const other = (await person('two.test')).certificate.bytes
    await refused({ ...split, pod: other }, 'signed by neither')
    await refused({ ...split, pod: utf8('no key') }, 'no key')
    const pod = await person('one.test')
    const eve = await person('eve')
    const certified = await certifiedKey(pod, eve, { certifiedMs: lieMs })
    const shown = {
      ...{ alias: 'bob@one.test', intro: sha256(utf8('i')), hpkeKey: sha256(utf8('h')) },
      certificate: await withRevocation(certified, utf8(await revocationCertificate(eve, lieMs))),
      validUntilMs: lieMs + 7 * dayMs
    }
    const later = await signedAnswer(pod, shown, lieMs + 2 * hourMs)
    await refused({ ...split, later }, 'a revoked key')
    const uncertified = { ...shown, certificate: eve.certificate }
    const bare = await signedAnswer(pod, uncertified, lieMs + 2 * hourMs)
    await refused({ ...split, later: bare }, 'a key that the pod did not certify')
  })

  it('is refused when it is too large, and when it is of our future', async () => {
    const large = new Uint8Array(limits.splitViewBytesMax + 1)
    await assert.rejects(verifySplitView(large, nowMs), { code: 'WIRE_TOO_LARGE' })
    const split = await splitOf({})
    await assert.rejects(verified(split, startMs), { code: 'CLOCK_WRONG' })
  })

  it('that somebody made up, by changing anything in a true one, is none', async () => {
    const file = encodeSplitView(await splitOf({}))
    const value = decodeCbor(file, 'a proof', read => read, file.byteLength)
    const met = async (made: Uint8Array) =>
      codeOf(
        await verifySplitView(made, nowMs).then(
          () => undefined,
          thrown => thrown
        )
      )
    let held = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(0x7fff_ffff), async pick => {
        const code = await met(encodeCbor(spoil(value, pick)))
        if (code === undefined) held += 1
        else assert.equal(code, 'PROOF_INVALID')
      }),
      { numRuns: 150 }
    )
    assert.ok(held < 150)
    for (let at = 0; at < file.byteLength; at += 41) {
      const spoiled = file.slice()
      spoiled[at]! ^= 1 << (at % 8)
      const code = await met(spoiled)
      if (code !== undefined) assert.equal(code, 'PROOF_INVALID')
    }
  })
})

describe('the vectors of split views in docs/protocol/proof.md', () => {
  it('hold', async () => {
    const path = new URL('../../vectors/split-view.json', import.meta.url)
    const { valid, refused: wrong, nowMs: atMs } = JSON.parse(await readFile(path, 'utf8'))
    for (const { frame, alias, fingerprint, shown } of valid) {
      const file = fromHex(frame, frame.length / 2)!
      const said = await verifySplitView(file, atMs)
      const prints = [said.former.fingerprint, said.later.fingerprint]
      assert.deepEqual([said.alias, said.fingerprint, prints], [alias, fingerprint, shown])
      assert.equal(toHex(encodeSplitView(decodeSplitView(file))), frame)
    }
    for (const { why, frame } of wrong) {
      const file = fromHex(frame, frame.length / 2)!
      await assert.rejects(verifySplitView(file, atMs), { code: 'PROOF_INVALID' }, why)
    }
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'
import { verifyProof } from '../../src/client/verify-proof.ts'
import { makeDevice } from '../../src/keys/device.ts'
import { openReceipt, sealReceipt } from '../../src/keys/receipt.ts'
import { signDetached } from '../../src/keys/sign.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { releasedBytes, storedBytes } from '../../src/wire/dht.ts'
import { announcedHashBytes } from '../../src/wire/notice.ts'
import { podRecord, podRecordLabel } from '../../src/wire/pod.ts'
import type { Proof } from '../../src/wire/proof.ts'
import { decodeProof, encodeProof } from '../../src/wire/proof.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import { spoil } from '../support/cddl-values.ts'
import { person } from '../support/client-world.ts'

const nowMs = Date.UTC(2026, 0, 1)
const expiryMs = expiryAt(nowMs + 86_400_000)
const [retract, accept] = [sha256(utf8('retract')), sha256(utf8('accept'))]
const blob = makeBlob(utf8('sealed'), {
  expiryMs,
  retract: sha256(retract),
  accept: sha256(accept)
})
const { key, headerBytes } = blob
const seeds = ['a', 'b', 'c'].map(name => makeDevice(sha256(utf8(name))))
const podDevice = makeDevice(sha256(utf8('pod')))
const letter = sha256(utf8('letter'))
const noticeHash = sha256(utf8('notice'))

const copies = seeds.map(seed => ({
  holder: seed.publicKey,
  atMs: nowMs,
  signature: seed.sign(storedBytes(key, expiryMs, nowMs))
}))
const word = { retract: true, accept: false }
const released = seeds.map(seed => ({
  ...word,
  holder: seed.publicKey,
  atMs: nowMs,
  signature: seed.sign(releasedBytes(key, word, nowMs))
}))

async function papers(peer = peerOfKey(podDevice.publicKey), hostname = 'one.test') {
  const pod = await person('one.test')
  const face = { hostname, peers: [peer], hpkeKey: sha256(utf8('hpke')), policy: 'open' as const }
  const record = podRecord.encode({
    ...face,
    escrow: false,
    udp: null,
    former: [],
    sequence: 1,
    issuedMs: nowMs
  })
  const signature = await signDetached(pod, podRecordLabel, record, nowMs)
  return { record, signature, certificate: pod.certificate.bytes }
}

async function whole(): Promise<Proof> {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const acceptance = { key, letter, atMs: nowMs }
  const sealed = await sealReceipt(acceptance, { from: bob, to: alice.certificate, nowMs })
  const { signature } = await openReceipt(sealed, { reader: alice, nowMs })
  return {
    letter,
    to: 'bob@one.test',
    fingerprint: fromHex(bob.certificate.fingerprint, 20)!,
    header: headerBytes,
    copies,
    announced: {
      pod: 'one.test',
      peer: podDevice.publicKey,
      notice: noticeHash,
      atMs: nowMs,
      signature: podDevice.sign(announcedHashBytes(noticeHash, nowMs)),
      papers: await papers()
    },
    tombstone: encodeTombstone({ headerBytes, retract, accept, receipt: sealed }),
    released,
    accepted: { atMs: nowMs, signature, certificate: bob.certificate.bytes },
    asked: { atMs: nowMs, answered: 8, wanted: 8, holders: 3 }
  }
}

const verified = (proof: Proof, atMs = nowMs) => verifyProof(encodeProof(proof), atMs)
const refused = async (proof: Proof, why: string) =>
  assert.rejects(verified(proof), { code: 'PROOF_INVALID' }, why)

describe('a proof of a letter', () => {
  it('says for each part who signed it', async () => {
    const said = await verified(await whole())
    const [pod, bob] = [await person('one.test'), await person('bob')]
    assert.deepEqual(
      [said.state, said.stored.length, said.released?.by.length, toHex(key) === said.key],
      ['accepted', 3, 3, true]
    )
    assert.deepEqual(
      [said.announced?.peer, said.announced?.fingerprint],
      [peerOfKey(podDevice.publicKey), pod.certificate.fingerprint]
    )
    assert.equal(said.receipt?.fingerprint, bob.certificate.fingerprint)
    assert.deepEqual([said.released?.retract, said.released?.accept], [true, true])
  })

  it('is in the state that its evidence allows, and no further', async () => {
    const full = await whole()
    const state = async (part: Partial<Proof>, atMs?: number) =>
      (await verified({ ...full, ...part }, atMs)).state
    const bare = { tombstone: null, released: [], accepted: null }
    assert.equal(await state({ accepted: null }), 'accepted')
    const withdrawn = encodeTombstone({ headerBytes, retract, accept: null, receipt: null })
    assert.equal(await state({ accepted: null, tombstone: withdrawn }), 'withdrawn')
    const unheard = { ...bare, tombstone: withdrawn }
    assert.equal(await state(unheard), 'announced')
    assert.equal(await state(bare), 'announced')
    assert.equal(await state({ ...bare, announced: null }), 'stored')
    assert.equal(await state({ ...bare, announced: null, copies: [] }), 'queued')
    assert.equal(await state(bare, expiryMs), 'expired')
    const unsealed = { ...bare, announced: null, copies: [], header: null, asked: null }
    assert.equal(await state(unsealed), 'queued')
  })

  it('is refused as a whole when one word in it is not of who it names', async () => {
    const full = await whole()
    const [first, ...rest] = copies
    await refused({ ...full, copies: [{ ...first!, atMs: nowMs + 1 }, ...rest] }, 'a time')
    await refused({ ...full, copies: [{ ...first!, holder: podDevice.publicKey }] }, 'a seed')
    await refused({ ...full, released: [{ ...released[0]!, accept: true }] }, 'a release')
    await refused({ ...full, tombstone: null }, 'no tombstone')
    const other = makeBlob(utf8('other'), { ...blob.header, retract: sha256(retract) })
    const foreign = { headerBytes: other.headerBytes, retract, accept: null, receipt: null }
    await refused({ ...full, tombstone: encodeTombstone(foreign) }, 'another blob')
    await refused({ ...full, header: other.headerBytes }, 'another header')
    await refused({ ...full, header: utf8('no header') }, 'no header')
    const { announced, accepted } = full
    await refused({ ...full, announced: { ...announced!, notice: letter } }, 'another notice')
    await refused({ ...full, announced: { ...announced!, pod: 'two.test' } }, 'another pod')
    const elsewhere = await papers(peerOfKey(seeds[0]!.publicKey))
    await refused({ ...full, announced: { ...announced!, papers: elsewhere } }, 'another peer')
    const unsigned = { ...(await papers()), signature: accepted!.signature }
    await refused({ ...full, announced: { ...announced!, papers: unsigned } }, 'unsigned papers')
    await refused({ ...full, letter: key }, 'another letter')
    await refused({ ...full, accepted: { ...accepted!, atMs: nowMs + 1 } }, 'another time')
    const alice = (await person('alice')).certificate
    await refused({ ...full, accepted: { ...accepted!, certificate: alice.bytes } }, 'another key')
    const print = fromHex(alice.fingerprint, 20)!
    await refused({ ...full, fingerprint: print }, 'another reader')
    const both = { certificate: alice.bytes, fingerprint: print }
    await refused({ ...full, ...both, accepted: { ...accepted!, ...both } }, 'a forged reader')
    await refused({ ...full, accepted: { ...accepted!, certificate: utf8('key') } }, 'no key')
  })

  it('that holds and is dated in our future is a matter of clocks', async () => {
    const early = verified(await whole(), nowMs - 3_600_000)
    await assert.rejects(early, { code: 'CLOCK_WRONG' })
  })

  it('with any bit changed meets the same proof or a named code', async () => {
    const file = encodeProof(await whole())
    const codes: (ErrorCode | undefined)[] = ['PROOF_INVALID', 'WIRE_TOO_LARGE']
    for (let at = 0; at < file.byteLength; at += 97) {
      const spoiled = file.slice()
      spoiled[at]! ^= 1 << (at % 8)
      const err = await verifyProof(spoiled, nowMs).then(
        () => undefined,
        thrown => thrown
      )
      if (err) assert.ok(codes.includes(codeOf(err)), `${err}`)
    }
  })
})

describe('a proof that somebody made up', () => {
  it('by changing anything in a true one meets a proof or a named code', async () => {
    const file = encodeProof(await whole())
    const value = decodeCbor(file, 'a proof', read => read, file.byteLength)
    let held = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(0x7fff_ffff), async pick => {
        const made = encodeCbor(spoil(value, pick))
        const err = await verifyProof(made, nowMs).then(
          () => undefined,
          thrown => thrown
        )
        if (err === undefined) held += 1
        else assert.equal(codeOf(err), 'PROOF_INVALID', `${err}`)
      }),
      { numRuns: 150 }
    )
    assert.ok(held < 150)
  })
})

describe('the vectors of docs/protocol/proof.md', () => {
  it('hold', async () => {
    const path = new URL('../vectors/proof.json', import.meta.url)
    const { valid, refused: wrong, nowMs: atMs } = JSON.parse(await readFile(path, 'utf8'))
    for (const { frame, state, key: under } of valid) {
      const file = fromHex(frame, frame.length / 2)!
      const said = await verifyProof(file, atMs)
      assert.deepEqual([said.state, said.key], [state, under])
      assert.equal(toHex(encodeProof(decodeProof(file))), frame)
    }
    for (const { why, frame } of wrong) {
      const file = fromHex(frame, frame.length / 2)!
      await assert.rejects(verifyProof(file, atMs), { code: 'PROOF_INVALID' }, why)
    }
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf, errorCodes } from '../../src/base/errors.ts'
import { closetOf } from '../../src/client/closet.ts'
import type { ContactRow } from '../../src/client/contact-rows.ts'
import { contactTable, correspondentTable } from '../../src/client/contact-rows.ts'
import type { NoticeRow } from '../../src/client/inbox-rows.ts'
import { noticeTable } from '../../src/client/inbox-rows.ts'
import { conversationTable } from '../../src/client/mailbox/conversation-rows.ts'
import type { KeptRow } from '../../src/client/mailbox/letter-rows.ts'
import { letterTable } from '../../src/client/mailbox/letter-rows.ts'
import type { SealedTable } from '../../src/client/mailbox/sealed-table.ts'
import type { ReleaseRow } from '../../src/client/release-rows.ts'
import { releaseTable } from '../../src/client/release-rows.ts'
import type { SentRow } from '../../src/client/sent-rows.ts'
import { sentPastTable, sentTable } from '../../src/client/sent-rows.ts'
import type { SentSecret } from '../../src/client/sent-secrets.ts'
import {
  decodeBlobRow,
  decodeSecret,
  encodeBlobRow,
  encodeSecret
} from '../../src/client/sent-secrets.ts'
import type { Table } from '../../src/client/table.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { decode } from '../../src/wire/cbor-bytes.ts'
import { dice, quiet } from '../support/client-world.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'
import { mailStores } from '../support/mailbox.ts'

const hex32 = bytesOf(32).map(toHex)
const print = fc.oneof(bytesOf(20), bytesOf(32)).map(toHex)
const time = fc.maxSafeNat()
const small = fc.nat({ max: 255 })
const name = fc.string({ minLength: 3, maxLength: 60 })
const some = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })

const contact: fc.Arbitrary<ContactRow> = recordOf({
  certificate: some(100),
  pinnedMs: time,
  verified: fc.boolean(),
  certifiedUntilMs: fc.option(time),
  changed: fc.option(some(100)),
  route: fc.option(recordOf({ intro: bytesOf(32), hpkeKey: bytesOf(32), untilMs: time })),
  knowsUs: fc.boolean(),
  seenMs: time,
  followed: fc.option(
    recordOf({
      ...{ from: some(100), fromFingerprint: print, atMs: time },
      pins: fc.array(hex32, { maxLength: 8 })
    })
  ),
  disputed: fc.option(print),
  moved: fc.option(recordOf({ to: name, sequence: time, atMs: time })),
  from: fc.option(recordOf({ alias: name, sequence: time, atMs: time, agreed: fc.boolean() })),
  offered: fc.option(
    recordOf({
      ...{ to: name, sequence: time, atMs: time, frame: some(100) },
      code: fc.constantFrom<ErrorCode>('MOVE_DENIED', 'KEY_CHANGED')
    })
  )
})

const notice: fc.Arbitrary<NoticeRow> = recordOf({
  pod: name,
  key: bytesOf(32),
  sizeBytes: fc.integer({ min: 1, max: 262_144 }),
  expiryMs: time,
  slip: some(1_024),
  address: fc.option(bytesOf(32)),
  failures: fc.nat()
})

const codes = Object.keys(errorCodes) as ErrorCode[]
const sent: fc.Arbitrary<SentRow> = recordOf({
  id: hex32,
  from: name,
  to: name,
  sentMs: time,
  expiryMs: time,
  via: fc.option(name),
  stage: fc.constantFrom(
    'draft' as const,
    'sealed',
    'stored',
    'announced',
    'accepted',
    'withdrawn',
    'expired'
  ),
  fingerprint: fc.option(print),
  key: fc.option(hex32),
  header: fc.option(some(256)),
  sizeBytes: fc.nat({ max: 262_144 }),
  copies: fc.array(
    recordOf({
      holder: fc.string({ minLength: 1, maxLength: 20 }),
      storedMs: time,
      signature: bytesOf(64)
    }),
    { maxLength: 4 }
  ),
  wanted: fc.nat({ max: 64 }),
  slip: fc.option(some(1_024)),
  place: fc.option(recordOf({ address: bytesOf(32), pod: name, hpkeKey: bytesOf(32) })),
  announced: fc.option(
    recordOf({ pod: name, peer: name, notice: bytesOf(32), atMs: time, signature: some(64) })
  ),
  waiting: fc.option(
    recordOf({
      code: fc.constantFrom(...codes),
      message: fc.string({ maxLength: 90 }),
      retryAtMs: time
    })
  ),
  failures: fc.nat(),
  checks: fc.nat(),
  checkMs: time,
  asked: fc.option(recordOf({ atMs: time, answered: small, wanted: small, holders: small })),
  withdrawing: fc.option(
    recordOf({
      sinceMs: time,
      asked: small,
      words: fc.array(
        recordOf({
          holder: name,
          retract: fc.boolean(),
          accept: fc.boolean(),
          atMs: time,
          signature: bytesOf(64)
        }),
        { maxLength: 3 }
      )
    })
  ),
  tombstone: fc.option(some(300)),
  receipt: fc.option(recordOf({ atMs: time, signature: some(200) })),
  correctedBy: fc.option(hex32),
  forgetAsked: fc.option(hex32)
})

const release: fc.Arbitrary<ReleaseRow> = recordOf({
  tombstone: some(300),
  receipt: fc.option(
    recordOf({ letter: bytesOf(32), alias: name, fingerprint: print, openedMs: time })
  ),
  via: fc.option(name),
  expiryMs: time,
  failures: fc.nat()
})

const participant = recordOf({ alias: name, fingerprint: fc.option(print) })
const letterRow: fc.Arbitrary<KeptRow> = recordOf({
  id: hex32,
  thread: hex32,
  parent: fc.option(hex32),
  fromAlias: name,
  fromFingerprint: print,
  to: name,
  subject: fc.string({ maxLength: 60 }),
  mimeType: fc.string({ maxLength: 60 }),
  sentMs: time,
  receivedMs: time,
  expiryMs: time,
  sizeBytes: fc.nat(),
  key: hex32,
  corrects: fc.option(hex32),
  retracts: fc.option(hex32),
  receiptRequested: fc.boolean(),
  attachments: fc.nat({ max: 64 }),
  conversation: hex32,
  others: fc.array(participant, { maxLength: 3 }),
  snippet: fc.string({ maxLength: 60 }),
  read: fc.boolean(),
  imported: fc.boolean()
})

const conversation = recordOf({
  thread: hex32,
  subject: fc.string({ maxLength: 60 }),
  others: fc.array(participant, { maxLength: 3 }),
  letters: fc.nat(),
  unread: fc.nat(),
  attachments: fc.nat(),
  firstMs: time,
  lastMs: time,
  lastFrom: name,
  snippet: fc.string({ maxLength: 60 }),
  labels: fc.array(name, { maxLength: 3 }),
  archived: fc.boolean()
})

const secret: fc.Arbitrary<SentSecret> = recordOf({
  secrets: recordOf({ retract: bytesOf(32), accept: bytesOf(32) }),
  thread: fc.option(bytesOf(32)),
  conversation: fc.option(bytesOf(32)),
  parent: fc.option(bytesOf(32)),
  mimeType: name,
  subject: fc.string({ maxLength: 60 }),
  body: fc.uint8Array({ maxLength: 100 }),
  flags: recordOf({
    retracts: fc.option(bytesOf(32)),
    corrects: fc.option(bytesOf(32)),
    receiptRequested: fc.boolean(),
    escrowDisclosed: fc.constant(false)
  }),
  attachments: fc.nat({ max: 64 })
})

describe('rows', () => {
  /** What is written is read again; what was spoiled on the disk is left out of lists, and named when asked for. */
  async function tableHolds<T>(make: (state: State) => Table<T>, values: fc.Arbitrary<T>) {
    const state = memoryState()
    const table = make(state)
    await fc.assert(
      fc.asyncProperty(values, fc.nat(), async (value, at) => {
        const change = table.put('a', value)
        await state.write([change])
        assert.deepEqual(await table.get('a'), value)
        assert.deepEqual(await table.list(), [{ key: 'a', value }])
        assert.ok(change.type === 'put')
        const cut = new Uint8Array(change.value.slice(0, at % change.value.byteLength))
        await state.write([{ ...change, value: cut }])
        await assert.rejects(table.get('a'), { code: 'HOME_DAMAGED' })
        assert.deepEqual(await table.list(), [])
        await state.write([table.drop('a')])
        assert.equal(await table.get('a'), undefined)
      }),
      { numRuns: 60 }
    )
  }

  async function sealedTableHolds<T>(
    make: (state: State) => SealedTable<T>,
    values: fc.Arbitrary<T>
  ) {
    const state = memoryState()
    const table = make(state)
    const closet = closetOf(dice.bytes(32), dice)
    await fc.assert(
      fc.asyncProperty(values, fc.nat(), async (value, at) => {
        const change = table.put('a', value, closet)
        assert.ok(change.type === 'put')
        await state.write([change])
        assert.deepEqual(await table.get('a', closet), value)
        assert.deepEqual((await table.page(closet, {})).rows, [{ key: 'a', value }])
        await state.write([{ ...change, key: 'b' }])
        await assert.rejects(table.get('b', closet), { code: 'HOME_DAMAGED' })
        await state.write([table.drop('b')])
        const cut = new Uint8Array(change.value.slice(0, at % change.value.byteLength))
        await state.write([{ ...change, value: cut }])
        await assert.rejects(table.get('a', closet), { code: 'HOME_DAMAGED' })
        assert.deepEqual(await table.page(closet, {}), { rows: [], last: 'a' })
        await state.write([table.drop('a')])
      }),
      { numRuns: 40 }
    )
  }

  it('of correspondents come back', () =>
    tableHolds(state => correspondentTable(state, quiet), contact))
  it('of contacts come back', () =>
    sealedTableHolds(state => contactTable(state, quiet), recordOf({ alias: name, row: contact })))
  const unmoved = { moved: null, from: null, offered: null }
  it('of contacts come back as they were kept before keys could succeed others', () =>
    contactsCome(
      { version: 2, sealed: 1, lack: 5 },
      { ...unmoved, followed: null, disputed: null }
    ))
  it('of contacts come back as they were kept before people could move', () =>
    contactsCome({ version: 3, sealed: 2, lack: 3 }, unmoved))

  async function contactsCome(
    kept: { version: number; sealed: number; lack: number },
    lacking: Partial<ContactRow>
  ): Promise<void> {
    const closet = closetOf(dice.bytes(32), dice)
    const state = memoryState()
    const [clear, sealed] = [correspondentTable(state, quiet), contactTable(state, quiet)]
    const older = (row: unknown) => (row as unknown[]).slice(0, -kept.lack)
    await fc.assert(
      fc.asyncProperty(contact, async row => {
        const [open, shut] = [clear.put('a', row), sealed.put('b', { alias: 'a@b', row }, closet)]
        assert(open.type === 'put' && shut.type === 'put')
        const [, ...fields] = older(decode(open.value))
        const [, alias, there] = decode(closet.open('people b', shut.value)) as unknown[]
        const old = encodeCbor([kept.sealed, alias, older(there)])
        await state.write([
          { ...open, value: encodeCbor([kept.version, ...fields]) },
          { ...shut, value: closet.seal('people b', old) }
        ])
        const read = { ...row, ...lacking }
        assert.deepEqual(await clear.get('a'), read)
        assert.deepEqual((await sealed.get('b', closet))?.row, read)
      }),
      { numRuns: 40 }
    )
  }
  it('of received letters come back', () =>
    sealedTableHolds(state => letterTable(state, quiet), letterRow))
  it('of conversations come back', () =>
    sealedTableHolds(state => conversationTable(state, quiet), conversation))
  it('of sent letters that are over come back', () =>
    sealedTableHolds(state => sentPastTable(state, quiet), sent))
  it('of notices come back', () => tableHolds(state => noticeTable(state, quiet), notice))
  it('of sent letters come back', () => tableHolds(state => sentTable(state, quiet), sent))

  it('of releases come back', () => tableHolds(state => releaseTable(state, quiet), release))

  it('meet any bytes with a value or HOME_DAMAGED', () => {
    const codes: ErrorCode[] = ['HOME_DAMAGED', 'WIRE_TOO_LARGE']
    hostile({
      valid: secret.map(s => new Uint8Array(encodeSecret(s))),
      read: bytes => new Uint8Array(encodeSecret(decodeSecret(bytes))),
      codes
    })
    const blob = some(200).map(sealed =>
      makeBlob(sealed, { expiryMs: expiryAt(1e12), retract: dice.bytes(32), accept: null })
    )
    hostile({
      valid: blob.map(b => new Uint8Array(encodeBlobRow(b))),
      read: bytes => new Uint8Array(encodeBlobRow(decodeBlobRow(bytes))),
      codes
    })
  })

  it('in the closet open for their own place alone, and not when spoiled', () => {
    const closet = closetOf(dice.bytes(32), dice)
    const other = closetOf(dice.bytes(32), dice)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (plaintext, at) => {
        const sealed = closet.seal('row a', plaintext)
        assert.deepEqual(closet.open('row a', sealed), plaintext)
        const spoiled = sealed.slice()
        spoiled[at % spoiled.byteLength]! ^= 1
        for (const open of [
          () => closet.open('row b', sealed),
          () => other.open('row a', sealed),
          () => closet.open('row a', spoiled),
          () => closet.open('row a', sealed.slice(0, at % sealed.byteLength))
        ])
          assert.throws(open, { code: 'HOME_DAMAGED' })
      })
    )
  })

  it('of one letter are written one after the other, and what comes meanwhile together', async () => {
    const state = memoryState()
    let writes = 0
    const held = Promise.withResolvers<void>()
    const slow: State = {
      ...state,
      get: (table, key) => state.get(table, key),
      list: (table, range) => state.list(table, range),
      write: async changes => {
        if (++writes === 1) await held.promise
        return state.write(changes)
      }
    }
    const { sent: store } = mailStores(slow)
    const row: SentRow = {
      ...fc.sample(sent, 1)[0]!,
      stage: 'stored',
      copies: [],
      waiting: null,
      announced: null,
      slip: null
    }
    const saves = [store.save(row), store.save(row), store.save(row)]
    row.stage = 'announced'
    held.resolve()
    await Promise.all(saves)
    assert.equal(writes, 2)
    assert.equal((await store.list({ limit: 1 }))[0]?.stage, 'announced')
    assert.equal(codeOf(await store.blob('none').catch(err => err)), 'HOME_DAMAGED')
  })

  it('of notices done with are all forgotten when they have expired, however many', async () => {
    const state = memoryState()
    const { received: store } = mailStores(state)
    const row = {
      pod: 'one.test',
      sizeBytes: 1,
      slip: new Uint8Array(1),
      address: null,
      failures: 0
    }
    for (let i = 0; i < 2_100; i++)
      await store.finish({ ...row, key: dice.bytes(32), expiryMs: i < 2_050 ? 1_000 : 3_000 })
    await store.sweep(2_000)
    for (const table of ['inbox-done', 'inbox-expiry'])
      assert.equal((await state.list(table)).length, 50)
  })
})

import assert from 'node:assert/strict'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { PeerId } from '../../src/base/ports.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { Table } from '../../src/routing/table.ts'
import { createToll } from '../../src/seed/toll.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { stamped } from '../support/stamps.ts'

const hourMs = limits.expiryStepMs
const postageOf = ({ key, header: { lengthBytes, expiryMs } }: Blob) => ({
  key,
  lengthBytes,
  expiryMs
})

describe('the toll', () => {
  const placeOf = (peer: PeerId) => sha256(utf8(peer))
  const hour = 480_000 * hourMs
  const blob = makeBlob(new Uint8Array(limits.blobBytesMax), {
    expiryMs: hour + 24 * hourMs,
    retract: sha256(),
    accept: null
  })
  const place = placeOfKey(blob.key)
  /** Nearest to the blob first. */
  const peers = Array.from({ length: 60 }, (_, n) => `peer ${n}`).sort((a, b) =>
    compareDistance(place, placeOf(a), placeOf(b))
  )

  const capBytes = 16 * 3 * postageOf(blob).lengthBytes

  /** Of a holder that knows all of them, at a price, so long after a stamp was made. Its disk has room for 16 times three such blobs. */
  function at(factor: number, sinceMs = 0) {
    const nowMs = hour + sinceMs
    const table = new Table({ place, placeOf, k: 20, nowMs })
    for (const peer of peers) table.answered({ peer, addresses: [] }, nowMs)
    let asked = 0
    const price = () => {
      asked += 1
      return factor
    }
    const clock = fakeClock(nowMs)
    const usage = () => ({ blobs: 0, tombstones: 0, bytes: 0, capBytes })
    const toll = createToll({ clock, table, placeOf, price, store: { usage }, replicas: 8 })
    const owes = (rank: number, { stamp } = stamped(blob, hour)) =>
      toll(peers[rank]!, postageOf(blob), stamp)
    return { owes, table, clock, asked: () => asked }
  }

  it('is the floor for everybody where nobody is pressed, whatever the age of the stamp', () => {
    for (const sinceMs of [0, hourMs, 10 * hourMs])
      for (const rank of [0, 15, 16, 59]) assert.equal(at(1, sinceMs).owes(rank), undefined)
  })

  it('is the price of the moment for a fresh stamp, from near as from afar', () => {
    const { owes } = at(30)
    assert.equal(owes(0), 30)
    assert.equal(owes(59), 30)
    assert.equal(owes(59, stamped(blob, hour, 30)), undefined)
  })

  it('is the floor for repair: a stamp of before, from near the key; from afar it is refused', () => {
    const { owes, asked } = at(30, 3 * hourMs)
    for (let rank = 0; rank < 16; rank++) assert.equal(owes(rank), undefined)
    assert.equal(asked(), 0, 'repair is never asked to pay more')
    assert.equal(owes(16), 30)
    assert.equal(owes(59), 30)
    assert.equal(owes(59, stamped(blob, hour, 30)), 30, 'however dear it was')
  })

  it('is the price for what a near one brings that we do not know as a server', () => {
    const { owes, table } = at(30, 3 * hourMs)
    table.remove(peers[3]!)
    assert.equal(owes(3), 30)
    assert.equal(owes(2), undefined)
  })

  it('is the price for more than a near one has to bring back, until it may again', () => {
    const { owes, clock } = at(30, 3 * hourMs)
    assert.deepEqual([owes(0), owes(0), owes(0), owes(0)], [undefined, undefined, undefined, 30])
    assert.equal(owes(1), undefined, 'another one has a part of its own')
    clock.advance(8 * hourMs)
    assert.deepEqual([owes(0), owes(0)], [undefined, 30])
    const calm = at(1, 3 * hourMs)
    for (let i = 0; i < 10; i++) assert.equal(calm.owes(0), undefined)
  })

  it('is a whole number, and never more than a thousand', () => {
    assert.equal(at(1e9).owes(0), limits.priceFactorMax)
    assert.equal(at(2.2).owes(0), 3)
    assert.equal(at(0.1).owes(0), undefined)
  })
})

import { randomBytes } from 'node:crypto'
import { Bench } from 'tinybench'
import { makePerson } from '../../src/keys/person.ts'
import { open, seal } from '../../src/keys/seal.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { expiryAt, makeBlob, readBlob } from '../../src/wire/blob.ts'
import type { Row } from './table.ts'

/** What one letter and one copy cost apart from the network, on one core. */
export async function benchMicro(): Promise<Row[]> {
  const nowMs = Date.now()
  const alice = await makePerson({ name: 'alice', nowMs })
  const bob = await makePerson({ name: 'bob', nowMs })
  const letter = randomBytes(500)
  const sizes = [1024]
  const sealed = await seal(letter, { from: alice, to: bob.certificate, sizes, nowMs })
  const header = { expiryMs: expiryAt(nowMs), retract: randomBytes(32), accept: null }
  const blob = makeBlob(sealed, header)
  const keys = peerKeys(await makePeerKey())
  const word = keys.sign(blob.key)
  const bench = new Bench({ time: 500 })
  bench
    .add('sign and seal 1 KiB', () =>
      seal(letter, { from: alice, to: bob.certificate, sizes, nowMs })
    )
    .add('open and verify 1 KiB', async () => {
      const opened = await open(sealed, { reader: bob, nowMs })
      await opened.verify(alice.certificate)
    })
    .add('check a blob of 1 KiB', () => void readBlob(blob.headerBytes, sealed, blob.key))
    .add('sign an acknowledgement', () => void keys.sign(blob.key))
    .add('verify an acknowledgement', () => void keys.verify(keys.self, blob.key, word))
  await bench.run()
  return bench.tasks.flatMap(({ name, result }) =>
    'latency' in result
      ? [{ name, unit: 'ms' as const, ...rounded(result.latency.p50, result.latency.p99) }]
      : []
  )
}

const rounded = (median: number, p95: number) => ({
  median: Number(median.toPrecision(3)),
  p95: Number(p95.toPrecision(3))
})

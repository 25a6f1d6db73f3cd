import { randomBytes } from 'node:crypto'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createStamper } from '../../src/net/stamper.ts'
import type { Postage } from '../../src/wire/stamp.ts'
import { issuedAt, readStamp, stampBlock, stampPrice } from '../../src/wire/stamp.ts'
import { searchStamp } from '../../src/wire/stamp-work.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const KiB = 1_024
const dayMs = 86_400_000
const none = [0, 0] as const // a threshold below which no hash is: all of a slice is searched
const sliceHashes = 2 ** 18

const job = (lengthBytes: number) => {
  const issuedMs = issuedAt(clock.now())
  const expiryMs = issuedMs + 30 * dayMs
  return { key: randomBytes(32), lengthBytes, expiryMs, issuedMs, factor: 1 }
}
type Job = ReturnType<typeof job>
const row = (name: string, ms: readonly number[]): Row => ({ name, unit: 'ms', ...summary(ms) })

/** CPU time of this thread, which whatever else runs on the machine does not change. */
function worked(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

async function timed(work: () => unknown): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

/** What the work for a put takes: alone on a core, and as a put has it done. */
export async function benchStamp(rounds: number): Promise<Row[]> {
  const search = () =>
    searchStamp({ block: stampBlock(randomBytes(32), 0), below: none, from: 0, count: sliceHashes })
  search()
  const perHash: number[] = []
  for (let r = 0; r < 4 * rounds; r++) perHash.push(worked(search) / sliceHashes)
  const floor = (lengthBytes: number) => stampPrice(job(lengthBytes))
  const gib = 4 * KiB * floor(256 * KiB)

  const cold: number[] = []
  for (let r = 0; r < rounds; r++) {
    await using stamper = createStamper({ clock })
    cold.push(await timed(() => stamper.make(job(64 * KiB))))
  }
  await using stamper = createStamper({ clock })
  const make = (o: Job) => stamper.make(o)
  const single: number[] = []
  for (let i = 0; i < 100 * rounds; i++) single.push(await timed(() => make(job(4 * KiB))))
  const chunks: number[] = []
  for (let r = 0; r < rounds; r++) {
    const jobs = Array.from({ length: 64 }, () => job(256 * KiB))
    chunks.push((await timed(() => Promise.all(jobs.map(make)))) / jobs.length)
  }
  return [
    row(
      '4 KiB for 30 days, the search on one core',
      perHash.map(ms => ms * floor(4 * KiB))
    ),
    row(
      '256 KiB for 30 days, the search on one core',
      perHash.map(ms => ms * floor(256 * KiB))
    ),
    row(
      '1 GiB for 30 days, the search on one core',
      perHash.map(ms => ms * gib)
    ),
    row('4 KiB for 30 days, as a put has it made', single),
    row('64 KiB for 30 days, by a worker that must start first', cold),
    row(`256 KiB for 30 days, of 64 at once on ${stamper.workers} threads`, chunks),
    row('checking a stamp', await checks(rounds, make))
  ]
}

async function checks(rounds: number, make: (o: Job) => Promise<Uint8Array>): Promise<number[]> {
  const one = job(KiB)
  const frame = await make(one)
  const postage: Postage = one
  const out: number[] = []
  for (let r = 0; r < 10 * rounds; r++) {
    const ms = worked(() => {
      for (let i = 0; i < 1_000; i++) readStamp(frame, postage, one.issuedMs)
    })
    out.push(ms / 1_000)
  }
  return out
}

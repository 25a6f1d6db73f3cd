import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../../src/base/errors.ts'
import type { Contact, Log } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey } from '../../src/net/peer-key.ts'
import { createStamper } from '../../src/net/stamper.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { decodePutAnswer } from '../../src/wire/dht.ts'
import { putFrame } from '../support/stamps.ts'
import { putKiB, startBenchSeed } from './bench-seed.ts'

/** One role of the flood, in a process of its own; the parent asks, and what is returned goes back. */
export type Ask =
  | { ask: 'start'; join: Contact[]; count: number }
  | { ask: 'measure'; count: number }
  | { ask: 'flood'; target: Contact }
  | { ask: 'cease' }
  | { ask: 'stored' }

export interface Flooded {
  offered: number
  /** Bytes of the puts that were taken. */
  taken: number
  refused: Record<string, number>
}

const silent: Log = { debug() {}, info() {}, warn() {} }
const dayMs = 86_400_000
const blobBytes = 64 * 1024
const atOnce = 32

await using stack = new AsyncDisposableStack()
/** One peer, however often it comes back. */
const privateKey = await makePeerKey()
const seeds: Awaited<ReturnType<typeof startBenchSeed>>[] = []
let ceased = new AbortController()
let flooding: Promise<Flooded> | undefined

/** With the rates as they ship. */
async function start(first: Contact[], count: number): Promise<Contact[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-flood-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const stamper = stack.use(createStamper({ clock }))
  for (let i = 0; i < count; i++) {
    const known = [...first, ...seeds.map(seed => seed.contact())]
    const parts = { rates: {} }
    const options = { folder: join(folder, `${i}`), stamper, connections: 32, parts, join: known }
    seeds.push(stack.use(await startBenchSeed(options)))
  }
  for (const { seed } of seeds) await seed.join([...first, ...seeds.map(s => s.contact())])
  return seeds.map(seed => seed.contact())
}

/** Puts and gets through each of our seeds in turn. @returns how long each took */
async function measure(count: number): Promise<{ put: number[]; get: number[] }> {
  const took = { put: [] as number[], get: [] as number[] }
  for (let i = 0; i < count; i++) {
    const beganMs = performance.now()
    const { key } = await putKiB(seeds[i % seeds.length]!.seed)
    const putMs = performance.now()
    await seeds[(i + 3) % seeds.length]!.seed.dht.get(key)
    took.put.push(putMs - beganMs)
    took.get.push(performance.now() - putMs)
  }
  return took
}

/** As much as it takes, from one peer. */
async function flood(target: Contact, signal: AbortSignal): Promise<Flooded> {
  await using network = await createNode({
    privateKey,
    listen: [],
    mode: 'client',
    datastore: null,
    log: silent
  })
  const flooded: Flooded = { offered: 0, taken: 0, refused: {} }
  const refuse = (code: string) => {
    flooded.refused[code] = (flooded.refused[code] ?? 0) + 1
  }
  const one = async () => {
    while (!signal.aborted) {
      const expiryMs = expiryAt(clock.now() + dayMs)
      const retract = new Uint8Array(32)
      const blob = makeBlob(randomBytes(blobBytes), { expiryMs, retract, accept: null })
      const frame = putFrame(blob, clock.now())
      flooded.offered += frame.byteLength
      try {
        const answer = await network.request(target, 'put', frame, { timeoutMs: 3_000, signal })
        if (decodePutAnswer(answer)[0] === 0) flooded.taken += frame.byteLength
        else refuse('STAMP_TOO_LOW')
      } catch (err) {
        refuse(codeOf(err) ?? 'INTERNAL')
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return flooded
}

async function answer(asked: Ask): Promise<unknown> {
  switch (asked.ask) {
    case 'start':
      return start(asked.join, asked.count)
    case 'measure':
      return measure(asked.count)
    case 'flood':
      ceased = new AbortController()
      flooding = flood(asked.target, ceased.signal)
      return undefined
    case 'cease':
      ceased.abort()
      return flooding
    case 'stored':
      return { ...seeds[0]!.store.usage(), ...seeds[0]!.seed.admission.status() }
  }
}

process.on('disconnect', () => process.exit(1))
process.on('message', async (asked: Ask | 'stop') => {
  if (asked === 'stop') {
    await stack.disposeAsync()
    process.exit(0)
  }
  process.send?.({ answer: (await answer(asked)) ?? null })
})
await new Promise(() => {})

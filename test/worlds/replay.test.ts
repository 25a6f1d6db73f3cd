import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { SimReplayOptions } from '../../src/cli/simulator.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import type { SeenNode } from '../../src/sim/look.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { jsonFile } from '../support/simulated.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const simulator = createSimulator()
const signal = new AbortController().signal
const hourMs = 3_600_000

const nodes = 24
const scenario = {
  ...{ name: 'looked-into', question: 'How does it stand?', nodes, hours: 0.5 },
  workload: { blobs: 20, getsPerHour: 60, lookups: 10 },
  faults: [{ type: 'die', atHours: 0.3, share: 0.25 }],
  measure: { everyHours: 0.25 }
}

/** A run at this scale, in a folder, and ways to replay it. */
async function ran(path: string, scale: string, changes: object = {}) {
  const out = join(path, scale)
  const what = join(path, `${scale}.json`)
  await jsonFile(path, `${scale}.json`, { ...scenario, scale, ...changes })
  await simulator.run({
    ...{ what, changes: {}, seeds: '1', out, threads: 1, signal },
    onProgress() {}
  })
  return async (o: Partial<SimReplayOptions>) => {
    const notes: (string | number)[][] = []
    const replayed = await simulator.replay({
      ...{ folder: out, run: undefined, variant: undefined, until: { atMs: 0 }, signal },
      ...{ requests: false, dump: null, print: async note => void notes.push(note) },
      ...{ warn: assert.fail, onProgress() {} },
      ...o
    })
    assert.equal(replayed.same, 'run', 'looking changes nothing')
    return { ...replayed, notes }
  }
}

async function readDump(file: string) {
  const [head, ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\n')
  return {
    head: JSON.parse(head!) as { atMs: number | null; events: number },
    seen: lines.map(line => JSON.parse(line) as SeenNode)
  }
}

describe('a replay', () => {
  for (const scale of ['full', 'wide'])
    it(`shows how each node stood at a moment, at the scale ${scale}`, async () => {
      await using folder = await temporaryFolder()
      const at = (name: string) => join(folder.path, name)
      const replay = await ran(folder.path, scale)
      const { notes, events } = await replay({
        until: { atMs: hourMs / 4 },
        dump: at('quarter')
      })
      const { head, seen } = await readDump(at('quarter'))
      assert.equal(head.events, events)
      assert(head.atMs! <= hourMs / 4)
      assert.deepEqual(new Set(seen.map(({ node }) => node)).size, nodes)
      assert(seen.every(({ online, knows }) => online && knows.length === nodes - 1))
      assert(notes.every(([atMs]) => Number(atMs) <= hourMs / 4))
      const copies = new Map<string, number>()
      for (const key of seen.flatMap(({ holds }) => holds))
        copies.set(key, (copies.get(key) ?? 0) + 1)
      assert.equal(copies.size, 20)
      const mean = [...copies.values()].reduce((sum, one) => sum + one) / 20
      // What the run itself counted then.
      const [titles, ...rows] = (await readFile(join(at(scale), 'time.csv'), 'utf8'))
        .split('\n')
        .map(line => line.split(','))
      const column = titles!.indexOf('copiesMean (copies)')
      assert.equal(Number(rows.find(([, atHours]) => atHours === '0.25')![column]), mean)

      await replay({ until: { atMs: hourMs * 0.4 }, dump: at('after') })
      const after = await readDump(at('after'))
      assert.equal(after.seen.filter(({ online }) => online).length, (3 * nodes) / 4)

      await replay({ until: { events: events! - 7 }, dump: at('earlier') })
      assert.equal((await readDump(at('earlier'))).head.events, events! - 7)
      // Of the end there is a look too, also when more is asked for.
      const last = await replay({ until: { atMs: 9 * hourMs }, dump: at('end') })
      assert.equal((await readDump(at('end'))).head.events, last.events)
      assert(last.events! > events!)
    })

  it('prints each request of a seed up to an event, and the making of the network by events too', async () => {
    await using folder = await temporaryFolder()
    const replay = await ran(folder.path, 'full')
    const dump = join(folder.path, 'made')
    const early = await replay({ until: { events: 50 }, dump, requests: true })
    assert.deepEqual((await readDump(dump)).head, { atMs: null, events: 50 })
    assert(early.notes.every(([atMs, type]) => Number(atMs) < 0 && type === 'come'))
    const { notes } = await replay({ until: { atMs: hourMs / 10 }, requests: true })
    const requests = notes.filter(([, type]) => type === 'request')
    assert(requests.length > nodes)
    for (const [atMs, , from, to, method] of requests) {
      assert(Number(atMs) >= 0 && Number(atMs) <= hourMs / 10)
      assert(Number(from) < nodes && Number(to) < nodes && from !== to)
      assert.match(String(method), /^[a-z-]+$/)
    }
  })

  for (const scale of ['full', 'wide'])
    it(`tells of the dead that tables still name, and of no blob that has expired, at the scale ${scale}`, async () => {
      await using folder = await temporaryFolder()
      const at = (name: string) => join(folder.path, name)
      const replay = await ran(folder.path, scale, {
        hours: 3.5,
        workload: { blobs: 20, lifeHours: { type: 'constant', value: 1 } },
        faults: [{ type: 'die', atHours: 3, share: 0.25 }],
        measure: { everyHours: 3.5 }
      })
      const until = { atMs: 3 * hourMs + 100 }
      await replay({ until, dump: at('plain') })
      const { seen } = await readDump(at('plain'))
      assert.deepEqual(
        seen.flatMap(({ holds }) => holds),
        []
      )
      const there = new Set(seen.map(({ node }) => node))
      assert.equal(there.size, (3 * nodes) / 4)
      if (scale === 'wide') return
      assert(seen.some(({ knows }) => knows.some(node => !there.has(node))))
      await replay({ until, dump: at('with requests'), requests: true })
      assert.deepEqual((await readDump(at('with requests'))).seen, seen)
    })

  it('leaves no file behind that is not whole', async () => {
    await using folder = await temporaryFolder()
    const replay = await ran(folder.path, 'full')
    const dump = join(folder.path, 'mine')
    const until = { atMs: hourMs / 4 }
    const cancelled = replay({ until, dump, signal: AbortSignal.abort() })
    await assert.rejects(cancelled, { code: 'CANCELLED' })
    await replay({ until, dump })
    assert.equal((await readDump(dump)).seen.length, nodes)
  })

  it('says of a dump of the end too that the disk had no room for it', async () => {
    await using folder = await temporaryFolder()
    await ran(folder.path, 'full')
    const dump = join(folder.path, 'mine')
    const bin = join(packageRoot, 'bin/muttr.js')
    const args = ['sim', 'replay', join(folder.path, 'full'), '--at', '9h', '--dump', dump]
    // No file larger than a block.
    const limited = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, bin, ...args]
    const child = spawn('sh', limited, { stdio: ['ignore', 'ignore', 'pipe'] })
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    assert.match(said, /mine cannot be written: EFBIG/)
    assert.equal(status, 2)
    await assert.rejects(readFile(dump), { code: 'ENOENT' })
  })

  it('overwrites no file, and asks no scale for what it has not', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'mine')
    await writeFile(file, 'mine')
    const replay = await ran(folder.path, 'wide')
    await assert.rejects(replay({ dump: file }), { code: 'OUTPUT_EXISTS' })
    assert.equal(await readFile(file, 'utf8'), 'mine')
    await assert.rejects(replay({ requests: true }), {
      code: 'USAGE',
      message: 'the scale wide has no --requests',
      hint: /--scale full.* errands\.csv/
    })
    await assert.rejects(replay({ dump: join(folder.path, 'nowhere', 'mine') }), {
      code: 'DISK_FAILED'
    })
  })
})

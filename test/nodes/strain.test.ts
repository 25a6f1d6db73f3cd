import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openShared } from '../../src/net/postgres/shared.ts'
import { createRoom, watchWrites } from '../../src/nodes/strain.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import type { Change } from '../../src/store/state.ts'
import { personNamed, podWorld } from '../support/pod-world.ts'
import { startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const row = (key: string, value = new Uint8Array(1)): Change[] => [
  { type: 'put', table: 'rows', key, value }
]

describe('a pod that is short of memory', () => {
  // bin/muttr.js starts every pod with the second.
  for (const young of [[], ['--max-semi-space-size=8']])
    it(`says so before it dies, and not much earlier: ${young.join() || 'as V8 is'}`, () => {
      const eater = new URL('../support/eater.ts', import.meta.url).pathname
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [...young, '--max-old-space-size=64', eater],
        { encoding: 'utf8' }
      )
      assert.equal(status, 0, stderr)
      const { rounds, heap, group } = JSON.parse(stdout)
      assert(rounds > 10 && heap <= 1 && Math.max(heap, group) > 0.6, stdout)
    })

  it('looks once a second, and lets in again when there is more', () => {
    let nowMs = 0
    let looks = 0
    let heap = 0.95
    const hasRoom = createRoom({ now: () => nowMs }, () => ({ group: 0, heap: looks++ && heap }))
    const asked = (atMs: number) => {
      nowMs = atMs
      return hasRoom()
    }
    assert.deepEqual([asked(0), asked(999), asked(1_000), asked(1_999)], [true, true, false, false])
    heap = 0.5
    assert.deepEqual([asked(2_000), looks], [true, 3])
  })

  it('lets nobody new in, and keeps who is here', async () => {
    let room = true
    let shed = 0
    const measure = { asked() {}, pushed() {}, datagram() {}, shed: () => void shed++ }
    await using world = podWorld()
    const one = await world.host({ hasRoom: () => room, measure })
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async name => world.device(await personNamed(name)))
    )
    const link = await alice!.enter(one)
    room = false
    await assert.rejects(bob!.open(one), { code: 'POD_UNREACHABLE' })
    assert.equal(shed, 1)
    await link.register('alice', alice!.person.certificate)
    room = true
    assert.equal((await (await bob!.open(one)).lookup('alice')).alias, 'alice@one.test')
  })
})

describe('a state that takes no writes', () => {
  it('is told of, and is found to be well again without anybody writing to it', async () => {
    const filler = new URL('../support/strain-filler.ts', import.meta.url).pathname
    await using folder = await temporaryFolder()
    const args = ['--fsize=716800:', process.execPath, filler, join(folder.path, 'db')]
    const { stdout, stderr } = spawnSync('prlimit', args, { encoding: 'utf8' })
    assert.equal(stdout, '["DISK_FULL","DISK_FULL",false,null,true]\n', stderr)
  })

  it('is told of on PostgreSQL whose disk is full, and what was acknowledged is there', async () => {
    await using server = await startPostgres({ diskMiB: 128 })
    const database = await openShared(server.url)
    await using kept = await createSqlState({ database, self: 'one' })
    const log: unknown[] = []
    const tell = (event: string, said?: object) =>
      void log.push([event, Object.keys(said ?? {}).join()])
    const { state, problem } = watchWrites(kept, { info: tell, warn: tell })
    await state.write(row('first'))
    const ballast = join(server.folder, 'ballast')
    spawnSync('sh', ['-c', `cat /dev/zero > ${ballast}`])
    const acknowledged: string[] = []
    const fill = async () => {
      for (let i = 0; ; i++) {
        await state.write(row(`row ${i}`, randomBytes(20_000)))
        acknowledged.push(`row ${i}`)
      }
    }
    // With no room for its log PostgreSQL ends, and is back when there is some.
    const codes = ['DISK_FULL', 'STATE_UNREACHABLE']
    await assert.rejects(fill(), (err: { code: string }) => codes.includes(err.code))
    assert(codes.includes((await problem())!))
    rmSync(ballast)
    await server.stop('kill')
    await server.start()
    assert.equal(await problem(), undefined)
    for (const key of ['first', ...acknowledged]) assert(await state.get('rows', key), key)
    await state.write(row('last'))
    // An operator finds both in the log, once for each of the ways in which it failed.
    assert.deepEqual(log[0], ['pod.state', 'code,message,hint'])
    assert.deepEqual(log.at(-1), ['pod.state', 'takes'])
    assert(log.length <= codes.length + 1)
    await server.stop('kill')
    await assert.rejects(state.get('rows', 'first'), { code: 'STATE_UNREACHABLE' })
    await assert.rejects(state.get('rows', 'first'), { code: 'STATE_UNREACHABLE' })
    assert.deepEqual(log.at(-1), ['pod.state', 'code,message,hint'])
    const told = log.length
    await server.start()
    assert.equal(await problem(), undefined)
    assert.deepEqual(log.slice(told), [['pod.state', 'takes']])
  })
})

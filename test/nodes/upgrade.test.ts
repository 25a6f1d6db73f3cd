import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { homePaths } from '../../src/config/home.ts'
import { editJsonc } from '../../src/config/jsonc.ts'
import { lockHome } from '../../src/config/lock.ts'
import { openShared } from '../../src/net/postgres/shared.ts'
import { doors } from '../../src/nodes/doors.ts'
import { openPodState } from '../../src/nodes/pod-state.ts'
import { signedRow } from '../../src/pod/rows.ts'
import { podSchema } from '../../src/pod/schema.ts'
import { copyState, sumOf } from '../../src/store/copy-state.ts'
import { levelState } from '../../src/store/level.ts'
import { rewrite } from '../../src/store/sql/rewrite.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import type { Content, WholeState } from '../../src/store/state.ts'
import { formatOf, versionNow } from '../../src/store/upgrade/schema.ts'
import { helloAnswer, podRecord } from '../../src/wire/pod.ts'
import type { OldPods } from '../support/old-pods.ts'
import { assertUpgraded, exportsIn, older, oldPods } from '../support/old-pods.ts'
import { podWorld } from '../support/pod-world.ts'
import type { Postgres } from '../support/postgres.ts'
import { startPostgres } from '../support/postgres.ts'

const { signal } = new AbortController()
const how = { signal, onProgress() {} }
const now = versionNow(podSchema)

describe('the state of a pod that an older program made', () => {
  let old: OldPods
  before(async () => {
    old = await oldPods()
  })
  after(() => old[Symbol.asyncDispose]())
  const newHome = () => old.newHome()
  const upgrade = (home: string) => doors.upgradePod({ ...how, home })
  const digestAt = async (home: string, version: number): Promise<string> => {
    await using state = await levelState(homePaths(home).podDb, formatOf(podSchema, version))
    return (await sumOf(state.contents())).digest
  }

  /** A pod of this program begins with it, and signs its record anew. */
  async function assertServes(state: WholeState): Promise<void> {
    await using world = podWorld()
    const before = podRecord.decode(signedRow.decode((await state.get('pod', 'record'))!).frame)
    const { pod, keys } = await world.host({ state })
    const { accounts, aliases, notices } = pod.usage()
    assert.deepEqual({ accounts, aliases, notices }, { accounts: 3, aliases: 3, notices: 9 })
    const after = podRecord.decode(helloAnswer.decode(await pod.hello()).record)
    assert(after.sequence > before.sequence && after.peers.includes(keys.self))
    assert.equal(after.peers[0], before.peers[0], 'the other processes are still in it')
  }

  it('is refused until it is upgraded, is kept in a file, and is upgraded once', async () => {
    const home = await newHome()
    const paths = homePaths(home)
    await assert.rejects(openPodState('embedded', paths.podDb), { code: 'STATE_OLD' })
    const check = await doors.checkUpgrade(home)
    assert.deepEqual([check.found, check.needed, check.runs, check.problem], [1, now, false, null])
    assert.deepEqual(
      check.steps,
      podSchema.steps.map(({ what }) => what)
    )
    const done = await upgrade(home)
    assert.deepEqual([done?.from, done?.to], [1, now])
    {
      await using state = await openPodState('embedded', paths.podDb)
      await assertUpgraded(state)
      await assertServes(state)
      const running = await doors.checkUpgrade(home)
      assert.deepEqual([running.runs, running.found], [true, 1], 'nothing was written down')
    }
    assert.deepEqual(await exportsIn(home), [done!.kept.split('/').at(-1)])
    assert.equal(await upgrade(home), null)
    assert.deepEqual((await doors.checkUpgrade(home)).steps, [])
    await assert.rejects(levelState(paths.podDb), { code: 'HOME_DAMAGED' }, 'an older program')
  })

  it('is again what it was when the upgrade is undone, and of files there are two', async () => {
    const home = await newHome()
    const before = await digestAt(home, 1)
    for (let round = 0; round < 3; round++) {
      await upgrade(home)
      const undone = await doors.upgradePod({ ...how, home, undo: true })
      assert.deepEqual([undone?.from, undone?.to], [now, 1])
      assert.equal(await digestAt(home, 1), before)
      assert.equal((await exportsIn(home)).length, 2)
    }
    const { podVersion, upgrades } = homePaths(home)
    await upgrade(home)
    await writeFile(podVersion, `${now}\n`)
    await doors.upgradePod({ ...how, home, undo: true })
    {
      await using _older = await lockHome(home)
      const { runs, found } = await doors.checkUpgrade(home)
      assert.deepEqual([runs, found], [true, 1], 'not of the one that ran before the undo')
    }
    await rm(upgrades, { recursive: true })
    await assert.rejects(doors.upgradePod({ ...how, home, undo: true }), { code: 'USAGE' })
  })

  describe('whose upgrade was killed while what was made took its place', () => {
    let home: string
    let digest: string
    beforeEach(async () => {
      home = await newHome()
      const { podDb } = homePaths(home)
      await upgrade(home)
      digest = await digestAt(home, now)
      await rename(podDb, `${podDb}.next`)
      await cp(older, `${podDb}.last`, { recursive: true })
    })
    const foldersIn = async () =>
      (await readdir(join(home, 'db'))).filter(name => name.startsWith('pod')).sort()

    it('is what was made, whatever opens it first', async () => {
      const check = await doors.checkUpgrade(home)
      assert.deepEqual([check.found, check.runs], [now, false])
      assert.deepEqual(await foldersIn(), ['pod.last', 'pod.next'], 'a check changes nothing')
      {
        await using _lock = await lockHome(home)
        assert.equal((await doors.checkUpgrade(home)).runs, true, 'it may be at work there')
      }
      {
        await using admin = await doors.openAdmin(home, signal)
        assert.deepEqual(await admin.operators(), [])
      }
      assert.deepEqual(await foldersIn(), ['pod'])
      assert.equal(await upgrade(home), null)
      assert.equal(await digestAt(home, now), digest)
    })

    it('is refused, and all of it kept, where an older program began anew beside it', async () => {
      await mkdir(homePaths(home).podDb)
      const refused = { code: 'HOME_DAMAGED' }
      await assert.rejects(doors.openAdmin(home, signal), refused)
      await assert.rejects(upgrade(home), refused)
      await assert.rejects(doors.checkUpgrade(home), refused)
      assert.deepEqual(await foldersIn(), ['pod', 'pod.last', 'pod.next'])
      await rm(homePaths(home).podDb, { recursive: true })
      assert.equal(await upgrade(home), null)
      assert.equal(await digestAt(home, now), digest)
    })
  })

  it('of a newer program is left alone', async () => {
    const home = await newHome()
    const { podDb } = homePaths(home)
    await rm(podDb, { recursive: true })
    await (await levelState(podDb, formatOf(podSchema, now + 1)))[Symbol.asyncDispose]()
    await assert.rejects(upgrade(home), { code: 'STATE_NEWER' })
    await assert.rejects(openPodState('embedded', podDb), { code: 'STATE_NEWER' })
    assert.equal((await doors.checkUpgrade(home)).problem?.code, 'STATE_NEWER')
  })

  it('is whole wherever the upgrade is killed: as it was, or as it shall be', async function () {
    this.timeout(480_000)
    const run = (home: string, last: number) =>
      spawnSync(process.execPath, [killer, home, String(last)], { encoding: 'utf8' })
    const whole = await newHome()
    const before = await digestAt(whole, 1)
    const { writes } = JSON.parse(run(whole, -1).stdout) as { writes: number }
    const after = await digestAt(whole, now)
    assert(writes >= 10, `${writes} writes`)
    const found = new Set<number>()
    for (let last = 0; last < writes; last++) {
      const home = await newHome()
      const { signal, stderr } = run(home, last)
      assert.equal(signal, 'SIGKILL', stderr)
      // What the next start does.
      const done = await upgrade(home)
      found.add(done === null ? now : 1)
      if (done) assert.equal(await digestOf(done.kept), before.slice(0, 16))
      assert.equal(await digestAt(home, now), after, `killed at write ${last}`)
      assert.deepEqual(
        (await readdir(join(home, 'db'))).filter(name => name.startsWith('pod')),
        ['pod']
      )
    }
    assert.deepEqual([...found].sort(), [1, now], 'some were before, some after')
  })

  it('stays as it is where what was made is not what was sent, and when there is no room', async () => {
    const home = await newHome()
    const paths = homePaths(home)
    const before = await digestAt(home, 1)
    const stop = new AbortController()
    await assert.rejects(
      doors.upgradePod({
        ...{ home, signal: stop.signal },
        onProgress: ({ step }) => void (step === 'write' && stop.abort())
      }),
      { code: 'CANCELLED', message: /^nothing was changed: / }
    )
    assert.equal(await digestAt(home, 1), before)
    // A limit on the size of files is what a full disk is to LevelDB and to the file.
    const program = `import { doors } from ${JSON.stringify(new URL('../../src/nodes/doors.ts', import.meta.url).href)}
      const { signal } = new AbortController()
      await doors.upgradePod({ home: ${JSON.stringify(home)}, signal }).catch(err => console.log(err.code))
      process.exit()`
    const args = ['-c', 'ulimit -f 16; exec "$@"', 'sh', process.execPath, '--input-type=module']
    const limited = spawnSync('sh', [...args, '-e', program], { encoding: 'utf8' })
    assert.equal(limited.stdout, 'DISK_FULL\n', limited.stderr)
    assert.equal(await digestAt(home, 1), before)
    const left = (await exportsIn(home)).length
    assert(left <= 1 && !(await readdir(paths.upgrades)).includes('unfinished'))
    assert.equal((await upgrade(home))?.from, 1)
  })

  describe('on PostgreSQL', () => {
    let server: Postgres
    before(async () => {
      server = await startPostgres()
    })
    after(() => server[Symbol.asyncDispose]())

    it('is upgraded in one transaction, alone, and undone', async () => {
      const home = await newHome()
      const { config, podDb } = homePaths(home)
      const open = async (version: number, alone: boolean) =>
        createSqlState({
          ...{ database: await openShared(server.url), self: 'test', alone },
          format: formatOf(podSchema, version)
        })
      const atServer = async (version: number): Promise<string> => {
        await using state = await open(version, false)
        return (await sumOf(state.contents())).digest
      }
      {
        await using from = await levelState(podDb)
        await using to = await open(1, true)
        await copyState(from, to, how)
      }
      const text = editJsonc(await readFile(config, 'utf8'), ['pod', 'store'], server.url)
      await writeFile(config, text)
      const before = await atServer(1)
      {
        await using _other = await open(1, false)
        assert.deepEqual((await doors.checkUpgrade(home)).others, [1])
        assert.equal((await doors.checkUpgrade(home)).problem?.code, 'STATE_OLD')
        await assert.rejects(upgrade(home), { code: 'STATE_OLD' })
      }
      const check = await doors.checkUpgrade(home)
      assert.deepEqual([check.found, check.others, check.problem], [1, [], null])
      await using _late = await openShared(server.url)
      const during = new AbortController()
      const cut = doors.upgradePod({
        ...{ home, signal: during.signal },
        onProgress: ({ step }) => void (step === 'write' && during.abort())
      })
      await assert.rejects(cut, { code: 'CANCELLED' })
      assert.equal(await atServer(1), before)
      assert.equal((await upgrade(home))?.to, now)
      {
        await using state = await openPodState(server.url, podDb)
        await assertUpgraded(state)
      }
      await assert.rejects(open(1, false), { code: 'STATE_UNFIT' }, 'an older program')
      await doors.upgradePod({ ...how, home, undo: true })
      assert.equal(await atServer(1), before)
    })

    it('loses no write of a process that came when the lock was lost, and none is written behind it', async () => {
      const old = formatOf(podSchema, 1)
      await using database = await openShared(server.url)
      const own = { database: await openShared(server.url), self: 'older', format: old }
      await using other = await createSqlState(own)
      const put = (key: string) =>
        other.write([{ type: 'put', table: 'late', key, value: new Uint8Array([1]) }])
      const was = await sumOf(other.contents())
      await put('before')
      const there = await sumOf(other.contents())
      const next = { from: old, to: formatOf(podSchema, now), signal }
      const content = { table: 'rows', key: 'new', value: new Uint8Array([2]) }
      const wanted = await sumOf(only(content))
      await assert.rejects(
        rewrite(database, { ...next, was, wanted, contents: () => only(content) }),
        { code: 'STATE_OLD' }
      )
      assert.deepEqual(await sumOf(other.contents()), there)
      let during: Promise<unknown> = Promise.resolve()
      const contents = async function* () {
        during = assert.rejects(put('during'), { code: 'STATE_UNFIT' })
        const sql = 'SELECT 1 FROM pg_locks WHERE NOT granted'
        while ((await database.read(sql)).length === 0) await nextTurn()
        yield content
      }
      await rewrite(database, { ...next, was: there, wanted, contents })
      await during
      assert.deepEqual(await sumOf(other.contents()), wanted)
    })
  })
})

async function* only(content: Content): AsyncGenerator<Content> {
  yield content
}

const killer = new URL('../support/killed-upgrade.ts', import.meta.url).pathname
const digestOf = (path: string) => path.match(/([0-9a-f]{16})\.export$/)![1]

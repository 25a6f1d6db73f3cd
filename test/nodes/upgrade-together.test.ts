import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'
import { homePaths } from '../../src/config/home.ts'
import { editJsonc } from '../../src/config/jsonc.ts'
import { openShared } from '../../src/net/postgres/shared.ts'
import { doors } from '../../src/nodes/doors.ts'
import { readHome } from '../../src/nodes/home.ts'
import { openPodState } from '../../src/nodes/pod-state.ts'
import { undoUpgrade, upgradePod } from '../../src/nodes/upgrade/upgrade.ts'
import { saysAlone } from '../../src/nodes/upgrade/waiting.ts'
import { podSchema } from '../../src/pod/schema.ts'
import { copyState } from '../../src/store/copy-state.ts'
import { levelState } from '../../src/store/level.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import { formatOf, versionNow } from '../../src/store/upgrade/schema.ts'
import type { OldPods } from '../support/old-pods.ts'
import { assertUpgraded, exportsIn, oldPods } from '../support/old-pods.ts'
import type { Postgres } from '../support/postgres.ts'
import { startPostgres } from '../support/postgres.ts'

const { signal } = new AbortController()
const how = { signal, onProgress() {} }
const now = versionNow(podSchema)
const muttr = new URL('../../bin/muttr.js', import.meta.url).pathname

describe('the state of a pod that two processes upgrade at once', () => {
  let server: Postgres
  let old: OldPods
  before(async () => {
    server = await startPostgres()
    old = await oldPods()
  })
  after(async () => {
    await old[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  let homes: string[]
  let holding: pg.Client
  const children: ChildProcess[] = []
  beforeEach(async () => {
    homes = [await old.newHome(), await old.newHome()]
    await using database = await openShared(server.url)
    await database.change(async query => {
      await query('DROP SCHEMA IF EXISTS muttr CASCADE')
      return true
    })
    const to = await createSqlState({
      ...{ database: await openShared(server.url), self: 'test', alone: true },
      format: formatOf(podSchema, 1)
    })
    {
      await using _to = to
      await using from = await levelState(homePaths(homes[0]!).podDb)
      await copyState(from, to, how)
    }
    for (const home of homes) {
      const { config } = homePaths(home)
      const text = editJsonc(await readFile(config, 'utf8'), ['pod', 'store'], server.url)
      const here = editJsonc(text, ['listen'], ['/ip4/127.0.0.1/tcp/0'])
      await writeFile(config, here)
    }
    // Whoever upgrades waits for this before it writes.
    holding = new pg.Client({ connectionString: server.url })
    await holding.connect()
    await holding.query('BEGIN')
    await holding.query('LOCK TABLE muttr.rows IN EXCLUSIVE MODE')
  })
  afterEach(async () => {
    await holding.end()
    for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  })

  function run(...args: string[]) {
    const child = spawn(process.execPath, [muttr, ...args], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    children.push(child)
    let said = ''
    const wake: (() => void)[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', text => {
        said += text
        for (const call of wake.splice(0)) call()
      })
    const ended = once(child, 'exit').then(([code]) => code as number | null)
    return {
      child,
      ended,
      async says(pattern: RegExp): Promise<string> {
        while (!pattern.test(said)) {
          const more = new Promise<void>(resolve => wake.push(resolve))
          const over = ended.then(code => assert.fail(`ended with ${code}: ${said}`))
          await Promise.race([more, over])
        }
        return said
      }
    }
  }
  /** Until the first has read all and stands before the tables. */
  async function isAtWork(): Promise<void> {
    await using database = await openShared(server.url)
    while ((await database.read('SELECT 1 FROM pg_locks WHERE NOT granted')).length === 0)
      await nextTurn()
  }
  const first = async () => {
    const running = run('pod', 'upgrade', '--home', homes[0]!)
    await isAtWork()
    return running
  }
  const second = async () => {
    const up = ['--home', homes[1]!, '--no-passphrase', '--json']
    const running = run('pod', 'up', ...up)
    await running.says(/pod\.upgrade-waits/)
    return running
  }

  it('is waited for by the second, which tells so, and serves when the other has upgraded', async () => {
    const [one, other] = [await first(), await second()]
    await holding.query('COMMIT')
    assert.equal(await one.ended, 0)
    await other.says(/"ready":true/)
    other.child.kill('SIGTERM')
    assert.equal(await other.ended, 0)
    await assert.rejects(exportsIn(homes[1]!), { code: 'ENOENT' }, 'it has upgraded nothing')
    await using state = await openPodState(server.url, homePaths(homes[0]!).podDb)
    await assertUpgraded(state)
  }).timeout(120_000)

  it('is not put back while another has it for itself, and that is said', async () => {
    await holding.query('COMMIT')
    const home = await readHome(homes[0]!)
    await upgradePod(home, how)
    const format = formatOf(podSchema, now)
    {
      const database = await openShared(server.url)
      const says = saysAlone(format)
      await using _other = await createSqlState({
        ...{ database, self: 'other', alone: true, format, says }
      })
      await assert.rejects(undoUpgrade(home, how), {
        code: 'HOME_IN_USE',
        message: /another process upgrades, renames or moves the pod/
      })
    }
    assert.equal((await undoUpgrade(home, how)).to, 1)
  }).timeout(120_000)

  it('is upgraded by the second when the other was killed', async () => {
    const [one, other] = [await first(), await second()]
    one.child.kill('SIGKILL')
    await one.ended
    await holding.query('COMMIT')
    await other.says(/"ready":true/)
    other.child.kill('SIGTERM')
    assert.equal(await other.ended, 0)
    assert.equal((await exportsIn(homes[1]!)).length, 1)
    await using state = await openPodState(server.url, homePaths(homes[1]!).podDb)
    await assertUpgraded(state)
  }).timeout(120_000)

  it('is as it was when they are told to go, the one that is at work at the second word', async () => {
    const [one, other] = [await first(), await second()]
    other.child.kill('SIGTERM')
    assert.notEqual(await other.ended, 1)
    // The one that is at work goes on the first signal too, and at once on the second.
    const ended = one.ended.then(() => true)
    while (!(await Promise.race([ended, nextTurn(false)]))) one.child.kill('SIGTERM')
    assert.equal(await one.ended, 3)
    await holding.query('COMMIT')
    assert.equal((await doors.upgradePod({ home: homes[0]!, ...how }))?.to, now)
  }).timeout(120_000)

  it('is refused where an older process serves it', async () => {
    await holding.query('COMMIT')
    const older = { database: await openShared(server.url), self: 'older' }
    await using _older = await createSqlState({ ...older, format: formatOf(podSchema, 1) })
    const refused = run('pod', 'up', '--home', homes[1]!, '--no-passphrase', '--json')
    assert.equal(await refused.ended, 2)
    await refused.says(/STATE_OLD/).catch(() => undefined)
  }).timeout(120_000)

  it('is waited for while it is renamed or moved, which another process is then', async () => {
    await holding.query('COMMIT')
    await doors.upgradePod({ home: homes[0]!, ...how })
    const alone = await openPodState(server.url, homePaths(homes[0]!).podDb, { alone: true })
    const other = await second()
    await alone[Symbol.asyncDispose]()
    await other.says(/"ready":true/)
    other.child.kill('SIGTERM')
    assert.equal(await other.ended, 0)
  }).timeout(120_000)

  it('is looked at again where somebody serves it by the time that it is locked: the other may be done', async () => {
    await holding.query('COMMIT')
    // What a database is when the other is done, which is between two looks at it.
    const later = server.url.replace('/postgres?', '/later?')
    await holding.query('CREATE DATABASE later')
    await using _serving = await openPodState(later, homePaths(homes[1]!).podDb)
    const home = await readHome(homes[0]!)
    let looks = 0
    const paths = {
      ...home.paths,
      get home() {
        looks++
        return homes[0]!
      }
    }
    const pod = {
      ...home.config.pod!,
      get store() {
        return looks === 0 ? server.url : later
      }
    }
    const { certificate, config } = home
    assert.equal(await upgradePod({ certificate, paths, config: { ...config, pod } }, how), null)
    assert.equal(looks, 1)
  }).timeout(120_000)

  it('is moved by who waits until it is upgraded', async () => {
    await holding.query('COMMIT')
    const format = formatOf(podSchema, 1)
    const database = await openShared(server.url)
    const state = await createSqlState({
      ...{ database, self: 'upgrade', alone: true, format, says: saysAlone(format) }
    })
    const move = run('pod', 'migrate', '--home', homes[1]!, '--to', 'embedded')
    await move.says(/this one waits/)
    await state[Symbol.asyncDispose]()
    assert.equal(await move.ended, 0)
    await using moved = await openPodState('embedded', homePaths(homes[1]!).podDb)
    await assertUpgraded(moved)
  }).timeout(120_000)
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { utf8 } from '../../src/base/bytes.ts'
import { openShared } from '../../src/net/postgres/shared.ts'
import { memoryState } from '../../src/store/memory.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import type { Change, Content, WholeState } from '../../src/store/state.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import type { Postgres } from '../support/postgres.ts'
import { hasPostgres, startPostgres } from '../support/postgres.ts'
import { stateContract } from '../support/state-contract.ts'

const append = (log: string, text: string): Change => ({ type: 'append', log, entry: utf8(text) })
const insert = (key: string, text = ''): Change => ({
  type: 'insert',
  table: 't',
  key,
  value: utf8(text)
})

describe('a state on PostgreSQL', () => {
  let server: Postgres
  let processes = 0
  before(async () => {
    assert(hasPostgres(), 'PostgreSQL is installed')
    server = await startPostgres()
  })
  after(() => server[Symbol.asyncDispose]())

  const join = async (url = server.url): Promise<WholeState> =>
    createSqlState({ database: await openShared(url), self: `process ${++processes}` })
  async function run(...statements: string[]) {
    const mayWrite = encodeURIComponent('-c default_transaction_read_only=off')
    await using database = await openShared(`${server.url}&options=${mayWrite}`)
    for (const sql of statements)
      await database.change(async query => {
        await query(sql)
        return true
      })
  }
  beforeEach(() => run('DROP SCHEMA IF EXISTS muttr CASCADE'))
  const textsOf = async (state: WholeState, log: string) =>
    (await state.page(log, 0, 100_000)).map(({ entry }) => Buffer.from(entry).toString())

  stateContract('postgres', () => join())

  it('does what a state in memory does, whatever is written in whatever groups', async () => {
    const name = fc.constantFrom('a', 'b')
    const value = fc.uint8Array({ maxLength: 3 })
    const change: fc.Arbitrary<Change> = fc.oneof(
      fc.record({ type: fc.constant('put' as const), table: name, key: name, value }),
      fc.record({ type: fc.constant('insert' as const), table: name, key: name, value }),
      fc.record({ type: fc.constant('delete' as const), table: name, key: name }),
      fc.record({ type: fc.constant('append' as const), log: name, entry: value }),
      fc.record({ type: fc.constant('trim' as const), log: name, through: fc.nat({ max: 8 }) })
    )
    const groups = fc.array(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 5 }), {
      maxLength: 6
    })
    await fc.assert(
      fc.asyncProperty(groups, async written => {
        await run('DROP SCHEMA IF EXISTS muttr CASCADE')
        await using state = await join()
        await using model = memoryState()
        for (const group of written)
          assert.deepEqual(
            await Promise.all(group.map(changes => state.write(changes))),
            await Promise.all(group.map(changes => model.write(changes)))
          )
        assert.deepEqual(await Array.fromAsync(state.rows()), await Array.fromAsync(model.rows()))
        for (const log of ['a', 'b'])
          assert.deepEqual(await state.page(log, 0, 100), await model.page(log, 0, 100))
      }),
      { numRuns: 60 }
    )
  })

  it('is filled with what a pod on LevelDB had, all of it or nothing', async () => {
    await using model = memoryState()
    for (let n = 0; n < 1_200; n++)
      await model.write([insert(`${n}`, 'x'.repeat(n)), append(`l${n % 7}`, `${n}`)])
    await model.write([{ type: 'trim', log: 'l3', through: 50 }])
    const contents = await Array.fromAsync(model.contents())
    await using state = await join()
    const broken = async function* () {
      yield* contents.slice(0, 900)
      throw new Error('the disk is gone')
    }
    await assert.rejects(state.fill(broken()))
    assert.deepEqual(await Array.fromAsync(state.contents()), [])
    await state.fill(model.contents())
    const sorted = (all: Content[]) => all.map(one => JSON.stringify(one)).sort()
    assert.deepEqual(sorted(await Array.fromAsync(state.contents())), sorted(contents))
  })

  describe('of several processes', () => {
    it('shows each what the others wrote, and lets one of them have a key', async () => {
      const states = await Promise.all(Array.from({ length: 4 }, () => join()))
      const outcomes = await Promise.all(
        states.flatMap((state, i) =>
          Array.from({ length: 20 }, (_, n) =>
            state.write([insert(`${n}`, `${i}`), append('l', `${i}/${n}`)])
          )
        )
      )
      const won = outcomes.filter(({ ok }) => ok)
      assert.equal(won.length, 20)
      const numbers = won.flatMap(({ sequences }) => sequences).sort((a, b) => a - b)
      assert.deepEqual(
        numbers,
        Array.from({ length: 20 }, (_, n) => n + 1)
      )
      for (const state of states) {
        assert.equal((await state.list('t')).length, 20)
        assert.equal((await textsOf(state, 'l')).length, 20)
      }
      for (const state of states) await state[Symbol.asyncDispose]()
    })

    it('wakes who watches at another one, and nobody for a write that failed', async () => {
      await using one = await join()
      await using other = await join()
      const names = ['l', 'a name with "quotes" and \n breaks', 'é'.repeat(200)]
      const woken = names.map(log => {
        const { promise, resolve } = Promise.withResolvers<void>()
        other.watch(log, resolve)
        return promise
      })
      let strange = 0
      other.watch('never', () => (strange += 1))
      await one.write([insert('k')])
      await one.write([insert('k'), append('never', 'x')])
      const many = Array.from({ length: 300 }, (_, i) => append(`${i}${'n'.repeat(180)}`, 'x'))
      await one.write([...many, ...names.map(log => append(log, 'x'))])
      await Promise.all(woken)
      assert.equal(strange, 0)
    })

    it('takes in order what many append to the same logs, and loses nothing in deadlocks', async () => {
      const states = await Promise.all(Array.from({ length: 3 }, () => join()))
      const each = 60
      await Promise.all(
        states.flatMap((state, i) =>
          Array.from({ length: each }, async (_, n) => {
            const logs = n % 2 === 0 ? ['x', 'y'] : ['y', 'x']
            const rows = n % 3 === 0 ? ['p', 'q'] : ['q', 'p']
            await state.write([
              ...rows.map(
                (key): Change => ({ type: 'put', table: 'r', key, value: utf8(`${i}/${n}`) })
              ),
              ...logs.map(log => append(log, `${i}/${n}`))
            ])
          })
        )
      )
      for (const log of ['x', 'y']) {
        const texts = await textsOf(states[0]!, log)
        assert.equal(new Set(texts).size, 3 * each)
        // Of one process in the order in which it wrote.
        for (const i of states.keys())
          assert.deepEqual(
            texts.filter(text => text.startsWith(`${i}/`)),
            Array.from({ length: each }, (_, n) => `${i}/${n}`)
          )
      }
      for (const state of states) await state[Symbol.asyncDispose]()
    })
  })

  describe('when things go wrong', () => {
    it('keeps what was acknowledged, once, when the server is killed and comes back', async () => {
      await using state = await join()
      let woken = 0
      await using other = await join()
      other.watch('l', () => (woken += 1))
      const acknowledged: string[] = []
      let isOver = false
      const more = async (count: number) => {
        const enough = acknowledged.length + count
        while (acknowledged.length < enough)
          await Promise.race([new Promise(setImmediate), writing])
      }
      const writing = (async () => {
        for (let n = 0; !isOver; n++) {
          await state.write([append('l', `${n}`), insert(`${n}`)])
          acknowledged.push(`${n}`)
        }
      })()
      for (let round = 0; round < 3; round++) {
        await more(20)
        await server.stop(round === 1 ? 'end' : 'kill')
        await server.start()
      }
      await more(20)
      isOver = true
      await writing
      assert.deepEqual(await textsOf(state, 'l'), acknowledged)
      assert(woken > 0)
      // Who listens does so again.
      const { promise, resolve } = Promise.withResolvers<void>()
      other.watch('m', resolve)
      await state.write([append('m', 'x')])
      await promise
    })

    it('asks whether a commit came about when its answer was lost, and does it once', async () => {
      await using proxy = await cuttingProxy(server.url)
      await using state = await join(proxy.url)
      for (let n = 0; n < 12; n++) {
        // The connection ends before the server has the commit, or after it.
        proxy.cutAt('COMMIT', n % 2 === 0 ? 'before' : 'after')
        const { ok, sequences } = await state.write([insert(`${n}`), append('l', `${n}`)])
        assert.deepEqual({ ok, sequences }, { ok: true, sequences: [n + 1] })
      }
      assert.equal(proxy.cuts, 12)
      assert.deepEqual(
        await textsOf(state, 'l'),
        Array.from({ length: 12 }, (_, n) => `${n}`)
      )
    })

    it('says so when the database takes no writes, and takes them again later', async () => {
      await using state = await join()
      await state.write([append('l', 'a')])
      await run(
        'ALTER DATABASE postgres SET default_transaction_read_only = on',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`
      )
      await assert.rejects(state.write([append('l', 'b')]), { code: 'STATE_READ_ONLY' })
      assert.deepEqual(await textsOf(state, 'l'), ['a'], 'it still reads')
      await run(
        'ALTER DATABASE postgres RESET default_transaction_read_only',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`
      )
      await state.write([append('l', 'c')])
      assert.deepEqual(await textsOf(state, 'l'), ['a', 'c'])
    })

    it('takes no more writes of anybody once it was moved away, or while it is', async () => {
      const state = await join()
      await state.write([append('l', 'a')])
      const moving = await openShared(server.url)
      // Who runs keeps who wants to move it out, until it is gone.
      await assert.rejects(
        createSqlState({ database: await openShared(server.url), self: 'm', alone: true }),
        { code: 'HOME_IN_USE' }
      )
      await run('UPDATE muttr.about SET format = $$moved$$')
      await assert.rejects(state.write([append('l', 'b')]), { code: 'STATE_UNFIT' })
      await run('UPDATE muttr.about SET format = $$muttr state 1$$')
      await state.write([append('l', 'c')])
      assert.deepEqual(await textsOf(state, 'l'), ['a', 'c'])
      // One whose listening was cut, and with it the lock, writes nothing while somebody is alone there.
      const locked = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const holding = moving.change(async query => {
        await run(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, 'muttr listens')`
        )
        await query("SELECT pg_advisory_xact_lock(hashtext('muttr_logs'))")
        locked.resolve()
        await release.promise
        return true
      })
      await locked.promise
      await assert.rejects(state.write([append('l', 'd')]), { code: 'STATE_UNREACHABLE' })
      release.resolve()
      await holding
      await state.write([append('l', 'e')])
      assert.deepEqual(await textsOf(state, 'l'), ['a', 'c', 'e'])
      await moving[Symbol.asyncDispose]()
      await state[Symbol.asyncDispose]()
    })

    it('refuses a database that is something else, of another version, or loses what it took', async () => {
      await (await join())[Symbol.asyncDispose]()
      await run("UPDATE muttr.about SET format = 'muttr state 2'")
      await assert.rejects(join(), { code: 'STATE_UNFIT', message: /muttr state 2/ })
      await run('DROP SCHEMA muttr CASCADE')
      await run('ALTER DATABASE postgres SET synchronous_commit = off')
      await assert.rejects(join(), { code: 'STATE_UNFIT', message: /synchronous_commit/ })
      await run('ALTER DATABASE postgres RESET synchronous_commit')
      await assert.rejects(join('mysql://x'), { code: 'USAGE' })
      await assert.rejects(openShared('postgres://muttr@/none?host=/nowhere'), {
        code: 'STATE_UNREACHABLE'
      })
    })
  })
})

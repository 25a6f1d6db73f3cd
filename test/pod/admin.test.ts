import assert from 'node:assert/strict'
import { TOTP } from 'otpauth'
import type { Admin, From, Opened } from '../../src/pod/admin/admin.ts'
import { createAdmin } from '../../src/pod/admin/admin.ts'
import { createAudit } from '../../src/pod/office/audit.ts'
import { memoryState } from '../../src/store/memory.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { random } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const
const home: From = { subnet: '192.0.2', agent: 'Firefox' }
const password = 'rope boat lunch lamp'
const minuteMs = 60_000
const refused = { code: 'LOGIN_REFUSED' }

describe('operators and their logins', () => {
  const stage = () => {
    const state = memoryState()
    const audit = createAudit(state)
    const clock = fakeClock()
    /** Another process of the same pod. */
    const open = (): Admin =>
      createAdmin({ state, audit: createAudit(state), clock, random, hostname: 'one.test' })
    const admin = open()
    const login = (given: { name?: string; password?: string; code?: string }, from = home) =>
      admin.login({ name: 'olga', password, code: '', ...given }, from)
    const enter = async (name = 'olga') => admin.enter((await admin.link(olga, name)).token, home)
    const actions = async () =>
      (await audit.list({ limit: 100 }))
        .map(e => `${e.by.name}: ${e.action} ${e.subject} ${e.detail}`.trim())
        .reverse()
    return { state, audit, clock, open, admin, login, enter, actions }
  }
  /** With a password. */
  const settled = async (s: ReturnType<typeof stage>): Promise<Opened> => {
    await s.admin.add(olga, 'olga', 'owner')
    return await s.admin.setPassword((await s.enter()).token, { old: '', password }, home)
  }

  it('let in by a link that is good once and ten minutes, at whichever process', async () => {
    const s = stage()
    await s.admin.add(olga, 'Olga', 'owner')
    const link = await s.admin.link(olga, 'olga')
    const other = s.open()
    const both = await Promise.allSettled([
      s.admin.enter(link.token, home),
      other.enter(link.token, home)
    ])
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const { value } = both.find(one => one.status === 'fulfilled') as PromiseFulfilledResult<Opened>
    assert.equal((await other.session(value.token))?.operator.name, 'olga')
    await assert.rejects(other.enter(link.token, home), refused)
    const late = await s.admin.link(olga, 'olga')
    s.clock.advance(10 * minuteMs)
    await assert.rejects(s.admin.enter(late.token, home), refused)
    await assert.rejects(s.admin.enter('zz', home), refused)
    await assert.rejects(s.admin.link(olga, 'nobody'), { code: 'OPERATOR_UNKNOWN' })
  })

  it('choose a password, and are let in with it and told nothing by a wrong one', async () => {
    const s = stage()
    const { token, session } = await settled(s)
    assert.equal(session.by, 'password')
    assert.equal((await s.admin.session(token))?.operator.hasPassword, true)
    const { session: again } = await s.login({ name: ' OLGA' })
    assert.equal(again.operator.name, 'olga')
    const said = await Promise.all(
      [{ password: 'wrong' }, { name: 'nobody' }, { name: '../olga' }, { password: '\ud800' }].map(
        given =>
          s.login(given).then(
            () => assert.fail(),
            err => [err.code, err.message]
          )
      )
    )
    for (const one of said)
      assert.deepEqual(one, ['LOGIN_REFUSED', 'name, password or code is wrong'])
    // Without a password of their own nobody is let in by any.
    await s.admin.add(olga, 'mona', 'moderator')
    await assert.rejects(s.login({ name: 'mona', password: '' }), refused)
  })

  it('refuse passwords that are too short, and old ones that are wrong', async () => {
    const s = stage()
    const { token } = await settled(s)
    const set = (old: string, password: string) =>
      s.admin.setPassword(token, { old, password }, home)
    await assert.rejects(set(password, 'short'), { code: 'USAGE' })
    await assert.rejects(set('wrong', 'another good password'), refused)
    assert.equal((await s.admin.session(token))?.operator.name, 'olga')
    const next = await set(password, 'another good password')
    assert.equal(await s.admin.session(token), undefined)
    assert.equal((await s.admin.session(next.token))?.operator.name, 'olga')
    await assert.rejects(s.login({}), refused)
    await s.login({ password: 'another good password' })
  })

  it('ask for a code where there are codes, each good once', async () => {
    const s = stage()
    const { token } = await settled(s)
    const { secret, uri } = s.admin.proposeCodes('olga')
    assert.match(uri, /^otpauth:\/\/totp\/Muttr:olga%20at%20one\.test\?.*secret=[A-Z2-7]{32}/)
    const code = () => new TOTP({ secret }).generate({ timestamp: s.clock.now() })
    await assert.rejects(s.admin.beginCodes(token, { secret, code: '12345' }), refused)
    await s.admin.beginCodes(token, { secret, code: code() })
    await assert.rejects(s.login({ code: code() }), refused, 'the code that began it')
    await assert.rejects(s.admin.beginCodes(token, { secret, code: code() }), refused, 'begun')
    await assert.rejects(s.login({}), refused)
    s.clock.advance(minuteMs)
    const both = await Promise.allSettled([s.login({ code: code() }), s.login({ code: code() })])
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    await assert.rejects(s.admin.endCodes(token, { password: 'wrong' }), refused)
    await s.admin.endCodes(token, { password })
    await s.login({})
  })

  it('come in again by a link when password and codes are lost; a reset ends all that let in before', async () => {
    const s = stage()
    const { token } = await settled(s)
    const { secret } = s.admin.proposeCodes('olga')
    await s.admin.beginCodes(token, {
      secret,
      code: new TOTP({ secret }).generate({ timestamp: s.clock.now() })
    })
    const { token: byLink } = await s.enter()
    await s.admin.setPassword(byLink, { old: '', password: 'a new one that I keep' }, home)
    assert.equal(await s.admin.session(token), undefined)
    const link = await s.admin.link(olga, 'olga')
    const view = await s.admin.reset(olga, 'olga')
    assert.deepEqual([view.hasPassword, view.hasCodes], [false, false])
    assert.equal(await s.admin.session(byLink), undefined)
    await assert.rejects(s.admin.enter(link.token, home), refused)
    await assert.rejects(s.admin.setPassword(byLink, { old: '', password }, home), refused)
    await s.enter()
  })

  it('have sessions that end: by themselves, one by one, and with their operator', async () => {
    const s = stage()
    const { token } = await settled(s)
    const { token: second, session } = await s.login(
      {},
      { subnet: undefined, agent: '\ud800'.repeat(900) }
    )
    s.clock.advance(30 * minuteMs)
    assert.ok(await s.admin.session(token))
    const [first, ...rest] = await s.admin.sessions('olga')
    assert.match(first!.from, /^192\.0\.2; Firefox$/)
    assert.deepEqual(
      rest.map(({ id }) => id),
      [session.id]
    )
    s.clock.advance(31 * minuteMs)
    assert.equal(await s.admin.session(second), undefined, 'not used for an hour')
    assert.ok(await s.admin.session(token))
    await assert.rejects(s.admin.endSession('olga', ''), { code: 'SESSION_UNKNOWN' })
    await s.admin.endSession('olga', first!.id)
    assert.equal(await s.admin.session(token), undefined)
    const { token: third } = await s.login({})
    for (let i = 0; i < 24; i++) {
      assert.ok(await s.admin.session(third))
      s.clock.advance(30 * minuteMs)
    }
    assert.equal(await s.admin.session(third), undefined, 'after half a day')
    await s.admin.sweep(s.clock.now())
    const left = []
    for await (const { table } of s.state.rows()) left.push(table)
    assert.deepEqual(
      left.filter(table => table.startsWith('operator-')),
      []
    )
    const { token: last } = await s.login({})
    await s.admin.add(olga, 'mona', 'owner')
    await s.admin.remove(olga, 'olga')
    await s.admin.add(olga, 'olga', 'owner')
    assert.equal(await s.admin.session(last), undefined)
  })

  it('are bounded in what they try, by network and by name; a link is not', async () => {
    const s = stage()
    await settled(s)
    const tries = async (name: () => string, from: () => From) => {
      for (let i = 0; i < 40; i++) {
        const err = await s.login({ name: name(), password: 'wrong' }, from()).then(
          () => undefined,
          err => err
        )
        if (err.code === 'LIMIT_EXCEEDED') return i
        assert.equal(err.code, 'LOGIN_REFUSED')
      }
      return assert.fail('never refused')
    }
    let i = 0
    assert.equal(
      await tries(
        () => `name-${i++}`,
        () => home
      ),
      20
    )
    assert.equal(
      await tries(
        () => 'Olga ',
        () => ({ subnet: `198.51.${i++}`, agent: '' })
      ),
      30
    )
    await assert.rejects(s.login({}, { subnet: '203.0.113', agent: '' }), {
      code: 'LIMIT_EXCEEDED'
    })
    const { token } = await s.admin.link(olga, 'olga')
    await s.admin.enter(token, { subnet: undefined, agent: '' })
  })

  it('cannot fill the audit log with changes of their own login', async () => {
    const s = stage()
    await settled(s)
    const link = await s.admin.link(olga, 'olga')
    const { token } = await s.admin.enter(link.token, home)
    const end = () => s.admin.endCodes(token, { password: '' })
    await assert.rejects(
      async () => {
        for (let i = 0; i < 40; i++) await end()
      },
      { code: 'LIMIT_EXCEEDED' }
    )
    s.clock.advance(minuteMs)
    await end()
  })

  it('keep an owner, and say who did what', async () => {
    const s = stage()
    await settled(s)
    await assert.rejects(s.admin.remove(olga, 'olga'), { code: 'USAGE' })
    await assert.rejects(s.admin.setRole(olga, 'olga', 'reader'), { code: 'USAGE' })
    for (const name of ['', 'a b', 'ольга', '../x', 'a'.repeat(33)])
      await assert.rejects(s.admin.add(olga, name, 'reader'), { code: 'USAGE' })
    await s.admin.add(olga, 'mona', 'reader')
    await assert.rejects(s.admin.add(olga, 'MONA', 'owner'), { code: 'OPERATOR_EXISTS' })
    await s.admin.setRole(olga, 'mona', 'owner')
    const { session } = await s.enter('mona')
    await s.admin.endSession('mona', session.id)
    await s.admin.remove({ kind: 'operator', name: 'mona' }, 'olga')
    assert.deepEqual(
      (await s.admin.operators()).map(({ name, role }) => [name, role]),
      [['mona', 'owner']]
    )
    assert.deepEqual(await s.actions(), [
      'olga: operator.add olga owner',
      'olga: operator.link olga',
      'olga: operator.login olga link',
      'olga: operator.password olga',
      'olga: operator.add mona reader',
      'olga: operator.role mona owner',
      'olga: operator.link mona',
      'mona: operator.login mona link',
      'mona: operator.logout mona',
      'mona: operator.remove olga'
    ])
  })
})

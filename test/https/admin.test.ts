import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { within } from '../../src/api/admin/rights.ts'
import type { PodOperator } from '../../src/api/operator.ts'
import type { PageFiles } from '../../src/api/page-files.ts'
import type { AdminDoor } from '../support/admin-door.ts'
import { openAdminDoor, testPassword } from '../support/admin-door.ts'
import { createFakeOperator } from '../support/fake-operator.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const page: PageFiles = new Map([
  ['/index.html', { bytes: bytes('mine'), type: 'text/html' }],
  ['/admin.html', { bytes: bytes('<!doctype html>'), type: 'text/html' }],
  ['/assets/a-1.js', { bytes: bytes('0'), type: 'text/javascript' }]
])
const refusal = ({ status, said }: { status: number; said: { error: { code: string } } }) => [
  status,
  said.error.code
]

describe('the admin page at the door of a pod', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa
  let at: AdminDoor
  before(async () => {
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
    at = await openAdminDoor(ca, { page })
    await at.operator('olga', 'owner')
    await at.operator('mona', 'moderator')
    await at.operator('rita', 'reader')
  })
  after(async () => {
    await at?.[Symbol.asyncDispose]()
    await folder?.[Symbol.asyncDispose]()
  })
  const entered = async (name: string) => {
    const visitor = at.visitor()
    assert.equal((await visitor.login(name)).status, 200)
    return visitor
  }

  it('is a page that no other can frame, and that runs nothing but its own parts', async () => {
    const { status, headers, text } = await at.ask('/admin/')
    assert.deepEqual([status, text], [200, '<!doctype html>'])
    const policy = headers['content-security-policy']
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "trusted-types 'none'"])
      assert.ok(policy?.includes(part), part)
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal((await at.ask('/admin')).headers.location, 'admin/')
    assert.equal((await at.ask('/admin/assets/a-1.js')).status, 200)
    for (const path of ['/admin/index.html', '/admin/assets/..%2findex.html', '/', '/admin/api'])
      assert.notEqual((await at.ask(path)).status, 200, path)
  })

  it('answers to nobody who is not logged in', async () => {
    for (const path of ['session', 'pod/accounts', 'events', 'settings', 'backup', 'nothing'])
      assert.deepEqual(refusal(await at.visitor().get(path)), [401, 'API_REFUSED'], path)
    for (const path of ['pod/invites', 'logout', 'password', 'codes', 'settings'])
      assert.deepEqual(refusal(await at.visitor().post(path, {})), [401, 'API_REFUSED'], path)
    const wrong = await at.visitor().post('login', { name: 'olga', password: 'wrong' })
    assert.deepEqual(refusal(wrong), [409, 'LOGIN_REFUSED'])
    assert.equal(wrong.headers['set-cookie'], undefined)
  })

  it('takes requests of its own page only', async () => {
    const olga = await entered('olga')
    const evil = { origin: 'https://evil.example' }
    assert.deepEqual(refusal(await olga.get('session', { headers: evil })), [403, 'API_REFUSED'])
    const login = { name: 'olga', password: testPassword }
    for (const headers of [
      evil,
      { origin: 'null' },
      { origin: '' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' }
    ])
      assert.deepEqual(
        refusal(await at.visitor().post('login', login, { headers })),
        [403, 'API_REFUSED'],
        JSON.stringify(headers)
      )
    const other = { host: 'two.test' }
    assert.deepEqual(refusal(await olga.get('session', { headers: other })), [421, 'API_REFUSED'])
    // Without an origin, as a form of another site may send where a browser is old.
    const bare = await at.ask('/admin/api/login', { method: 'POST' })
    assert.deepEqual(refusal(bare), [403, 'API_REFUSED'])
    const headers = { 'x-muttr-csrf': '' }
    assert.deepEqual(refusal(await olga.post('pod/invites', {}, { headers })), [403, 'API_REFUSED'])
    const second = await entered('olga')
    const foreign = { 'x-muttr-csrf': second.csrf }
    const crossed = await olga.post('pod/names/reserve', { names: ['mayor'] }, { headers: foreign })
    assert.deepEqual(refusal(crossed), [403, 'API_REFUSED'])
    assert.equal((await olga.post('pod/names/reserve', { names: ['mayor'] })).status, 200)
  })

  it('lets nobody in by a session that somebody else began', async () => {
    const fixed = at.visitor()
    fixed.cookie = `__Host-muttr-admin=${'ab'.repeat(32)}`
    const { cookie } = fixed
    await fixed.login('olga')
    assert.notEqual(fixed.cookie, cookie)
    const before = { cookie: fixed.cookie, csrf: fixed.csrf }
    await fixed.login('olga')
    const old = Object.assign(at.visitor(), before)
    assert.deepEqual(refusal(await old.get('session')), [401, 'API_REFUSED'])
    assert.equal((await fixed.get('session')).said.operator.name, 'olga')
    const out = await fixed.post('logout', {})
    assert.match(out.headers['set-cookie']![0]!, /^__Host-muttr-admin=;.*Max-Age=0/)
    fixed.cookie = before.cookie
    assert.equal((await fixed.get('session')).status, 401)
  })

  it('reads no more than it needs, and says what is wrong with the rest', async () => {
    const olga = await entered('olga')
    const big = (kib: number) => olga.post('pod/invites', { note: 'x'.repeat(kib * 1024) })
    assert.deepEqual(refusal(await big(20)), [413, 'WIRE_TOO_LARGE'])
    assert.deepEqual(refusal(await big(300)), [413, 'WIRE_TOO_LARGE'])
    for (const body of ['', '{', '[1]', '{"name":1}', '{"name":"a","password":"b","more":1}'])
      assert.deepEqual(
        refusal(await at.visitor().post('login', undefined, { body })),
        [400, 'WIRE_MALFORMED'],
        body
      )
    const long = { name: 'o'.repeat(3_000), password: '' }
    assert.deepEqual(refusal(await at.visitor().post('login', long)), [400, 'WIRE_MALFORMED'])
    assert.deepEqual(refusal(await olga.get('pod/accounts?limit=x')), [400, 'WIRE_MALFORMED'])
    assert.deepEqual(refusal(await olga.post('settings', { escrow: true })), [
      400,
      'WIRE_MALFORMED'
    ])
  })

  it('gives each role what it may, and no more', async () => {
    const pod = createFakeOperator()
    const given = { reason: '', role: 'reader', names: ['a'], burst: 1, perHour: 1 } as never
    const allowed = async (role: 'owner' | 'moderator' | 'reader') => {
      const calls = Object.entries(within(pod, role)) as [
        keyof PodOperator,
        (...o: never[]) => Promise<unknown>
      ][]
      const outcomes = await Promise.all(
        calls.map(async ([name, call]) =>
          call(...(['3fa9', given] as never[])).then(
            () => name,
            err => (err.code === 'ROLE_REFUSED' ? [] : name)
          )
        )
      )
      return outcomes.flat().sort()
    }
    const all = Object.keys(pod).sort()
    assert.deepEqual(await allowed('owner'), all)
    const owners = [
      ...[
        'addOperator',
        'allow',
        'allowPeer',
        'blockPeer',
        'drain',
        'serveAgain',
        'exportAccount',
        'loginLink'
      ],
      ...[
        'removeOperator',
        'removeProcess',
        'certify',
        'setParent',
        'removeParent',
        'reserve',
        'resetOperator',
        'resetRate',
        'setRate',
        'setRole'
      ]
    ]
    const deeds = [
      ...['approve', 'closeReport', 'freeAlias', 'invite', 'refuse', 'remove', 'resume'],
      ...['revokeAlias', 'revokeInvite', 'setQuota', 'suspend']
    ]
    assert.deepEqual(
      await allowed('moderator'),
      all.filter(name => !owners.includes(name))
    )
    assert.deepEqual(
      await allowed('reader'),
      all.filter(name => ![...owners, ...deeds].includes(name))
    )

    const [mona, rita] = [await entered('mona'), await entered('rita')]
    assert.deepEqual(refusal(await rita.post('pod/reports/fafa/close', { reason: '' })), [
      409,
      'ROLE_REFUSED'
    ])
    assert.deepEqual(refusal(await mona.post('pod/rates/noticesPerPeer/reset', {})), [
      409,
      'ROLE_REFUSED'
    ])
    assert.deepEqual(refusal(await mona.post('settings', { policy: 'open' })), [
      409,
      'ROLE_REFUSED'
    ])
    assert.deepEqual(refusal(await mona.get('backup')), [409, 'ROLE_REFUSED'])
    assert.equal((await rita.get('pod/audit')).status, 200)
    const olga = await entered('olga')
    assert.equal((await olga.get('backup')).text, 'sealed')
    await olga.post('pod/operators/rita/role', { role: 'moderator', by: 'somebody else' })
    const [last] = (await olga.get('pod/audit?limit=1')).said
    assert.deepEqual([last.by.name, last.action, last.subject], ['olga', 'operator.role', 'rita'])
    await olga.post('pod/operators/rita/role', { role: 'reader' })
  })

  it('begins again with other settings once the answer is out', async () => {
    const olga = await entered('olga')
    const { said, headers } = await olga.post('settings', { policy: 'closed' })
    assert.deepEqual([said.policy, headers.connection], ['closed', 'close'])
    while (at.restarts === 0) await new Promise(setImmediate)
    assert.equal((await olga.get('settings')).said.policy, 'closed')
  })

  it('says that there is something new as it happens, until the session ends', async () => {
    const olga = await entered('olga')
    const { port } = at.door.status
    const asked = request({
      ...{ host: '127.0.0.1', port, path: '/admin/api/events', servername: 'one.test' },
      ...{ ca: ca.certificate, agent: false },
      headers: { host: `one.test:${port}`, cookie: olga.cookie }
    })
    asked.end()
    const [stream] = await once(asked, 'response')
    stream.setEncoding('utf8')
    assert.match(String((await once(stream, 'data'))[0]), /^: /)
    await at.pod.office.reserve({ kind: 'operator', name: 'somebody' }, ['council'])
    assert.equal(String((await once(stream, 'data'))[0]), 'data: {"type":"changed"}\n\n')
    const over = once(stream, 'end')
    stream.resume()
    await olga.post('logout', {})
    await over
  })

  it('bounds attempts by network where a proxy says who asks, and knows its page by the address others see', async () => {
    await using behind = await openAdminDoor(undefined, {
      page,
      publicUrl: 'https://www.test/muttr/admin/'
    })
    await behind.operator('olga', 'owner')
    const near = behind.visitor({ 'x-forwarded-for': '198.51.100.7', host: 'upstream' })
    assert.equal((await near.login('olga')).status, 200)
    assert.equal((await near.get('session')).said.operator.name, 'olga')
    const inside = { headers: { origin: 'https://one.test' } }
    assert.equal((await near.post('login', {}, inside)).status, 403)
    for (let i = 0; ; i++) {
      assert.ok(i < 30)
      const { said } = await near.post('login', { name: `name-${i}`, password: 'wrong' })
      if (said.error.code === 'LIMIT_EXCEEDED') break
      assert.equal(said.error.code, 'LOGIN_REFUSED')
    }
    const far = behind.visitor({ 'x-forwarded-for': '203.0.113.9', host: 'upstream' })
    assert.equal((await far.login('olga')).status, 200)
  })
})

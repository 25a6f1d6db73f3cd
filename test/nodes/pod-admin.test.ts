import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import type { PodOverview } from '../../src/api/overview.ts'
import type { LoginUrls } from '../../src/cli/doors.ts'
import { editConfig } from '../../src/config/config.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { AuditEntry } from '../../src/pod/office/audit.ts'
import { openLink } from '../support/pod-login.ts'
import { random } from '../support/pod-world.ts'
import { testCa } from '../support/test-ca.ts'
import { Testnet } from '../support/testnet.ts'

const pod = 'one.test'
const tokenIn = (url: string | null) => /#link=([0-9a-f]{64})$/.exec(url ?? '')?.[1]

/** Of a pod over real processes; who has its home is let in, whatever else is lost. */
describe('the login of a pod’s operators always works', () => {
  let net: Testnet
  let ca: Awaited<ReturnType<typeof testCa>>
  let port: number
  const file = (name: string) => join(net.folder, name)
  const issue = async (days: number) => {
    const pair = await ca.issue([pod], days)
    await writeFile(file('door.pem'), pair.certificate)
    await writeFile(file('door.key'), pair.key)
  }
  before(async () => {
    net = await Testnet.lay({ pods: [pod], people: [], seeds: 0 })
    ca = await testCa(net.folder)
    await issue(10)
    ;[port = 0] = await freePorts(1, random)
    const config = join(net.home(pod), 'muttr.json')
    const https = { mode: 'files', port, certificate: file('door.pem'), key: file('door.key') }
    const text = editConfig(await readFile(config, 'utf8'), ['pod', 'https'], https)
    await writeFile(config, editConfig(text, ['pod', 'admin'], { mode: 'on' }))
  })
  after(() => net?.[Symbol.asyncDispose]())

  const link = async (...args: string[]): Promise<LoginUrls> =>
    (await net.json<LoginUrls>(pod, 'pod', 'admin', ...args))[0]!

  /** As the page asks, at the address of the link. */
  async function post(url: string, path: string, body: object, headers: Record<string, string>) {
    const target = new URL(`api/${path}`, url.split('#')[0])
    const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }
    if (target.protocol === 'http:') {
      const answer = await fetch(target, { ...options, body: JSON.stringify(body) })
      return { status: answer.status, said: await answer.json() }
    }
    const asked = request({
      ...{ ...options, host: '127.0.0.1', port, path: target.pathname },
      ...{ servername: pod, ca: ca.certificate, agent: false },
      headers: { ...options.headers, host: target.host, origin: target.origin }
    })
    asked.end(JSON.stringify(body))
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const said = JSON.parse(Buffer.concat(await answer.toArray()).toString())
    return { status: answer.statusCode, said, cookie: answer.headers['set-cookie']?.[0] }
  }
  const enter = (url: string | null) => post(url!, 'enter', { token: tokenIn(url) }, {})

  it('by a link made before the pod runs, at its door; the first who asks is its owner', async () => {
    const made = await link('link')
    assert.deepEqual([made.local, made.problem], [null, null])
    assert.ok(made.url?.startsWith(`https://${pod}:${port}/admin/#link=`))
    await net.start(pod)
    const { status, said, cookie } = await enter(made.url)
    assert.deepEqual(
      [status, said.operator.role, said.operator.name],
      [200, 'owner', made.operator]
    )
    assert.match(
      cookie!,
      /^__Host-muttr-admin=[0-9a-f]{64}; Path=\/; HttpOnly; Secure; SameSite=Strict$/
    )
    assert.equal((await enter(made.url)).status, 409, 'a second time')
  })

  it('when password and codes are lost: a link lets in, on this machine too, and a new one is chosen', async () => {
    const { url, local, operator } = await link('link')
    assert.equal(tokenIn(local), tokenIn(url))
    const { said } = await enter(local)
    const own = { authorization: `Bearer ${said.token}`, 'x-muttr-csrf': said.csrf }
    const password = 'rope boat lunch lamp'
    const set = await post(local!, 'password', { password }, own)
    assert.equal(set.status, 200)
    const login = () => post(url!, 'login', { name: operator, password }, {})
    assert.equal((await login()).status, 200)
    await link('reset', operator)
    const refused = await login()
    assert.equal(refused.said.error.code, 'LOGIN_REFUSED')
    assert.match(refused.said.error.hint, /muttr pod admin link/)
  })

  it('changes settings from afar: the pod starts again with them, and the session goes on', async () => {
    const page = await openLink(await link('link'))
    const from = net.events.length
    await page.post('settings', { policy: 'closed', accountsMax: 50 })
    await net.event(pod, 'node', from, ({ state }) => state === 'running')
    const { policy, accountsMax } = await page.get<PodOverview>('pod/overview')
    assert.deepEqual([policy, accountsMax], ['closed', 50])
    const [noted] = await page.get<AuditEntry[]>('pod/audit')
    assert.deepEqual(
      [noted!.action, noted!.subject, noted!.detail],
      ['pod.settings', pod, 'policy closed, accountsMax 50']
    )
    const { path } = await page.post<{ path: string }>('backup/download')
    const saved = await fetch(`${(await link('link')).local!.split('#')[0]}api${path}`)
    assert.equal(saved.headers.get('content-disposition'), 'attachment')
    assert.match(Buffer.from(await saved.arrayBuffer()).toString('latin1'), /^muttr backup/)
  })

  it('after another start, and when the certificate of the door is over: on this machine', async () => {
    await net.stop(pod)
    await writeFile(file('door.pem'), 'nothing of the kind')
    await net.start(pod)
    const { url, local, problem } = await link('link')
    assert.equal(problem?.code, 'CERTIFICATE_INVALID')
    await assert.rejects(enter(url))
    assert.equal((await enter(local)).status, 200)
    await issue(10)
  })

  it('while the pod stands still, everything else about operators works too', async () => {
    await net.stop(pod)
    await link('add', 'mona', '--role', 'moderator')
    await link('role', 'mona', '--role', 'owner')
    const all = await net.json<{ name: string }>(pod, 'pod', 'admin', 'list')
    assert.equal(all.length, 2)
    const first = all.find(({ name }) => name !== 'mona')!.name
    await link('remove', first)
    const last = await net.muttr(pod, 'pod', 'admin', 'remove', 'mona', '--json')
    assert.equal(JSON.parse(last.stderr).error.code, 'USAGE')
    await net.start(pod)
    const { local, operator } = await link('link')
    assert.equal(operator, 'mona')
    assert.equal((await enter(local)).status, 200)
    const { said } = await post(local!, 'pod/audit', {}, {})
    assert.equal(said.error.code, 'API_REFUSED')
  })
})

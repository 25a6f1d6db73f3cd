import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { addAdmin } from '../../src/api/admin/app.ts'
import { cookieCarrier } from '../../src/api/admin/carrier.ts'
import type { AdminDesk, PodSettings } from '../../src/api/admin/desk.ts'
import type { PageFiles } from '../../src/api/page-files.ts'
import type { Door } from '../../src/https/open.ts'
import { openDoor } from '../../src/https/open.ts'
import { podOperator } from '../../src/nodes/pod-operator.ts'
import type { Pod } from '../../src/pod/pod.ts'
import type { FakeClock } from './fake-clock.ts'
import { testFinding, testOverview } from './fake-operator.ts'
import type { PodHost, PodWorld } from './pod-world.ts'
import { podWorld, random } from './pod-world.ts'
import type { TestCa } from './test-ca.ts'

export const testPassword = 'rope boat lunch lamp'
const none = () => Promise.reject(new Error('none'))
const silent = { debug() {}, info() {}, warn() {} }

interface Asked {
  status: number
  headers: IncomingMessage['headers']
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever was said
  said: any
}

interface AskOptions {
  json?: unknown
  body?: string
  method?: string
  headers?: Record<string, string>
}

/** A browser, as far as this goes: it keeps the cookie, and what the page sends with it. */
interface Visitor {
  cookie: string
  csrf: string
  get(path: string, o?: AskOptions): Promise<Asked>
  post(path: string, json: unknown, o?: AskOptions): Promise<Asked>
  login(name: string): Promise<Asked>
}

export interface AdminDoor extends AsyncDisposable {
  world: PodWorld
  host: PodHost
  pod: Pod
  clock: FakeClock
  door: Door
  origin: string
  restarts: number
  /** Adds an operator with {@link testPassword}. */
  operator(name: string, role: 'owner' | 'moderator' | 'reader'): Promise<void>
  ask(path: string, o?: AskOptions): Promise<Asked>
  visitor(headers?: Record<string, string>): Visitor
}

/** A pod in memory with its admin page at a real door: HTTPS, or what stands behind a proxy when no authority is given. */
export async function openAdminDoor(
  ca: TestCa | undefined,
  { page = new Map(), publicUrl }: { page?: PageFiles; publicUrl?: string } = {}
): Promise<AdminDoor> {
  const world = podWorld(Date.now())
  const { clock } = world
  const host = await world.host({ policy: 'approval' })
  const { pod } = host
  const own = {
    ...{ home: undefined as never, pod, addresses: () => [], door: () => undefined },
    ...{ overview: async () => testOverview, examine: async () => [testFinding] }
  }
  let settings: PodSettings = {
    ...{ policy: 'approval', federation: 'open', accountsMax: 10, mailboxMax: 10, via: true }
  }
  const desk: AdminDesk = {
    admin: pod.admin,
    as: name => podOperator(own, name),
    watch: wake => pod.office.watch(wake),
    async backup() {
      return (async function* () {
        yield new Uint8Array(Buffer.from('sealed'))
      })()
    },
    settings: async () => settings,
    async change(_, change) {
      settings = { ...settings, ...change }
      return { settings, restart: async () => void opened.restarts++ }
    }
  }
  const origin = () =>
    publicUrl ? new URL(publicUrl).origin : `https://one.test:${door.status.port}`
  const carrier = cookieCarrier({ origin, host: () => (ca ? new URL(origin()).host : null) })
  const parts = { desk, carrier, page, clock, random, log: silent }
  const door = (await openDoor({
    https: {
      httpPort: 0,
      openpgpkey: false,
      acme: { directory: '' },
      mode: ca ? 'files' : 'proxy',
      port: 0
    },
    hostname: 'one.test',
    rooms: [app => addAdmin(app as never, { ...parts, subnetOf: c => c.get('subnet') })],
    groupLocal: false,
    files: {
      given: () => ca!.issue(['one.test']),
      trust: none,
      ordered: none,
      keepOrdered: none,
      accountKey: none
    },
    ...{ clock, random, log: silent }
  }))!

  async function ask(path: string, o: AskOptions = {}): Promise<Asked> {
    const { json, body = json === undefined ? undefined : JSON.stringify(json), headers } = o
    const { port } = door.status
    const options = {
      ...{
        host: '127.0.0.1',
        port,
        path,
        method: o.method ?? (body === undefined ? 'GET' : 'POST')
      },
      headers: {
        host: `one.test:${port}`,
        ...(body !== undefined && { origin: origin() }),
        ...headers
      }
    }
    const asked = ca
      ? requestHttps({ ...options, servername: 'one.test', ca: ca.certificate, agent: false })
      : requestHttp({ ...options, agent: false })
    asked.end(body)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const text = Buffer.concat(await answer.toArray()).toString()
    const said = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined
    return { status: answer.statusCode!, headers: answer.headers, text, said }
  }
  const opened: AdminDoor = {
    ...{ world, host, pod, clock, door, restarts: 0, ask },
    origin: origin(),
    async operator(name, role) {
      const by = { kind: 'operator', name: 'test' } as const
      const from = { subnet: undefined, agent: '' }
      await pod.admin.add(by, name, role)
      const { token } = await pod.admin.enter((await pod.admin.link(by, name)).token, from)
      await pod.admin.setPassword(token, { old: '', password: testPassword }, from)
    },
    visitor(own = {}) {
      const visitor: Visitor = {
        ...{ cookie: '', csrf: '' },
        async get(path, o = {}) {
          return await ask(`/admin/api/${path}`, {
            ...o,
            headers: { cookie: visitor.cookie, ...own, ...o.headers }
          })
        },
        async post(path, json, o = {}) {
          const headers = {
            cookie: visitor.cookie,
            'x-muttr-csrf': visitor.csrf,
            ...own,
            ...o.headers
          }
          const answer = await ask(`/admin/api/${path}`, { json, ...o, headers })
          const set = answer.headers['set-cookie']?.[0]
          if (set) visitor.cookie = set.split(';')[0]!
          if (answer.said?.csrf) visitor.csrf = answer.said.csrf
          return answer
        },
        login: name => visitor.post('login', { name, password: testPassword })
      }
      return visitor
    },
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    }
  }
  return opened
}

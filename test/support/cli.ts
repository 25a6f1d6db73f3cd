import { Readable, Writable } from 'node:stream'
import type { Doors, Passphrase, Ready } from '../../src/cli/doors.ts'
import type { Terminal } from '../../src/cli/output.ts'
import type { Prompts } from '../../src/cli/prompts.ts'
import { runCli } from '../../src/cli/run.ts'
import type { Client } from '../../src/client/client.ts'
import { doors as doorsThatShip } from '../../src/nodes/doors.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { createFakeClient, type FakeClient } from './fake-client.ts'
import { createFakeOperator } from './fake-operator.ts'

export const testReady: Ready = {
  role: 'seed',
  name: 'alice',
  home: '/homes/alice',
  addresses: ['/ip4/127.0.0.1/tcp/4420/p2p/12D3KooWFake'],
  api: 'http://127.0.0.1:4421',
  aliases: ['alice@one.test'],
  page: 'http://127.0.0.1:4421/#token=abab'
}

export interface FakeDoors extends Doors {
  /** Every door that was opened, with what it was given (no functions or signals). */
  readonly opened: [string, Record<string, unknown>][]
  readonly client: FakeClient
}

/** Doors with nothing behind them. `ask` says which of them ask for a passphrase, and as what. */
const testNowMs = Date.UTC(2026, 2, 1, 12)

export function createFakeDoors(changes: Partial<Doors> = {}): FakeDoors {
  const opened: FakeDoors['opened'] = []
  const client = createFakeClient()
  const note = async (
    door: string,
    { passphrase, ...options }: { passphrase?: Passphrase },
    what?: Parameters<Passphrase>[0]
  ) => {
    const plain = Object.entries(options).filter(
      ([name, value]) => typeof value !== 'function' && name !== 'signal'
    )
    const asked = what && passphrase ? { passphrase: await passphrase(what) } : {}
    opened.push([door, { ...Object.fromEntries(plain), ...asked }])
  }
  return {
    opened,
    client,
    async openClient(home, options) {
      await note('openClient', { home, ...options } as never)
      return Object.assign(client as Client, { [Symbol.asyncDispose]: async () => {} })
    },
    async exportKey(home) {
      await note('exportKey', { home } as never)
      return client.exportKey()
    },
    async initHome(options) {
      await note('initHome', options, 'new-vault')
      return {
        home: options.home,
        name: options.name,
        fingerprint: 'ab'.repeat(20),
        network: 'local'
      }
    },
    async restore({ input, words, onProgress, ...options }) {
      await note('restore', { ...options, words: await words() } as never, 'new-vault')
      const parts = await Array.fromAsync(input)
      onProgress?.(parts.length)
      const rows = parts.reduce((sum, part) => sum + part.byteLength, 0)
      return {
        ...{ home: options.home, name: 'alice', fingerprint: 'ab'.repeat(20) },
        ...{ madeMs: testNowMs, rows, held: 1 }
      }
    },
    async restoreFromNetwork({ words, onProgress, onFetch, ...options }) {
      await note('restoreFromNetwork', { ...options, words: await words() } as never, 'new-vault')
      const fetched = { madeMs: testNowMs, sizeBytes: 100_000, problem: null }
      onFetch?.({ ...fetched, haveBytes: 0 })
      onFetch?.({ ...fetched, haveBytes: 100_000 })
      onProgress?.(5_000)
      return {
        ...{ home: options.home, name: 'alice', fingerprint: 'ab'.repeat(20) },
        ...{ madeMs: testNowMs, rows: 5_000, held: 0 }
      }
    },
    async joinDevice({ code, onProgress, ...options }) {
      await note('joinDevice', { ...options, code: await code() } as never, 'new-vault')
      onProgress?.(5_000)
      return {
        ...{ home: options.home, device: options.name ?? 'laptop', name: 'alice' },
        ...{ fingerprint: 'ab'.repeat(20), rows: 12, heard: options.history }
      }
    },
    async joinLink(options) {
      await note('joinLink', options)
      return {
        home: options.home,
        network: 'local',
        pods: ['one.test'],
        contact: 'bob@two.test',
        contactDiffers: false,
        invite: 'c0de'
      }
    },
    linkContact: link => doorsThatShip.linkContact(link),
    async runSeed({ onReady, emit, ...options }) {
      await note('runSeed', options, 'vault')
      onReady(testReady)
      emit({ type: 'registered', alias: 'alice@one.test', ms: 4 })
      await ended(options.signal)
    },
    async pageOf(home) {
      await note('pageOf', { home } as never)
      return testReady.page
    },
    async openPage(home, url) {
      await note('openPage', { home, url } as never)
    },
    async addPodMember(options) {
      await note('addPodMember', options as never)
      const listen = options.listen ?? ['/ip4/0.0.0.0/tcp/4420']
      return {
        home: options.out,
        hostname: 'one.test',
        peer: '12D3KooWFake',
        listen,
        doorClosed: true
      }
    },
    async migratePod({ onProgress, ...options }) {
      await note('migratePod', options as never)
      onProgress({ copied: 20_000, verified: 0 })
      const sum = { rows: 20_000, logs: 3, entries: 40, digest: 'ab'.repeat(32) }
      return { from: 'embedded', to: options.to, ...sum, aside: '/p/db/pod.before-1' }
    },
    async renamePod({ onProgress, passphrase: _, signal: __, ...options }) {
      await note('renamePod', options as never)
      onProgress(200)
      const name = '_muttr._tcp.new.test'
      const records = [{ name, type: 'SRV' as const, value: '0 0 4420 new.test' }]
      return { hostname: 'new.test', former: ['one.test'], aliases: 200, records }
    },
    async upgradePod({ onProgress, signal: _, ...options }) {
      await note('upgradePod', options as never)
      onProgress?.({ step: 'export', rows: 1 })
      if (options.home === '/new') return null
      const sum = { rows: 20, logs: 3, entries: 40, digest: 'ab'.repeat(32) }
      return { from: 1, to: 2, kept: '/p/upgrades/pod-1.export', ...sum }
    },
    async checkUpgrade(home) {
      await note('checkUpgrade', { home } as never)
      const room = { sizeBytes: 2 ** 20, neededBytes: 2 ** 25, freeBytes: 2 ** 30 }
      const kept = { path: '/p/upgrades/pod-1.export', version: 1, madeMs: 0, sizeBytes: 2 ** 20 }
      const older = { code: 'STATE_OLD' as const, message: 'others serve it', hint: 'Stop them.' }
      return {
        ...{ store: 'embedded', found: 1, needed: 2, runs: false, ...room, estimateMs: 9_000 },
        ...{ others: home === '/old' ? [2, null] : [], steps: ['addresses say more'] },
        ...{ exports: [kept], problem: home === '/old' ? older : null }
      }
    },
    async initPod(options) {
      await note('initPod', options, 'new-vault')
      return {
        ...{ home: options.home, hostname: options.hostname, fingerprint: 'ab'.repeat(20) },
        config: `${options.home}/muttr.json`,
        ports: ['4420/tcp', '4420/udp'],
        records: [
          { name: `_muttr._tcp.${options.hostname}`, type: 'SRV', value: '0 0 4420 one.test' }
        ],
        addressed: false
      }
    },
    async examinePod(home, signal) {
      await note('examinePod', { home, signal } as never)
      const fine = {
        what: 'disk',
        level: 'good' as const,
        code: null,
        detail: '9 GiB free',
        hint: null,
        used: 0.5
      }
      const dns = {
        ...fine,
        what: 'dns key',
        level: 'bad' as const,
        code: 'DNS_OTHER' as const,
        hint: 'Publish: x'
      }
      return home === '/ill' ? [fine, dns] : [fine]
    },
    async runPod({ onReady, emit, ...options }) {
      await note('runPod', options, 'vault')
      onReady({ ...testReady, role: 'pod' })
      emit({ type: 'stored', key: 'ab'.repeat(32), copies: 8, needed: 5, wanted: 8, ms: 4 })
      await ended(options.signal)
    },
    async openPod(home) {
      await note('openPod', { home } as never)
      return Object.assign(createFakeOperator(opened), { [Symbol.asyncDispose]: async () => {} })
    },
    async openAdmin(home) {
      await note('openAdmin', { home } as never)
      const pod = createFakeOperator(opened)
      return {
        operators: pod.operators,
        add: pod.addOperator,
        setRole: pod.setRole,
        remove: pod.removeOperator,
        reset: pod.resetOperator,
        async link(o) {
          const { operator, untilMs, url } = await pod.loginLink(o)
          const local = home === '/resting' ? null : 'http://127.0.0.1:5/admin/#link=ef'
          const problem = { code: 'TLS_NONE', message: 'no certificate', hint: '' } as never
          return { operator, untilMs, local, url: local && url, problem: local && problem }
        },
        [Symbol.asyncDispose]: async () => {}
      }
    },
    async openJournal(home, name) {
      await note('openJournal', { home, name } as never)
      const done = new Set<string>()
      return {
        isNew: true,
        has: id => done.has(id),
        add: async ids => {
          for (const id of ids) done.add(id)
        },
        [Symbol.asyncDispose]: async () => {}
      }
    },
    async runProgram(options) {
      await note('runProgram', options as never)
      return { status: 0, signal: null, timedOut: false, output: '' }
    },
    async runNeighbourhood(options) {
      await note('runNeighbourhood', options as never)
      options.print(
        options.json ? JSON.stringify({ ready: true, ...testReady }) : 'two pods are up'
      )
      await ended(options.signal)
    },
    async runTorture(options) {
      await note('runTorture', options as never)
      options.print('it begins')
      return { violations: options.seed === 'bad' ? 1 : 0 }
    },
    async crawl(options) {
      await note('crawl', options as never)
      const progress = { answered: 19, left: 1, requests: 90, remainingMs: 1_000 }
      options.onProgress({ crawl: 1, seen: 20, watchRemainingMs: undefined, ...progress })
      return {
        ...{ network: 'local', startedAt: '2026-03-01T12:00:00.000Z', ended: 'done', crawls: 1 },
        figures: [{ name: 'answered', unit: 'peers', value: 19 }],
        out: options.out
      }
    },
    simulator: async () => createSimulator(),
    ...changes
  }
}

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })

interface Run {
  doors?: Doors
  stdin?: string | Uint8Array | Readable
  env?: NodeJS.ProcessEnv
  /** Standard streams are a terminal of 80 columns. */
  tty?: boolean
  prompts?: Prompts
  signal?: AbortSignal
  /** Called with all of standard output so far, after each write. */
  onStdout?: (text: string) => void
  /** Breaks the pipe at the first write. */
  brokenPipe?: boolean
}

export interface Ran {
  status: number
  stdout: string
  bytes: Buffer
  stderr: string
  /** Standard output as one object per line. */
  objects(): Record<string, unknown>[]
  /** The error that --json printed. */
  error(): { code: string; message: string; hint: string }
}

/** Runs one command line in this process. A string is split at spaces. */
export async function muttr(line: string | string[], run: Run = {}): Promise<Ran> {
  const out = sink(run)
  const err = sink({ ...(run.tty && { tty: true }) })
  const doors = run.doors ?? createFakeDoors()
  const stdin =
    run.stdin instanceof Readable ? run.stdin : Readable.from(run.stdin ? [run.stdin] : [])
  const argv = typeof line === 'string' ? line.split(' ').filter(word => word !== '') : line
  const status = await runCli(argv, {
    stdin: Object.assign(stdin, { isTTY: run.tty ?? false }),
    stdout: out.stream,
    stderr: err.stream,
    env: run.env ?? {},
    userHome: '/homes',
    version: '1.2.3',
    now: () => testNowMs,
    signal: run.signal ?? new AbortController().signal,
    doors: async () => doors,
    ...(run.prompts && { prompts: run.prompts })
  })
  const bytes = Buffer.concat(out.chunks)
  const stderr = Buffer.concat(err.chunks).toString()
  return {
    status,
    bytes,
    stdout: bytes.toString(),
    stderr,
    objects: () =>
      bytes
        .toString()
        .trimEnd()
        .split('\n')
        .map(text => JSON.parse(text)),
    error: () => {
      if (!/^\{[^\n]*\}\n$/.test(stderr)) throw new Error(`not one line of JSON: ${stderr}`)
      return JSON.parse(stderr).error
    }
  }
}

function sink({ tty = false, onStdout, brokenPipe }: Run): { stream: Terminal; chunks: Buffer[] } {
  const chunks: Buffer[] = []
  const stream: Terminal = new Writable({
    write(chunk, _, done) {
      if (brokenPipe) return done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
      chunks.push(Buffer.from(chunk))
      done()
      onStdout?.(Buffer.concat(chunks).toString())
    }
  })
  if (tty) Object.assign(stream, { isTTY: true, columns: 80 })
  return { stream, chunks }
}

export const untilPrinted = (wanted: string) => {
  const stop = new AbortController()
  const onStdout = (text: string) => {
    if (text.includes(wanted)) stop.abort()
  }
  return { onStdout, signal: stop.signal }
}

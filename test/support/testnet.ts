import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectDaemon } from '../../src/api/file.ts'
import type { RemoteClient } from '../../src/api/remote.ts'
import type { MuttrEvent } from '../../src/base/events.ts'
import { writeFileAtomic } from '../../src/config/home.ts'
import type { NetworkFile } from '../../src/config/network.ts'
import { writeNetwork } from '../../src/config/network.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import { systemClock } from '../../src/net/clock.ts'
import { systemRandom } from '../../src/net/random.ts'
import type { Child } from '../../src/nodes/child.ts'
import { startChild } from '../../src/nodes/child.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { Created } from '../../src/nodes/home.ts'
import { createHome } from '../../src/nodes/home.ts'

export interface Ran {
  status: number
  stdout: string
  stderr: string
}

interface Member {
  home: string
  command: 'up' | 'pod'
  child?: Child
  /** The file that says how far its clock is off. */
  clock?: string
}

const shiftedClock = new URL('./shifted-clock.ts', import.meta.url).href

/** Real nodes in processes and folders of their own, which a test may kill and start again. */
export class Testnet implements AsyncDisposable {
  readonly folder: string
  /** Everything every node said, in the order in which it arrived here. */
  readonly events: { who: string; event: MuttrEvent }[] = []
  readonly #nodes = new Map<string, Member>()
  readonly #over = new AbortController()
  #wake = Promise.withResolvers<void>()

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Makes homes, starts nothing. */
  static async lay(o: { pods: string[]; people: string[]; seeds: number }): Promise<Testnet> {
    const net = new Testnet(await mkdtemp(join(tmpdir(), 'muttr-test-')))
    const network: NetworkFile = {
      name: 'testnet',
      description: '',
      seeds: [],
      pods: [],
      parameters: { replicas: 8, quorum: 5 }
    }
    const names = [
      ...o.pods,
      ...o.people,
      ...Array.from({ length: o.seeds }, (_, i) => `seed-${i}`)
    ]
    const ports = await freePorts(names.length, systemRandom)
    const made: Created[] = []
    for (const [i, name] of names.entries()) {
      const isPod = o.pods.includes(name)
      const home = join(net.folder, name)
      const listen = [`/ip4/127.0.0.1/tcp/${ports[i]}`]
      const pod = isPod ? { hostname: name, policy: 'open' as const } : null
      const person = isPod || o.people.includes(name)
      const created = await createHome({
        home,
        name,
        person,
        pod,
        network,
        listen,
        requests: 'pull'
      })
      if (isPod)
        network.pods.push({
          hostname: name,
          addresses: [`${listen[0]}/p2p/${created.peer}`],
          fingerprint: created.fingerprint!
        })
      made.push(created)
      net.#nodes.set(name, { home, command: isPod ? 'pod' : 'up' })
    }
    for (const { paths } of made) await writeFileAtomic(paths.network, writeNetwork(network))
    return net
  }

  /** A node whose home the test makes, before it is started. @returns where */
  adopt(name: string, command: Member['command'] = 'up'): string {
    const home = join(this.folder, name)
    this.#nodes.set(name, { home, command })
    return home
  }

  home(name: string): string {
    return this.#node(name).home
  }

  child(name: string): Child {
    return this.#node(name).child!
  }

  #node(name: string) {
    const node = this.#nodes.get(name)
    if (!node) throw new Error(`no node ${name}`)
    return node
  }

  async start(...names: string[]): Promise<void> {
    await Promise.all(
      names.map(async name => {
        const node = this.#node(name)
        node.child = await startChild({
          home: node.home,
          command: node.command,
          signal: this.#over.signal,
          ...(node.clock !== undefined && {
            nodeOptions: ['--import', shiftedClock],
            env: { MUTTR_TEST_CLOCK: node.clock }
          }),
          onEvent: event => {
            this.events.push({ who: name, event })
            this.#wake.resolve()
            this.#wake = Promise.withResolvers()
          }
        })
      })
    )
  }

  async startAll(): Promise<void> {
    const names = [...this.#nodes.keys()]
    for (let i = 0; i < names.length; i += 4) await this.start(...names.slice(i, i + 4))
  }

  /** Sets a node's clock, so far from the true time, for its next start or while it runs; the first time before its start. */
  async setClock(name: string, offMs: number): Promise<void> {
    const node = this.#node(name)
    node.clock ??= join(this.folder, `${name}.clock`)
    await writeFile(node.clock, `${offMs}`)
    if (node.child) process.kill(node.child.pid, 'SIGUSR2')
  }

  /** Stops a process in its tracks, as a closed lid would, or lets it go on. */
  freeze(name: string, how: 'stop' | 'go on'): void {
    process.kill(this.child(name).pid, how === 'stop' ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Ends a node as its operator would. */
  async stop(name: string): Promise<void> {
    await this.child(name)[Symbol.asyncDispose]()
    delete this.#node(name).child
  }

  /** Ends a node as a power cut would. */
  async kill(name: string): Promise<void> {
    await this.child(name).kill()
    delete this.#node(name).child
  }

  /** Runs one command as a person would, on the home of a node. */
  muttr(name: string, ...args: string[]): Promise<Ran> {
    return muttr('--home', this.home(name), ...args)
  }

  /** The same with `--json`: the objects that it prints. Fails where the command does. */
  async json<T>(name: string, ...args: string[]): Promise<T[]> {
    const ran = await this.muttr(name, '--json', ...args)
    assert.equal(ran.status, 0, `${args.join(' ')}: ${ran.stderr}`)
    return ran.stdout
      .trimEnd()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as T)
  }

  /** A node's client over its local API. */
  async client(name: string): Promise<RemoteClient> {
    const found = await connectDaemon(this.home(name), { random: systemRandom, clock: systemClock })
    if (!found) throw new Error(`${name} does not answer`)
    return found
  }

  /** Waits for an event; `from` is where in {@link events} to begin. */
  async event<T extends MuttrEvent['type']>(
    who: string,
    type: T,
    from = 0,
    fits: (event: Extract<MuttrEvent, { type: T }>) => boolean = () => true
  ): Promise<Extract<MuttrEvent, { type: T }>> {
    for (let at = from; ; ) {
      for (; at < this.events.length; at++) {
        const { who: by, event } = this.events[at]!
        if (by !== who || event.type !== type) continue
        const found = event as Extract<MuttrEvent, { type: T }>
        if (fits(found)) return found
      }
      await this.#wake.promise
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort()
    await Promise.all([...this.#nodes.values()].map(n => n.child?.[Symbol.asyncDispose]()))
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Runs `muttr` in a process of its own; never rejects for an exit status. */
function muttr(...args: string[]): Promise<Ran> {
  const bin = join(packageRoot, 'bin/muttr.js')
  return new Promise(resolve => {
    const child = execFile(process.execPath, [bin, ...args], (err, stdout, stderr) =>
      resolve({ status: err ? Number(err.code ?? NaN) : 0, stdout, stderr })
    )
    child.stdin?.end()
  })
}

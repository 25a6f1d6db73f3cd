import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectDaemon } from '../../api/file.ts'
import type { RemoteClient } from '../../api/remote.ts'
import { MuttrError } from '../../base/errors.ts'
import type { MuttrEvent } from '../../base/events.ts'
import type { Contact } from '../../base/ports.ts'
import { homePaths, writeFileAtomic } from '../../config/home.ts'
import type { NetworkFile } from '../../config/network.ts'
import { writeNetwork } from '../../config/network.ts'
import { systemClock as clock } from '../../net/clock.ts'
import { systemRandom as random } from '../../net/random.ts'
import type { Child } from '../child.ts'
import { startChild } from '../child.ts'
import { freePorts } from '../free-ports.ts'
import { createHome } from '../home.ts'
import type { Members } from './plan.ts'
import { quorum, replicas } from './plan.ts'
import type { Through } from './through-exchange.ts'
import { variable } from './through-exchange.ts'

const podNames = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
const peopleNames = [
  ...['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'],
  ...['ivan', 'judy', 'kim', 'laura', 'mallory', 'nina', 'oscar', 'peggy']
]
export const nameMembers = (count: Record<keyof Members, number>): Members => ({
  pods: podNames.slice(0, count.pods).map(name => `${name}.test`),
  people: peopleNames.slice(0, count.people),
  seeds: Array.from({ length: count.seeds }, (_, i) => `seed-${i + 1}`)
})

export interface FleetNode {
  readonly name: string
  readonly role: keyof Members
  readonly home: string
  readonly port: number
  readonly contact: Contact
  /** Null while it does not run. */
  running: { readonly child: Child; readonly client: RemoteClient } | null
}

interface FleetParts {
  members: Members
  folder: string
  /** The folder is removed by the last orphan when we are gone and cannot. */
  isTemporary: boolean
  /** The port of the exchange, once all ports are known. */
  exchange: () => number
  onEvent(node: string, event: MuttrEvent): void
  /** A process that ended by itself. */
  onEnded(node: string, detail: string): void
  /** Ends what is being started. */
  signal: AbortSignal
}

/** How many processes start at the same time. */
const atOnce = 3
/** A module beside this one, in the sources as in what was built from them. */
const preload = import.meta.resolve(
  import.meta.url.endsWith('.ts') ? './through-exchange.ts' : './through-exchange.js'
)

/** Nodes in processes and homes of their own, that can be killed and started again. */
export class Fleet implements AsyncDisposable {
  readonly nodes: ReadonlyMap<string, FleetNode>
  readonly #parts: FleetParts

  private constructor(parts: FleetParts, nodes: FleetNode[]) {
    this.#parts = parts
    this.nodes = new Map(nodes.map(node => [node.name, node]))
  }

  /** Makes the homes; starts nothing. */
  static async lay(parts: FleetParts): Promise<Fleet> {
    const { members, folder, signal } = parts
    const roles = (['pods', 'people', 'seeds'] as const).flatMap(role =>
      members[role].map(name => ({ role, name }))
    )
    const ports = await freePorts(roles.length, random)
    const network: NetworkFile = {
      name: 'torture',
      description: 'A network on the loopback interface that is made to suffer.',
      seeds: [],
      pods: [],
      parameters: { replicas, quorum }
    }
    const nodes: FleetNode[] = []
    for (const [i, { role, name }] of roles.entries()) {
      signal.throwIfAborted()
      const home = join(folder, name)
      const port = ports[i]!
      const listen = [`/ip4/127.0.0.1/tcp/${port}`]
      const pod = role === 'pods' ? { hostname: name, policy: 'open' as const } : null
      const person = role !== 'seeds'
      const { peer, fingerprint } = await createHome({
        home,
        name,
        person,
        pod,
        listen,
        network,
        requests: 'pull'
      })
      const contact = { peer, addresses: listen }
      nodes.push({ name, role, home, port, contact, running: null })
      if (pod)
        network.pods.push({
          hostname: name,
          addresses: [`${listen[0]}/p2p/${peer}`],
          fingerprint: fingerprint!
        })
    }
    for (const { home } of nodes)
      await writeFileAtomic(homePaths(home).network, writeNetwork(network))
    return new Fleet(parts, nodes)
  }

  node(name: string): FleetNode {
    const node = this.nodes.get(name)
    if (!node) throw new MuttrError('INTERNAL', `no node ${name}`)
    return node
  }

  nameOf(port: number): string | undefined {
    return [...this.nodes.values()].find(node => node.port === port)?.name
  }

  get running(): FleetNode[] {
    return [...this.nodes.values()].filter(node => node.running !== null)
  }

  /** Pods first; people last, so that they find a network. */
  async startAll(): Promise<void> {
    for (const role of ['pods', 'seeds', 'people'] as const) {
      const names = [...this.nodes.values()].filter(n => n.role === role).map(({ name }) => name)
      for (let i = 0; i < names.length; i += atOnce)
        await Promise.all(names.slice(i, i + atOnce).map(name => this.start(name)))
    }
  }

  /** @throws {MuttrError} what the node said when it could not start */
  async start(name: string): Promise<void> {
    const node = this.node(name)
    const { onEvent, onEnded, folder, isTemporary, signal } = this.#parts
    const through: Through = {
      exchange: this.#parts.exchange(),
      self: node.port,
      ports: [...this.nodes.values()].map(({ port }) => port)
    }
    const child = await startChild({
      home: node.home,
      command: node.role === 'pods' ? 'pod' : 'up',
      nodeOptions: ['--import', preload],
      env: { [variable]: JSON.stringify(through) },
      orphanRemoves: isTemporary ? folder : undefined,
      onEvent: event => onEvent(name, event),
      signal
    })
    const client = await connectDaemon(node.home, { random, clock, signal })
    if (!client) {
      await child.kill()
      throw new MuttrError('DAEMON_UNREACHABLE', `the node of ${name} does not answer`)
    }
    const running = { child, client }
    node.running = running
    child.ended.catch(err => {
      if (node.running !== running) return
      node.running = null
      onEnded(name, `${(err as Error).message}`)
    })
  }

  /** As a power cut would. */
  async kill(name: string): Promise<void> {
    const running = this.#end(name)
    await running?.child.kill()
  }

  /** As its operator would. */
  async stop(name: string): Promise<void> {
    const running = this.#end(name)
    await running?.child[Symbol.asyncDispose]()
  }

  #end(name: string): FleetNode['running'] {
    const node = this.node(name)
    const { running } = node
    node.running = null
    return running
  }

  /** What a node keeps for others; it must not run. */
  async wipe(name: string): Promise<void> {
    await rm(homePaths(this.node(name).home).seedDb, { recursive: true, force: true })
  }

  /** Resident memory of the nodes that run, in bytes. */
  async memory(): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    await Promise.all(
      this.running.map(async ({ name, running }) => {
        const bytes = await residentBytes(running!.child.pid).catch(() => undefined)
        if (bytes !== undefined) found.set(name, bytes)
      })
    )
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes.keys()].map(name => this.kill(name)))
  }
}

/** From /proc where there is one, else from `ps`. */
async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined)
  const text =
    status === undefined
      ? (await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`])).stdout
      : /^VmRSS:(.*)kB$/m.exec(status)?.[1]
  const kibibytes = Number(text)
  return kibibytes > 0 ? 1_024 * kibibytes : undefined
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { writeFileAtomic } from '../../src/config/home.ts'
import { editJsonc } from '../../src/config/jsonc.ts'
import type { NetworkFile } from '../../src/config/network.ts'
import { writeNetwork } from '../../src/config/network.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import type { Created } from '../../src/nodes/home.ts'
import { createHome } from '../../src/nodes/home.ts'
import type { Printed } from './command.ts'
import type { Host, Spawned } from './netns.ts'

const bin = join(packageRoot, 'bin/muttr.js')
const port = 4420

/** Prints a status twice a second, each on a line. */
const watching = `
  const [url, token] = process.argv.slice(1)
  setInterval(async () => {
    const answer = await fetch(url, { headers: { authorization: 'Bearer ' + token } })
    console.log(await answer.text())
  }, 500)`

interface Place {
  name: string
  host: Host
  /** Makes it a pod, found at this IP address. */
  pod?: string
}

interface Node {
  home: string
  host: Host
  isPod: boolean
  child?: Spawned
  events: Printed[]
  wake: PromiseWithResolvers<void>
}

/** Nodes of one network, each a `muttr` process on a host of a {@link Lab}, listening at port 4420 as a home does that was told nothing. */
export class MuttrHosts implements AsyncDisposable {
  readonly #folder: string
  readonly #nodes = new Map<string, Node>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async lay(places: readonly Place[]): Promise<MuttrHosts> {
    const all = new MuttrHosts(await mkdtemp(join(tmpdir(), 'muttr-hosts-')))
    const parameters = { replicas: 8, quorum: 5 }
    const network: NetworkFile = { name: 'lab', description: '', seeds: [], pods: [], parameters }
    const made: Created[] = []
    for (const { name, host, pod } of places) {
      const home = join(all.#folder, name)
      const itsPod = pod === undefined ? null : { hostname: name, policy: 'open' as const }
      const created = await createHome({
        home,
        name,
        person: true,
        pod: itsPod,
        network,
        requests: 'pull'
      })
      if (pod !== undefined) network.pods.push(podEntry(name, pod, created))
      made.push(created)
      const wake = Promise.withResolvers<void>()
      all.#nodes.set(name, { home, host, isPod: pod !== undefined, events: [], wake })
    }
    for (const { paths } of made) await writeFileAtomic(paths.network, writeNetwork(network))
    return all
  }

  /** Says something in a node's muttr.json. */
  async say(name: string, path: readonly string[], value: unknown): Promise<void> {
    const file = join(this.#node(name).home, 'muttr.json')
    await writeFileAtomic(file, Buffer.from(editJsonc(await readFile(file, 'utf8'), path, value)))
  }

  /** Starts a node and waits until it is ready. */
  async start(name: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const node = this.#node(name)
    const { home, host, isPod } = node
    const args = ['--home', home, '--json', '--events', '--follow-stdin', '--no-passphrase']
    const child = host.spawn(process.execPath, [bin, ...(isPod ? ['pod'] : []), 'up', ...args], env)
    node.child = child
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      complaint = (complaint + text).slice(-4_000)
      if (process.env.MUTTR_TEST_LOG) process.stderr.write(`${name}: ${text}`)
    })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name}: ${complaint}`)))
    ended.catch(() => {})
    const ready = new Promise<void>(resolve => {
      createInterface({ input: child.stdout }).on('line', line => {
        const said: Printed = JSON.parse(line)
        if (said.ready) return resolve()
        node.events.push(said)
        node.wake.resolve()
        node.wake = Promise.withResolvers()
      })
    })
    await Promise.race([ready, ended])
  }

  async stop(name: string): Promise<void> {
    const { child } = this.#node(name)
    if (!child || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }

  /** Runs a command on the host of a node, in its home. @returns what it printed with `--json` */
  async run(name: string, ...args: string[]): Promise<Printed[]> {
    const { home, host } = this.#node(name)
    const printed = await host.run(process.execPath, bin, ...args, '--home', home, '--json')
    return printed
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
  }

  /** As {@link run}, of a command that ends with 2 when it finds something. */
  async findings(name: string, ...args: string[]): Promise<Printed[]> {
    return await this.run(name, ...args).catch(({ code, stdout }) => {
      assert.equal(code, 2)
      return JSON.parse(`[${stdout.trim().replaceAll('\n', ',')}]`)
    })
  }

  /** Resolves once an event of a node fits. */
  async heard(name: string, fits: (event: Printed) => boolean): Promise<Printed> {
    const node = this.#node(name)
    for (;;) {
      const found = node.events.find(fits)
      if (found) return found
      await node.wake.promise
    }
  }

  /** Waits until a node's status fits, looking through its local API from its own host. */
  async status(name: string, fits: (status: Printed) => boolean): Promise<Printed> {
    const { home, host } = this.#node(name)
    const { url, token } = JSON.parse(await readFile(join(home, 'api.json'), 'utf8'))
    const watcher = host.spawn(process.execPath, ['-e', watching, `${url}/status`, token])
    try {
      for await (const line of createInterface({ input: watcher.stdout })) {
        const status: Printed = JSON.parse(line)
        if (fits(status)) return status
      }
    } finally {
      watcher.kill()
    }
    throw new Error(`${name} tells its status no more`)
  }

  /** A letter goes from one node to another and is read there. */
  async exchange(from: string, to: string, alias: string, text: string): Promise<void> {
    const [sent] = await this.run(from, 'send', alias, text)
    await this.heard(to, ({ type, letter }) => type === 'opened' && letter === sent.id)
    const [read] = await this.run(to, 'read', sent.id)
    assert.equal(read.body, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map(name => this.stop(name)))
    await rm(this.#folder, { recursive: true, force: true })
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name)
    assert(node, name)
    return node
  }
}

function podEntry(hostname: string, ip: string, { peer, fingerprint }: Created) {
  const kind = ip.includes(':') ? 'ip6' : 'ip4'
  const addresses = [`/${kind}/${ip}/tcp/${port}/p2p/${peer}`]
  return { hostname, addresses, fingerprint: fingerprint! }
}

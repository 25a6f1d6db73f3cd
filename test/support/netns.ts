import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Namespaces are the machine's, so their names say which process to blame: `muttr-PID-LAB-NAME`. */
const prefix = 'muttr-'
const namesMax = 40
const folder = '/run/netns'
let labs = 0

/** What this machine lacks to make networks of its own; nothing where tests may. Asked while tests are being defined, so at once. */
export function missingForNetns(): string[] {
  if (process.platform !== 'linux') return ['Linux']
  if (process.getuid?.() !== 0) return ['root']
  const commands = ['ip', 'iptables', 'ip6tables', 'sysctl']
  const missing = commands.filter(command => spawnSync(command, ['--version']).error)
  if (missing.length > 0) return missing
  const name = `${prefix}${process.pid}-probe`
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0
  spawnSync('ip', ['netns', 'delete', name])
  return made ? [] : ['the right to make network namespaces']
}

/** A cable from a host to a switch. */
export interface Cable {
  /** Its device in the host. */
  readonly device: string
  /** Pulled out, or put back: nothing comes through, nobody is told. */
  plug(isIn: boolean): Promise<void>
}

/** What hosts are plugged into: a bridge in a namespace of its own. */
export interface Switch {
  readonly namespace: string
}

export interface HostInit {
  on: Switch
  /** With their prefix, as in `1.2.3.4/24` or `2a00:1::4/64`. */
  addresses: readonly string[]
  /** Default routes, one of each family at most. */
  gateways?: readonly string[]
}

export interface Host {
  readonly name: string
  readonly namespace: string
  readonly cables: readonly Cable[]
  /** Starts a program in this host's network; it ends with the lab. */
  spawn(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Spawned
  /** Runs a program to its end. @returns its standard output. @throws when it fails */
  run(command: string, ...args: string[]): Promise<string>
  /** Another address in place of one of the first cable's, as a laptop gets that moves; the gateway stays unless told. */
  move(from: string, to: string, gateway?: string): Promise<void>
}

export type Spawned = ChildProcessWithoutNullStreams

export interface Router extends Host {
  /** What stands behind it. */
  readonly lan: Switch
}

export interface RouterInit {
  outside: HostInit
  /** Its own address inside, as in `192.168.1.1/24`; several for several families. */
  inside: readonly string[]
  /**
   * `masquerade`: IPv4 of the inside leaves with the outside's address, and nothing unasked comes in. `firewall`: no translation,
   * nothing unasked comes in (as home routers do for IPv6). Without it everything passes.
   */
  does: 'masquerade' | 'firewall' | 'route'
}

/**
 * Hosts, switches and routers of a network that only exists here: Linux namespaces and virtual cables. Addresses may be anybody's,
 * since nothing leaves. Needs root. What a killed test left behind is removed by the next one.
 */
export class Lab implements AsyncDisposable {
  readonly #prefix: string
  readonly #namespaces: string[] = []
  readonly #atExit = () => this.#removeNow()
  #cables = 0

  private constructor() {
    labs += 1
    this.#prefix = `${prefix}${process.pid}-${labs}-`
    process.on('exit', this.#atExit)
  }

  static async make(): Promise<Lab> {
    await removeOrphans()
    return new Lab()
  }

  async switch(name: string): Promise<Switch> {
    const namespace = await this.#namespace(name)
    await ip(namespace, 'link', 'add', 'bridge', 'type', 'bridge')
    await ip(namespace, 'link', 'set', 'bridge', 'up')
    return { namespace }
  }

  async host(name: string, init: HostInit): Promise<Host> {
    const namespace = await this.#namespace(name)
    const cable = await this.#plugIn(namespace, init)
    return this.#host(name, namespace, [cable])
  }

  async router(name: string, { outside, inside, does }: RouterInit): Promise<Router> {
    const namespace = await this.#namespace(name)
    const lan = await this.switch(`${name}-lan`)
    const out = await this.#plugIn(namespace, outside)
    const into = await this.#plugIn(namespace, { on: lan, addresses: inside })
    const host = this.#host(name, namespace, [out, into])
    await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
    if (does === 'masquerade')
      await host.run(
        ...(['iptables', '-t', 'nat', '-A', 'POSTROUTING', '-o', out.device] as const),
        ...['-j', 'MASQUERADE']
      )
    if (does !== 'route')
      for (const tables of ['iptables', 'ip6tables']) {
        await host.run(tables, '-P', 'FORWARD', 'DROP')
        await host.run(tables, '-A', 'FORWARD', '-i', into.device, '-j', 'ACCEPT')
        await host.run(
          ...([tables, '-A', 'FORWARD', '-m', 'conntrack', '--ctstate'] as const),
          ...['ESTABLISHED,RELATED,DNAT', '-j', 'ACCEPT']
        )
      }
    return { ...host, lan }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#atExit)
    await Promise.all(this.#namespaces.splice(0).map(remove))
  }

  async #namespace(name: string): Promise<string> {
    const namespace = `${this.#prefix}${name}`
    assert(namespace.length <= namesMax && /^[a-z0-9-]+$/.test(namespace), namespace)
    await run('ip', ['netns', 'add', namespace])
    this.#namespaces.push(namespace)
    await ip(namespace, 'link', 'set', 'lo', 'up')
    return namespace
  }

  async #plugIn(namespace: string, { on, addresses, gateways = [] }: HostInit): Promise<Cable> {
    this.#cables += 1
    const [device, port] = [`eth${this.#cables}`, `port${this.#cables}`]
    await run('ip', [
      ...['link', 'add', device, 'netns', namespace, 'type', 'veth'],
      ...['peer', 'name', port, 'netns', on.namespace]
    ])
    await ip(on.namespace, 'link', 'set', port, 'master', 'bridge')
    await ip(on.namespace, 'link', 'set', port, 'up')
    for (const address of addresses) await addAddress(namespace, device, address)
    await ip(namespace, 'link', 'set', device, 'up')
    for (const gateway of gateways)
      await ip(namespace, family(gateway), 'route', 'add', 'default', 'via', gateway)
    const plug = async (isIn: boolean) =>
      void (await ip(on.namespace, 'link', 'set', port, isIn ? 'up' : 'down'))
    return { device, plug }
  }

  #host(name: string, namespace: string, cables: readonly Cable[]): Host {
    const { device } = cables[0]!
    const inside = (command: string, args: readonly string[]) =>
      ['netns', 'exec', namespace, command, ...args] as const
    return {
      name,
      namespace,
      cables,
      spawn: (command, args, env = {}) =>
        spawn('ip', inside(command, args), { env: { PATH: process.env.PATH, ...env } }),
      run: async (command, ...args) => (await run('ip', inside(command, args))).stdout,
      async move(from, to, gateway) {
        // With its last address a device loses the routes that need one.
        const routes = await ip(namespace, family(from), 'route', 'show', 'default')
        await ip(namespace, family(from), 'address', 'del', from, 'dev', device)
        await addAddress(namespace, device, to)
        const via = gateway ?? /via (\S+)/.exec(routes)?.[1]
        if (via) await ip(namespace, family(to), 'route', 'replace', 'default', 'via', via)
      }
    }
  }

  #removeNow(): void {
    for (const namespace of this.#namespaces.splice(0))
      try {
        for (const pid of pidsIn(execFileSync('ip', ['netns', 'pids', namespace]).toString()))
          process.kill(pid, 'SIGKILL')
        execFileSync('ip', ['netns', 'delete', namespace])
      } catch {
        // The next lab removes what this one could not.
      }
  }
}

const family = (address: string): '-4' | '-6' => (address.includes(':') ? '-6' : '-4')

const ip = async (namespace: string, ...args: string[]): Promise<string> =>
  (await run('ip', ['-n', namespace, ...args])).stdout

/** Without duplicate address detection, which would keep an IPv6 address unusable for a second. */
async function addAddress(namespace: string, device: string, address: string): Promise<void> {
  const isNew = family(address) === '-6' ? ['nodad'] : []
  await ip(namespace, family(address), 'address', 'add', address, 'dev', device, ...isNew)
}

const pidsIn = (text: string): number[] => text.split('\n').filter(Boolean).map(Number)

/** Ends what runs in a namespace, then removes it. */
async function remove(namespace: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', namespace])
  for (const pid of pidsIn(stdout))
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has just ended by itself.
    }
  await run('ip', ['netns', 'delete', namespace])
}

/** Of tests that were killed. */
async function removeOrphans(): Promise<void> {
  for (const name of namespacesThere()) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1] ?? Number.NaN)
    if (Number.isNaN(pid) || isAlive(pid)) continue
    await remove(name).catch(() => {})
  }
}

function namespacesThere(): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

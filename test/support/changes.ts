import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check, SentLetter, Status } from '../../src/client/client.ts'
import type { ConfigFile } from '../../src/config/config.ts'
import { readConfigFile } from '../../src/config/config.ts'
import type { Ran } from './testnet.ts'
import { Testnet } from './testnet.ts'

/** A network of processes for tests of what changes around a node. */
export class ChangingNet implements AsyncDisposable {
  readonly net: Testnet
  readonly pod = 'one.test'

  private constructor(net: Testnet) {
    this.net = net
  }

  /**
   * Everybody up, alice and bob with aliases at one pod, unless told where else.
   * @param o.clients alice and bob ask and store nothing for others, so that all they ask they ask for themselves.
   */
  static async start(o: {
    seeds: number
    pods?: string[]
    clients?: boolean
    /** Of both, in muttr.json. */
    settings?: Partial<ConfigFile>
    at?: { alice?: string; bob?: string }
  }): Promise<ChangingNet> {
    const pods = o.pods ?? ['one.test']
    const net = await Testnet.lay({ pods, people: ['alice', 'bob'], seeds: o.seeds })
    const made = new ChangingNet(net)
    for (const name of ['alice', 'bob'] as const) {
      await net.setClock(name, 0)
      if (o.settings) await made.configure(name, file => ({ ...file, ...o.settings }))
      if (o.clients) await made.configure(name, file => ({ ...file, mode: 'client' }))
    }
    await net.startAll()
    for (const name of ['alice', 'bob'] as const)
      await made.json(name, 'register', `${name}@${o.at?.[name] ?? 'one.test'}`)
    return made
  }

  /** Changes the muttr.json of a node, for its next start. */
  async configure(name: string, change: (file: ConfigFile) => object): Promise<void> {
    const file = join(this.net.home(name), 'muttr.json')
    await writeFile(file, JSON.stringify(change(readConfigFile(await readFile(file, 'utf8')))))
  }

  async json<T>(who: string, ...args: string[]): Promise<T> {
    const ran = await this.net.muttr(who, '--json', ...args)
    assert.equal(ran.status, 0, `${args.join(' ')}: ${ran.stderr}`)
    return JSON.parse(ran.stdout) as T
  }

  send(from: string, to: string, text: string, ...more: string[]): Promise<SentLetter> {
    return this.json(from, 'send', `${to}@${this.pod}`, text, ...more)
  }

  status(who: string): Promise<Status> {
    return this.json(who, 'status')
  }

  async doctor(who: string): Promise<{ status: number; checks: Check[] }> {
    const { status, stdout }: Ran = await this.net.muttr(who, '--json', 'doctor')
    const checks = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Check)
    return { status, checks }
  }

  /** Waits until `who` has opened a letter, from `from` among the events on. */
  async opened(who: string, { id }: Pick<SentLetter, 'id'>, from = 0): Promise<void> {
    await this.net.event(who, 'opened', from, e => e.letter === id)
  }

  /** How often something happened at `who` since `from`. */
  count(who: string, type: string, from: number): number {
    return this.net.events.slice(from).filter(e => e.who === who && e.event.type === type).length
  }

  get now(): number {
    return this.net.events.length
  }

  /** Asks again and again until it holds; the test's own time limit ends that. */
  async until(check: () => Promise<boolean>): Promise<void> {
    while (!(await check())) await new Promise(resolve => setTimeout(resolve, 250))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.net[Symbol.asyncDispose]()
  }
}

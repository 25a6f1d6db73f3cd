import { join, resolve } from 'node:path'
import type { PodOperator } from '../api/operator.ts'
import type { Millis } from '../base/ports.ts'
import type { Client } from '../client/client.ts'
import type { Doors, OpenOptions } from './doors.ts'
import type { Keyboard } from './input.ts'
import { createOutput, type Output, type Terminal } from './output.ts'
import { createPassphrase, type PassphraseOptions } from './passphrase.ts'
import { type Prompts, terminalPrompts } from './prompts.ts'
import { showInPager } from './terminal/pager.ts'

/** What a process hands to the command line; tests hand in their own. */
export interface CliParts {
  stdin: Keyboard
  stdout: Terminal
  stderr: Terminal
  env: NodeJS.ProcessEnv
  /** The person's home folder, in which `.muttr` lies. */
  userHome: string
  version: string
  now: () => Millis
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
  /** Called only by commands that need a node, because it loads a lot. */
  doors: () => Promise<Doors>
  prompts?: Prompts
}

export interface CommonOptions extends PassphraseOptions {
  home?: string
  json?: boolean
}

/** One run of one command. */
export interface Session {
  readonly out: Output
  readonly stdin: Keyboard
  readonly signal: AbortSignal
  readonly env: NodeJS.ProcessEnv
  readonly home: string
  /** The home only where it was named: `net up` makes folders of its own otherwise. */
  readonly givenHome: string | null
  /** What every door is opened with. */
  readonly open: OpenOptions
  doors(): Promise<Doors>
  withClient<T>(use: (client: Client) => Promise<T>): Promise<T>
  /** The running pod of this home. @param by who asks, for what is noted */
  withPod<T>(use: (pod: PodOperator, by: string) => Promise<T>): Promise<T>
  /** Something secret, which is not shown as it is typed. @returns undefined when nobody can be asked, or gave up. */
  ask(message: string): Promise<string | undefined>
  /** @returns undefined when nobody can be asked. */
  confirm(message: string): Promise<boolean | undefined>
}

/** Who sits at the terminal, for what is noted. */
export const callerOf = (env: NodeJS.ProcessEnv): string =>
  env.MUTTR_OPERATOR || env.SUDO_USER || env.USER || 'operator'

export function createSession(parts: CliParts, options: CommonOptions): Session {
  const { stdin, stdout, stderr, env, signal, prompts = terminalPrompts } = parts
  const given = options.home || env.MUTTR_HOME || null
  const home = resolve(given ?? join(parts.userHome, '.muttr'))
  const open = { passphrase: createPassphrase({ ...parts, prompts, options }), signal }
  return {
    out: createOutput({
      ...{ stdout, stderr, env, json: options.json ?? false, nowMs: parts.now() },
      pager: text => showInPager(text, env)
    }),
    stdin,
    signal,
    env,
    home,
    givenHome: given === null ? null : home,
    open,
    doors: parts.doors,
    async withClient(use) {
      const doors = await parts.doors()
      await using client = await doors.openClient(home, open)
      return await use(client)
    },
    async withPod(use) {
      const doors = await parts.doors()
      await using pod = await doors.openPod(home, { signal })
      return await use(pod, callerOf(env))
    },
    async ask(message) {
      if (options.json || !stdin.isTTY || !stderr.isTTY) return undefined
      return await prompts.password(message, { input: stdin, output: stderr, signal })
    },
    async confirm(message) {
      if (options.json || !stdin.isTTY || !stderr.isTTY) return undefined
      return await prompts.confirm(message, { input: stdin, output: stderr, signal })
    }
  }
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import type { MuttrEvent } from '../../base/events.ts'
import type { ProgramEnd, ProgramOptions } from '../doors.ts'
import { line } from '../text.ts'

interface NotifyParts {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  run(options: ProgramOptions): Promise<ProgramEnd>
}

/** Notifications on the desktop, by notify-send over D-Bus: who wrote or asks, and nothing of what. */
export interface Notifications {
  /** @throws {MuttrError} `DESKTOP_MISSING` */
  check(): Promise<void>
  tell(event: MuttrEvent): void
  /** Resolves when nothing is being shown. */
  quiet(): Promise<void>
}

const timeoutMs = 5_000
/** What notify-send needs to find the session. */
const names = [
  'PATH',
  'HOME',
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'LANG'
]

export function notifications({ env, signal, run }: NotifyParts): Notifications {
  const given = Object.fromEntries(
    names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  )
  const notifySend = (...args: string[]) =>
    run({ argv: ['notify-send', ...args], env: given, stdin: '', timeoutMs, signal })
  let waiting: string[] = []
  let showing: Promise<void> | undefined

  /** What comes while one is shown is told together. */
  async function showAll(): Promise<void> {
    while (waiting.length > 0) {
      const [first = '', ...others] = waiting
      waiting = []
      const text = others.length === 0 ? first : `${first}, and ${others.length} more`
      const options = ['--app-name=Muttr', '--category=im.received', '--']
      await notifySend(...options, 'Muttr', escaped(text)).catch(() => undefined)
    }
    showing = undefined
  }

  return {
    async check() {
      if (!hasBus(env)) throw new MuttrError('DESKTOP_MISSING', 'there is no desktop session here')
      try {
        await notifySend('--version')
      } catch (cause) {
        throw new MuttrError('DESKTOP_MISSING', 'notify-send is not there', { cause })
      }
    },
    tell(event) {
      const text = sentence(event)
      if (text === undefined) return
      waiting.push(text)
      showing ??= showAll()
    },
    async quiet() {
      await showing
    }
  }
}

const hasBus = (env: NodeJS.ProcessEnv): boolean =>
  Boolean(env.DBUS_SESSION_BUS_ADDRESS) ||
  (Boolean(env.XDG_RUNTIME_DIR) && existsSync(join(env.XDG_RUNTIME_DIR!, 'bus')))

function sentence(event: MuttrEvent): string | undefined {
  if (event.type === 'opened') return `A letter from ${line(event.from)}`
  if (event.type === 'requested') return `${line(event.from)} asks to be read`
  return undefined
}

/** The text of a notification may hold markup, and notify-send reads `\074` as a `<` of its own. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

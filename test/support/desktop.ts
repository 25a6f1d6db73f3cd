import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { temporaryFolder } from './store-folder.ts'

/** What the bus carried to whoever shows notifications, and what that made of it. */
interface Shown {
  app: string
  summary: string
  /** As it was sent. */
  body: string
  /** As it is drawn: markup of which `<b>` is bold and `&lt;b&gt;` a word. */
  drawn: string
}

/** A session bus of its own with dunst on it, before a screen that nobody sees. */
export interface Desktop extends AsyncDisposable {
  /** Of a program that runs in this session. */
  readonly env: { PATH: string; DBUS_SESSION_BUS_ADDRESS: string }
  /** Ends what shows notifications; the bus stays. */
  hideAll(): Promise<void>
  /** The next notification that is shown. */
  next(): Promise<Shown>
}

export async function startDesktop(): Promise<Desktop> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const env = { PATH: process.env.PATH ?? '', HOME: folder.path, LC_ALL: 'C.UTF-8' }
  const start = (argv: readonly string[], more: NodeJS.ProcessEnv = {}): ChildProcess => {
    const [file, ...args] = argv
    const stdio = ['ignore', 'pipe', 'ignore', 'pipe'] as const
    const child = spawn(file!, args, { env: { ...env, ...more }, stdio: [...stdio] })
    stack.defer(() => end(child))
    return child
  }
  const bus = start([
    'dbus-daemon',
    '--session',
    '--nofork',
    '--print-address=1',
    `--address=unix:path=${join(folder.path, 'bus')}`
  ])
  const [address] = await firstLines(bus.stdout!, line => line !== '')
  const screen = start([
    'Xvfb',
    '-displayfd',
    '3',
    '-screen',
    '0',
    '640x480x24',
    '-nolisten',
    'tcp'
  ])
  const [display] = await firstLines(screen.stdio[3] as Readable, line => line !== '')
  const session = { DBUS_SESSION_BUS_ADDRESS: address! }
  const named = start(
    [
      'dbus-monitor',
      '--session',
      "type='signal',member='NameOwnerChanged',arg0='org.freedesktop.Notifications'"
    ],
    session
  )
  const owned = createInterface({ input: named.stdout! })[Symbol.asyncIterator]()
  const until = async (text: string) => {
    for (let line = await owned.next(); ; line = await owned.next()) {
      if (line.done) throw new Error(`the bus ended before ${text}`)
      if (line.value.includes(text)) return
    }
  }
  await until('NameAcquired')
  const dunst = start(['dunst', '-print', '-config', '/dev/null'], {
    ...session,
    DISPLAY: `:${display}`
  })
  await until('member=NameOwnerChanged')
  const lines = createInterface({ input: dunst.stdout! })[Symbol.asyncIterator]()
  const all = stack.move()
  return {
    env: { PATH: env.PATH, ...session },
    hideAll: () => end(dunst),
    async next() {
      let text = ''
      for (let line = await lines.next(); line.value !== '}'; line = await lines.next()) {
        if (line.done) throw new Error('dunst ended')
        text += `${line.value}\n`
      }
      const field = (name: string) =>
        new RegExp(`^\\t${name}: '([^]*?)'$`, 'm').exec(text)?.[1] ?? ''
      return {
        ...{ app: field('appname'), summary: field('summary') },
        ...{ body: field('body'), drawn: field('formatted') }
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

async function firstLines(stream: Readable, fits: (line: string) => boolean): Promise<string[]> {
  for await (const line of createInterface({ input: stream })) if (fits(line)) return [line]
  throw new Error('a program of the desktop ended at once')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

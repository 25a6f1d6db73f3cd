import { setFlagsFromString } from 'node:v8'
import { writeApiFile } from '../api/file.ts'
import { makeToken } from '../api/proof.ts'
import { serveApi } from '../api/server.ts'
import type { Log } from '../base/ports.ts'
import type { Caps, RunOptions } from '../cli/doors.ts'
import type { Overrides } from '../config/config.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createLog } from '../net/log.ts'
import type { Node } from '../net/node.ts'
import { systemRandom as random } from '../net/random.ts'
import type { Home } from './home.ts'
import { openPerson, readHome } from './home.ts'
import { hostPod } from './host-pod.ts'
import type { Started } from './start.ts'
import { startParts } from './start.ts'

/** Runs a home's node in the foreground: its seed, its client, its pod where it is one, and the local API. As `Doors.runSeed`. */
export async function runDaemon(options: RunOptions): Promise<void> {
  const { home: folder, signal, emit, onReady, caps = {} } = options
  await using stack = new AsyncDisposableStack()
  const home = await readHome(folder, overridesOf(caps))
  stack.use(await lockHome(folder))
  const log = daemonLog(home)
  let passphrase: string | null = null
  const person = await openPerson(home, async () => {
    passphrase = await options.passphrase('vault')
    return passphrase
  })
  const { mode } = home.config
  // bin/muttr.ts keeps a seed's young generation small; a pod at work fills it quickly.
  if (home.config.pod) setFlagsFromString('--semi-space-growth-factor=2')
  const host =
    home.config.pod && person ? (network: Node) => hostPod(home, person, network, log) : undefined
  const started = stack.use(
    await startParts({ home, person, passphrase, mode, log, emit, signal, ...(host && { host }) })
  )
  const { pod } = started
  const token = makeToken(random)
  const api = stack.use(
    await serveApi({
      client: started.client,
      token,
      clock,
      log,
      ...(pod ? { pod: pod.operator } : {})
    })
  )
  stack.use(await writeApiFile(folder, { url: api.url, token, pid: process.pid }))
  signal.throwIfAborted()
  onReady({
    role: home.config.pod ? 'pod' : 'seed',
    name: home.config.name,
    home: folder,
    addresses: addressesOf(started),
    api: api.url,
    aliases: await aliasesOf(started)
  })
  await aborted(signal)
}

const overridesOf = ({ light, storeBytes, traceFolder, ...bandwidth }: Caps): Overrides => ({
  ...(traceFolder !== undefined && { trace: { folder: traceFolder } }),
  ...(light && { profile: 'light' as const }),
  ...(storeBytes !== undefined && { store: { capBytes: storeBytes } }),
  bandwidth
})

/** People read stdout, so the log goes to stderr; only what needs attention unless muttr.json asks for more. */
const daemonLog = ({ config }: Home): Log =>
  createLog({ level: config.log, write: line => process.stderr.write(`${line}\n`) })

const addressesOf = ({ network }: Started): string[] =>
  network.contact().addresses.map(address => `${address}/p2p/${network.self}`)

const aliasesOf = async ({ client }: Started): Promise<string[]> =>
  (await client.status()).pods.flatMap(pod => pod.aliases)

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })

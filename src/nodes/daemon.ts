import { mkdir } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { writeApiFile } from '../api/file.ts'
import { readPageFiles } from '../api/page-files.ts'
import { makeToken } from '../api/proof.ts'
import { serveApi } from '../api/server.ts'
import type { Caps, Ready, RunOptions } from '../cli/doors.ts'
import { createEvents } from '../client/events.ts'
import type { Overrides } from '../config/config.ts'
import { homeExists, unwritable } from '../config/home.ts'
import { lockHome } from '../config/lock.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import type { Home } from './home.ts'
import { openPerson, readHome } from './home.ts'
import { NodeHouse } from './house.ts'
import { pageFolder, pageUrl } from './page.ts'
import type { Started } from './start.ts'

/**
 * Runs a home's node in the foreground: its seed, its client, its pod where it is one, and the local API with the web page. Where there
 * is no home yet, the page makes one. As `Doors.runSeed`.
 */
export async function runDaemon(options: RunOptions): Promise<void> {
  const { home: folder, signal, emit, onReady, caps = {} } = options
  await using stack = new AsyncDisposableStack()
  const overrides = overridesOf(caps)
  const home = (await homeExists(folder)) ? await readHome(folder, overrides) : null
  if (!home) await makeFolder(folder)
  stack.use(await lockHome(folder))
  const house = stack.use(
    new NodeHouse({ folder, overrides, events: createEvents(emit), clock, signal })
  )
  if (home) await openAndStart(house, home, options)
  const token = makeToken(random)
  const api = stack.use(
    await serveApi({
      client: house.client,
      house,
      page: await readPageFiles(pageFolder),
      token,
      clock,
      random,
      log: house.log,
      ...(home?.config.pod && { pod: house.pod, desk: house.desk })
    })
  )
  stack.use(await writeApiFile(folder, { url: api.url, token, pid: process.pid }))
  signal.throwIfAborted()
  onReady({
    role: home?.config.pod ? 'pod' : 'seed',
    name: home?.config.name ?? null,
    home: folder,
    addresses: house.running ? addressesOf(house.running.started) : [],
    api: api.url,
    aliases: house.running ? await aliasesOf(house.running.started) : [],
    page: pageUrl(api.url, token),
    ...hkpOf(house.running?.started)
  })
  await aborted(signal)
  await house.takeLeave()
}

async function openAndStart(
  house: NodeHouse,
  home: Home,
  { locked, passphrase }: RunOptions
): Promise<void> {
  let given: string | null = null
  const person = locked
    ? null
    : await openPerson(home, async () => {
        given = await passphrase('vault')
        return given
      })
  // bin/muttr.ts keeps a seed's young generation small; a pod at work fills it quickly.
  if (home.config.pod) setFlagsFromString('--semi-space-growth-factor=2')
  await house.start(home, person, given)
}

const makeFolder = (folder: string): Promise<unknown> =>
  mkdir(folder, { recursive: true, mode: 0o700 }).catch(err => {
    throw unwritable(err, folder)
  })

const overridesOf = ({ light, storeBytes, traceFolder, ...bandwidth }: Caps): Overrides => ({
  ...(traceFolder !== undefined && { trace: { folder: traceFolder } }),
  ...(light && { profile: 'light' as const }),
  ...(storeBytes !== undefined && { store: { capBytes: storeBytes } }),
  bandwidth
})

const addressesOf = ({ network }: Started): Ready['addresses'] =>
  network.contact().addresses.map(address => `${address}/p2p/${network.self}`)

const hkpOf = (started: Started | undefined): Pick<Ready, 'hkp'> => {
  const status = started?.pod?.door?.status
  return status?.mode === 'proxy' ? { hkp: `hkp://127.0.0.1:${status.port}` } : {}
}

const aliasesOf = async ({ client }: Started): Promise<string[]> =>
  (await client.status()).pods.flatMap(pod => pod.aliases)

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })

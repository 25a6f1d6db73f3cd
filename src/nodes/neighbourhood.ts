import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { connectDaemon as connect } from '../api/file.ts'
import type { RemoteClient } from '../api/remote.ts'
import { MuttrError } from '../base/errors.ts'
import type { MuttrEvent } from '../base/events.ts'
import type { NeighbourhoodOptions, Ready } from '../cli/doors.ts'
import type { Client } from '../client/client.ts'
import { writeFileAtomic } from '../config/home.ts'
import { makeJoinLink } from '../config/join-link.ts'
import type { NetworkFile } from '../config/network.ts'
import { writeNetwork } from '../config/network.ts'
import { systemClock as clock } from '../net/clock.ts'
import { systemRandom as random } from '../net/random.ts'
import type { Child } from './child.ts'
import { startChild } from './child.ts'
import { freePorts } from './free-ports.ts'
import { createHome } from './home.ts'
import { tell } from './story.ts'

const podNames = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
const people = ['alice', 'bob']
const seedName = (i: number): string => people[i] ?? `seed-${i + 1}`

interface Member {
  role: 'pod' | 'seed'
  name: string
  home: string
  port: number
}
type OnEvent = (who: string, event: MuttrEvent) => void
interface ChildParts {
  signal: AbortSignal
  orphanRemoves: string | undefined
  onEvent: OnEvent
}
/** How many processes start at the same time. */
const atOnce = 4

interface Running extends Member {
  child: Child
  aliases: string[]
}

/**
 * Pods and seeds on loopback, each a process with a folder of its own; the first two seeds are alice and bob, with mailboxes.
 * Everything it started ends with it, and the folder too unless one was named.
 */
export async function runNeighbourhood(options: NeighbourhoodOptions): Promise<void> {
  checkSize(options)
  const { home, signal } = options
  const folder = home === null ? await mkdtemp(join(tmpdir(), 'muttr-')) : resolve(home)
  await using cleanUp = new AsyncDisposableStack()
  if (home === null) cleanUp.defer(() => rm(folder, { recursive: true, force: true }))
  else await mkdir(folder, { recursive: true })
  const members = await lay(options.pods, options.seeds, folder)
  const network = await makeHomes(members, folder, signal)
  const onEvent: OnEvent = (who, event) => {
    const line = options.story && people.includes(who) ? tell(who, event) : undefined
    if (line !== undefined) say(line)
  }
  const say = (line: string) => {
    if (!options.json) options.print(line)
  }
  say(
    `Muttr: ${countOf(options.pods, 'pod')} and ${countOf(options.seeds, 'seed')} on loopback, each a process of its own, in ${folder}\n`
  )
  const orphanRemoves = home === null ? folder : undefined
  const running = await startAll(members, { cleanUp, signal, orphanRemoves, onEvent }, say)
  if (options.json) for (const r of running) options.print(JSON.stringify(readyLine(r)))
  if (options.story) await exchange(running, signal, say)
  say(howToGoOn(running, folder, network))
  await untilOver(running, signal)
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

async function connectDaemon(home: string): Promise<RemoteClient> {
  const client = await connect(home, { random, clock })
  if (!client) throw new MuttrError('DAEMON_UNREACHABLE', `the node of ${home} does not answer`)
  return client
}

function checkSize({ pods, seeds, story }: NeighbourhoodOptions): void {
  const least = story ? 2 : 0
  if (!(pods >= 1 && pods <= podNames.length && seeds >= least && seeds <= 200))
    throw new MuttrError('USAGE', `1 to ${podNames.length} pods and ${least} to 200 seeds`)
}

async function lay(pods: number, seeds: number, folder: string): Promise<Member[]> {
  const ports = await freePorts(pods + seeds, random)
  const member = (role: Member['role'], name: string, i: number): Member => ({
    role,
    name,
    home: join(folder, name),
    port: ports[i]!
  })
  return [
    ...Array.from({ length: pods }, (_, i) => member('pod', `${podNames[i]}.test`, i)),
    ...Array.from({ length: seeds }, (_, i) => member('seed', seedName(i), pods + i))
  ]
}

/** Its door is on loopback, at any free port. */
const podOf = (hostname: string) => ({
  hostname,
  policy: 'open' as const,
  https: { mode: 'proxy' as const, port: 0 }
})

/** Makes every home; all know all pods by address and fingerprint. */
async function makeHomes(
  members: readonly Member[],
  folder: string,
  signal: AbortSignal
): Promise<NetworkFile> {
  const network: NetworkFile = {
    name: 'neighbourhood',
    description: 'A neighbourhood on the loopback interface of one machine.',
    seeds: [],
    pods: [],
    parameters: { replicas: 8, quorum: 5 }
  }
  const made = []
  for (const { role, name, home, port } of members) {
    signal.throwIfAborted()
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    const pod = role === 'pod' ? podOf(name) : null
    const person = pod !== null || people.includes(name)
    const created = await createHome({ home, name, person, pod, listen, network, requests: 'pull' })
    made.push(created)
    if (pod)
      network.pods.push({
        hostname: name,
        addresses: [`${listen[0]}/p2p/${created.peer}`],
        fingerprint: created.fingerprint!
      })
  }
  const text = writeNetwork(network)
  await writeFileAtomic(join(folder, 'network.json'), text)
  for (const { paths } of made) await writeFileAtomic(paths.network, text)
  return network
}

/** Pods first, then seeds a few at a time, so that a small machine is not asked to do everything at once; then the people. */
async function startAll(
  members: readonly Member[],
  parts: ChildParts & { cleanUp: AsyncDisposableStack },
  say: (line: string) => void
): Promise<Running[]> {
  const running: Running[] = []
  parts.cleanUp.defer(async () => {
    await Promise.all(running.map(({ child }) => child[Symbol.asyncDispose]()))
  })
  const start = async (member: Member) => {
    running.push(await startMember(member, parts))
  }
  const pods = members.filter(m => m.role === 'pod')
  const seeds = members.filter(m => m.role === 'seed' && !people.includes(m.name))
  for (const group of [pods, seeds])
    for (let i = 0; i < group.length; i += atOnce) {
      const batch = await Promise.allSettled(group.slice(i, i + atOnce).map(start))
      for (const one of batch) if (one.status === 'rejected') throw one.reason
    }
  say(
    `    ${countOf(pods.length, 'pod')} and ${countOf(seeds.length, 'seed')} are up and know each other`
  )
  for (const member of members.filter(m => m.role === 'seed' && people.includes(m.name))) {
    await start(member)
    await register(running.at(-1)!, pods, parts.signal)
  }
  return members.map(({ name }) => running.find(r => r.name === name)!)
}

async function startMember(
  member: Member,
  { signal, orphanRemoves, onEvent }: ChildParts
): Promise<Running> {
  const child = await startChild({
    home: member.home,
    command: member.role === 'pod' ? 'pod' : 'up',
    onEvent: event => onEvent(member.name, event),
    orphanRemoves,
    signal
  })
  return { ...member, child, aliases: [] }
}

/** alice has an alias at the first pod, bob at the first two. */
async function register(person: Running, pods: Member[], signal: AbortSignal): Promise<void> {
  await using client = await connectDaemon(person.home)
  for (const pod of pods.slice(0, people.indexOf(person.name) + 1)) {
    const { alias } = await client.register(`${person.name}@${pod.name}`, { signal })
    person.aliases.push(alias)
  }
}

const readyLine = ({ child, aliases }: Running): Ready & { ready: true } => ({
  ready: true,
  ...child.ready,
  aliases
})

async function exchange(
  running: readonly Running[],
  signal: AbortSignal,
  say: (line: string) => void
): Promise<void> {
  const [alice, bob] = people.map(name => running.find(r => r.name === name)!)
  await using from = await connectDaemon(alice!.home)
  await using to = await connectDaemon(bob!.home)
  const over = new AbortController()
  const opened = arrival(to, AbortSignal.any([signal, over.signal]))
  const sent = await from.send(
    {
      to: bob!.aliases[0]!,
      subject: 'Hello',
      body: 'Dear Bob,\nthis letter crossed a DHT that cannot read it.\nAlice'
    },
    { signal }
  )
  const id = await opened(sent.id)
  over.abort()
  const letter = await to.read(id)
  const indented = letter.body.replaceAll(/^/gm, '        ')
  say(`\n    From: ${letter.from.alias}\n    Subject: ${letter.subject}\n\n${indented}\n`)
}

/** Starts listening now, so that nothing is missed; then waits for the letter of an id. */
function arrival(client: Client, signal: AbortSignal): (id: string) => Promise<string> {
  const seen = new Set<string>()
  let wake = () => {}
  const listening = (async () => {
    for await (const event of client.events(signal)) {
      if (event.type === 'opened') seen.add(event.letter)
      wake()
    }
  })()
  return async id => {
    while (!seen.has(id)) {
      const next = new Promise<void>(done => {
        wake = done
      })
      // It may have arrived before the event stream stood.
      if ((await client.inbox()).some(letter => letter.id === id)) break
      await Promise.race([next, listening])
      signal.throwIfAborted()
    }
    return id
  }
}

function howToGoOn(running: readonly Running[], folder: string, network: NetworkFile): string {
  const [alice, bob] = people.map(name => running.find(r => r.name === name))
  const [pod] = network.pods
  const link = makeJoinLink({ network, pod: pod!.hostname, invite: null, contact: null })
  const lines = ['It stays up until Ctrl-C. Go on from another terminal, in this folder:', '']
  if (alice && bob)
    lines.push(
      `  npx muttr --home ${alice.home} send ${bob.aliases[0]} 'How are you?'`,
      `  npx muttr --home ${bob.home} inbox`
    )
  lines.push(
    `  npx muttr --home ${running[0]!.home} status`,
    '',
    'or join it yourself, as a seed of your own:',
    '',
    `  npx muttr --home ${join(folder, 'carol')} init --name carol --no-passphrase --network ${join(folder, 'network.json')}`,
    `  npx muttr --home ${join(folder, 'carol')} up`,
    '',
    'or by this link (init --join LINK):',
    '',
    `  ${link}`,
    ''
  )
  return lines.join('\n')
}

/** @throws when a node ends by itself; returns on Ctrl-C. */
async function untilOver(running: readonly Running[], signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>(done => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
  await Promise.race([aborted, ...running.map(({ child }) => child.ended)])
}

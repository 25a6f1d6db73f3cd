import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contact, Log, Session } from '../../src/base/ports.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import { makeDevice, makeStatement } from '../../src/keys/device.ts'
import { makeHpkeKey } from '../../src/keys/hpke.ts'
import { addAlias, makePerson } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createThinDoor } from '../../src/net/thin/accept.ts'
import { openThin } from '../../src/net/thin/open.ts'
import { createPod } from '../../src/pod/pod.ts'
import { levelState } from '../../src/store/level.ts'
import { thinPath } from '../../src/wire/thin.ts'
import { localPair, openThinDoor } from '../support/thin-network.ts'

/** How people are connected: over a WebSocket with TLS in the process, with TLS in front of it, or over libp2p. */
export type Way = 'tls' | 'proxy' | 'libp2p'

export interface Where {
  contact: Contact
  port: number
  ca: string
}

/** One end of the bench, in a process of its own; the parent asks, and what is returned goes back. */
export type Ask =
  | { ask: 'pod'; way: Way }
  | { ask: 'enter'; way: Way; where: Where; count: number }
  | { ask: 'memory' }

const silent: Log = { debug() {}, info() {}, warn() {} }
const hostname = 'one.test'
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const atOnce = 16
const free = { burst: 1e9, everyMs: 1e-3 }

const stack = new AsyncDisposableStack()
let people = 0
let sessions = (): number => 0

async function startPod(way: Way): Promise<Where> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-idle-people-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const state = stack.use(await levelState(folder))
  const privateKey = await makePeerKey()
  const network = stack.use(
    await createNode({
      ...{ privateKey, clock, mode: 'server', datastore: null, log: silent },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      limits: { connections: 10_000 }
    })
  )
  const thin = createThinDoor({ clock, log: silent })
  const pod = stack.use(
    await createPod({
      ...{ state, clock, random, log: silent, keys: peerKeys(privateKey), hostname },
      network: {
        accept(protocol, take) {
          network.accept(protocol, take)
          thin.accept(take)
        }
      },
      person: await makePerson({ name: hostname, nowMs: clock.now() }),
      hpke: await makeHpkeKey(random.bytes(32)),
      policy: 'open',
      limits: { identifiesInAll: free, registrationsInAll: free }
    })
  )
  sessions = () => pod.usage().sessions
  const door = stack.use(await openThinDoor(thin, { mode: way === 'proxy' ? 'proxy' : 'files' }))
  const { ca } = await localPair()
  return { contact: network.contact(), port: door.status.port, ca }
}

/** Somebody with an alias, who listens and waits. */
async function enter(way: Way, { contact, port, ca }: Where): Promise<void> {
  const name = `p${process.pid}x${++people}`
  const nowMs = clock.now()
  const made = await makePerson({ name, nowMs: nowMs - hourMs })
  const person = await addAlias(made, `${name}@${hostname}`, nowMs - hourMs)
  const { certificate } = person
  const device = makeDevice(randomBytes(32))
  const privateKey = await makePeerKey()
  const keys = peerKeys(privateKey)
  const open = async (): Promise<Session> => {
    const url = `${way === 'tls' ? 'wss' : 'ws'}://localhost:${port}${thinPath}`
    return await openThin({ url, ca, clock, log: silent, random, keys }, { timeoutMs: 60_000 })
  }
  const network =
    way === 'libp2p'
      ? stack.use(
          await createNode({
            ...{ privateKey, clock, mode: 'client', listen: [], datastore: null, log: silent },
            limits: { connections: 8 }
          })
        )
      : { self: keys.self, open }
  const link = stack.use(await openPodLink({ network, contact, clock, hostname }))
  const about = { deviceKey: device.publicKey, peer: keys.self, pod: hostname }
  const statement = await makeStatement(person, { ...about, nowMs, untilMs: nowMs + 80 * dayMs })
  await link.identify({ device, statement, certificate, nowMs: clock.now() })
  await link.register(name, certificate)
  await link.listen(async () => {}, 0)
}

async function answer(asked: Ask): Promise<unknown> {
  if (asked.ask === 'pod') return await startPod(asked.way)
  if (asked.ask === 'memory') {
    globalThis.gc?.()
    await new Promise(resolve => setImmediate(resolve))
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rssBytes: rss, heapBytes: heapUsed + external, sessions: sessions() }
  }
  const { way, where, count } = asked
  let left = count
  const one = async (): Promise<void> => {
    while (left-- > 0) await enter(way, where)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return null
}

process.on('message', (asked: Ask) => {
  answer(asked).then(
    result => process.send!({ result }),
    err => process.send!({ error: `${(err as Error).stack}` })
  )
})
process.on('disconnect', () => void stack.disposeAsync().finally(() => process.exit()))

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contact, Log, Session } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import { makeDevice, makeStatement } from '../../src/keys/device.ts'
import { makeHpkeKey } from '../../src/keys/hpke.ts'
import { addAlias, exportPerson, importPerson, makePerson } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createThinDoor } from '../../src/net/thin/accept.ts'
import { openThin } from '../../src/net/thin/open.ts'
import { embedded, openPodState } from '../../src/nodes/pod-state.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { createPod } from '../../src/pod/pod.ts'
import type { State } from '../../src/store/state.ts'
import { thinPath } from '../../src/wire/thin.ts'
import { localPair, openThinDoor } from '../support/thin-network.ts'

/** How people are connected: over a WebSocket with TLS in the process, with TLS in front of it, or over libp2p. */
export type Way = 'tls' | 'proxy' | 'libp2p'

export interface Where {
  contact: Contact
  port: number
  ca: string
}

/** What the processes of one pod share. */
export interface PodSecrets {
  person: string
  hpke: string
}

export interface BenchPod {
  where: Where
  pod: Pod
  state: State
}

const silent: Log = { debug() {}, info() {}, warn() {} }
const hostname = 'one.test'
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const free = { burst: 1e9, everyMs: 1e-3 }
const everyRate = [
  ...['lookupsPerPeer', 'noticesPerPeer', 'identifiesPerPeer', 'requestsPerPeer', 'noticesPerPod'],
  ...['lookupsPerSubnet', 'noticesPerSubnet', 'identifiesPerSubnet', 'requestsPerSubnet'],
  ...['noticesPerAddress', 'lookupsPerAccount', 'noticesPerAccount', 'registrationsPerAccount'],
  ...['noticesInAll', 'lookupsInAll', 'registrationsInAll', 'identifiesInAll']
]
/** Nobody waits for a rate, and a mailbox takes what the bench puts into it. */
const limits = {
  ...Object.fromEntries(everyRate.map(rate => [rate, free])),
  noticesPerAccountMax: 1e6,
  noticeBytesPerAccountMax: 2 ** 31
}

export const makePodSecrets = async (): Promise<PodSecrets> => ({
  person: await exportPerson(await makePerson({ name: hostname, nowMs: clock.now() - hourMs })),
  hpke: randomBytes(32).toString('hex')
})

/** A pod's process, on the machine's loopback interface. @param store as {@link openPodState} */
export async function startBenchPod(
  { way, secrets, store = embedded }: { way: Way; secrets: PodSecrets; store?: string | undefined },
  stack: AsyncDisposableStack
): Promise<BenchPod> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-bench-pod-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const state = stack.use(await openPodState(store, folder))
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
      ...{ state, clock, random, log: silent, keys: peerKeys(privateKey), hostname, limits },
      network: {
        accept(protocol, take) {
          network.accept(protocol, take)
          thin.accept(take)
        }
      },
      isShared: store !== embedded,
      person: await importPerson(Buffer.from(secrets.person)),
      hpke: await makeHpkeKey(Buffer.from(secrets.hpke, 'hex')),
      policy: 'open'
    })
  )
  const door = stack.use(await openThinDoor(thin, { mode: way === 'proxy' ? 'proxy' : 'files' }))
  const { ca } = await localPair()
  return { pod, state, where: { contact: network.contact(), port: door.status.port, ca } }
}

/** Somebody with an alias of that name, who has identified. */
export async function enterPod(
  { way, where, name }: { way: Way; where: Where; name: string },
  stack: AsyncDisposableStack
): Promise<PodLink> {
  const { contact, port, ca } = where
  const nowMs = clock.now()
  const made = await makePerson({ name, nowMs: nowMs - hourMs })
  const person = await addAlias(made, `${name}@${hostname}`, nowMs - hourMs)
  const { certificate } = person
  const device = makeDevice(random.bytes(32))
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
  return link
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NetworkFile } from '../../src/config/network.ts'
import { makeHpkeKey } from '../../src/keys/hpke.ts'
import type { Person } from '../../src/keys/person.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createHome, openPerson, readHome } from '../../src/nodes/home.ts'
import { podDesk } from '../../src/nodes/pod-desk.ts'
import { podFormat } from '../../src/nodes/pod-state.ts'
import type { Started } from '../../src/nodes/start.ts'
import { startParts } from '../../src/nodes/start.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { createPod } from '../../src/pod/pod.ts'
import { levelState } from '../../src/store/level.ts'
import { log } from './net-nodes.ts'

export interface Whole extends Started {
  readonly home: string
  readonly person: Person | null
  /** Of a node with a hostname, with the counts that a daemon does not tell. */
  readonly itsPod: Pod | undefined
}

export interface WholeInit {
  folder: string
  name: string
  network: NetworkFile
  /** Makes it a pod. */
  hostname?: string
  person?: boolean
  /** Who it is, with a key that is older than the test. */
  imported?: Person
  capBytes?: number
  /** What is done with letters of strangers; they are fetched unless told. */
  requests?: 'pull' | 'ask'
  /** Keeps a trace for researchers in this folder. */
  traceFolder?: string
  /** Between the pod and its network: where it may be made to lie. */
  through?: (network: Node) => Pick<Node, 'accept'>
}

/** All of a node in this process, on a real disk and network, put together as a daemon puts it together. */
export async function wholeNode(init: WholeInit): Promise<Whole> {
  const { folder, name, network, hostname, capBytes, through = (node: Node) => node } = init
  const homeFolder = join(folder, name)
  await createHome({
    home: homeFolder,
    name,
    person: init.person ?? true,
    ...(init.imported && { imported: init.imported }),
    pod: hostname === undefined ? null : { hostname, policy: 'open' },
    network,
    requests: init.requests ?? 'pull',
    listen: ['/ip4/127.0.0.1/tcp/0']
  })
  const read = await readHome(homeFolder)
  const store = { capBytes: capBytes ?? read.config.store.capBytes }
  const trace = init.traceFolder === undefined ? {} : { trace: { folder: init.traceFolder } }
  const home = { ...read, config: { ...read.config, ...trace, store } }
  const person = await openPerson(home, async () => null)
  let itsPod: Pod | undefined
  /** Nobody asks what is around it. */
  const nobody = () => Promise.reject(new Error('none'))
  const house = {
    client: { backup: nobody, status: nobody },
    restart: nobody,
    signal: new AbortController().signal
  }
  const host = async (node: Node) => {
    await using stack = new AsyncDisposableStack()
    const state = stack.use(await levelState(home.paths.podDb, podFormat))
    itsPod = stack.use(
      await createPod({
        network: through(node),
        clock,
        random,
        log,
        state,
        person: person!,
        keys: peerKeys(home.privateKey),
        hpke: await makeHpkeKey(new Uint8Array(await readFile(home.paths.hpkeKey))),
        hostname: hostname!,
        policy: 'open'
      })
    )
    const all = stack.move()
    return {
      door: undefined,
      checks: [],
      ...podDesk({ home, pod: itsPod, network: node, house, door: () => undefined }),
      userOf: (peer: string) => itsPod!.userOf(peer),
      async *items() {},
      announce() {},
      [Symbol.asyncDispose]: () => all.disposeAsync()
    }
  }
  const started = await startParts({
    home,
    person,
    passphrase: () => null,
    mode: 'server',
    log,
    signal: new AbortController().signal,
    ...(hostname !== undefined && { host })
  })
  return { ...started, home: homeFolder, person, itsPod }
}

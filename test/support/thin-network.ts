import { MuttrError } from '../../src/base/errors.ts'
import type { Log, PeerId, Session } from '../../src/base/ports.ts'
import type { Room } from '../../src/https/door.ts'
import type { Door } from '../../src/https/open.ts'
import { openDoor } from '../../src/https/open.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import type { ThinDoor } from '../../src/net/thin/accept.ts'
import { createThinDoor } from '../../src/net/thin/accept.ts'
import { openThin } from '../../src/net/thin/open.ts'
import { thinPath } from '../../src/wire/thin.ts'
import type { FakeNetwork } from './session-pair.ts'
import { temporaryFolder } from './store-folder.ts'
import { testCa } from './test-ca.ts'

const log: Log = { debug() {}, info() {}, warn() {} }
const none = { httpPort: 0, openpgpkey: false, acme: { directory: 'https://ca.test' } }
const room: Room = app => {
  app.get('/', c => c.text('here'))
}

/** A certificate for this machine's name, and the authority that everybody here trusts. */
async function makePair() {
  await using folder = await temporaryFolder()
  const { certificate: ca, issue } = await testCa(folder.path)
  return { ca, pair: await issue(['localhost', '127.0.0.1']) }
}
let made: ReturnType<typeof makePair> | undefined
export const localPair = (): ReturnType<typeof makePair> => (made ??= makePair())

/** The door of a pod on a free port, over TLS of its own or as behind a proxy. */
export async function openThinDoor(
  thin: ThinDoor,
  { mode = 'files', groupLocal = false }: { mode?: 'files' | 'proxy'; groupLocal?: boolean } = {}
): Promise<Door> {
  const { pair } = await localPair()
  const door = await openDoor({
    https: { ...none, mode, port: 0 },
    ...{ hostname: 'localhost', rooms: [room], groupLocal, socketRoom: thin, clock, random, log },
    files: {
      given: async () => pair,
      trust: async () => undefined,
      ordered: async () => undefined,
      keepOrdered: async () => {},
      accountKey: make => make()
    }
  })
  return door!
}

/** Pods that are reached over WebSockets alone, with real sockets and real TLS. */
export async function thinNetwork(): Promise<FakeNetwork & AsyncDisposable> {
  const { ca } = await localPair()
  const keys = peerKeys(await makePeerKey())
  const doors = new Map<PeerId, Promise<Door>>()
  const takers = new Map<PeerId, (session: Session) => void>()
  const start = (peer: PeerId): void => {
    const thin = createThinDoor({ clock, log })
    thin.accept(takers.get(peer)!)
    doors.set(peer, openThinDoor(thin))
  }
  const stop = async (peer: PeerId): Promise<void> => {
    const door = doors.get(peer)
    doors.delete(peer)
    await (await door)?.[Symbol.asyncDispose]()
  }
  return {
    at: self => ({
      self,
      onPeer: () => ({ [Symbol.dispose]() {} }),
      dial: async address => ({ peer: address.split('/p2p/').at(-1)!, addresses: [] }),
      accept(_protocol, take) {
        takers.set(self, take)
        if (!doors.has(self)) start(self)
      },
      async open(to, _protocol, options) {
        const door = await doors.get(to.peer)
        if (!door) throw new MuttrError('PEER_UNREACHABLE', `${to.peer} is not there`)
        const url = `wss://localhost:${door.status.port}${thinPath}`
        return await openThin({ url, ca, clock, log, random, keys }, options)
      }
    }),
    unplug: stop,
    plug: start,
    meet() {},
    async [Symbol.asyncDispose]() {
      for (const peer of [...doors.keys()]) await stop(peer)
    }
  }
}

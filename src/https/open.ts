import { Hono } from 'hono'
import { failureOf } from '../base/failure.ts'
import type { Clock, Failure, Log, Millis, Random } from '../base/ports.ts'
import { orderCertificate } from './acme.ts'
import { keepOrdered } from './acme-keeper.ts'
import type { Keeper, Pair } from './certificate.ts'
import type { Room } from './door.ts'
import { createDoor } from './door.ts'
import { keepFiles } from './file-keeper.ts'
import { serveHttp, serveHttps } from './serve.ts'
import type { SocketRoom } from './sockets.ts'
import { createTurnstile } from './turnstile.ts'

/** Where certificates lie: implemented over the home folder. */
export interface DoorFiles {
  /** Those that `pod.https` names. */
  given(): Promise<Pair>
  /** The authority's own certificate, where one is named. */
  trust(): Promise<string | undefined>
  ordered(): Promise<Pair | undefined>
  keepOrdered(pair: Pair): Promise<void>
  accountKey(make: () => Promise<string>): Promise<string>
}

/** As `pod.https` of muttr.json says. */
interface Settings {
  readonly mode: 'off' | 'files' | 'acme' | 'proxy'
  readonly port?: number | undefined
  readonly httpPort: number
  readonly openpgpkey: boolean
  readonly acme: { readonly directory: string; readonly email?: string | undefined }
}

interface Parts {
  https: Settings
  hostname: string
  /** Names that it had before; a certificate is ordered for those, too, as long as they lead here. */
  former?: readonly string[]
  rooms: readonly Room[]
  /** Closed with the door. */
  socketRoom?: SocketRoom
  groupLocal: boolean
  files: DoorFiles
  clock: Clock
  random: Random
  log: Log
}

interface DoorStatus {
  readonly mode: 'files' | 'acme' | 'proxy'
  /** Where it listens. */
  readonly port: number
  /** End of the certificate; null behind a proxy, and while there is none. */
  readonly untilMs: Millis | null
  readonly problem: Failure | null
}

export interface Door extends AsyncDisposable {
  readonly status: DoorStatus
}

const usualPort = { proxy: 4480, files: 443, acme: 443 } as const
const setting = 'pod.https' as const

/** Opens the door as `pod.https` says. @returns undefined when it is off. @throws {MuttrError} `ADDRESS_IN_USE`, `ADDRESS_DENIED` */
export async function openDoor(parts: Parts): Promise<Door | undefined> {
  const { https, hostname, files, groupLocal, clock, random, log } = parts
  const { mode } = https
  if (mode === 'off') return undefined
  const turnstile = createTurnstile({ isBehindProxy: mode === 'proxy', groupLocal, clock })
  const { fetch } = createDoor({ rooms: parts.rooms, turnstile, log })
  const sockets = parts.socketRoom && { room: parts.socketRoom, turnstile }
  const port = https.port ?? usualPort[mode]
  if (mode === 'proxy') {
    const served = await serveHttp({
      ...{ fetch, sockets, setting },
      ...{ host: '127.0.0.1', port, groupLocal: null }
    })
    const status = { mode, port: served.port, untilMs: null, problem: null }
    return { status, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() }
  }
  await using stack = new AsyncDisposableStack()
  const served = stack.use(await serveHttps({ fetch, sockets, port, setting, groupLocal, clock }))
  const common = { use: served.use, clock, log }
  const keeper =
    mode === 'files'
      ? await keepFiles({ ...common, hostname, read: files.given })
      : await keepByAuthority()
  stack.use(keeper)
  const all = stack.move()
  return {
    get status() {
      return { mode, port: served.port, ...keeper.state }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }

  async function keepByAuthority(): Promise<Keeper> {
    const challenges = new Map<string, string>()
    const answers = challengeDoor(hostname, challenges)
    const where = { port: https.httpPort, setting, groupLocal }
    stack.use(await serveHttp({ ...where, fetch: answers.fetch }))
    const names = [hostname, ...(https.openpgpkey ? [`openpgpkey.${hostname}`] : [])]
    const { directory, email } = https.acme
    const trust = await files.trust()
    const { accountKey, ordered: load, keepOrdered: save } = files
    const how = { directory, email, trust, accountKey, challenges }
    const former = parts.former ?? []
    const order = async () => {
      if (former.length === 0) return await orderCertificate({ ...how, names })
      return await orderCertificate({ ...how, names: [...names, ...former] }).catch(err => {
        // A former name that leads elsewhere must not cost the pod the certificate of the one of now.
        log.warn('https.former', { former: former.join(' '), ...failureOf(err) })
        return orderCertificate({ ...how, names })
      })
    }
    return await keepOrdered({ ...common, random, names, load, save, order })
  }
}

/** Port 80: what the authority asks for, and the way to port 443 for all else. */
function challengeDoor(hostname: string, challenges: ReadonlyMap<string, string>): Hono {
  const app = new Hono()
  app.get('/.well-known/acme-challenge/:token', c => {
    const answer = challenges.get(c.req.param('token'))
    return answer === undefined ? c.text('none', 404) : c.text(answer)
  })
  app.get('*', c => {
    const { pathname, search } = new URL(c.req.url)
    return c.redirect(`https://${hostname}${pathname}${search}`, 301)
  })
  return app
}

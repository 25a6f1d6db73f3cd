import type { Context, Hono } from 'hono'
import { utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { recent } from '../base/recent.ts'
import type { Certificate } from '../keys/certificate.ts'
import { armorCertificate, readCertificate } from '../keys/certificate.ts'
import type { Certified } from '../keys/published.ts'
import { factsOfKey, publishedKey } from '../keys/published.ts'
import type { Pod } from '../pod/pod.ts'
import type { Published } from '../pod/public-directory.ts'
import { keyIdOf } from '../pod/public-index.ts'
import { createRates } from '../pod/rates.ts'
import { helloAnswer } from '../wire/pod.ts'
import { certificatePath, encodeWellKnown, wellKnownPath } from '../wire/well-known.ts'
import type { DoorEnv, Room } from './door.ts'
import { httpsLimits } from './limits.ts'

type OpenPod = Pick<Pod, 'hostname' | 'former' | 'certificate' | 'hello' | 'directory'>

interface Parts {
  pod: OpenPod
  /** Where people dial the pod now, with `/p2p/`. */
  addresses: () => readonly string[]
  /** Takes keys at `/pks/add`. */
  isOpen: boolean
  clock: Clock
}

type App = Hono<DoorEnv>

/** Who has which alias here, for everybody: as Muttr asks, as mail programs ask, as key servers are asked. Source: docs/protocol/directory.md */
export const directoryRoom =
  ({ pod, addresses, isOpen, clock }: Parts): Room =>
  app => {
    app.get(wellKnownPath, async c => {
      const hello = helloAnswer.decode(await pod.hello())
      return c.body(encodeWellKnown({ hello, addresses: addresses() }), 200, {
        'Content-Type': 'application/json',
        'Access-Control-Allow-Origin': '*'
      })
    })
    app.get(certificatePath, async c => armored(c, armorCertificate(await shownBy(pod))))
    addWkd(app, pod)
    addHkp(app, pod)
    if (isOpen) addTaking(app, pod, clock)
    else
      app.post('/pks/add', () => {
        throw new MuttrError('API_REFUSED', 'keys come here by those who have an alias', {
          hint: 'Take an alias with `muttr register`; the pod shows its key from then on.'
        })
      })
  }

/** Parsing and verifying a certificate costs fifty times what showing it does; the largest are 64 KiB. */
const readMax = 256
const readKept = recent(readMax, latin1 =>
  readCertificate(new Uint8Array(Buffer.from(latin1, 'latin1')))
)
const readOwn = (bytes: Uint8Array): Promise<Certificate> =>
  readKept(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))

/** The pod's own, with the word of a pod above. */
const shownBy = async (pod: OpenPod): Promise<Certificate> =>
  readOwn(helloAnswer.decode(await pod.hello()).certificate)

const unknown = (): never => {
  throw new MuttrError('ALIAS_UNKNOWN', 'there is no such key here')
}

const armored = (c: Context, text: string): Response =>
  c.body(text, 200, { 'Content-Type': 'application/pgp-keys' })

/** Web Key Directory, by the direct way and by the advanced one (draft-koch-openpgp-webkey-service). */
function addWkd(app: App, { hostname, former, certificate, directory }: OpenPod): void {
  const direct = '/.well-known/openpgpkey'
  const advanced = [hostname, ...former].map(name => `${direct}/${name}`)
  const open = { 'Access-Control-Allow-Origin': '*' }
  for (const base of [direct, ...advanced]) {
    app.get(`${base}/policy`, c => c.text('', 200, open))
    app.get(`${base}/hu/:hash{[a-z0-9]{32}}`, async c => {
      const [shown] = await shownKeys(await directory.byHash(c.req.param('hash')), certificate)
      if (!shown) return unknown()
      const bytes = await shown.bytes()
      return c.body(new Uint8Array(bytes), 200, {
        ...open,
        'Content-Type': 'application/octet-stream'
      })
    })
  }
}

/** A key as a key server shows it. */
interface Shown {
  readonly certificate: Certificate
  readonly userIds: readonly string[]
  bytes(): Promise<Uint8Array>
}

/** Aliases of one key are shown in one. */
async function shownKeys(all: readonly Published[], by: Certificate): Promise<Shown[]> {
  const keys = new Map<string, [Certified, ...Certified[]]>()
  for (const { alias, certificate: bytes } of all) {
    const certificate = await readOwn(bytes)
    const before = keys.get(certificate.pin)
    if (before) before.push({ alias, certificate })
    else keys.set(certificate.pin, [{ alias, certificate }])
  }
  return [...keys.values()].map(certified => ({
    certificate: certified[0].certificate,
    userIds: certified.map(({ alias }) => alias),
    bytes: () => publishedKey(certified, by)
  }))
}

/** A key server (draft-gallagher-openpgp-hkp, as GnuPG and Sequoia ask it). */
function addHkp(app: App, pod: OpenPod): void {
  app.get('/pks/lookup', async c => {
    const op = c.req.query('op')
    if (op !== 'get' && op !== 'index' && op !== 'vindex')
      throw new MuttrError('METHOD_UNKNOWN', 'op is get, index or vindex')
    const keys = await searched(pod, c.req.query('search') ?? '')
    if (keys.length === 0) return unknown()
    if (op === 'get') {
      const bytes = Buffer.concat(await Promise.all(keys.map(key => key.bytes())))
      return armored(c, armorCertificate({ bytes: new Uint8Array(bytes) }))
    }
    const lines = await Promise.all(keys.map(indexLines))
    return c.text(`info:1:${keys.length}\n${lines.flat().join('\n')}\n`)
  })
}

/** What `gpg --send-keys` sends. Only news of keys that have an alias here, and only their owners' own. */
function addTaking(app: App, { directory }: OpenPod, clock: Clock): void {
  const perSubnet = createRates('keys of one network', httpsLimits.keysPerSubnet)
  const inAll = createRates('keys', httpsLimits.keysInAll)
  app.post('/pks/add', async c => {
    const { subnet } = c.var
    if (subnet !== undefined) perSubnet.take(subnet, clock.now())
    inAll.take('all', clock.now())
    const text = new URLSearchParams(await c.req.text()).get('keytext') ?? ''
    const count = await directory.take(await readCertificate(utf8(text)))
    return c.text(`shown for ${count} of its aliases\n`)
  })
}

/** A whole address, a key id or a fingerprint, or the pod's hostname; nothing is searched for by a part of a name. */
async function searched(pod: OpenPod, search: string): Promise<Shown[]> {
  const { hostname, former, certificate, directory } = pod
  const id = /^0x([0-9a-f]{16}|[0-9a-f]{40}|[0-9a-f]{64})$/i.exec(search)?.[1]?.toLowerCase()
  const { fingerprint } = certificate
  const isOwn = id !== undefined && [fingerprint, keyIdOf(fingerprint)].includes(id)
  if (isOwn || search === hostname || former.includes(search)) {
    const shown = await shownBy(pod)
    return [{ certificate: shown, userIds: [hostname], bytes: async () => shown.bytes }]
  }
  if (id !== undefined) return await shownKeys(await directory.byKey(id), certificate)
  const address = (/<([^<>]*)>\s*$/.exec(search)?.[1] ?? search).replace(/^=/, '').toLowerCase()
  if (!address.includes('@')) return []
  const found = await directory.byName(address)
  return found ? await shownKeys([found], certificate) : []
}

const seconds = (ms: number | null): string => (ms === null ? '' : String(Math.floor(ms / 1000)))

async function indexLines({ certificate, userIds }: Shown): Promise<string[]> {
  const { fingerprint, createdMs, expiresMs, revoked } = certificate
  const { algorithm, bits } = await factsOfKey(certificate)
  const times = `${seconds(createdMs)}:${seconds(expiresMs)}`
  return [
    `pub:${fingerprint.toUpperCase()}:${algorithm}:${bits ?? ''}:${times}:${revoked ? 'r' : ''}`,
    ...userIds.map(userId => `uid:${encodeURIComponent(userId)}:${times}:`)
  ]
}

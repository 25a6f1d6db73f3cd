import { createSocket } from 'node:dgram'
import { request as httpRequest } from 'node:http'
import { isIPv4 } from 'node:net'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Gateway } from './gateway.ts'
import type { Mapped, MapRequest } from './mapper.ts'

/** UPnP's Internet Gateway Device: found by a multicast, described in XML, asked by SOAP. Only the router itself is listened to. */
const group = '239.255.255.250'
const groupPort = 1_900
const devices = [1, 2].map(n => `urn:schemas-upnp-org:device:InternetGatewayDevice:${n}`)
const searchMs: Millis = 2_500
const againMs: Millis = 800
const httpMs: Millis = 4_000
const answerBytesMax = 128 * 1_024
const description = 'muttr'

const search = (device: string): string =>
  `M-SEARCH * HTTP/1.1\r\nHOST: ${group}:${groupPort}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${device}\r\n\r\n`

/** @returns where a router's answer to a search says that its description is, when that is at the router itself. */
export function readLocation(packet: string, router: string): URL | undefined {
  if (!packet.startsWith('HTTP/1.1 200')) return undefined
  const text = /^location:\s*(\S{1,512})\s*$/im.exec(packet)?.[1]
  if (!text || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'http:' && url.hostname === router ? url : undefined
}

export interface Service {
  readonly type: string
  readonly control: URL
}

/** @returns the service of a description that gives ports away, when it is at the router itself too. */
export function readService(xml: string, at: URL): Service | undefined {
  for (const [, service] of xml.matchAll(/<service>([\s\S]{0,4096}?)<\/service>/g)) {
    const type = textOf(service!, 'serviceType')
    const path = textOf(service!, 'controlURL')
    if (!type || !path || !/^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/.test(type))
      continue
    if (!URL.canParse(path, at.href)) continue
    const control = new URL(path, at)
    if (control.protocol === 'http:' && control.hostname === at.hostname) return { type, control }
  }
  return undefined
}

const textOf = (xml: string, tag: string): string | undefined =>
  new RegExp(`<${tag}>\\s*([^<\\s]{1,512})\\s*</${tag}>`).exec(xml)?.[1]

/** Asks the router for a port; a life of 0 gives it back. @throws {MuttrError} `PEER_TIMEOUT`, `PEER_REFUSED`, `PEER_UNREACHABLE`, `CANCELLED` */
export async function mapByUpnp(
  gateway: Gateway,
  request: MapRequest,
  signal: AbortSignal
): Promise<Mapped> {
  const location = await discover(gateway, signal)
  const service = readService(await get(location, signal), location)
  if (!service) throw new MuttrError('PEER_REFUSED', 'the router describes no service for ports')
  const { externalPort, lifeSeconds } = request
  if (lifeSeconds === 0) await remove(service, externalPort, signal)
  else return add(service, gateway, request, signal)
  return { by: 'UPnP', host: '', port: externalPort, lifeSeconds: 0 }
}

/** Finds the router's description. */
async function discover({ router, self }: Gateway, signal: AbortSignal): Promise<URL> {
  const { promise, resolve, reject } = Promise.withResolvers<URL>()
  const socket = createSocket('udp4').unref()
  const cancel = () => reject(new MuttrError('CANCELLED', 'the router is asked no more'))
  const none = () => reject(new MuttrError('PEER_TIMEOUT', 'the router does not answer UPnP'))
  const ask = () => {
    for (const device of devices) socket.send(search(device), groupPort, group)
  }
  const timers = [setTimeout(ask, againMs), setTimeout(none, searchMs)]
  for (const timer of timers) timer.unref()
  signal.addEventListener('abort', cancel)
  try {
    socket.on('error', cause =>
      reject(new MuttrError('PEER_UNREACHABLE', 'no way to the router', { cause }))
    )
    socket.on('message', (packet, { address }) => {
      const url = address === router && readLocation(packet.toString('latin1'), router)
      if (url) resolve(url)
    })
    socket.bind({ address: self }, () => {
      socket.setMulticastInterface(self)
      ask()
    })
    if (signal.aborted) cancel()
    return await promise
  } finally {
    for (const timer of timers) clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
    socket.close()
  }
}

/** UPnP's own codes that mean that it may be asked in another way. */
const permanentOnly = '725'

async function add(
  service: Service,
  { self }: Gateway,
  { port, externalPort, lifeSeconds }: MapRequest,
  signal: AbortSignal
): Promise<Mapped> {
  const of = (life: number) => ({
    NewRemoteHost: '',
    NewExternalPort: `${externalPort}`,
    NewProtocol: 'TCP',
    NewInternalPort: `${port}`,
    NewInternalClient: self,
    NewEnabled: '1',
    NewPortMappingDescription: description,
    NewLeaseDuration: `${life}`
  })
  try {
    await call(service, 'AddPortMapping', of(lifeSeconds), signal)
  } catch (err) {
    if (!(err instanceof MuttrError && err.message.includes(permanentOnly))) throw err
    await call(service, 'AddPortMapping', of(0), signal)
  }
  const said = await call(service, 'GetExternalIPAddress', {}, signal)
  const host = textOf(said, 'NewExternalIPAddress')
  if (!host || !isIPv4(host))
    throw new MuttrError('PEER_REFUSED', 'the router has no address outside')
  return { by: 'UPnP', host, port: externalPort, lifeSeconds }
}

async function remove(service: Service, externalPort: number, signal: AbortSignal) {
  const of = { NewRemoteHost: '', NewExternalPort: `${externalPort}`, NewProtocol: 'TCP' }
  await call(service, 'DeletePortMapping', of, signal)
}

/** @returns the body of the answer. @throws {MuttrError} `PEER_REFUSED` with UPnP's own code in its message */
async function call(
  { type, control }: Service,
  action: string,
  fields: Record<string, string>,
  signal: AbortSignal
): Promise<string> {
  const inner = Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('')
  const body = `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:${action} xmlns:u="${type}">${inner}</u:${action}></s:Body></s:Envelope>`
  const headers = {
    'content-type': 'text/xml; charset="utf-8"',
    soapaction: `"${type}#${action}"`
  }
  const { status, text } = await http(control, { method: 'POST', headers, body }, signal)
  if (status === 200) return text
  const code = textOf(text, 'errorCode') ?? status
  throw new MuttrError('PEER_REFUSED', `the router refuses (UPnP ${code})`)
}

async function get(url: URL, signal: AbortSignal): Promise<string> {
  const { status, text } = await http(url, { method: 'GET', headers: {}, body: '' }, signal)
  if (status !== 200) throw new MuttrError('PEER_REFUSED', 'the router has no description')
  return text
}

interface Ask {
  method: string
  headers: Record<string, string>
  body: string
}

/** One request, no redirects, at most {@link answerBytesMax} of an answer. */
async function http(
  url: URL,
  { method, headers, body }: Ask,
  stop: AbortSignal
): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(httpMs)])
  const length = { 'content-length': `${Buffer.byteLength(body)}` }
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const asked = httpRequest(url, {
    method,
    headers: { ...headers, ...length, connection: 'close' },
    agent: false,
    signal
  })
  asked.on('error', reject).on('response', async answer => {
    try {
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        bytes += chunk.byteLength
        if (bytes > answerBytesMax) throw new MuttrError('WIRE_TOO_LARGE', "the router's answer")
        chunks.push(chunk)
      }
      resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
    } catch (err) {
      asked.destroy()
      reject(err)
    }
  })
  asked.end(body)
  try {
    return await promise
  } catch (cause) {
    if (codeOf(cause)) throw cause
    throw new MuttrError('PEER_UNREACHABLE', 'the router was not reached', { cause })
  }
}

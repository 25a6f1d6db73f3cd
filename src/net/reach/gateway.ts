import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'

/** How we stand to a router: its address inside, and ours in the same network. */
export interface Gateway {
  readonly router: string
  readonly self: string
}

const routes = '/proc/net/route'

/** The routers that lead out over IPv4: as Linux tells; elsewhere the usual first address of each private network that we are in. */
export async function findGateways(): Promise<Gateway[]> {
  const nets = Object.values(networkInterfaces())
    .flatMap(of => of ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address, netmask }) => ({ address, mask: toNumber(netmask) }))
  const routers = (await linuxRouters()) ?? nets.map(n => firstOf(n.address, n.mask))
  return [...new Set(routers)].flatMap(router => {
    const ours = nets.find(({ address, mask }) => same(address, router, mask) && address !== router)
    return ours ? [{ router, self: ours.address }] : []
  })
}

async function linuxRouters(): Promise<string[] | undefined> {
  try {
    return readRoutes(await readFile(routes, 'utf8'))
  } catch {
    return undefined
  }
}

/** @param text of /proc/net/route: addresses in hexadecimal, the lowest byte first. @returns the gateways of default routes */
export function readRoutes(text: string): string[] {
  const found: string[] = []
  for (const line of text.split('\n').slice(1)) {
    const [, destination, gateway] = line.split('\t')
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway ?? '')) continue
    const bytes = Buffer.from(gateway!, 'hex').reverse()
    if (bytes.readUInt32BE() !== 0) found.push(bytes.join('.'))
  }
  return found
}

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const and = (a: number, b: number): number => (a & b) >>> 0
const same = (a: string, b: string, mask: number): boolean =>
  and(toNumber(a), mask) === and(toNumber(b), mask)

function firstOf(address: string, mask: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(and(toNumber(address), mask) + 1)
  return bytes.join('.')
}

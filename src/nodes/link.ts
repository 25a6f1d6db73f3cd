import { codeOf, MuttrError } from '../base/errors.ts'
import type { Joined as JoinedLink } from '../cli/doors.ts'
import { openHome, readHomeFile, writeFileAtomic } from '../config/home.ts'
import type { JoinLink } from '../config/join-link.ts'
import { makeJoinLink, readJoinLink } from '../config/join-link.ts'
import type { Joined } from '../config/joined.ts'
import { readJoined, writeJoined } from '../config/joined.ts'
import { lockHome } from '../config/lock.ts'
import { readNetwork, writeNetwork } from '../config/network.ts'
import { readAlias } from '../pod/alias.ts'
import type { Home } from './home.ts'

/** As {@link readJoinLink}, whose contact can be written to. @throws {MuttrError} `LINK_INVALID` */
export function readLink(pasted: string): JoinLink {
  const link = readJoinLink(pasted)
  if (link.contact && !isFull(link.contact.alias))
    throw new MuttrError('LINK_INVALID', 'the link names somebody who cannot be written to')
  return link
}

function isFull(alias: string): boolean {
  try {
    return readAlias(alias).full === alias
  } catch {
    return false
  }
}

/** Adds what a link carries to a home whose node does not run. Errors as `Doors.joinLink`. */
export async function applyLink(home: string, link: JoinLink): Promise<JoinedLink> {
  await openHome(home)
  await using _lock = await lockHome(home).catch(whileItRuns)
  return await addLink(home, link)
}

/** As {@link applyLink}, for who holds the home's lock. */
export async function addLink(home: string, link: JoinLink): Promise<JoinedLink> {
  const paths = await openHome(home)
  const mine = readNetwork(await text(paths.network))
  const network = link.network ? merge(mine, link.network) : mine
  const joined = await loadJoined(paths.joined)
  if (link.invite !== null && link.pod !== null) joined.invites[link.pod] = link.invite
  const before = link.contact ? joined.contacts[link.contact.alias] : undefined
  if (link.contact && before === undefined)
    joined.contacts[link.contact.alias] = link.contact.fingerprint
  await writeFileAtomic(paths.network, writeNetwork(network))
  await writeFileAtomic(paths.joined, writeJoined(joined))
  return {
    home,
    network: network.name,
    pods: link.pod ? [link.pod] : (link.network?.pods.map(pod => pod.hostname) ?? []),
    contact: link.contact?.alias ?? null,
    contactDiffers: before !== undefined && before !== link.contact?.fingerprint,
    invite: link.invite
  }
}

function whileItRuns(err: unknown): never {
  if (codeOf(err) !== 'HOME_IN_USE') throw err
  const hint = 'A node reads what a link brings when it starts: stop it, join, and start it again.'
  throw new MuttrError('HOME_IN_USE', (err as Error).message, { hint, cause: err })
}

/** @returns empty when no link was ever joined. */
export async function loadJoined(path: string): Promise<Joined> {
  const bytes = await readHomeFile(path)
  return bytes ? readJoined(Buffer.from(bytes).toString('utf8')) : { invites: {}, contacts: {} }
}

/** What somebody hands to others: the network with their pod in it and a few seeds, and who they are. */
export function linkTo(
  { network, config }: Home,
  {
    alias,
    pod,
    fingerprint,
    invite = null
  }: { alias: string; pod: string; fingerprint: string; invite?: string | null }
): string {
  const places = [...network.pods, ...config.pods].filter(({ hostname }) => hostname === pod)
  const small = { ...network, pods: places.slice(0, 1), seeds: network.seeds.slice(0, seedsMax) }
  return makeJoinLink({ network: small, pod, invite, contact: { alias, fingerprint } })
}

/** Of a network's seeds in a link that is to fit into a QR code. */
const seedsMax = 3

type Network = ReturnType<typeof readNetwork>

/** Of one network, more seeds and pods; a pod we know stays as we know it. Another network replaces a home's only when made. */
function merge(mine: Network, theirs: Network): Network {
  if (mine.name !== theirs.name)
    throw new MuttrError(
      'LINK_INVALID',
      `the link is for the network ${theirs.name}, this home is in ${mine.name}`,
      {
        hint: 'Make another home for it: muttr init --home DIR --name NAME --join LINK.'
      }
    )
  const known = new Set(mine.pods.map(pod => pod.hostname))
  return {
    ...mine,
    seeds: [...new Set([...mine.seeds, ...theirs.seeds])],
    pods: [...mine.pods, ...theirs.pods.filter(pod => !known.has(pod.hostname))]
  }
}

async function text(path: string): Promise<string> {
  const bytes = await readHomeFile(path)
  if (!bytes) throw new MuttrError('HOME_DAMAGED', `${path} is missing`)
  return Buffer.from(bytes).toString('utf8')
}

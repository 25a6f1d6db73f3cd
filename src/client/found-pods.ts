import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log } from '../base/ports.ts'
import type { FoundBy, FoundPod } from '../pod/finding.ts'
import { isOutside } from '../pod/finding.ts'
import type { PodPlace } from '../pod/place.ts'
import type { State } from '../store/state.ts'
import { array, literal, mapped, oneOf, text, tuple } from '../wire/cbor.ts'
import type { Move } from '../wire/move.ts'
import { createTable } from './table.ts'

/**
 * Pods that no file of ours names and that were found by their hostname, because the person wrote or registered there. Nobody else makes us
 * look: whoever names a pod in a letter would learn when we read it. Source: docs/protocol/finding.md#what-a-client-does
 */
export interface FoundPods {
  get(hostname: string): FoundPod | undefined
  /** Of all that are kept. */
  hostnames(): string[]
  /** Finds a pod anew. @param pinned its key, where it is known. @throws {MuttrError} as `findPod` of src/pod/finding.ts */
  find(hostname: string, pinned: string | undefined, signal: AbortSignal): Promise<FoundPod>
  /**
   * The pod where somebody says they moved to, which is not kept by that: where nothing is published under its hostname it is where they say.
   * @throws {MuttrError} `POD_CHANGED` where it has another key than they say; else as `findPod`
   */
  introduced(
    about: {
      hostname: string
      pinned: string | undefined
      said: Move['pod']
      /** That pod is known already, and in a private network. */
      isNear: boolean
    },
    signal: AbortSignal
  ): Promise<FoundPod>
  /** They are there. @throws {MuttrError} `POD_UNKNOWN` beyond what is kept */
  keep(pod: FoundPod): Promise<void>
}

export type FindPod = (
  asked: { hostname: string; pinned: string | undefined; wasSigned?: boolean },
  signal: AbortSignal
) => Promise<FoundPod>

/** Whether a pod of these, by its key, is in a private network: there it may be under another name, too. */
export const isNearby = (places: Iterable<PodPlace>, fingerprint: string): boolean =>
  [...places].some(place => place.fingerprint === fingerprint && !place.addresses.every(isOutside))

const ways: readonly FoundBy[] = ['https', 'dnssec', 'dns', 'pin', 'move']
const foundMax = 1_000

const foundRow = mapped(
  tuple(
    literal(1),
    array(text(limits.addressCharsMax + 80, 1), limits.contactAddressesMax),
    text(64, 40),
    oneOf(...ways)
  ),
  ([, addresses, fingerprint, by]) => ({ addresses, fingerprint, by })
)

export async function openFoundPods(parts: {
  state: State
  log: Log
  findPod: FindPod
  /** Go also where a contact says that a pod is in private networks: for a Muttr that lives there. Else nobody sends us into our own house. */
  allowLocal: boolean
}): Promise<FoundPods> {
  const { state, log, findPod, allowLocal } = parts
  const rows = createTable({
    ...{ state, log, name: 'found-pods', field: foundRow, maxBytes: 4_096 },
    write: (p: Omit<FoundPod, 'hostname'>) => [1, p.addresses, p.fingerprint, p.by]
  })
  const found = new Map<string, FoundPod>()
  for (const { key: hostname, value } of await rows.list({ limit: foundMax }))
    found.set(hostname, { hostname, ...value })
  const mustFit = (hostname: string): void => {
    if (!found.has(hostname) && found.size >= foundMax)
      throw new MuttrError('POD_UNKNOWN', 'more pods were found than are kept')
  }
  const keep = async ({ hostname, ...pod }: FoundPod): Promise<void> => {
    if (pod.by === 'dns')
      log.warn('a pod was found by the plain DNS, which nobody has signed', { pod: hostname })
    found.set(hostname, { hostname, ...pod })
    await state.write([rows.put(hostname, { ...pod, addresses: [...pod.addresses] })])
  }
  const find: FoundPods['find'] = async (hostname, pinned, signal) => {
    mustFit(hostname)
    const known = found.get(hostname)
    const wasSigned = known?.by === 'dnssec'
    const pod = await findPod({ hostname, pinned, wasSigned }, signal).catch(err => {
      if (codeOf(err) === 'DNS_BOGUS')
        log.warn('the DNS says of a pod what its zone has not signed', { pod: hostname })
      throw err
    })
    // Whose word made it known stays, when a known key is found elsewhere.
    const kept = known && pod.by === 'pin' ? { ...pod, by: known.by } : pod
    await keep(kept)
    return kept
  }
  return {
    get: hostname => found.get(hostname),
    hostnames: () => [...found.keys()],
    find,
    async introduced({ hostname, pinned, said, isNear }, signal) {
      const pod = await findPod({ hostname, pinned }, signal).catch((err): FoundPod => {
        if (codeOf(err) !== 'POD_UNKNOWN') throw err
        const addresses = said.addresses
          .filter(address => allowLocal || isNear || isOutside(address))
          .map(address => `${address}/p2p/${said.peer}`)
        return { hostname, fingerprint: pinned ?? said.fingerprint, addresses, by: 'move' }
      })
      mustBeAsSaid(pod, said)
      return pod
    },
    async keep(pod) {
      if (found.has(pod.hostname)) return
      mustFit(pod.hostname)
      await keep(pod)
    }
  }
}

/** @throws {MuttrError} `POD_CHANGED` when somebody names another key of a pod than it has */
export function mustBeAsSaid(pod: FoundPod, said: Pick<Move['pod'], 'fingerprint'>): void {
  if (pod.fingerprint === said.fingerprint) return
  throw new MuttrError('POD_CHANGED', `a move names another key of ${pod.hostname} than it has`)
}

/** Where a pod is published now that was found so, when that is elsewhere. @throws {MuttrError} `POD_CHANGED`, `CANCELLED` */
export async function foundAnew(
  found: FoundPods | undefined,
  { hostname, pinned }: { hostname: string; pinned: string },
  signal: AbortSignal
): Promise<string[]> {
  const before = found?.get(hostname)
  if (!found || !before) return []
  try {
    const { addresses } = await found.find(hostname, pinned, signal)
    return `${addresses}` === `${before.addresses}` ? [] : [...addresses]
  } catch (err) {
    if (codeOf(err) === 'POD_CHANGED' || codeOf(err) === 'CANCELLED') throw err
    return []
  }
}

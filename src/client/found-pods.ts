import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log } from '../base/ports.ts'
import type { FoundBy, FoundPod } from '../pod/finding.ts'
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
  /** Finds a pod anew. @param pinned its key, where it is known. @throws {MuttrError} as `findPod` of src/pod/finding.ts */
  find(hostname: string, pinned: string | undefined, signal: AbortSignal): Promise<FoundPod>
  /**
   * The pod where somebody moved to: where nothing is found by its hostname it is where they say. @throws {MuttrError} `POD_CHANGED` where another key
   * is found; `POD_UNKNOWN` beyond what is kept
   */
  introduced(
    about: { hostname: string; pinned: string; said: Pick<Move['pod'], 'peer' | 'addresses'> },
    signal: AbortSignal
  ): Promise<void>
}

export type FindPod = (
  asked: { hostname: string; pinned: string | undefined },
  signal: AbortSignal
) => Promise<FoundPod>

const ways: readonly FoundBy[] = ['https', 'dns', 'pin', 'move']
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
}): Promise<FoundPods> {
  const { state, log, findPod } = parts
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
    found.set(hostname, { hostname, ...pod })
    await state.write([rows.put(hostname, { ...pod, addresses: [...pod.addresses] })])
  }
  const find: FoundPods['find'] = async (hostname, pinned, signal) => {
    mustFit(hostname)
    const known = found.get(hostname)
    const pod = await findPod({ hostname, pinned }, signal)
    // Whose word made it known stays, when a known key is found elsewhere.
    const kept = known && pod.by === 'pin' ? { ...pod, by: known.by } : pod
    if (kept.by === 'dns')
      log.warn('a pod was found by the plain DNS, which nobody has signed', { pod: hostname })
    await keep(kept)
    return kept
  }
  return {
    get: hostname => found.get(hostname),
    find,
    async introduced({ hostname, pinned, said }, signal) {
      if (found.has(hostname)) return
      mustFit(hostname)
      await find(hostname, pinned, signal).catch(async err => {
        if (codeOf(err) === 'POD_CHANGED' || codeOf(err) === 'CANCELLED') throw err
        const addresses = said.addresses.map(address => `${address}/p2p/${said.peer}`)
        await keep({ hostname, fingerprint: pinned, addresses, by: 'move' })
      })
    }
  }
}

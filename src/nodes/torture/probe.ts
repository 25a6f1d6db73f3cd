import { fromHex, toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { createLog } from '../../net/log.ts'
import { createNode } from '../../net/node.ts'
import { makePeerKey } from '../../net/peer-key.ts'
import { decodeHeld, encodeHave } from '../../wire/dht.ts'
import { readTombstone } from '../../wire/tombstone.ts'
import type { FleetNode } from './fleet.ts'

/** Asks single nodes what they hold: a client's get would find the copy of another. */
export interface Probe extends AsyncDisposable {
  /** @returns undefined when the node does not answer, or is being asked already. Keys are hex. */
  ask(
    node: FleetNode,
    keys: readonly string[]
  ): Promise<{ copies: string[]; tombstones: string[] } | undefined>
}

const answerMs: Millis = 5_000

export async function createProbe(): Promise<Probe> {
  const log = createLog({ level: 'silent', write: () => {} })
  const privateKey = await makePeerKey()
  const node = await createNode({ privateKey, listen: [], mode: 'client', datastore: null, log })

  async function askSome(contact: FleetNode['contact'], keys: readonly string[]) {
    const asked = keys.map(key => fromHex(key, 32)!)
    const request = encodeHave({ nonce: null, keys: asked })
    const answer = await node.request(contact, 'have', request, { timeoutMs: answerMs })
    const held = decodeHeld(answer, keys.length)
    const copies = keys.filter((_, i) => held[i]![0] === 1)
    const tombstones = held.flatMap(one => (one[0] === 2 ? toHex(readTombstone(one[1]).key) : []))
    return { copies, tombstones }
  }

  const asking = new Set<string>()
  return {
    async ask({ contact, name }, keys) {
      // Two answers at once could be told in the wrong order.
      if (asking.has(name)) return undefined
      asking.add(name)
      const found = { copies: [] as string[], tombstones: [] as string[] }
      try {
        for (let i = 0; i < keys.length; i += limits.haveKeysMax) {
          const some = await askSome(contact, keys.slice(i, i + limits.haveKeysMax))
          found.copies.push(...some.copies)
          found.tombstones.push(...some.tombstones)
        }
        return found
      } catch {
        return undefined
      } finally {
        asking.delete(name)
      }
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]()
  }
}

import { toHex } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import type { Clock, Log, Millis, Network, PeerKeys, Random } from '../base/ports.ts'
import type { RecordDht } from '../replicas/publisher.ts'
import { createPublisher } from '../replicas/publisher.ts'
import { keyOfPeer } from '../wire/contact.ts'
import { decodeRecord } from '../wire/record.ts'
import {
  decodeWhereabouts,
  encodeWhereabouts,
  whereaboutsKey,
  whereaboutsKind
} from '../wire/records/whereabouts.ts'

interface Parts {
  dht: RecordDht
  /** W of the network. */
  quorum: number
  network: Pick<Network, 'contact'>
  clock: Clock
  random: Random
  log: Log
  keys: PeerKeys
  hostname: string
  /** Of the pod's certificate. */
  fingerprint: string
  hpkeKey: Uint8Array
  /**
   * Whether what stands there says that this is an older copy of the pod; asked before anything else is put there. Nothing is asked unless told.
   * @throws {MuttrError} where nobody could be asked
   */
  isOlder?: (signal: AbortSignal) => Promise<boolean>
}

const everyMs = 3_600_000
const retryMs = 30_000
const lookEveryMs = 30_000
const twinEveryMs: Millis = 5 * 60_000
const askMs: Millis = 10_000
/** Of our own records: one stands, others may have reached a few seeds alone. */
const signedMax = 16

export interface Whereabouts extends AsyncDisposable {
  /**
   * Asks the network whether a process elsewhere says, since we last did, where this pod is: it has the same keys. @returns where; null when
   * nobody does. @throws {MuttrError} as `getRecord`
   */
  elsewhere(): Promise<readonly string[] | null>
  /** Resolves when nothing is under way; never rejects. */
  quiet(): Promise<void>
}

/** Keeps the record of where this pod is: now, when its addresses change, every hour. Source: docs/protocol/record.md#where-a-pod-is */
export function publishWhereabouts(parts: Parts): Whereabouts {
  const { network, keys, hostname, fingerprint, hpkeKey, dht, clock, log } = parts
  const life = new AbortController()
  const signed = new Set<string>()
  let isSaid = false
  /** What stood there before us. */
  let standing: 'unread' | 'older' | 'newer' = 'unread'
  let told = ''
  let timer: Disposable | undefined
  const sign = (bytes: Uint8Array): Uint8Array => {
    const signature = keys.sign(bytes)
    signed.add(toHex(signature))
    if (signed.size > signedMax) for (const oldest of [...signed].slice(0, 1)) signed.delete(oldest)
    return signature
  }
  /** Our own word would hide the one that stands there: none is put before that was read. */
  async function mayPut(): Promise<boolean> {
    if (standing === 'unread' && parts.isOlder) {
      const over = new AbortController()
      using _timer = clock.after(askMs, () => over.abort())
      try {
        const isOlder = await parts.isOlder(AbortSignal.any([life.signal, over.signal]))
        standing = isOlder ? 'newer' : 'older'
      } catch (err) {
        if (!life.signal.aborted)
          log.debug('nobody says what the pod was called', { code: codeOf(err) })
        return false
      }
    }
    return standing !== 'newer'
  }
  const publisher = createPublisher({
    ...parts,
    kind: whereaboutsKind,
    rhythm: { everyMs, retryMs },
    lookEveryMs,
    async say() {
      if (!(await mayPut())) return undefined
      const { addresses } = network.contact()
      const body = encodeWhereabouts(keys.self, { hostname, addresses, fingerprint, hpkeKey })
      const author = keyOfPeer(keys.self)
      if (!body || !author) return undefined
      return { author: { scheme: 0, bytes: author }, body, sign }
    },
    async onPut() {
      isSaid = true
    }
  })

  async function elsewhere(): Promise<readonly string[] | null> {
    await publisher.quiet()
    const key = whereaboutsKey(keys.self)
    // What stood there before us may be of the machine that we came from.
    if (!isSaid || !key) return null
    const over = new AbortController()
    using _timer = clock.after(askMs, () => over.abort())
    const signal = AbortSignal.any([life.signal, over.signal])
    const { signature, body } = decodeRecord(await dht.getRecord(key, { signal }))
    return signed.has(toHex(signature)) ? null : decodeWhereabouts(body).addresses
  }

  async function look(): Promise<void> {
    try {
      const where = await elsewhere()
      const saying = (where ?? []).join(' ')
      if (where && saying !== told) log.warn('pod.elsewhere', { pod: hostname, where: saying })
      told = saying
    } catch (err) {
      if (!life.signal.aborted) log.debug('nobody says where the pod is', { code: codeOf(err) })
    }
    if (!life.signal.aborted) timer = clock.after(twinEveryMs, () => void look())
  }
  timer = clock.after(twinEveryMs, () => void look())

  return {
    elsewhere,
    quiet: () => publisher.quiet(),
    async [Symbol.asyncDispose]() {
      life.abort()
      timer?.[Symbol.dispose]()
      await publisher[Symbol.asyncDispose]()
    }
  }
}

import { sha256, toHex } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, DatagramDoor, Log, Millis } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { NoticeBody } from '../wire/notice.ts'
import { decodeNotice, noticeInfo } from '../wire/notice.ts'
import { portProbe, portProbeBytes } from '../wire/ports.ts'
import type { Gates } from './gates.ts'
import type { DatagramOutcome, Measure } from './measure.ts'

interface Parts {
  door: DatagramDoor
  clock: Clock
  log: Log
  crypto: Pick<Crypto, 'hpkeOpen'>
  hpkeSecret: Uint8Array
  gates: Pick<Gates, 'datagram' | 'datagramFor'>
  measure: Pick<Measure, 'datagram'>
  deliver(notice: NoticeBody, nowMs: Millis): Promise<void>
}

/** Notices that come as datagrams. */
export interface NoticeDatagrams extends AsyncDisposable {
  /** @returns whether exactly this notice came as a datagram a while ago, and was delivered. */
  has(notice: Uint8Array): boolean
  /** Hears when a probe with this token arrives, until disposed. */
  expect(token: Uint8Array, arrived: () => void): Disposable
}

/** Opened at once: what comes meanwhile is let fall. */
const openingMax = 64

/**
 * Takes what others send blindly, and never answers. Each step costs more than the one before: the length, the rates of who seems to have
 * sent it and of all, whether it came before, and only then the decryption. Source: docs/protocol/notice.md#as-a-datagram
 */
export function takeDatagrams(parts: Parts): NoticeDatagrams {
  const { door, clock, log, crypto, hpkeSecret, gates, measure, deliver } = parts
  const seen = createSeen()
  const under = new Set<Promise<void>>()
  let ended = false

  const open = async (notice: Uint8Array, mark: string): Promise<DatagramOutcome> => {
    const opened = decodeNotice(await crypto.hpkeOpen(hpkeSecret, noticeInfo, notice))
    const nowMs = clock.now()
    // The first of two copies that were opened at once has told.
    if (seen.has(mark)) return 'replay'
    if (!gates.datagramFor(toHex(opened.address), nowMs)) return 'full'
    await deliver(opened, nowMs)
    seen.add(mark, clock.now())
    return 'taken'
  }
  /** @returns what becomes of it unopened; undefined for what is to be opened. */
  const turnedAway = (bytes: Uint8Array, network: string): DatagramOutcome | undefined => {
    if (bytes.byteLength !== limits.noticeBytesMax) return 'length'
    if (under.size >= openingMax || !gates.datagram(network, clock.now())) return 'rate'
    return seen.has(markOf(bytes)) ? 'replay' : undefined
  }
  const expected = new Map<string, () => void>()
  const take = (bytes: Uint8Array, network: string): void => {
    if (ended) return
    if (bytes.byteLength === portProbeBytes) {
      const arrived = expected.get(toHex(bytes))
      if (arrived) {
        arrived()
        return
      }
    }
    const why = turnedAway(bytes, network)
    if (why !== undefined) {
      measure.datagram(why)
      return
    }
    const opening = open(bytes, markOf(bytes))
      .catch((err): DatagramOutcome => {
        const outcome = outcomes.get(codeOf(err) ?? '')
        if (outcome === undefined) log.warn('pod.datagram-broke', { err })
        return outcome ?? 'full'
      })
      .then(outcome => {
        under.delete(opening)
        measure.datagram(outcome)
      })
    under.add(opening)
  }
  door.accept(take)
  return {
    has: notice => seen.has(markOf(notice)),
    expect(token, arrived) {
      const probe = toHex(portProbe(token))
      expected.set(probe, arrived)
      return { [Symbol.dispose]: () => void expected.delete(probe) }
    },
    async [Symbol.asyncDispose]() {
      ended = true
      await Promise.all(under)
    }
  }
}

const outcomes: ReadonlyMap<string, DatagramOutcome> = new Map([
  ['NOTICE_INVALID', 'invalid'],
  ['BLOB_EXPIRED', 'expired'],
  ['LIMIT_EXCEEDED', 'full'],
  ['DISK_FULL', 'full']
])

const markOf = (notice: Uint8Array): string =>
  Buffer.from(sha256(notice).subarray(0, 16)).toString('latin1')

const generationMax = 32_768
const generationMs: Millis = 24 * 3_600_000

/** What was taken in the last while: at most so much of it, at the least that of the last two minutes at the usual rate. */
function createSeen() {
  let [young, old] = [new Set<string>(), new Set<string>()]
  let bornMs = Number.NEGATIVE_INFINITY
  return {
    has: (mark: string): boolean => young.has(mark) || old.has(mark),
    add(mark: string, nowMs: Millis): void {
      if (young.size >= generationMax || nowMs - bornMs > generationMs) {
        ;[young, old] = [new Set(), young]
        bornMs = nowMs
      }
      young.add(mark)
    }
  }
}

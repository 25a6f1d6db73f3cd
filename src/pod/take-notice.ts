import { toHex } from '../base/bytes.ts'
import type { Millis, PeerId, PeerKeys } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import { announcedBytes, decodeNotice, noticeInfo } from '../wire/notice.ts'
import type { NoticeDatagrams } from './datagrams.ts'
import type { Gates } from './gates.ts'
import type { Mailbox } from './mailbox.ts'

interface Parts {
  crypto: Pick<Crypto, 'hpkeOpen'>
  hpkeSecret: Uint8Array
  gates: Pick<Gates, 'address'>
  mailbox: Pick<Mailbox, 'deliver'>
  keys: Pick<PeerKeys, 'sign'>
  /** Undefined where none are taken. */
  datagrams: Pick<NoticeDatagrams, 'has'> | undefined
}

/**
 * Opens and keeps a sealed notice, whoever brought it.
 * @param peer at the other end. @returns the receipt's signature.
 * @throws {MuttrError} `NOTICE_INVALID`, `BLOB_EXPIRED`, `LIMIT_EXCEEDED`, `DISK_FULL`
 */
export async function takeNotice(
  { crypto, hpkeSecret, gates, mailbox, keys, datagrams }: Parts,
  notice: Uint8Array,
  { peer, nowMs }: { peer: PeerId; nowMs: Millis }
): Promise<Uint8Array> {
  const opened = decodeNotice(await crypto.hpkeOpen(hpkeSecret, noticeInfo, notice))
  gates.address(peer, toHex(opened.address), nowMs)
  // What came as a datagram first may have been read and acknowledged by now.
  if (!datagrams?.has(notice)) await mailbox.deliver(opened, nowMs)
  return keys.sign(announcedBytes(notice, nowMs))
}

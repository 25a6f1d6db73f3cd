import type { Random } from '../../src/base/ports.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { Successor } from '../../src/client/pod-questions.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import type { Notice } from '../../src/wire/notice.ts'

export type OnNotices = Parameters<PodLink['listen']>[0]

export interface Account {
  certificate: Certificate
  intro: Uint8Array
  notices: Notice[]
  /** Through where any device has acknowledged. */
  acknowledged: number
  /** By device key, hex. */
  devices: Map<string, Mailbox>
  /** By the fingerprint of a key that another succeeded. */
  former: Map<string, Successor>
  /** Keys of devices, hex, that may listen under a key that was left. */
  behind: Set<string>
}

/** One device's place in a mailbox. */
export interface Mailbox {
  acknowledged: number
  listener: OnNotices | undefined
}

export const newAccount = (random: Random): Omit<Account, 'certificate'> => ({
  intro: random.bytes(32),
  notices: [],
  acknowledged: 0,
  devices: new Map(),
  former: new Map(),
  behind: new Set()
})

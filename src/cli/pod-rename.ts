import type { DnsRecord } from '../wire/pod-dns.ts'
import type { OpenOptions } from './doors.ts'

export interface RenameOptions extends OpenOptions {
  home: string
  /** @property had names that it had in between, newest first, of which this copy of it knows nothing. */
  what: { to: string; had?: readonly string[] } | { forget: string }
  /** So many aliases were looked at. */
  onProgress(aliases: number): void
}

export interface PodRenamed {
  hostname: string
  /** For which it goes on to answer, newest first. */
  former: readonly string[]
  /** So many are under the former name until their people have been here. */
  aliases: number
  /** What must be in the DNS for the name of now. */
  records: DnsRecord[]
}

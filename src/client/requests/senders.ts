import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import type { Millis } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import { noticeId } from '../inbox-rows.ts'
import type { LetterRequest } from './request.ts'
import type { PodWord, RequestRow } from './rows.ts'

/** What is remembered of one waiting letter; the rest lies on the disk. */
interface Waits {
  readonly pod: string
  readonly sizeBytes: number
  readonly atMs: Millis
  readonly expiryMs: Millis
}

export interface Sender {
  /** {@link senderId} */
  readonly id: string
  readonly alias: string
  readonly fingerprint: string
  readonly contact: boolean
  word: PodWord
  /** By the notice's id. */
  readonly letters: Map<string, Waits>
}

/** Of a sender as long as it asks. Hex. */
export const senderId = ({ alias, fingerprint }: Pick<Sender, 'alias' | 'fingerprint'>): string =>
  toHex(sha256(utf8(`muttr request ${alias} ${fingerprint}`)))

/** So many letters of one sender wait at most; more are taken when they are announced again. */
const lettersMax = 20
/** So many letters wait in all. A crowd makes room for others from its own midst. */
const waitingMax = 10_000

/** Who asks to be read, and with how many letters: in memory, bounded, quick with ten thousand. */
export class Senders {
  readonly #byId = new Map<string, Sender>()
  /** Notice ids, oldest first, by the pod that vouches for their senders; of those nobody vouches for, together. */
  readonly #groups = new Map<string, Set<string>>()
  readonly #senderOf = new Map<string, Sender>()

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Sender | undefined {
    return this.#byId.get(id)
  }

  /** Whose letter this notice announces. */
  of(notice: string): Sender | undefined {
    return this.#senderOf.get(notice)
  }

  ofAlias(alias: string): Sender[] {
    return [...this.#byId.values()].filter(sender => sender.alias === alias)
  }

  all(): IterableIterator<Sender> {
    return this.#byId.values()
  }

  /** @returns the sender, or undefined when it has enough waiting. */
  add(row: RequestRow, contact: boolean): Sender | undefined {
    const id = senderId(row)
    const { alias, fingerprint, word } = row
    const sender = this.#byId.get(id) ?? {
      ...{ id, alias, fingerprint, contact, word },
      letters: new Map<string, Waits>()
    }
    if (sender.letters.size >= lettersMax) return undefined
    const { pod, sizeBytes, expiryMs } = row.notice
    const notice = noticeId(row.notice)
    sender.letters.set(notice, { pod, sizeBytes, atMs: row.atMs, expiryMs })
    this.#byId.set(id, sender)
    this.#senderOf.set(notice, sender)
    this.#groupOf(sender).add(notice)
    return sender
  }

  remove(notice: string): void {
    const sender = this.#senderOf.get(notice)
    if (!sender) return
    this.#groupOf(sender).delete(notice)
    this.#senderOf.delete(notice)
    sender.letters.delete(notice)
    if (sender.letters.size === 0) this.#byId.delete(sender.id)
  }

  /** What the pod said moves a sender out of the crowd for which nobody vouches, or back. */
  said(sender: Sender, word: PodWord): void {
    for (const notice of sender.letters.keys()) this.#groupOf(sender).delete(notice)
    sender.word = word
    for (const notice of sender.letters.keys()) this.#groupOf(sender).add(notice)
  }

  /** The notice that makes room when there are too many: the oldest of the largest crowd. */
  get surplus(): string | undefined {
    if (this.#senderOf.size <= waitingMax) return undefined
    let largest = new Set<string>()
    for (const group of this.#groups.values()) if (group.size > largest.size) largest = group
    return largest.values().next().value
  }

  clear(): void {
    this.#byId.clear()
    this.#groups.clear()
    this.#senderOf.clear()
  }

  #groupOf({ alias, word, contact }: Sender): Set<string> {
    // A slip can name any pod: by that name alone nobody's letters are pushed out.
    const name = contact || word === 'certified' ? readAlias(alias).hostname : ''
    const group = this.#groups.get(name) ?? new Set()
    this.#groups.set(name, group)
    return group
  }
}

/** As people see it. @param invited the fingerprint that a join link named for the alias */
export function showSender(
  { id, alias, fingerprint, contact, word, letters }: Sender,
  looksLike: (alias: string) => string | null,
  invited: string | null
): LetterRequest {
  const waiting = [...letters.values()].sort((a, b) => b.atMs - a.atMs)
  return {
    ...{ id, alias, fingerprint, contact },
    certifiedByPod: word === 'certified',
    looksLike: looksLike(alias),
    invited: invited === fingerprint ? null : invited,
    pod: waiting[0]!.pod,
    letters: waiting.length,
    sizeBytes: waiting.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    atMs: waiting[0]!.atMs,
    expiryMs: Math.max(...waiting.map(({ expiryMs }) => expiryMs))
  }
}

import { createHmac } from 'node:crypto'
import { isIP } from 'node:net'
import { MuttrError } from '../base/errors.ts'

/** Says of a thing only that it is the same as somewhere else in the log of this process: `~1f3a9c20`. */
export type Pseudonym = (text: string) => string

/** @param secret of this process alone: without it nobody can try names until one fits. */
export const createPseudonym =
  (secret: Uint8Array): Pseudonym =>
  text =>
    isPseudonym(text)
      ? text
      : `~${createHmac('sha256', secret).update(text).digest('hex').slice(0, 8)}`

const isPseudonym = (text: string): boolean => /^~[0-9a-f]{8}$/.test(text)

/** Longer than any message of ours; a stranger's text is cut. */
const charsMax = 4_000

/** Fingerprints, peer ids, keys, hashes and tokens, in hex, base58, base32 or base64url. */
const ids = /(?<![\w~-])(?:[0-9a-f]{16,}|(?=[\w-]*\d)[\w-]{32,})(?![\w-])/gi
const aliases = /[^\s@"'<>()[\]{},;=/]+@[\p{L}\p{N}_-][\p{L}\p{N}._-]*/gu
const maybeAddresses =
  /(?<![\w~])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*[0-9a-f:])(?!\w)/gi

/** What a text says of people and where they are, under pseudonyms: addresses of mail and of machines, ids and keys. */
const scrubText = (text: string, pseudonym: Pseudonym): string =>
  text
    .slice(0, charsMax)
    .replace(aliases, pseudonym)
    .replace(ids, pseudonym)
    .replace(maybeAddresses, found => (isIP(found) ? pseudonym(found) : found))

const depthMax = 4

/** A field of a log line as it may be written. Of an error of ours that is its code: its message is for the one it is shown to, and may name others. */
export function scrub(value: unknown, pseudonym: Pseudonym, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value, pseudonym)
  if (value instanceof Error) return scrubText(toldOf(value), pseudonym)
  if (value instanceof Uint8Array) return pseudonym(Buffer.from(value).toString('hex'))
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthMax) return '…'
  if (Array.isArray(value)) return value.map(each => scrub(each, pseudonym, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, scrub(each, pseudonym, depth + 1)])
  )
}

/** `PEER_UNREACHABLE: ECONNREFUSED`: codes down to what began it, and the words of what has none. */
function toldOf(err: Error): string {
  const told: string[] = []
  for (let at: unknown = err; at instanceof Error && told.length < depthMax; at = at.cause) {
    const { code } = at as { code?: unknown }
    const isMistake = at instanceof MuttrError && at.code === 'INTERNAL'
    told.push(typeof code === 'string' && !isMistake ? code : `${at.name}: ${at.message}`)
  }
  return told.join(': ')
}

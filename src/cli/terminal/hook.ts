import { MuttrError } from '../../base/errors.ts'
import type { Client, LetterSummary } from '../../client/client.ts'
import type { Journal } from '../doors.ts'
import { listMax } from '../ids.ts'
import { line } from '../text.ts'

/** What a hook finds of our own environment, where it is set; all else is what the letter gives it. */
const passedOn = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const

/** The whole environment of a hook: see docs/guides/cli.md#a-program-for-each-letter */
export function hookEnvironment(
  env: NodeJS.ProcessEnv,
  { home, letter, more }: { home: string; letter: LetterSummary; more: readonly string[] }
): Record<string, string> {
  const found = [...passedOn, ...more].flatMap(name => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const { from } = letter
  return {
    ...Object.fromEntries(found),
    MUTTR_HOME: home,
    MUTTR_ID: letter.id,
    MUTTR_THREAD: letter.thread,
    MUTTR_FROM: line(from.alias),
    MUTTR_FINGERPRINT: from.fingerprint,
    MUTTR_TRUST: from.verified ? 'verified' : from.certifiedByPod ? 'certified' : 'none',
    MUTTR_TO: line(letter.to),
    MUTTR_SUBJECT: line(letter.subject),
    MUTTR_TYPE: line(letter.mimeType),
    MUTTR_SENT_MS: String(letter.sentMs),
    MUTTR_RECEIVED_MS: String(letter.receivedMs)
  }
}

/** Two senders may use one id. */
const nameOf = ({ id, from }: LetterSummary): string => `${id}-${from.fingerprint}`
const pageLetters = 200

/** The letters that were not dealt with yet, oldest first. The whole list is read only when much is new. */
async function missed(client: Client, journal: Journal): Promise<LetterSummary[]> {
  for (const limit of [pageLetters, listMax]) {
    const letters = await client.inbox({ limit })
    const left = letters.filter(letter => !journal.has(nameOf(letter)))
    if (left.length < limit || limit === listMax) return left.reverse()
  }
  return []
}

interface Dealing {
  client: Client
  journal: Journal
  /** What lies there already at the very first time; else it counts as dealt with. */
  all: boolean
  /** End when everything is dealt with. */
  once: boolean
  signal: AbortSignal
  deal(letter: LetterSummary): Promise<void>
}

/**
 * Deals with each letter once, one at a time: those that came meanwhile, then each as it comes. A letter counts when `deal` has
 * resolved. @throws {MuttrError} `DAEMON_UNREACHABLE` when the node stops; `VAULT_LOCKED`
 */
export async function dealWithLetters({ client, journal, all, once, signal, deal }: Dealing) {
  // First, so that nothing falls between the list and the first event.
  const events = client.events(signal)
  if (journal.isNew && !all) {
    const before = await client.inbox({ limit: listMax })
    await journal.add(before.map(nameOf))
  }
  const catchUp = async () => {
    for (;;) {
      const letters = await missed(client, journal)
      if (letters.length === 0) return
      for (const letter of letters) {
        if (signal.aborted) return
        await deal(letter)
        await journal.add([nameOf(letter)])
      }
    }
  }
  await catchUp()
  if (once) return
  for await (const { type } of events) if (type === 'opened') await catchUp()
  if (!signal.aborted) throw new MuttrError('DAEMON_UNREACHABLE', 'the node has stopped')
}

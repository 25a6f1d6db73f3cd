import { equalBytes } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { Client, SentLetter } from '../../client/client.ts'
import { bytesOf } from './dice.ts'
import type { Fleet } from './fleet.ts'
import type { Happening } from './history.ts'
import type { Work } from './plan.ts'
import { within } from './wait.ts'

interface WorkParts {
  fleet: Fleet
  clock: Clock
  seed: string
  /** People's aliases by name. */
  aliasOf(who: string): string
  note(happening: Happening): void
}

/** A letter as it was written, and what its sender's node says of it. */
export interface Written {
  readonly from: string
  readonly to: string
  readonly body: string
  id: string | null
  key: string | null
  state: string | null
  /** When its next attempt is due, while it waits. */
  retryAtMs: number | null
  isRetracted: boolean
}

/** A node that is stopped never answers; one that is slow takes its time. */
const answerMs = 45_000
const lifeMs = 24 * 3_600_000
const listMax = 10_000

export type Workload = ReturnType<typeof createWork>

/** Does what people do, through the local APIs of their nodes, and notes what they are told. Failures are part of it. */
export function createWork({ fleet, clock, seed, aliasOf, note }: WorkParts) {
  const letters = new Map<number, Written>()
  const blobs = new Map<number, { key: string; bytes: Uint8Array }>()
  const clientOf = (who: string): Client | undefined => fleet.node(who).running?.client
  const late = () => ({ signal: within(clock, answerMs) })
  const subjectOf = (letter: number) => `Letter ${letter} of ${seed}`
  const numberOf = (subject: string): number => {
    const n = Number(/^Letter (\d+) of /.exec(subject)?.[1] ?? -1)
    return subject === subjectOf(n) ? n : -1
  }

  /** A mistake of the node's is one whatever we asked. @throws what is no answer at all, and so a mistake of the harness */
  function codeIn(err: unknown, node: string): ErrorCode {
    const code = codeOf(err)
    if (code === undefined) throw err
    if (code === 'INTERNAL') note({ type: 'mistake', node, what: (err as Error).message })
    return code
  }

  /** Runs what may fail because the node does. */
  const attempt = (node: string, work: Promise<void>): Promise<void> =>
    work.catch(err => void codeIn(err, node))

  function bodyOf({ letter, from, to, bodyBytes }: Extract<Work, { do: 'send' }>): string {
    const begin = `Dear ${to}, this is letter ${letter}. ${from}\n`
    const filler = Buffer.from(bytesOf(`${seed} letter ${letter}`, bodyBytes)).toString('base64')
    return (begin + filler).slice(0, Math.max(bodyBytes, begin.length))
  }

  async function send(work: Extract<Work, { do: 'send' }>): Promise<void> {
    const { letter, from, to } = work
    const client = clientOf(from)
    if (!client) return // who has no running node writes no letter
    const body = bodyOf(work)
    const nothing = { id: null, key: null, state: null, retryAtMs: null, isRetracted: false }
    const written: Written = { from, to, body, ...nothing }
    letters.set(letter, written)
    note({ type: 'sending', letter, from, to })
    try {
      const draft = { to: aliasOf(to), subject: subjectOf(letter), body, lifeMs }
      const sent = await client.send(draft, late())
      Object.assign(written, told(sent))
      note({ type: 'sent', letter, id: sent.id, key: sent.key, state: sent.state })
    } catch (err) {
      const code = codeIn(err, from)
      note({ type: 'unsent', letter, code, sure: !lostAnswers.has(code) })
    }
  }

  async function read(who: string): Promise<void> {
    const client = clientOf(who)
    for (const { id, subject, retracts } of (await client?.inbox({ unread: true, limit: 50 })) ??
      []) {
      const { body } = await client!.read(id)
      if (retracts !== null) continue
      const letter = numberOf(subject)
      note({ type: 'read', who, letter, same: letters.get(letter)?.body === body })
    }
  }

  /** From the moment of the wish on the letter need not come; what its sender is told must still be true. */
  async function retract(letter: number): Promise<void> {
    const written = letters.get(letter)
    const client = written && clientOf(written.from)
    if (!client || written.id === null || written.isRetracted) return
    written.isRetracted = true
    note({ type: 'retracting', letter })
    const { outcome } = await client.retract(written.id, late())
    note({ type: 'retracted', letter, outcome })
  }

  async function put({ blob, node, sizeBytes }: Extract<Work, { do: 'put' }>): Promise<void> {
    const client = clientOf(node)
    if (!client) return
    const bytes = bytesOf(`${seed} blob ${blob}`, sizeBytes)
    try {
      const { key, copies, wanted } = await client.putBlob(bytes, { lifeMs, ...late() })
      blobs.set(blob, { key, bytes })
      note({ type: 'put', blob, node, key, copies, wanted })
    } catch (err) {
      note({ type: 'unput', blob, node, code: codeIn(err, node) })
    }
  }

  /** @returns whether it was there. */
  async function get(blob: number, node: string): Promise<boolean> {
    const known = blobs.get(blob)
    const client = clientOf(node)
    if (!known || !client) return false
    try {
      const bytes = await client.getBlob(known.key, late())
      const isSame = equalBytes(bytes, known.bytes)
      note({ type: 'got', blob, node, result: isSame ? 'same' : 'other' })
      return isSame
    } catch (err) {
      note({ type: 'got', blob, node, result: codeIn(err, node) })
      return false
    }
  }

  /** Of a key that was released; a copy is noted. */
  async function fetch(key: string, node: string): Promise<void> {
    const client = clientOf(node)
    if (!client) return
    await client.getBlob(key, late())
    note({ type: 'served', node, key })
  }

  /** What a sender's node says of its letters; new words are noted. */
  async function claims(who: string, limit = listMax): Promise<void> {
    for (const sent of (await clientOf(who)?.sent({ limit })) ?? []) {
      const letter = numberOf(sent.subject)
      const written = letters.get(letter)
      if (!written) continue
      const { state, key } = sent
      if (written.state !== state || written.key !== key)
        note({ type: 'claim', letter, state, key })
      Object.assign(written, told(sent))
    }
  }

  async function inbox(who: string): Promise<void> {
    const shown = await clientOf(who)?.inbox({ limit: listMax })
    // What asks to forget a letter is one that the sender's node wrote.
    const planned = shown?.filter(({ retracts }) => retracts === null)
    const numbers = planned?.map(({ subject }) => numberOf(subject)).reverse()
    if (numbers) note({ type: 'inbox', who, letters: numbers })
  }

  /** Never rejects for what a node does. */
  async function carryOut(work: Work): Promise<void> {
    if (work.do === 'send') await send(work)
    else if (work.do === 'read') await attempt(work.who, read(work.who))
    else if (work.do === 'retract')
      await attempt(letters.get(work.letter)?.from ?? '', retract(work.letter))
    else if (work.do === 'put') await put(work)
    else if (work.do === 'get') await get(work.blob, work.node)
  }

  return {
    carryOut,
    get,
    fetch: (key: string, node: string) => attempt(node, fetch(key, node)),
    letters,
    blobs,
    claims: (who: string, limit?: number) => attempt(who, claims(who, limit)),
    inbox: (who: string) => attempt(who, inbox(who)),
    read: (who: string) => attempt(who, read(who))
  }
}

/** What says nothing about whether the letter was kept. */
const lostAnswers: ReadonlySet<string> = new Set([
  'CANCELLED',
  'DAEMON_UNREACHABLE',
  'PEER_CLOSED',
  'PEER_TIMEOUT',
  'INTERNAL'
])

const told = ({ id, key, state, waiting }: SentLetter) => ({
  id,
  key,
  state,
  retryAtMs: waiting?.retryAtMs ?? null
})

import { equalBytes } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
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
interface Written {
  readonly from: string
  readonly to: string
  readonly body: string
  id: string | null
  key: string | null
  state: string | null
  /** When its next attempt is due, while it waits. */
  retryAtMs: Millis | null
  isRetracted: boolean
}

type Of<K extends Work['do']> = Extract<Work, { do: K }>

/** A node that is stopped never answers; one that is slow takes its time. */
const answerMs: Millis = 45_000
const lifeMs: Millis = 24 * 3_600_000
const listMax = 10_000

/** What says nothing about whether the letter was kept. */
const lostAnswers: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CANCELLED',
  'DAEMON_UNREACHABLE',
  'PEER_CLOSED',
  'PEER_TIMEOUT',
  'INTERNAL'
])

/**
 * Does what people do, through the local APIs of their nodes, and notes what they are told. Nothing here rejects for what a node does;
 * who has no running node does nothing.
 */
export class Workload {
  readonly letters = new Map<number, Written>()
  readonly blobs = new Map<number, { key: string; bytes: Uint8Array }>()
  readonly #parts: WorkParts

  constructor(parts: WorkParts) {
    this.#parts = parts
  }

  async carryOut(work: Work): Promise<void> {
    if (work.do === 'send') await this.#send(work)
    else if (work.do === 'read') await this.read(work.who)
    else if (work.do === 'retract') await this.#retract(work.letter)
    else if (work.do === 'put') await this.#put(work)
    else await this.get(work.blob, work.node)
  }

  /** Reads what is unread. */
  read(who: string): Promise<void> {
    return this.#ask(who, async client => {
      for (const { id, subject, retracts } of await client.inbox({ unread: true, limit: 50 })) {
        const { body } = await client.read(id)
        if (retracts !== null) continue
        const letter = this.#numberOf(subject)
        const same = this.letters.get(letter)?.body === body
        this.#parts.note({ type: 'read', who, letter, same })
      }
    })
  }

  /** What a sender's node says of its letters; new words are noted. */
  claims(who: string): Promise<void> {
    return this.#ask(who, async client => {
      for (const sent of await client.sent({ limit: listMax })) {
        const letter = this.#numberOf(sent.subject)
        const written = this.letters.get(letter)
        if (!written) continue
        const { state, key } = sent
        if (written.state !== state || written.key !== key)
          this.#parts.note({ type: 'claim', letter, state, key })
        Object.assign(written, told(sent))
      }
    })
  }

  inbox(who: string): Promise<void> {
    return this.#ask(who, async client => {
      const shown = await client.inbox({ limit: listMax })
      // What asks to forget a letter is one that the sender's node wrote.
      const planned = shown.filter(({ retracts }) => retracts === null)
      const letters = planned.map(({ subject }) => this.#numberOf(subject)).reverse()
      this.#parts.note({ type: 'inbox', who, letters })
    })
  }

  async get(blob: number, node: string): Promise<void> {
    const known = this.blobs.get(blob)
    if (!known) return
    const { note } = this.#parts
    await this.#ask(
      node,
      async client => {
        const bytes = await client.getBlob(known.key, this.#late())
        note({ type: 'got', blob, node, result: equalBytes(bytes, known.bytes) ? 'same' : 'other' })
      },
      result => note({ type: 'got', blob, node, result })
    )
  }

  /** Of a key that was released; a copy is noted. */
  fetch(key: string, node: string): Promise<void> {
    return this.#ask(node, async client => {
      await client.getBlob(key, this.#late())
      this.#parts.note({ type: 'served', node, key })
    })
  }

  async #send(work: Of<'send'>): Promise<void> {
    const { letter, from, to } = work
    const { note, aliasOf } = this.#parts
    await this.#ask(
      from,
      async client => {
        const body = this.#bodyOf(work)
        const nothing = { id: null, key: null, state: null, retryAtMs: null, isRetracted: false }
        const written: Written = { from, to, body, ...nothing }
        this.letters.set(letter, written)
        note({ type: 'sending', letter, from, to })
        const draft = { to: aliasOf(to), subject: this.#subjectOf(letter), body, lifeMs }
        const sent = await client.send(draft, this.#late())
        Object.assign(written, told(sent))
        note({ type: 'sent', letter, id: sent.id, key: sent.key, state: sent.state })
      },
      code => note({ type: 'unsent', letter, code, sure: !lostAnswers.has(code) })
    )
  }

  /** From the moment of the wish on the letter need not come; what its sender is told must still be true. */
  async #retract(letter: number): Promise<void> {
    const written = this.letters.get(letter)
    if (!written || written.id === null || written.isRetracted) return
    const { id, from } = written
    await this.#ask(from, async client => {
      written.isRetracted = true
      this.#parts.note({ type: 'retracting', letter })
      const { outcome } = await client.retract(id, this.#late())
      this.#parts.note({ type: 'retracted', letter, outcome })
    })
  }

  async #put({ blob, node, sizeBytes }: Of<'put'>): Promise<void> {
    const { note, seed } = this.#parts
    await this.#ask(
      node,
      async client => {
        const bytes = bytesOf(`${seed} blob ${blob}`, sizeBytes)
        const stored = await client.putBlob(bytes, { lifeMs, ...this.#late() })
        const { key, copies, wanted } = stored
        this.blobs.set(blob, { key, bytes })
        note({ type: 'put', blob, node, key, copies, wanted })
      },
      code => note({ type: 'unput', blob, node, code })
    )
  }

  /** @throws what is no answer of a node, and so a mistake of the harness */
  async #ask(
    node: string,
    run: (client: Client) => Promise<void>,
    failed: (code: ErrorCode) => void = () => {}
  ): Promise<void> {
    const { fleet, note } = this.#parts
    const client = fleet.node(node).running?.client
    if (!client) return
    try {
      await run(client)
    } catch (err) {
      const code = codeOf(err)
      if (code === undefined) throw err
      if (code === 'INTERNAL') note({ type: 'mistake', node, what: (err as Error).message })
      failed(code)
    }
  }

  #late(): { signal: AbortSignal } {
    return { signal: within(this.#parts.clock, answerMs) }
  }

  #subjectOf(letter: number): string {
    return `Letter ${letter} of ${this.#parts.seed}`
  }

  /** @returns -1 for a letter that nobody planned. */
  #numberOf(subject: string): number {
    const n = Number(/^Letter (\d+) of /.exec(subject)?.[1] ?? -1)
    return subject === this.#subjectOf(n) ? n : -1
  }

  #bodyOf({ letter, from, to, bodyBytes }: Of<'send'>): string {
    const begin = `Dear ${to}, this is letter ${letter}. ${from}\n`
    const filler = bytesOf(`${this.#parts.seed} letter ${letter}`, bodyBytes)
    const text = begin + Buffer.from(filler).toString('base64')
    return text.slice(0, Math.max(bodyBytes, begin.length))
  }
}

const told = ({ id, key, state, waiting }: SentLetter) => ({
  id,
  key,
  state,
  retryAtMs: waiting?.retryAtMs ?? null
})

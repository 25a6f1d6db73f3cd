import type { Happened, Invariant, Violation } from './history.ts'

interface Letter {
  readonly from: string
  readonly to: string
  /** Its sender's node said that it has it. */
  isTaken: boolean
  /** Nobody tried to withdraw it. */
  isWanted: boolean
  id: string | null
  key: string | null
  /** The sender was told that the reader accepted it. */
  isAccepted: boolean
  /** The sender was told that it never left. */
  isCancelled: boolean
  isShown: boolean
}

const isOwed = (letter: Letter): boolean => letter.isTaken && letter.isWanted && !letter.isShown

interface Blob {
  key: string
  /** Fetched after healing. */
  isBack: boolean
}

const becauseMost = 40

/**
 * Judges a history as it grows: what happened in, violations out. It reads no clock and asks nobody, so that a history from a file is
 * judged as one that goes on.
 */
export class Checks {
  readonly #happened: Happened[] = []
  readonly #letters = new Map<number, Letter>()
  readonly #letterOfKey = new Map<string, number>()
  readonly #blobs = new Map<number, Blob>()
  /** By node: keys of which it showed a tombstone. */
  readonly #released = new Map<string, Set<string>>()
  /** Keys of which anybody showed a tombstone. */
  readonly #everReleased = new Set<string>()
  /** By node: what it would serve, when it was asked last. */
  readonly #copies = new Map<string, readonly string[]>()
  /** What inboxes showed when we looked last. */
  readonly #shown = new Map<string, ReadonlySet<number>>()
  #isHealed = false
  #isSwept = false
  readonly violations: Violation[] = []

  /** Letters that were taken and that their readers must still be shown. */
  get outstanding(): number[] {
    return [...this.#letters].filter(([, l]) => isOwed(l)).map(([n]) => n)
  }

  /** Blobs that nobody has fetched since healing. */
  get away(): number[] {
    return [...this.#blobs].filter(([, { isBack }]) => !isBack).map(([n]) => n)
  }

  get taken(): number {
    return [...this.#letters.values()].filter(letter => letter.isTaken || letter.isShown).length
  }

  get shown(): number {
    return [...this.#letters.values()].filter(letter => letter.isShown).length
  }

  /** Somebody still has something that was released. */
  get isKept(): boolean {
    return [...this.#copies.values()].flat().some(key => this.#everReleased.has(key))
  }

  /** Keys that somebody showed a tombstone of. */
  get released(): ReadonlySet<string> {
    return this.#everReleased
  }

  /** @returns what it breaks: most often nothing. */
  take(event: Happened): Violation[] {
    this.#happened.push(event)
    const before = this.violations.length
    this.#judge(event)
    return this.violations.slice(before)
  }

  #judge(event: Happened): void {
    switch (event.type) {
      case 'down':
        if (event.how === 'ended')
          this.#broken('node-ended', `${event.node} ended by itself: ${event.detail ?? ''}`, {
            node: event.node
          })
        break
      case 'mistake':
        this.#broken('node-mistaken', `${event.node}: ${event.what}`, { node: event.node })
        break
      case 'wiped':
        this.#released.delete(event.node)
        this.#copies.delete(event.node)
        break
      case 'healed':
        this.#isHealed = true
        // Asked anew: what could be fetched before the last restart says nothing about now.
        for (const blob of this.#blobs.values()) blob.isBack = false
        break
      case 'swept':
        this.#isSwept = true
        break
      case 'asked':
        this.#asked(event)
        break
      case 'served':
        this.#serves(event.node, event.key)
        break
      case 'inbox':
        this.#inbox(event)
        break
      case 'put':
      case 'got':
        this.#blob(event)
        break
      case 'end':
        this.#end()
        break
      default:
        this.#letter(event)
    }
  }

  #letter(event: Happened): void {
    if (event.type === 'sending') {
      const { from, to } = event
      const isTaken = false
      const nothing = { id: null, key: null, isAccepted: false, isCancelled: false, isShown: false }
      this.#letters.set(event.letter, { from, to, isTaken, isWanted: true, ...nothing })
      return
    }
    const letter = 'letter' in event ? this.#letters.get(event.letter) : undefined
    if (!letter) return
    switch (event.type) {
      case 'sent':
        letter.isTaken = true
        letter.id = event.id
        this.#claims(event.letter, letter, event)
        return
      case 'claim':
        letter.isTaken = true
        this.#claims(event.letter, letter, event)
        return
      case 'retracting':
        letter.isWanted = false
        return
      case 'retracted':
        if (event.outcome === 'cancelled') letter.isCancelled = true
        return
      case 'read':
        if (!event.same)
          this.#broken(
            'letter-changed',
            `${event.who} reads another text in letter ${event.letter}`,
            event
          )
    }
  }

  #claims(n: number, letter: Letter, { state, key }: { state: string; key: string | null }): void {
    if (key !== null) {
      letter.key = key
      this.#letterOfKey.set(key, n)
    }
    if (state === 'accepted') letter.isAccepted = true
  }

  #inbox({ who, letters }: Extract<Happened, { type: 'inbox' }>): void {
    const before = this.#shown.get(who)
    const seen = new Set<number>()
    for (const n of letters) {
      const letter = this.#letters.get(n)
      const twice = seen.has(n)
      seen.add(n)
      if (!letter)
        this.#brokenOnce('letter-unknown', `${who} is shown a letter that nobody wrote`, { who })
      else if (letter.to !== who)
        this.#brokenOnce('letter-strayed', `letter ${n} for ${letter.to} is shown to ${who}`, {
          letter: n,
          who
        })
      else if (twice)
        this.#brokenOnce('letter-twice', `letter ${n} is shown twice to ${who}`, { letter: n })
      else letter.isShown = true
    }
    for (const n of before ?? [])
      if (!seen.has(n))
        this.#brokenOnce(
          'letter-lost',
          `letter ${n} was shown to ${who} and is not there any more`,
          { letter: n }
        )
    this.#shown.set(who, seen)
  }

  #asked({ node, copies, tombstones }: Extract<Happened, { type: 'asked' }>): void {
    for (const key of copies) this.#serves(node, key)
    this.#copies.set(node, copies)
    const known = this.#released.get(node) ?? new Set()
    for (const key of tombstones) {
      known.add(key)
      this.#everReleased.add(key)
    }
    this.#released.set(node, known)
  }

  #serves(node: string, key: string): void {
    const about = { key, node, ...this.#letterOf(key) }
    if (this.#released.get(node)?.has(key))
      this.#brokenOnce(
        'release-undone',
        `${node} saw the release of ${key} and serves it again`,
        about
      )
    else if (this.#isSwept && this.#everReleased.has(key))
      this.#brokenOnce('release-late', `${node} still serves ${key}, which was released`, about)
  }

  #letterOf(key: string): { letter?: number } {
    const letter = this.#letterOfKey.get(key)
    return letter === undefined ? {} : { letter }
  }

  #blob(event: Extract<Happened, { type: 'put' | 'got' }>): void {
    if (event.type === 'put') {
      this.#blobs.set(event.blob, { key: event.key, isBack: false })
      return
    }
    const blob = this.#blobs.get(event.blob)
    if (event.result === 'other')
      this.#broken('blob-changed', `${event.node} gets other bytes for blob ${event.blob}`, event)
    if (blob && event.result === 'same' && this.#isHealed) blob.isBack = true
  }

  #end(): void {
    for (const [n, letter] of this.#letters) {
      const about = { letter: n, ...(letter.key === null ? {} : { key: letter.key }) }
      if (isOwed(letter))
        this.#broken(
          'letter-lost',
          `letter ${n} from ${letter.from} never reached ${letter.to}`,
          about
        )
      if (letter.isCancelled && letter.isShown)
        this.#broken('claim-false', `${letter.from} was told that letter ${n} never left`, about)
      if (letter.isAccepted && !letter.isShown)
        this.#broken(
          'claim-false',
          `${letter.from} was told that ${letter.to} accepted letter ${n}`,
          about
        )
    }
    for (const [n, { key, isBack }] of this.#blobs)
      if (!isBack) this.#broken('blob-lost', `blob ${n} cannot be fetched`, { blob: n, key })
  }

  readonly #told = new Set<string>()

  /** A state that lasts would break the same thing at every look. */
  #brokenOnce(invariant: Invariant, what: string, about: About): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    this.#broken(invariant, what, about)
  }

  #broken(invariant: Invariant, what: string, about: About): void {
    const { atMs } = this.#happened.at(-1)!
    this.violations.push({ invariant, atMs, what, because: this.#because(about) })
  }

  /** The happenings that name the letter, its id, its key, the blob or the nodes, and the faults that these nodes were under. */
  #because(about: About): Happened[] {
    const letter = about.letter === undefined ? undefined : this.#letters.get(about.letter)
    const names = new Set(
      [about.key, about.node, about.who, letter?.id, letter?.key].filter(
        n => n !== undefined && n !== null
      )
    )
    const nodes = new Set([about.node, about.who, letter?.from, letter?.to])
    const concerns = (e: Happened): boolean => {
      if (e.type === 'asked') return [...e.copies, ...e.tombstones].some(key => names.has(key))
      if (e.type === 'inbox') return false
      if (e.type === 'fault' || e.type === 'over')
        return 'node' in e.fault ? nodes.has(e.fault.node) : e.fault.nodes.some(n => nodes.has(n))
      if ('letter' in e) return e.letter === about.letter
      if ('blob' in e) return e.blob === about.blob
      if ('key' in e && names.has(e.key)) return true
      if ('id' in e) return names.has(e.id)
      if ('node' in e) return nodes.has(e.node)
      return e.type === 'healed' || e.type === 'swept'
    }
    return this.#happened
      .filter(concerns)
      .map(e => (e.type === 'asked' ? narrowed(e, names) : e))
      .slice(-becauseMost)
  }
}

interface About {
  letter?: number
  blob?: number
  key?: string
  node?: string
  who?: string
}

/** An answer for hundreds of keys, without those of others. */
const narrowed = (
  e: Extract<Happened, { type: 'asked' }>,
  keys: ReadonlySet<string>
): Happened => ({
  ...e,
  copies: e.copies.filter(key => keys.has(key)),
  tombstones: e.tombstones.filter(key => keys.has(key))
})

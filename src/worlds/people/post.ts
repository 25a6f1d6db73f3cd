import type { MuttrEvent } from '../../base/events.ts'
import type { Millis } from '../../base/ports.ts'
import type { ReceivedLetter, Retraction, SentLetter } from '../../client/client.ts'
import type { Violation } from '../../sim/result.ts'
import type { World } from '../../sim/world.ts'
import type { Plan } from './correspondence.ts'
import { textOf } from './correspondence.ts'
import type { Presence } from './presence.ts'

const hourMs: Millis = 3_600_000
/** Whoever could be reached for so long at a stretch has had an attempt of everything: waits grow to an hour, with a pod to five minutes. */
const enoughMs: Millis = 2 * hourMs
/** What is kept of the way of a letter or a blob. */
const storyMax = 64

/** A letter of the workload, and what each side says of it. */
export interface Posted {
  readonly plan: Plan
  readonly sentMs: Millis
  /** Since when its writer's client answers for it. */
  takenMs: Millis | undefined
  id: string
  key: string | null
  expiryMs: Millis
  announcedMs: Millis | undefined
  deliveredMs: Millis | undefined
  /** Its reader showed to a quorum that it has the letter. */
  releasedMs: Millis | undefined
  acceptedMs: Millis | undefined
  /** Asked back, and called back: `cancelled` before it left. */
  askedBackMs: Millis | undefined
  back: 'cancelled' | 'withdrawn' | undefined
  expired: boolean
}

interface Parts {
  world: World
  presence: Presence
  /** Whether the pod of this person lies: then nobody promises that letters arrive. */
  liesTo(person: number): boolean
}

/**
 * Knows of every letter, by what clients tell, and judges: what a client took arrives in time, once, unchanged, with its reader alone;
 * nobody claims what is not so. Source: docs/decisions/033-people-in-worlds.md
 */
export class Post {
  readonly violations: Violation[] = []
  readonly letters: Posted[] = []
  /** Drafts that their client refused. */
  refused = 0
  retries = 0
  pushes = 0
  playbacks = 0
  /** That correspondents gave each other: each comes as a notice. */
  addresses = 0
  /** Called back in time by all that anybody knew, and read all the same. */
  readThoughBack = 0
  readonly #p: Parts
  readonly #byNumber = new Map<number, Posted>()
  readonly #byId = new Map<string, Posted>()
  readonly #byKey = new Map<string, Posted>()
  /** By letter and by key, for what is told before the letter is known by both. */
  readonly #stories = new Map<string, { at: number; line: string }[]>()
  /** Keys that their reader refused before the writer had told them. */
  readonly #refusals = new Map<string, { person: number; code: string; atMs: Millis }>()
  #told = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  begun(plan: Plan): Posted {
    const { nowMs } = this.#p.world
    const fate = { announcedMs: undefined, deliveredMs: undefined, releasedMs: undefined }
    const claims = { acceptedMs: undefined, askedBackMs: undefined, back: undefined }
    const posted: Posted = {
      ...{ plan, sentMs: nowMs, takenMs: undefined, id: '', key: null, expiryMs: nowMs },
      ...{ ...fate, ...claims, expired: false }
    }
    this.#byNumber.set(plan.n, posted)
    return posted
  }

  /** The writer's client has it on the disk. */
  took(posted: Posted, { id, key, expiryMs, announced }: SentLetter): void {
    const { world } = this.#p
    Object.assign(posted, { takenMs: world.nowMs, id, key, expiryMs })
    if (announced) posted.announcedMs = announced.atMs
    this.letters.push(posted)
    this.#byId.set(id, posted)
    this.#link(posted)
    world.note('letter', posted.plan.n, posted.plan.from, posted.plan.to)
    world.after(Math.max(0, expiryMs - world.nowMs), () => this.#expire(posted))
  }

  #link(posted: Posted): void {
    const { key } = posted
    if (key === null) return
    this.#byKey.set(key, posted)
    const early = this.#refusals.get(key)
    if (!early) return
    this.#refusals.delete(key)
    this.#judgeRefusal(posted, early)
  }

  /** What a client told, whose person reads or writes. */
  heard(person: number, event: MuttrEvent): void {
    const { nowMs } = this.#p.world
    const name = 'letter' in event ? event.letter : 'key' in event ? event.key : undefined
    if (name !== undefined) this.#tell(name, `person ${person}: ${lineOf(event)}`)
    switch (event.type) {
      case 'waiting':
        this.retries += 1
        break
      case 'notified':
        if (event.how === 'push') this.pushes += 1
        else this.playbacks += 1
        break
      case 'address':
        if (event.what === 'taken') this.addresses += 1
        break
      case 'announced':
        this.#of(event.letter, letter => {
          letter.announcedMs ??= nowMs
        })
        break
      case 'accepted':
        this.#of(event.letter, letter => this.#accepted(letter))
        break
      case 'withdrawn':
        this.#of(event.letter, letter => this.#withdrawn(letter, event.took))
        break
      case 'released':
        this.#released(event.key, person)
        break
      case 'refused':
        this.#refusedBy(person, event.key, event.code)
        break
    }
  }

  /** A client shows a letter to its person. */
  opened(person: number, letter: ReceivedLetter): void {
    const { nowMs } = this.#p.world
    const posted = this.#byNumber.get(Number(letter.subject))
    this.#tell(letter.id, `person ${person} reads it`)
    if (letter.retracts !== null) return
    const wrong = wrongReading(person, letter, posted)
    if (wrong !== undefined) this.#broken(posted, wrong)
    if (!posted || person !== posted.plan.to || posted.deliveredMs !== undefined) return
    posted.id ||= letter.id
    posted.key ??= letter.key
    posted.deliveredMs = nowMs
    this.#p.world.note('delivered', posted.plan.n, nowMs - posted.sentMs)
    if (posted.back === 'cancelled')
      this.#broken(posted, `${nameOf(posted)} was called cancelled before it left, and is read`)
    if (posted.back === 'withdrawn') this.readThoughBack += 1
  }

  /** The writer asks for it back now. */
  askedBack(posted: Posted): void {
    posted.askedBackMs = this.#p.world.nowMs
    this.#tell(posted.id, `person ${posted.plan.from} wants it back`)
  }

  retracted(posted: Posted, outcome: Retraction['outcome']): void {
    this.#tell(posted.id, `person ${posted.plan.from} is told: ${outcome}`)
    if (outcome !== 'cancelled') return
    posted.back = 'cancelled'
    if (posted.deliveredMs === undefined) return
    this.#broken(posted, `${nameOf(posted)} is called cancelled before it left, and was read`)
  }

  /** Taken, and neither delivered nor called back nor expired. */
  get waiting(): Posted[] {
    return this.letters.filter(
      ({ deliveredMs, back, expired }) => deliveredMs === undefined && !back && !expired
    )
  }

  /** What the writer's disk says of a letter that is still on its way. @param stage undefined when it is not there. */
  judgeKept(posted: Posted, stage: string | undefined): void {
    if (stage === undefined)
      this.#broken(posted, `${nameOf(posted)} was taken, and its writer's client knows it no more`)
    else if (stage === 'expired')
      this.#broken(posted, `${nameOf(posted)} is called expired before its time`)
  }

  #of(id: string, judge: (posted: Posted) => void): void {
    const posted = this.#byId.get(id)
    if (posted) judge(posted)
  }

  #accepted(posted: Posted): void {
    posted.acceptedMs ??= this.#p.world.nowMs
    if (posted.deliveredMs === undefined)
      this.#broken(posted, `${nameOf(posted)} is called accepted, and its reader does not have it`)
  }

  #withdrawn(posted: Posted, took: number): void {
    if (took === 0) return // it had not left: judged when its writer is told
    posted.back = 'withdrawn'
    if (posted.deliveredMs === undefined) return
    this.readThoughBack += 1
    const { releasedMs, askedBackMs } = posted
    if (releasedMs !== undefined && askedBackMs !== undefined && releasedMs < askedBackMs)
      this.#broken(posted, `${nameOf(posted)} is called withdrawn, and was accepted before`)
  }

  #released(key: string, person: number): void {
    const posted = this.#byKey.get(key)
    if (posted?.plan.to === person) posted.releasedMs ??= this.#p.world.nowMs
  }

  #refusedBy(person: number, key: string, code: string): void {
    const refusal = { person, code, atMs: this.#p.world.nowMs }
    const posted = this.#byKey.get(key)
    if (posted) this.#judgeRefusal(posted, refusal)
    else this.#refusals.set(key, refusal)
  }

  #judgeRefusal(posted: Posted, refusal: { person: number; code: string; atMs: Millis }): void {
    const { plan, expiryMs, askedBackMs, deliveredMs } = posted
    const isFree = askedBackMs !== undefined || deliveredMs !== undefined
    if (refusal.person !== plan.to || refusal.atMs >= expiryMs || isFree) return
    this.#broken(posted, `${nameOf(posted)} is refused by its reader: ${refusal.code}`)
  }

  /** The network keeps it no longer: whoever could have had it and has not, never will. */
  #expire(posted: Posted): void {
    const { presence, liesTo } = this.#p
    const { plan, deliveredMs, announcedMs, back, askedBackMs, expiryMs } = posted
    posted.expired = true
    if (deliveredMs !== undefined || back || askedBackMs !== undefined) return
    if (announcedMs === undefined || liesTo(plan.to)) return
    const thereMs = presence.longestMs(plan.to, announcedMs, expiryMs)
    if (thereMs < enoughMs) return
    const hours = (thereMs / hourMs).toFixed(1)
    const what = `expired unread, and its reader could be reached for ${hours} hours`
    this.#broken(posted, `${nameOf(posted)} ${what}`)
  }

  #tell(name: string, what: string): void {
    let story = this.#stories.get(name)
    if (!story) this.#stories.set(name, (story = []))
    story.push({ at: ++this.#told, line: `${this.#p.world.nowMs}: ${what}` })
    if (story.length > storyMax) story.shift()
  }

  #broken(posted: Posted | undefined, what: string): void {
    const { world } = this.#p
    const names = posted ? [posted.id, posted.key ?? ''] : []
    const told = names.flatMap(name => this.#stories.get(name) ?? [])
    const chain = told.sort((a, b) => a.at - b.at).map(({ line }) => line)
    world.note('broken', what)
    this.violations.push({ atMs: world.nowMs, what, chain })
  }
}

const nameOf = ({ plan }: Posted): string =>
  `the letter ${plan.n} of person ${plan.from} to person ${plan.to}`

/** What is not right about somebody who reads a letter. */
function wrongReading(
  person: number,
  { body }: ReceivedLetter,
  posted: Posted | undefined
): string | undefined {
  if (!posted) return `person ${person} reads a letter that nobody wrote`
  const { plan, deliveredMs } = posted
  const name = nameOf(posted)
  if (person !== plan.to) return `${name} is read by person ${person}`
  if (body !== textOf(plan)) return `${name} is read with another text than was written`
  return deliveredMs === undefined ? undefined : `${name} is read twice`
}

/** An event without what names the letter, which stands above it. */
function lineOf(event: MuttrEvent): string {
  const { type, ...rest } = event
  const said = Object.entries(rest).filter(([name]) => name !== 'letter' && name !== 'key')
  return [type, ...said.map(([name, value]) => `${name} ${value}`)].join(', ')
}

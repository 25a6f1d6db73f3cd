import { limits } from '../base/limits.ts'
import type { Contact, Millis, PeerId } from '../base/ports.ts'
import { Avoided } from './avoided.ts'
import { Batches, Slots } from './batches.ts'
import { Budget } from './budget.ts'
import type { Duty } from './duty.ts'
import type { Push } from './push-queue.ts'
import { nameOfKey, PushQueue } from './push-queue.ts'
import type {
  AskAction,
  Batch,
  DropAction,
  Proof,
  ProveAction,
  PushAction,
  Pushed,
  RepairAction,
  RepairAnswer,
  RepairTask
} from './repair-actions.ts'
import { Unheard } from './unheard.ts'

export interface RepairPlanOptions {
  /** R. */
  replicas: number
  /** What may be sent within an hour. */
  bytesPerHour: number
  /** Between the first time that R nearer peers proved their copies and the second one, after which ours is dropped. */
  graceMs: Millis
  nowMs: Millis
  /** After which those that did not answer are asked again, twice as long each time. */
  retryMs: Millis
  /** Requests under way at a time. */
  inFlightMax?: number
  /** Keys compared at a time. */
  tasksMax?: number
  /** Pushes that wait. */
  pushesMax?: number
}

interface Task extends RepairTask {
  readonly name: string
  readonly answers: Map<PeerId, RepairAnswer | 'failed'>
  /** Who proved its copy, once the drop of ours is considered. */
  proofs: Set<PeerId> | undefined
  /** Challenges waiting or under way. */
  challenges: number
  released: boolean
}

/** One in so many claims of a copy is challenged. */
const sampledOf = 16
const perPeerMax = 2
/** Keys remembered whose R nearer peers proved their copies; the turn of others comes when these are done. */
const provedMax = 20_000
const provedForgottenMs: Millis = 7 * 86_400_000
const againMax = 4_096
const givenMax = 4_096
/** Upper bounds of what a request takes beside keys, bytes or tombstone. */
const askBytes = 128
const keyBytes = 36
const pushBytes = 640

/**
 * Keeps copies where they belong, as a machine: it is told which keys we hold and whom to compare them with, says whom to ask, what to push
 * and what to drop, and is told what came of it. It sends within a budget, the fewest known copies first, and believes nobody: claims are
 * challenged by lot, and nothing is dropped without proofs. Source: docs/protocol/dht.md#repair
 */
export class RepairPlan {
  readonly #o: Required<RepairPlanOptions>
  readonly #budget: Budget
  readonly #pushes: PushQueue
  readonly #slots: Slots<RepairAction>
  readonly #avoided = new Avoided()
  readonly #unheard: Unheard
  readonly #tasks = new Map<string, Task>()
  readonly #asking = new Batches<Task>(limits.haveKeysMax)
  readonly #proving = new Batches<Task>(limits.haveChallengedKeysMax)
  readonly #drops: DropAction[] = []
  /** When R nearer peers first proved their copies. */
  readonly #proved = new Map<string, Millis>()
  /** What was lately given to whom. */
  readonly #given = new Set<string>()
  #again = new Map<string, Uint8Array>()
  #checked = 0

  constructor(options: RepairPlanOptions) {
    this.#o = { inFlightMax: 8, tasksMax: 1_024, pushesMax: 4_096, ...options }
    this.#budget = new Budget(options.bytesPerHour, options.nowMs)
    this.#pushes = new PushQueue(this.#o.pushesMax)
    this.#slots = new Slots(this.#o.inFlightMax, perPeerMax)
    this.#unheard = new Unheard(options.retryMs)
  }

  /** Keys compared since the start. */
  get checked(): number {
    return this.#checked
  }

  /** Keys being compared, and pushes that wait. */
  get waiting(): number {
    return this.#tasks.size + this.#pushes.size
  }

  get hasRoom(): boolean {
    return this.#tasks.size < this.#o.tasksMax
  }

  /** No key is being compared. */
  get compared(): boolean {
    return this.#tasks.size === 0
  }

  get idle(): boolean {
    return this.waiting === 0 && this.#slots.empty && this.#drops.length === 0
  }

  /** It lied, loses what it is given, or has no room: somebody else shall hold what belongs to it. */
  avoids(peer: PeerId, nowMs: Millis): boolean {
    return this.#avoided.has(peer, nowMs)
  }

  get hasAgain(): boolean {
    return this.#again.size > 0
  }

  /** Keys to be compared anew, since others belong to their circles now; forgotten by asking. */
  takeAgain(): Uint8Array[] {
    const keys = [...this.#again.values()]
    this.#again = new Map()
    return keys
  }

  /** @returns whether pushes were forgotten because too many waited, since it was last asked. */
  takeOverflow(): boolean {
    return this.#pushes.takeOverflow()
  }

  /** Compares a key with its circle, unless that is under way, or the key is in its time of grace. */
  add(task: RepairTask, nowMs: Millis): void {
    const name = nameOfKey(task.key)
    const running = this.#tasks.get(name)
    if (running) {
      if (!isSameCircle(running, task)) this.#redo(task.key)
      return
    }
    const firstMs = this.#proved.get(name)
    if (task.inside) this.#proved.delete(name)
    else if (firstMs !== undefined && nowMs < firstMs + this.#o.graceMs) return
    const released = task.kind === 'tombstone'
    const state = { answers: new Map(), proofs: undefined, challenges: 0, released }
    const begun: Task = { ...task, ...state, name }
    this.#tasks.set(name, begun)
    for (const contact of task.circle) this.#asking.add(contact, begun)
    if (task.circle.length === 0) this.#settle(begun, nowMs)
  }

  /**
   * What to do now.
   * @param flush no more keys will come soon, so that requests go out that could hold more.
   */
  poll(nowMs: Millis, { flush }: { flush: boolean }): RepairAction[] {
    for (const key of this.#unheard.take(nowMs)) this.#redo(key)
    const out: RepairAction[] = this.#drops.splice(0)
    const isFlush = flush || !this.hasRoom
    while (!this.#slots.full) {
      const next = this.#batch('ask', nowMs, isFlush) ?? this.#batch('prove', nowMs, isFlush)
      const action = next ?? this.#push(nowMs)
      if (!action) break
      out.push(this.#slots.begin(action, action.contact))
    }
    return out
  }

  /** When {@link poll} can have something new without any key or report. */
  wakeMs(nowMs: Millis): Millis {
    if (this.#slots.full) return Number.POSITIVE_INFINITY
    const asks = !this.#asking.empty || !this.#proving.empty
    const push = this.#pushes.first(this.#free(nowMs))
    const costs = [
      ...(asks ? [askCost(limits.haveKeysMax)] : []),
      ...(push ? [pushCost(push)] : [])
    ]
    const due = costs.map(bytes => this.#budget.whenMs(bytes, nowMs)).filter(at => at > nowMs)
    return Math.min(this.#avoided.nextMs(nowMs), this.#unheard.nextMs, ...due)
  }

  /**
   * @param answers one for each key of the action, in its order.
   * @param dice from 0 to 1: which claim is challenged, if one is.
   */
  answered(
    action: AskAction,
    answers: readonly RepairAnswer[],
    { nowMs, dice }: { nowMs: Millis; dice: number }
  ): void {
    if (!this.#slots.end(action)) return
    const { contact } = action
    const tasks = this.#tasksOf(action)
    const claims: Task[] = []
    for (const [i, task] of tasks.entries()) {
      const answer = answers[i]
      if (!task || !answer) continue
      task.answers.set(contact.peer, answer)
      if (answer === 'released' || answer === 'behind') task.released = true
      if (answer === 'blob' && task.inside && !task.released) claims.push(task)
      if (answer === 'none' && this.#given.delete(task.name + contact.peer))
        this.#strike(contact, false, nowMs)
    }
    const sampled = claims[Math.floor(dice * Math.max(sampledOf, claims.length))]
    if (sampled) this.#challenge(sampled, contact)
    for (const task of tasks) this.#settleIfHeard(task, nowMs)
  }

  /** @param proofs one for each key of the action, in its order. */
  proved(action: ProveAction, proofs: readonly Proof[], { nowMs }: { nowMs: Millis }): void {
    if (!this.#slots.end(action)) return
    const { contact } = action
    const tasks = this.#tasksOf(action)
    for (const [i, task] of tasks.entries()) {
      const proof = proofs[i]
      if (!task || !proof) continue
      task.challenges -= 1
      if (proof === 'proved') task.proofs?.add(contact.peer)
      if (proof === 'proved' || proof === 'unknown') continue
      task.answers.set(contact.peer, proof === 'released' ? proof : 'none')
      if (proof === 'released') task.released = true
      else this.#strike(contact, proof === 'lie', nowMs)
    }
    for (const task of tasks) this.#settleIfHeard(task, nowMs)
  }

  /** No answer; `later` when it has had enough of us. */
  failed(action: AskAction | ProveAction, how: 'away' | 'later', { nowMs }: { nowMs: Millis }) {
    if (!this.#slots.end(action)) return
    const { peer } = action.contact
    if (how === 'later') this.#avoided.slow(peer, nowMs)
    for (const task of this.#tasksOf(action)) {
      if (task && action.type === 'prove') task.challenges -= 1
      else task?.answers.set(peer, 'failed')
      this.#settleIfHeard(task, nowMs)
    }
  }

  /** @param sentBytes what was really sent. */
  pushed(
    action: PushAction,
    how: Pushed,
    { nowMs, sentBytes }: { nowMs: Millis; sentBytes: number }
  ): void {
    if (!this.#slots.end(action)) return
    this.#budget.giveBack(pushCost(action) - sentBytes)
    const { type: _, ...push } = action
    const { contact, key } = push
    if (how === 'taken' && push.kind === 'blob') this.#remember(nameOfKey(key) + contact.peer)
    if (how === 'away') this.#unheard.missed(nameOfKey(key), key, nowMs)
    if (how === 'released' || how === 'refused') this.#strike(contact, false, nowMs)
    const isFull = how === 'full' || (how === 'later' && this.#avoided.slow(contact.peer, nowMs))
    if (how === 'later' && !isFull) this.#pushes.put(push)
    if (isFull) {
      this.#avoided.fill(contact.peer, nowMs)
      this.#moveAway(contact)
    }
    // A tombstone that we could not keep would be looked for again and again.
    const isGone = how === 'gone' && push.kind === 'blob'
    if (isFull || isGone || how === 'released') this.#redo(key)
  }

  #tasksOf({ keys }: Batch): (Task | undefined)[] {
    return keys.map(key => this.#tasks.get(nameOfKey(key)))
  }

  #strike(contact: Contact, isLie: boolean, nowMs: Millis): void {
    if (this.#avoided.strike(contact.peer, isLie, nowMs)) this.#moveAway(contact)
  }

  /** What waits for a peer that is passed over from now on is for others to hold. */
  #moveAway({ peer }: Contact): void {
    for (const { key } of this.#pushes.removeAll(peer)) this.#redo(key)
  }

  #redo(key: Uint8Array): void {
    if (this.#again.size < againMax) this.#again.set(nameOfKey(key), key)
  }

  #remember(given: string): void {
    this.#given.add(given)
    if (this.#given.size > givenMax) this.#given.delete(this.#given.values().next().value!)
  }

  #challenge(task: Task, contact: Contact): void {
    task.challenges += 1
    this.#proving.add(contact, task)
  }

  #settleIfHeard(task: Task | undefined, nowMs: Millis): void {
    if (!task || task.challenges > 0 || task.answers.size < task.circle.length) return
    if (this.#tasks.get(task.name) === task) this.#settle(task, nowMs)
  }

  /** All that were asked have answered, or never will. */
  #settle(task: Task, nowMs: Millis): void {
    if (this.#mayDrop(task)) {
      if (!task.proofs) {
        task.proofs = new Set()
        for (const contact of task.circle) this.#challenge(task, contact)
        return
      }
      this.#dropWhenDue(task, nowMs)
    }
    this.#tasks.delete(task.name)
    this.#checked += 1
    const { key, lengthBytes, released, answers } = task
    const said = [...answers.values()]
    if (said.includes('none')) this.#proved.delete(task.name)
    if (said.includes('failed')) this.#unheard.missed(task.name, key, nowMs)
    else this.#unheard.heard(task.name)
    let copies = (task.inside ? 1 : 0) + said.filter(answer => answer === 'blob').length
    const kind = kindOf(task)
    for (const contact of task.circle) {
      const answer = answers.get(contact.peer)
      const serves = released && (answer === 'blob' || answer === 'behind')
      if (answer !== 'none' && !serves) continue
      if (this.#avoided.has(contact.peer, nowMs)) {
        this.#redo(key)
        continue
      }
      this.#pushes.put({ key, kind, lengthBytes, contact, copies, heardMs: nowMs })
      copies += 1 // the next one is less urgent than another key's first
    }
  }

  /** We are none of the R nearest, and each of these says that it has a copy. */
  #mayDrop({ inside, keep, released, circle, answers }: Task): boolean {
    if (inside || keep || released || circle.length < this.#o.replicas) return false
    return circle.every(({ peer }) => answers.get(peer) === 'blob')
  }

  #dropWhenDue({ name, key, circle, proofs }: Task, nowMs: Millis): void {
    if (!circle.every(({ peer }) => proofs!.has(peer))) return
    const firstMs = this.#proved.get(name)
    if (firstMs !== undefined && nowMs >= firstMs + this.#o.graceMs) {
      this.#proved.delete(name)
      this.#drops.push({ type: 'drop', key })
    } else if (firstMs === undefined) this.#rememberProof(name, nowMs)
  }

  /** Those of keys that expired meanwhile are never asked for again. */
  #rememberProof(name: string, nowMs: Millis): void {
    for (const [other, firstMs] of this.#proved) {
      if (nowMs - firstMs < this.#o.graceMs + provedForgottenMs) break
      this.#proved.delete(other)
    }
    if (this.#proved.size < provedMax) this.#proved.set(name, nowMs)
  }

  #free(nowMs: Millis): (peer: PeerId) => boolean {
    return peer => this.#slots.isFree(peer) && !this.#avoided.isSlow(peer, nowMs)
  }

  #batch(
    type: 'ask' | 'prove',
    nowMs: Millis,
    flush: boolean
  ): AskAction | ProveAction | undefined {
    const found = (type === 'ask' ? this.#asking : this.#proving).take({
      free: this.#free(nowMs),
      flush,
      admit: size => this.#budget.take(askCost(size), nowMs)
    })
    if (!found) return undefined
    const { contact, items } = found
    const keys = items.map(({ key }) => key)
    const kinds = items.map(kindOf)
    return type === 'ask' ? { type, contact, keys, kinds } : { type, contact, keys }
  }

  #push(nowMs: Millis): PushAction | undefined {
    const push = this.#pushes.first(this.#free(nowMs))
    if (!push || !this.#budget.take(pushCost(push), nowMs)) return undefined
    this.#pushes.remove(push)
    return { ...push, type: 'push' }
  }
}

const kindOf = ({ released }: Task) => (released ? 'tombstone' : 'blob')
const askCost = (keys: number): number => askBytes + keys * keyBytes
const pushCost = ({ kind, lengthBytes }: Push): number =>
  pushBytes + (kind === 'blob' ? lengthBytes : limits.tombstoneBytesMax)

const isSameCircle = (a: Duty, b: Duty): boolean =>
  a.inside === b.inside &&
  a.circle.length === b.circle.length &&
  a.circle.every(({ peer }, i) => peer === b.circle[i]!.peer)

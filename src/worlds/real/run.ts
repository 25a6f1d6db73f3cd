import { fromHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Millis, PlaceOf } from '../../base/ports.ts'
import { compareDistance } from '../../routing/distance.ts'
import type { EngineOptions, RunResult } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { Counts, Errands, Seen, Traffic } from '../full/figures.ts'
import { figuresOf, rowOf, tablesOf } from '../full/figures.ts'
import { settleMsOf } from '../full/parameters.ts'
import type { Looked } from '../full/workload.ts'
import { RealBlobs } from './blobs.ts'
import { Fleet } from './fleet.ts'
import type { RealPlan, Step } from './plan.ts'

const hourMs: Millis = 3_600_000
/** Puts under way at a time before the first hour, and seeds that look around. */
const atOnce = 16
/** What a busy machine may take to load a seed's program, many times over. */
const prepareMs: Millis = 30_000
const tellEveryMs: Millis = 1_000
/** For a blob that has to be there at the start. */
const triesMax = 5

interface Parts {
  scenario: Scenario
  plan: RealPlan
  options: EngineOptions
  clock: Clock
  placeOf: PlaceOf
  fleet: Omit<
    ConstructorParameters<typeof Fleet>[0],
    'placeOf' | 'signal' | 'keys' | 'note' | 'onFail'
  >
}

type DoingOf<T extends Step['type']> = Extract<Step, { type: T }>

/** Does what a plan says, at its time, and counts. */
export class RealRun implements AsyncDisposable {
  readonly #p: Parts
  readonly #fleet: Fleet
  readonly #blobs = new RealBlobs()
  readonly #failed = new AbortController()
  readonly #stop: AbortSignal
  readonly #underWay = new Set<Promise<void>>()
  /** Rows, one after the other. */
  #measured: Promise<void> = Promise.resolve()
  #zeroMs: Millis
  readonly #rows: (number | string)[][] = []
  readonly #putMs: Millis[] = []
  readonly #getMs: Millis[] = []
  readonly #looked: Looked[] = []
  #putsBefore = 0
  #putsFailed = 0
  #gets = 0
  #found = 0
  #diedBytes = 0
  #begun = false
  /** Steps done, and steps looked at for who comes. */
  #done = 0
  #prepared = 0

  constructor(parts: Parts) {
    this.#p = parts
    this.#zeroMs = parts.clock.now()
    this.#stop = AbortSignal.any([parts.options.signal, this.#failed.signal])
    this.#fleet = new Fleet({
      ...parts.fleet,
      placeOf: parts.placeOf,
      signal: this.#stop,
      keys: () => this.#blobs.living(parts.clock.now()),
      note: (type, ...fields) => this.#note(type, ...fields),
      onFail: err => this.#failed.abort(err)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failed.abort(new MuttrError('CANCELLED', 'the run is over'))
    await this.#fleet[Symbol.asyncDispose]()
  }

  /** @throws {MuttrError} `CANCELLED`, and what a process failed with */
  async run(): Promise<RunResult> {
    const { scenario, plan, clock } = this.#p
    await this.#begin()
    const start = await this.#count()
    this.#zeroMs = clock.now()
    this.#begun = true
    this.#putsBefore = this.#putMs.length
    this.#note('begin')
    let last = start.counts
    for (const step of plan.steps) {
      await this.#until(this.#zeroMs + step.atMs)
      if (step.type === 'row')
        this.#measured = this.#measured.then(async () => {
          last = await this.#row(step, last)
        })
      else this.#keep(this.#do(step))
      this.#done += 1
    }
    await this.#unlessStopped(Promise.all([this.#measured, ...this.#underWay]))
    return this.#result(scenario, start, await this.#unlessStopped(this.#count()))
  }

  /** All come, know each other, and hold what is there from the start. */
  async #begin(): Promise<void> {
    const { scenario, plan } = this.#p
    const all = Array.from({ length: scenario.nodes }, (_, i) => i)
    if (scenario.population.begins === 'settled')
      await this.#unlessStopped(this.#fleet.comeSettled(scenario.nodes))
    else {
      // The first is there alone, and whoever comes next finds it.
      await this.#unlessStopped(this.#fleet.come(0))
      await this.#unlessStopped(Promise.all(all.slice(1).map(i => this.#fleet.come(i))))
      // Who came early has not met who came late.
      await this.#crowd(all, async i => void (await (await this.#fleet.at(i))?.ask('join', {})))
    }
    await this.#until(this.#p.clock.now() + settleMsOf(scenario))
    await this.#crowd(plan.first, async step => {
      for (let tries = 0; tries < triesMax; tries++) if (await this.#put(step)) return
    })
  }

  async #crowd<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
    const left = [...all]
    const worker = async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one)
    }
    await this.#unlessStopped(Promise.all(Array.from({ length: atOnce }, worker)))
  }

  #keep(work: Promise<unknown>): void {
    const kept = work.then(
      () => {},
      err => this.#failed.abort(err)
    )
    this.#underWay.add(kept)
    void kept.then(() => this.#underWay.delete(kept))
  }

  #do(step: Exclude<Step, { type: 'row' }>): Promise<unknown> {
    switch (step.type) {
      case 'come':
        return this.#fleet.come(step.node)
      case 'leave':
        return this.#fleet.leave(step.node)
      case 'die':
        return this.#die(step)
      case 'put':
        return this.#put(step)
      case 'get':
        return this.#get(step)
      case 'lookup':
        return this.#lookUp(step)
    }
  }

  async #die({ node }: { node: number }): Promise<void> {
    const { held } = await this.#fleet.die(node)
    for (const blob of held) this.#diedBytes += this.#blobs.get(blob)?.sizeBytes ?? 0
  }

  /** @returns whether it was acknowledged. */
  async #put({ node, blob, sizeBytes, lifeMs }: DoingOf<'put'>): Promise<boolean> {
    const seat = await this.#fleet.at(node)
    if (!seat) return false
    try {
      const { ms, ...put } = await seat.ask('put', { sizeBytes, lifeMs })
      this.#putMs.push(ms)
      this.#blobs.acknowledged({ blob, sizeBytes, ...put }, node, this.#atMs)
      this.#note('put', node, put.key.slice(0, 16))
      return true
    } catch (err) {
      if (codeOf(err) !== 'CANCELLED') this.#putsFailed += 1
      this.#note('put failed', node, codeOf(err) ?? String(err))
      return false
    }
  }

  async #get({ node, blob }: { node: number; blob: number }): Promise<void> {
    const { clock } = this.#p
    const seat = await this.#fleet.at(node)
    const held = this.#blobs.get(blob)
    if (!seat || !held) return
    let isFound = false
    try {
      const { hash, ms } = await seat.ask('get', { key: held.key })
      isFound = true
      this.#getMs.push(ms)
      this.#blobs.compare(held, hash, node, this.#atMs)
    } catch (err) {
      if (codeOf(err) === 'CANCELLED' || held.expiryMs <= clock.now()) return // its asker left, or it ended
    }
    this.#gets += 1
    if (isFound) this.#found += 1
    this.#note(isFound ? 'got' : 'not found', node, held.key.slice(0, 16))
  }

  async #lookUp({ node, place }: DoingOf<'lookup'>): Promise<void> {
    const { scenario, placeOf } = this.#p
    const seat = await this.#fleet.at(node)
    if (!seat) return
    const target = fromHex(place, 32)!
    const others = this.#fleet.online.map(({ seat }) => seat!.ready.peer)
    const expected = others
      .filter(peer => peer !== seat.ready.peer)
      .sort((a, b) => compareDistance(target, placeOf(a), placeOf(b)))
      .slice(0, scenario.parameters.k)
    try {
      const { peers, requests, hops, ms } = await seat.ask('lookup', { place })
      const exact =
        peers.length === expected.length && peers.every((peer, i) => peer === expected[i])
      this.#looked.push({ requests, hops, ms, exact })
      this.#note('looked up', node, requests, hops, Number(exact))
    } catch {
      this.#note('lookup ended', node)
    }
  }

  async #row({ atHours, gets }: DoingOf<'row'>, last: Counts): Promise<Counts> {
    const living = this.#blobs.living(this.#p.clock.now())
    await this.#fleet.look(living)
    const { online } = this.#fleet
    const holdersOf = (members: typeof online) =>
      living.map(({ blob }) =>
        members.filter(({ held }) => held.has(blob)).map(({ index }) => index)
      )
    this.#blobs.judge(living, holdersOf(this.#fleet.living), this.#atMs)
    const copies = holdersOf(online).map(({ length }) => length)
    const { lost } = this.#blobs
    for (const get of gets) await this.#get(get)
    const { counts } = await this.#count()
    const row = rowOf({ atHours, online: online.length, copies, lost }, last, counts)
    this.#rows.push(row)
    this.#note('row', ...row)
    return counts
  }

  async #count(): Promise<Start> {
    const { sent, pushedBytes, errands, dialMs, onlineHours } = await this.#fleet.counts()
    const messages = [...sent.values()].reduce((sum, { requests }) => sum + requests, 0)
    const [gets, found, diedBytes] = [this.#gets, this.#found, this.#diedBytes]
    const counts = { messages, repairBytes: pushedBytes, gets, found, diedBytes, onlineHours }
    return { counts, traffic: sent, errands, dialMs }
  }

  #result(scenario: Scenario, start: Start, end: Start): RunResult {
    const { plan, options } = this.#p
    const seen: Seen = {
      rows: this.#rows,
      lost: this.#blobs.lost,
      puts: {
        ms: this.#putMs,
        done: this.#putMs.length - this.#putsBefore,
        failed: this.#putsFailed
      },
      getMs: this.#getMs,
      dialMs: end.dialMs.slice(start.dialMs.length),
      looked: this.#looked,
      counts: { start: start.counts, end: end.counts },
      traffic: { start: start.traffic, end: end.traffic },
      errands: { start: start.errands, end: end.errands }
    }
    return {
      scenario,
      scale: 'real',
      seed: options.seed,
      traceHash: plan.hash,
      events: plan.first.length + plan.steps.length,
      tables: tablesOf(seen),
      figures: figuresOf(seen),
      violations: this.#blobs.violations.toSorted((a, b) => a.atMs - b.atMs)
    }
  }

  get #atMs(): Millis {
    return this.#p.clock.now() - this.#zeroMs
  }

  #note(type: string, ...fields: (string | number)[]): void {
    this.#p.options.trace?.take({ atMs: this.#p.clock.now(), type, fields })
  }

  /** Tells how far it is meanwhile. */
  async #until(atMs: Millis): Promise<void> {
    const { clock, options, scenario } = this.#p
    for (;;) {
      this.#prepare()
      const atHours = Math.min(scenario.hours, Math.max(0, this.#atMs / hourMs))
      options.onProgress({ atHours: this.#begun ? atHours : 0, events: this.#done })
      const leftMs = atMs - clock.now()
      if (leftMs <= 0) return this.#check()
      const { promise, resolve } = Promise.withResolvers<void>()
      using _ = clock.after(Math.min(leftMs, tellEveryMs), resolve)
      await this.#unlessStopped(promise)
    }
  }

  /** Who comes soon is started now. */
  #prepare(): void {
    const { steps } = this.#p.plan
    while (this.#begun && this.#prepared < steps.length) {
      const step = steps[this.#prepared]!
      if (step.atMs > this.#atMs + prepareMs) return
      if (step.type === 'come') this.#fleet.prepare(step.node)
      this.#prepared += 1
    }
  }

  async #unlessStopped<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const stop = () => reject(this.#reason)
    this.#stop.addEventListener('abort', stop, { once: true })
    try {
      this.#check()
      const done = await Promise.race([work, promise])
      this.#check()
      return done
    } finally {
      this.#stop.removeEventListener('abort', stop)
    }
  }

  #check(): void {
    if (this.#stop.aborted) throw this.#reason
  }

  get #reason(): unknown {
    return this.#failed.signal.aborted
      ? this.#failed.signal.reason
      : new MuttrError('CANCELLED', 'the run was cancelled')
  }
}

interface Start {
  counts: Counts
  traffic: Traffic
  errands: Errands
  /** Of all dials so far; what comes later is added to its end. */
  dialMs: readonly Millis[]
}

import type { Contact, Failure, Millis } from '../../base/ports.ts'
import type { AskedStatus } from '../../seed/asked.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { Past } from '../full/past.ts'
import type { Sent } from './counted.ts'

/** How a seed's process is started. */
export interface SeatInit {
  /** What it keeps, its key too: the same folder is the same seed. */
  folder: string
  /** What it removes when we are gone and cannot. */
  orphanRemoves: string
  port: number
  parameters: Scenario['parameters']
}

export interface Ready {
  peer: string
  address: string
}

/** What it knows before it joins. It waits for this line, so that it can come to the moment, and then listens. */
export interface Open extends Omit<Past, 'regions'> {
  /** In hex: the place that was drawn, and those nearest to it. */
  regions: readonly (readonly string[])[]
}

/** Whom it asks when it joins, beside those that it knows: multiaddrs with `/p2p/`. It waits for this line too, so that all can listen before the first asks. */
export interface Go {
  bootstrap: readonly string[]
}

/** Blobs' keys, hashes and places in hex. */
interface Questions {
  put: [
    ask: { sizeBytes: number; lifeMs: Millis },
    answer: { key: string; hash: string; expiryMs: Millis; ms: Millis }
  ]
  get: [ask: { key: string }, answer: { hash: string; ms: Millis }]
  lookup: [
    ask: { place: string },
    answer: { peers: string[]; requests: number; hops: number; ms: Millis }
  ]
  /** Which of them it holds, by their place in the list. */
  holding: [ask: { keys: string[] }, answer: { held: number[] }]
  count: [
    ask: object,
    /** `dialMs`: of dials since this was asked before. */
    answer: { sent: Sent; pushedBytes: number; asked: AskedStatus; dialMs: Millis[] }
  ]
  /** Looks around once more. */
  join: [ask: object, answer: { known: number }]
  /** Answers, and never does anything again: as a laptop whose lid is closed. */
  freeze: [ask: object, answer: object]
}
export type Question = keyof Questions
export type Ask<Q extends Question> = Questions[Q][0]
export type Answer<Q extends Question> = Questions[Q][1]

/** A line to the process. */
export interface Asked {
  id: number
  question: Question
  ask: Ask<Question>
}

/** A line from it. */
export type Said =
  | { loaded: Contact }
  | { open: true }
  | { ready: Ready }
  | { id: number; answer: Answer<Question> }
  | { id: number; failure: Failure }

import assert from 'node:assert/strict'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Session } from '../base/ports.ts'
import { along, pushAlong } from '../wire/along.ts'
import { queueNews } from '../wire/federation.ts'
import { leaving } from '../wire/leaving.ts'
import type { Notice } from '../wire/notice.ts'
import { readEntry } from '../wire/notice.ts'
import * as wire from '../wire/pod.ts'
import { podMethods } from '../wire/pod-methods.ts'
import { standing } from '../wire/pod-standing.ts'
import type { Carried } from './carried.ts'
import type { OnLeaving, OnNews, OnNotices, OnStanding } from './pod-link.ts'

interface Parts {
  session: Session
  ask(method: string, payload: Uint8Array): Promise<Uint8Array>
  onNotices: OnNotices
  onStanding: OnStanding
  after: number
  onNews: OnNews
  /** Where blobs go that come along; nobody asks for them unless told. */
  carried?: Carried | undefined
  onLeaving: OnLeaving
}

/** Sessions that listen already: a second answerer would take the first one's pushes. */
const listening = new WeakSet<Session>()

/**
 * Plays back what waits while pushes come in beside it. What is acknowledged is always a gapless beginning: the pushes count
 * only when the playback has reached the place where they began.
 */
export async function listenTo(parts: Parts): Promise<void> {
  const { session, ask, onNotices, onNews, onStanding, onLeaving, after, carried } = parts
  assert(!listening.has(session), 'a link listens once')
  listening.add(session)
  const progress = createProgress()
  const acknowledge = createAcknowledger(progress, async sequence => {
    try {
      wire.nothing.decode(await ask('acknowledge', wire.cursor.encode({ sequence })))
    } catch (err) {
      // The next one says this too; nothing is lost meanwhile.
      if (codeOf(err) !== 'LIMIT_EXCEEDED') throw err
    }
  })
  const fail = (): void => void session[Symbol.asyncDispose]()
  // One call at a time: a push waits for the page that is being handled, no longer.
  let handled: Promise<void> = Promise.resolve()
  const hand = (notices: Notice[], how: 'push' | 'playback'): Promise<void> => {
    handled = handled.then(async () => {
      if (notices.length > 0) await onNotices(notices, how)
    })
    return handled
  }
  const take = async (notices: Notice[]): Promise<void> => {
    await hand(notices, 'push')
    progress.pushed(notices.at(-1)!.sequence)
    await acknowledge()
  }
  session.serve(async (method, payload) => {
    if (method === podMethods.queueNews) {
      onNews(queueNews.decode(payload).news)
      return wire.nothing.encode()
    }
    if (method === podMethods.standing) {
      onStanding(standing.decode(payload))
      return wire.nothing.encode()
    }
    if (method === podMethods.leaving) {
      onLeaving(leaving.decode(payload).peers)
      return wire.nothing.encode()
    }
    const { entries, blobs } = readPush(method, payload)
    const notices = entries.map(readEntry)
    carried?.keep(blobs, notices, session.peer)
    if (notices.length > 0) take(notices).catch(fail)
    return wire.nothing.encode()
  })
  if (carried && carried.wantedBytes > 0) {
    // Before the pod pushes anything. One that does not know of it sends none along.
    const asked = ask(podMethods.along, along.encode({ bytes: carried.wantedBytes }))
    asked.catch(() => undefined)
  }
  try {
    const frame = await ask('listen', wire.cursor.encode({ sequence: after }))
    const { from, head } = wire.listenAnswer.decode(frame)
    progress.start(from, head)
    for (let at = from; at < head; ) {
      const request = { after: at, limit: Math.min(limits.playbackPageMax, head - at) }
      const page = await ask('playback', wire.playback.encode(request))
      const { entries, through } = wire.page.decode(page)
      if (through <= at) break
      // What is beyond the head is pushed.
      const owed = entries.filter(({ sequence }) => sequence > at && sequence <= head)
      await hand(owed.map(readEntry), 'playback')
      at = Math.min(through, head)
      progress.played(at)
      await acknowledge()
    }
    progress.caughtUp()
    await acknowledge()
  } catch (err) {
    fail()
    throw err
  }
}

/** @throws {MuttrError} `METHOD_UNKNOWN`, `WIRE_MALFORMED`, `WIRE_TOO_LARGE` */
function readPush(method: string, payload: Uint8Array) {
  if (method === podMethods.notices) return { ...wire.push.decode(payload), blobs: [] }
  if (method === podMethods.noticesAlong) return pushAlong.decode(payload)
  throw new MuttrError('METHOD_UNKNOWN', 'a client answers five requests alone')
}

interface Progress {
  start(from: number, head: number): void
  played(through: number): void
  pushed(through: number): void
  caughtUp(): void
  /** Everything up to here was handled. */
  done(): number
}

function createProgress(): Progress {
  let started = false
  let head = 0
  let played = 0
  let pushed = 0
  return {
    start(from, to) {
      started = true
      played = from
      head = to
    },
    played(through) {
      played = Math.max(played, through)
    },
    pushed(through) {
      pushed = Math.max(pushed, through)
    },
    caughtUp() {
      played = Math.max(played, head)
    },
    done: () => (started && played >= head ? Math.max(played, pushed) : played)
  }
}

/** One acknowledgement under way at a time; what is done meanwhile goes with the next. */
function createAcknowledger(
  progress: Progress,
  send: (sequence: number) => Promise<void>
): () => Promise<void> {
  let sent = 0
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    try {
      for (let next = progress.done(); next > sent; next = progress.done()) {
        await send(next)
        sent = next
      }
    } finally {
      running = undefined
    }
  }
  return async () => {
    if (running === undefined && progress.done() > sent) running = run()
    await running
  }
}

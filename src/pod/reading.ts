import { limits } from '../base/limits.ts'
import { along as wireAlong } from '../wire/along.ts'
import * as wire from '../wire/pod.ts'
import { createAlong } from './along.ts'
import { createFeed } from './feed.ts'
import type { Answers, Visit } from './session.ts'

/** What one session reads of its account's mailbox: by asking, and by listening. */
interface Reading extends Disposable {
  readonly answers: Answers
}

export function readingOf({ session, desk, reader }: Visit): Reading {
  const along = createAlong(desk)
  const feed = createFeed({
    session,
    state: desk.state,
    onPushed: count => desk.measure.pushed(count),
    along: entries => along.of(entries, desk.clock.now()),
    page: async (account, after) => {
      const nowMs = desk.clock.now()
      reader(nowMs) // the statement may have ended meanwhile
      return await desk.mailbox.page(account, after, limits.playbackPageMax, nowMs)
    },
    onStuck: err => {
      desk.log.debug('pod.push-stuck', { peer: session.peer, err })
      void session[Symbol.asyncDispose]()
    }
  })
  return {
    [Symbol.dispose]: () => feed[Symbol.dispose](),
    answers: {
      async along(payload, nowMs) {
        reader(nowMs)
        along.want(wireAlong.decode(payload).bytes)
        return wire.nothing.encode()
      },
      async listen(payload, nowMs) {
        const { account, device } = reader(nowMs)
        const { sequence } = wire.cursor.decode(payload)
        const position = await desk.mailbox.position(account, device, sequence)
        feed.start(account, position.head)
        return wire.listenAnswer.encode(position)
      },
      async playback(payload, nowMs) {
        const { account } = reader(nowMs)
        const { after, limit } = wire.playback.decode(payload)
        return wire.page.encode(await desk.mailbox.page(account, after, limit, nowMs))
      },
      async acknowledge(payload, nowMs) {
        const { account, device } = reader(nowMs)
        const { sequence } = wire.cursor.decode(payload)
        await desk.mailbox.acknowledge(account, device, sequence, nowMs)
        return wire.nothing.encode()
      }
    }
  }
}

import { toHex } from '../../src/base/bytes.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { createAddresses } from '../../src/pod/addresses/addresses.ts'
import { podLimits } from '../../src/pod/limits.ts'
import { Mailbox } from '../../src/pod/mailbox.ts'
import { noticeFor, sealNotice } from '../support/pod-world.ts'
import type { BenchPod, PodSecrets, Where } from './bench-pod.ts'
import { enterPod, startBenchPod } from './bench-pod.ts'
import type { SmtpSender } from './rivals/mail-client.ts'
import { openImap, openSmtp } from './rivals/mail-client.ts'
import type { XmppClient } from './rivals/xmpp.ts'
import { openXmpp } from './rivals/xmpp.ts'
import { answerParent } from './worker.ts'

export type Ask =
  | { ask: 'pod'; secrets: PodSecrets; store?: string }
  | { ask: 'fill'; address: string; count: number }
  | { ask: 'notices'; wheres: Where[] }
  | { ask: 'messages'; port: number }
  | { ask: 'mails'; ports: { smtp: number; imap: number } }
  | { ask: 'flow'; count: number; lanes: number }
  | { ask: 'address'; where: Where }
  | { ask: 'catch-up'; count: number }

/** From the first one submitted to the last one heard; each from submitted to heard. */
export interface Flow {
  tookMs: number
  latenciesMs: number[]
}

/** So many write, each to one of as many who listen. */
const pairs = 16
const size = 1_200
const way = 'proxy'

const stack = new AsyncDisposableStack()
let here: BenchPod | undefined

/** Prepared before the time runs. Resolves when the server has taken it, or has handed it on where it says nothing of taking. */
type Send = (lane: number) => Promise<void>
let prepare: (id: string, to: number) => Promise<Send>
const heard = new Map<string, () => void>()
const hear = (id: string): void => {
  heard.get(id)?.()
  heard.delete(id)
}

async function flow({ count, lanes }: { count: number; lanes: number }): Promise<Flow> {
  const run = `${Math.round(performance.now())}`
  const messages: { id: string; send: Send }[] = []
  for (let n = 0; n < count; n++) {
    const id = `${run}-${n}`
    messages.push({ id, send: await prepare(id, n % pairs) })
  }
  const latenciesMs: number[] = []
  const beganMs = performance.now()
  const lane = async (which: number): Promise<void> => {
    for (let message = messages.pop(); message; message = messages.pop()) {
      const { id, send } = message
      const submittedMs = performance.now()
      const arrived = new Promise<void>(resolve => {
        heard.set(id, () => {
          latenciesMs.push(performance.now() - submittedMs)
          resolve()
        })
      })
      await send(which)
      // One at a time means: the next when this one is there.
      if (lanes === 1) await arrived
      else all.push(arrived)
    }
  }
  const all: Promise<void>[] = []
  await Promise.all(Array.from({ length: lanes }, (_, which) => lane(which)))
  await Promise.all(all)
  return { tookMs: performance.now() - beganMs, latenciesMs }
}

async function meetNotices(wheres: Where[]): Promise<void> {
  const enter = (n: number, role: string): Promise<PodLink> =>
    enterPod({ way, where: wheres[n % wheres.length]!, name: `${role}${n}` }, stack)
  const writers: PodLink[] = []
  const readers: { intro: Uint8Array; hpkeKey: Uint8Array }[] = []
  for (let n = 0; n < pairs; n++) {
    // With several processes, who writes and who listens are at different ones.
    writers.push(await enter(n, 'writer'))
    const reader = await enter(n + 1, 'reader')
    await reader.listen(async notices => {
      for (const { key } of notices) hear(toHex(key))
    }, 0)
    readers.push(await reader.lookup(`reader${n + 1}`))
  }
  prepare = async (id, to) => {
    const { intro, hpkeKey } = readers[to]!
    const notice = noticeFor(intro, clock.now())
    const sealed = await sealNotice(hpkeKey, notice)
    const key = toHex(notice.key)
    return async lane => {
      heard.set(key, () => hear(id))
      await writers[lane]!.submit(sealed)
    }
  }
}

async function meetMessages(port: number): Promise<void> {
  const writers: XmppClient[] = []
  for (let n = 0; n < pairs; n++) {
    writers.push(stack.use(await openXmpp({ port, ca: undefined, user: `p${n}` })))
    const user = `p${pairs + n}`
    stack.use(
      await openXmpp({ port, ca: undefined, user }, body => hear(body.slice(0, body.indexOf(' '))))
    )
  }
  prepare = async (id, to) => lane => {
    const first = heard.get(id)!
    const { promise, resolve } = Promise.withResolvers<void>()
    heard.set(id, () => {
      first()
      resolve()
    })
    writers[lane]!.send(`p${pairs + to}`, `${id} ${'x'.repeat(size)}`)
    return promise
  }
}

async function meetMails({ smtp, imap }: { smtp: number; imap: number }): Promise<void> {
  const writers: SmtpSender[] = []
  for (let n = 0; n < pairs; n++) {
    writers.push(stack.use(await openSmtp(smtp)))
    stack.use(await openImap({ port: imap, user: `p${n}` }, hear))
  }
  prepare = async (id, to) => lane =>
    writers[lane]!.send(`p${to}`, id, `${'x'.repeat(75)}\r\n`.repeat(size / 77))
}

let reader: PodLink

async function answer(asked: Ask): Promise<unknown> {
  switch (asked.ask) {
    case 'pod':
      here = await startBenchPod({ way, ...asked }, stack)
      return here.where
    case 'fill': {
      const { state } = here!
      const addresses = createAddresses({ state, perOwnerMax: 1 })
      const limits = { ...podLimits, noticesPerAccountMax: 1e9, noticeBytesPerAccountMax: 1e12 }
      const mailbox = await Mailbox.open({ state, limits, addresses })
      const address = Buffer.from(asked.address, 'hex')
      const nowMs = clock.now()
      const one = () => mailbox.deliver(noticeFor(address, nowMs), nowMs)
      for (let left = asked.count; left > 0; left -= 500)
        await Promise.all(Array.from({ length: Math.min(500, left) }, one))
      return null
    }
    case 'notices':
      return await meetNotices(asked.wheres)
    case 'messages':
      return await meetMessages(asked.port)
    case 'mails':
      return await meetMails(asked.ports)
    case 'flow':
      return await flow(asked)
    case 'address': {
      reader = await enterPod({ way, where: asked.where, name: 'reader' }, stack)
      return toHex((await reader.lookup('reader')).intro)
    }
    case 'catch-up': {
      let seen = 0
      const beganMs = performance.now()
      await reader.listen(async notices => {
        seen += notices.length
      }, 0)
      if (seen !== asked.count) throw new Error(`${seen} came`)
      return performance.now() - beganMs
    }
  }
}

answerParent(answer, stack)

import { sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock, Random } from '../../src/base/ports.ts'
import { podAhead } from '../../src/client/pod-ahead.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { LeftAlias } from '../../src/client/pod-questions.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import { makeDevice, verifyDismissal, verifyStatement } from '../../src/keys/device.ts'
import { hpkeOpen, makeHpkeKey } from '../../src/keys/hpke.ts'
import type { Person } from '../../src/keys/person.ts'
import type { Ahead } from '../../src/pod/ahead/ahead.ts'
import { aheadAnswers } from '../../src/pod/ahead/answers.ts'
import { readAlias } from '../../src/pod/alias.ts'
import type { AlongBlob } from '../../src/wire/along.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import type { Notice } from '../../src/wire/notice.ts'
import { announcedBytes, decodeNotice, noticeInfo } from '../../src/wire/notice.ts'
import type { Account, Mailbox, OnNotices } from './fake-account.ts'
import { newAccount } from './fake-account.ts'
import type { FakeAddresses } from './fake-addresses.ts'
import { fakeAddresses } from './fake-addresses.ts'
import { takeMove, takeSuccession } from './fake-moves.ts'
import type { FakeQueue, OnNews } from './fake-queue.ts'
import { fakeQueue, noBlind } from './fake-queue.ts'
import { papersOf, signedAnswer } from './pod-papers.ts'

/** A pod without a wire: what it says is signed and sealed with real keys. */
export interface FakePod {
  readonly hostname: string
  /** A peer id, the same for the same hostname. */
  readonly peer: string
  readonly accounts: Map<string, Account>
  person: Person
  /** Fetches files for its people; a pod's own. */
  ahead: Ahead | undefined
  /** What it is asked to fetch is answered when this has resolved. */
  beforeAhead: (method: string) => Promise<void>
  /** Refuses to be opened, and ends what is open. */
  down(): void
  up(): void
  /** Answers no directory request any more, and does not hang up either. */
  stall(): void
  opened: number
  looked: number
  submitted: number
  /** Lets notices fall that are submitted, as with a full mailbox, and says nothing of it. */
  isFull: boolean
  /** Notices are answered when it has resolved. */
  answering: Promise<void>
  /** What is shown of an alias to whoever has not said who they are, instead of the truth; null for an alias that nobody has. */
  readonly lies: Map<string, Certificate | null>
  /** Where owners of aliases went, as they signed it. */
  readonly moved: Map<string, LeftAlias>
  movedAsked: number
  /** Of notices for other pods. */
  readonly queue: FakeQueue
  /** That people made. */
  readonly addresses: FakeAddresses
  /** Hand-overs are answered when it has resolved. */
  succeeding: Promise<void>
  succeeded: number
  /** Does not know keys that succeed others. */
  isOld: boolean
  /** A new HPKE key: what was sealed to the old one is refused. */
  rotate(): Promise<void>
  /** Keys of devices, hex, that their person has taken off the list. */
  readonly dismissed: Set<string>
  /** How long directory answers are good. */
  validMs: number
  /** Puts a notice into a mailbox as if somebody had submitted it. */
  deliver(alias: string, notice: Omit<Notice, 'sequence' | 'takenMs' | 'address'>): Promise<void>
  /** What it holds and sends along with notices, by its key in hex; nothing unless told. */
  along: (key: string) => AlongBlob | undefined
  /** Hands over again everything that was ever delivered to somebody who listens. */
  replay(alias: string): Promise<void>
  /** Resolves with the account's notices once `count` are acknowledged. */
  acknowledged(alias: string, count: number): Promise<void>
  link(): Promise<PodLink>
}

export async function fakePod({
  hostname,
  others,
  person,
  clock,
  random
}: {
  hostname: string
  /** Pods to which it passes notices on. */
  others: ReadonlyMap<string, FakePod>
  person: Person
  clock: Clock
  random: Random
}): Promise<FakePod> {
  const accounts = new Map<string, Account>()
  const ends = new Set<() => void>()
  /** Who is at the other end of each link that is open. */
  const present = new Map<() => void, Certificate>()
  const waiters = new Set<() => void>()
  const queue = fakeQueue(others, clock)
  let hpke = await makeHpkeKey(random.bytes(32))
  let [isDown, isDeaf] = [false, false]
  const away = () => new MuttrError('POD_UNREACHABLE', `${hostname} is down`)
  const need = (alias: string): Account => {
    const account = accounts.get(alias)
    if (account) return account
    throw new MuttrError('ALIAS_UNKNOWN', alias)
  }
  const told = (account: Account, device: Mailbox, through: number) => {
    device.acknowledged = Math.max(device.acknowledged, through)
    account.acknowledged = Math.max(account.acknowledged, through)
    for (const wake of waiters) wake()
  }
  const hand = async (
    account: Account,
    device: Mailbox,
    notices: Notice[],
    how: 'push' | 'playback'
  ) => {
    if (!device.listener || notices.length === 0) return
    await device.listener(notices, how)
    told(account, device, notices.at(-1)!.sequence)
  }
  const handAll = async (account: Account, notices: Notice[], how: 'push' | 'playback') => {
    await Promise.all([...account.devices.values()].map(one => hand(account, one, notices, how)))
  }
  const put = (account: Account, body: Omit<Notice, 'sequence' | 'takenMs'>) => {
    const notice = { ...body, sequence: account.notices.length + 1, takenMs: clock.now() }
    account.notices.push(notice)
    return handAll(account, [notice], 'push')
  }

  const device = makeDevice(sha256(utf8(hostname)))
  const peer = peerOfKey(device.publicKey)
  const pod: FakePod = {
    hostname,
    peer,
    accounts,
    person,
    ahead: undefined,
    beforeAhead: async () => undefined,
    lies: new Map(),
    moved: new Map(),
    movedAsked: 0,
    dismissed: new Set(),
    opened: 0,
    looked: 0,
    submitted: 0,
    isFull: false,
    answering: Promise.resolve(),
    queue,
    addresses: fakeAddresses(clock),
    succeeding: Promise.resolve(),
    succeeded: 0,
    isOld: false,
    along: () => undefined,
    validMs: 3_600_000,
    down() {
      isDown = true
      for (const end of ends) end()
      ends.clear()
      for (const { devices } of accounts.values())
        for (const device of devices.values()) device.listener = undefined
    },
    up() {
      isDown = false
    },
    stall() {
      isDeaf = true
    },
    async rotate() {
      hpke = await makeHpkeKey(random.bytes(32))
    },
    async deliver(alias, notice) {
      const account = need(alias)
      await put(account, { ...notice, address: account.intro })
    },
    async replay(alias) {
      const account = need(alias)
      await handAll(account, account.notices, 'playback')
    },
    async acknowledged(alias, count) {
      const account = need(alias)
      while (account.acknowledged < count) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiters.add(resolve)
        await promise
        waiters.delete(resolve)
      }
    },
    async link() {
      if (isDown) throw away()
      pod.opened++
      const closed = Promise.withResolvers<void>()
      ends.add(closed.resolve)
      let open = true
      let listener: OnNotices | undefined
      let who: Certificate | undefined
      let hearing: OnNews | undefined
      let self = ''
      let isBehind = false
      void closed.promise.then(() => {
        open = false
        present.delete(closed.resolve)
        for (const { devices } of accounts.values())
          for (const one of devices.values())
            if (one.listener === listener) one.listener = undefined
        if (hearing) queue.hearers.delete(hearing)
      })
      const ask = () => {
        if (isDown || !open) throw away()
      }
      const mine = () =>
        [...accounts].filter(
          ([, { certificate, former, behind }]) =>
            certificate.pin === who?.pin ||
            (former.get(who?.fingerprint ?? '')?.certificate.pin === who?.pin && behind.has(self))
        )
      const known = () => {
        if (!who) throw new MuttrError('IDENTIFY_FIRST', 'who?')
        if (isBehind) throw new MuttrError('IDENTIFY_REFUSED', 'another key has succeeded this one')
        return who
      }
      return {
        hostname,
        pod: {
          hostname,
          certificate: pod.person.certificate,
          hpkeKey: hpke.publicKey,
          policy: 'open',
          udp: null,
          offers: [],
          now: hostname,
          sequence: 1,
          peers: [peer],
          contact: { peer, addresses: [] },
          papers: await papersOf(
            { hostname, peers: [peer], hpkeKey: hpke.publicKey },
            pod.person,
            clock
          )
        },
        closed: closed.promise,
        async identify({ statement, certificate, nowMs }) {
          ask()
          const { deviceKey } = await verifyStatement(statement, { certificate, nowMs })
          self = toHex(deviceKey)
          who = certificate
          isBehind = [...accounts.values()].some(({ former }) =>
            former.has(certificate.fingerprint)
          )
          if (isBehind && mine().length === 0) known()
          if (pod.dismissed.has(self)) throw new MuttrError('DEVICE_REVOKED', 'taken off the list')
          if (!isBehind) present.set(closed.resolve, certificate)
          const standing = { suspended: null, application: null }
          return { aliases: mine().map(([alias]) => alias), standing }
        },
        ahead: podAhead(async (method, payload) => {
          ask()
          await pod.beforeAhead(method)
          const answers = aheadAnswers(pod.ahead, {
            account: () => who?.pin ?? '',
            isKnown: async () => mine().length > 0,
            mayAsk: async () => undefined
          })
          if (!answers[method]) throw new MuttrError('METHOD_UNKNOWN', method)
          return answers[method](payload, clock.now(), new AbortController().signal)
        }),
        ...noBlind,
        queue: queue.link(() => {
          ask()
          return who !== undefined
        }),
        addresses: pod.addresses.link({
          alias() {
            ask()
            known()
            return mine()[0]![0]
          },
          put: body => void put(mine()[0]![1], body)
        }),
        async register(alias, certificate) {
          ask()
          known()
          const lifeMs = 90 * 24 * 3_600_000
          const nowMs = clock.now()
          const certified = await certify(pod.person, { certificate, alias, nowMs, lifeMs })
          const before = accounts.get(alias)
          if (before && before.certificate.pin !== certificate.pin)
            throw new MuttrError('ALIAS_TAKEN', alias)
          accounts.set(alias, { ...(before ?? newAccount(random)), certificate: certified })
          pod.moved.delete(alias)
          return { certificate: certified, untilMs: nowMs + lifeMs }
        },
        async revoke(alias, certificate) {
          ask()
          const account = need(alias)
          const before = account.former.get(certificate.fingerprint)
          if (!certificate.revoked || (!before && account.certificate.pin !== certificate.pin))
            throw new MuttrError('KEY_INVALID', alias)
          const left = pod.moved.get(alias)
          if (left?.certificate.pin === certificate.pin)
            pod.moved.set(alias, { ...left, certificate })
          if (before) account.former.set(certificate.fingerprint, { ...before, certificate })
          else account.certificate = certificate
        },
        async succeed(certificate, succession, others = []) {
          ask()
          await pod.succeeding
          if (known().pin !== certificate.pin) throw new MuttrError('IDENTIFY_FIRST', 'who?')
          return takeSuccession({ pod, clock, present }, { certificate, succession, others })
        },
        async successor(alias, fingerprint) {
          ask()
          if (pod.isOld) throw new MuttrError('METHOD_UNKNOWN', 'what?')
          return need(alias).former.get(fingerprint) ?? null
        },
        invite: async ({ lifeMs }) => ({ code: 'c0de', untilMs: clock.now() + lifeMs }),
        report: async alias => void need(alias),
        async dismiss(dismissal) {
          ask()
          const about = { certificate: known(), pod: hostname, nowMs: clock.now() }
          pod.dismissed.add(await verifyDismissal(dismissal, about))
        },
        async unregister(alias) {
          ask()
          accounts.delete(readAlias(alias).full)
        },
        async move(frame) {
          ask()
          return takeMove({ pod, clock }, frame, known())
        },
        async moved(alias) {
          ask()
          pod.movedAsked++
          return pod.moved.get(alias) ?? null
        },
        async lookup(alias) {
          ask()
          if (isDeaf) await new Promise(() => undefined)
          pod.looked++
          if (pod.moved.has(alias)) throw new MuttrError('ALIAS_MOVED', alias)
          const { certificate: kept, intro } = need(alias)
          const said = who ? kept : pod.lies.get(alias)
          if (said === null) throw new MuttrError('ALIAS_UNKNOWN', alias)
          const certificate = said ?? kept
          const validUntilMs = clock.now() + pod.validMs
          const shown = { alias, certificate, intro, hpkeKey: hpke.publicKey, validUntilMs }
          return { ...shown, signed: await signedAnswer(pod.person, shown, clock.now()) }
        },
        async submit(sealed) {
          ask()
          const body = decodeNotice(await hpkeOpen(hpke.secret, noticeInfo, sealed))
          pod.submitted++
          const made = await pod.addresses.take(body)
          const isIntro = ({ intro }: Account) => toHex(intro) === toHex(body.address)
          const to = made ? accounts.get(made) : [...accounts.values()].find(isIntro)
          if (to && !pod.isFull) put(to, body).catch(() => closed.resolve())
          await pod.answering
          const atMs = clock.now()
          return { atMs, signature: device.sign(announcedBytes(sealed, atMs)), podPeer: peer }
        },
        async listen(onNotices, _after, onNews) {
          ask()
          if (onNews) queue.hearers.add((hearing = onNews))
          for (const [, account] of mine()) {
            const one = account.devices.get(self) ?? { acknowledged: 0, listener: undefined }
            account.devices.set(self, one)
            one.listener = listener = onNotices
            const owed = account.notices.filter(n => n.sequence > one.acknowledged)
            await hand(account, one, owed, 'playback')
          }
        },
        async [Symbol.asyncDispose]() {
          ends.delete(closed.resolve)
          closed.resolve()
        }
      }
    }
  }
  return pod
}

import assert from 'node:assert/strict'
import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts'
import type { Log } from '../../src/base/ports.ts'
import { openPodLink } from '../../src/client/pod-link.ts'
import { hpkeOpen, makeHpkeKey } from '../../src/keys/hpke.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { addressRow, ownerId } from '../../src/pod/addresses/rows.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { createPod } from '../../src/pod/pod.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import { decodeNotice, noticeInfo } from '../../src/wire/notice.ts'
import { submit } from '../../src/wire/pod.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld, dice, person } from '../support/client-world.ts'
import { agreed } from '../support/related.ts'
import { fakeNetwork } from '../support/session-pair.ts'

interface Seen {
  method: string
  payload: Uint8Array
  answer: Uint8Array | null
}

/** A real pod, all that goes to it and comes from it, and what it says to its log. */
class Watched implements AsyncDisposable {
  readonly frames: Seen[] = []
  readonly lines: string[] = []
  readonly state = memoryState()
  readonly hostname: string
  self = ''
  hpke!: Awaited<ReturnType<typeof makeHpkeKey>>
  pod!: Pod

  constructor(hostname: string) {
    this.hostname = hostname
  }

  async start(world: ClientWorld, network: ReturnType<typeof fakeNetwork>): Promise<void> {
    const keys = peerKeys(await makePeerKey())
    this.self = keys.self
    this.hpke = await makeHpkeKey(dice.bytes(32))
    const say = (...said: unknown[]) =>
      void this.lines.push(
        JSON.stringify(said, (_, value) => (value instanceof Uint8Array ? toHex(value) : value))
      )
    const log: Log = { debug: say, info: say, warn: say }
    const { hostname, state, hpke } = this
    this.pod = await createPod({
      ...{ network: network.at(keys.self), clock: world.clock, random: dice, log, state, keys },
      ...{ hpke, hostname, policy: 'open', person: await person(hostname) }
    })
  }

  /** Everything that it ever had before it, with sealed notices opened by its own key. */
  async everything(): Promise<Uint8Array[]> {
    const notices = await Promise.all(
      this.sealed().map(one => hpkeOpen(this.hpke.secret, noticeInfo, one))
    )
    const rows: Uint8Array[] = []
    for await (const { table, key, value } of this.state.rows())
      rows.push(utf8(`${table} ${key}`), value)
    const frames = this.frames.flatMap(({ payload, answer }) =>
      answer ? [payload, answer] : [payload]
    )
    return [...frames, ...notices, ...rows, ...this.lines.map(utf8)]
  }

  sealed(): Uint8Array[] {
    const asked = this.frames.filter(one => one.method === podMethods.submit && !one.answer)
    return asked.map(({ payload }) => submit.decode(payload).notice)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pod[Symbol.asyncDispose]()
  }
}

const holds = (all: readonly Uint8Array[], what: Uint8Array): boolean =>
  all.some(one => Buffer.from(one).includes(Buffer.from(what)))

describe('what pods see of two people who write to each other', () => {
  it('is what docs/protocol/threats.md says: neither sender nor letter, but which notices are of one correspondent', async () => {
    await using stack = new AsyncDisposableStack()
    const world = stack.use(await ClientWorld.make(['one.test', 'two.test']))
    const [one, two] = [stack.use(new Watched('one.test')), stack.use(new Watched('two.test'))]
    const network = fakeNetwork(({ from, to, ...frame }) => {
      for (const pod of [one, two]) if ([from, to].includes(pod.self)) pod.frames.push(frame)
    })
    for (const pod of [one, two]) await pod.start(world, network)
    const openLink: typeof openPodLink = o =>
      openPodLink({
        ...{ ...o, network: network.at(o.network.self) },
        contact: { peer: (o.hostname === 'one.test' ? one : two).self, addresses: [] }
      })
    const how = { openLink, noticesBy: 'direct' as const }
    const alice = await world.join('alexandrina', how)
    const bob = await world.join('bartholomew', { ...how, hostname: 'two.test' })
    const letters: { id: string; to: string; key: string }[] = []
    const write = async (from: Tester, to: Tester, alias: string) => {
      const { id } = await from.client.send({ to: alias, subject: 'the plan', body: 'at nine' })
      await to.seen('opened', ({ letter }) => letter === id)
      letters.push({ id, to: alias, key: (await from.sent(id)).key! })
    }
    await write(alice, bob, 'bartholomew@two.test')
    await write(bob, alice, 'alexandrina@one.test')
    await agreed(alice, bob)
    for (let i = 0; i < 10; i++) {
      await write(alice, bob, 'bartholomew@two.test')
      await write(bob, alice, 'alexandrina@one.test')
    }

    const sides = [
      {
        pod: one,
        own: alice,
        other: bob,
        us: 'alexandrina@one.test',
        them: 'bartholomew@two.test'
      },
      { pod: two, own: bob, other: alice, us: 'bartholomew@two.test', them: 'alexandrina@one.test' }
    ]
    for (const { pod, own, other, us, them } of sides) {
      const all = await pod.everything()
      // Neither who writes, nor by which key, nor which letter, in whatever form.
      const { fingerprint, pin } = other.person.certificate
      // Names too long to stand in sealed bytes by chance.
      const hidden = [them, them.split('@')[0]!, 'the plan', 'at nine']
      for (const text of hidden) assert.equal(holds(all, utf8(text)), false, `${us}: ${text}`)
      for (const hex of [fingerprint, pin, ...letters.map(({ id }) => id)])
        for (const form of [fromHex(hex, hex.length / 2)!, utf8(hex)])
          assert.equal(holds(all, form), false, `${us}: ${hex}`)
      // That the search finds what is there:
      for (const text of [us, toHex(own.person.certificate.bytes.subarray(0, 8))])
        assert.equal(
          holds(all, utf8(text)) || holds(all, fromHex(text, 8) ?? utf8(text)),
          true,
          text
        )
      const mine = letters.filter(({ to }) => to === us)
      for (const { key } of mine)
        assert.equal(holds(all, fromHex(key, 32)!), true, 'the keys of blobs')

      // It links addresses to the account, and to each other by the correspondent: one for all letters after the first.
      const notices = await Promise.all(
        pod
          .sealed()
          .map(async notice => decodeNotice(await hpkeOpen(pod.hpke.secret, noticeInfo, notice)))
      )
      const made = (await pod.state.list(tables.ownAddresses)).map(({ key }) => key.split('/')[1])
      assert.equal(made.length, 1)
      const at = ({ key }: { key: string }) =>
        toHex(notices.find(one => toHex(one.key) === key)!.address)
      assert.deepEqual(new Set(mine.slice(1).map(at)), new Set(made))
      assert.equal(made.includes(at(mine[0]!)), false)
      // And nothing else comes to the intro address than the first letter and the offer.
      assert.equal(notices.filter(({ address }) => !made.includes(toHex(address))).length, 2)
      for (const { address } of notices) {
        const row = addressRow.decode((await pod.state.get(tables.addresses, toHex(address)))!)
        assert.equal(ownerId(row.owner), own.person.certificate.pin)
      }
      // All kinds look alike: the same lengths in and out, and kept.
      const asked = pod.frames.filter(({ method }) => method === podMethods.submit)
      assert.equal(new Set(asked.map(({ payload }) => payload.byteLength)).size, 1)
      assert.equal(new Set(asked.flatMap(({ answer }) => answer?.byteLength ?? [])).size, 1)
      assert.equal(new Set(notices.map(({ slip }) => slip.byteLength)).size, 1)
      const pushed = pod.frames.filter(({ method }) => method === podMethods.notices)
      assert.ok(pushed.length > 0)
      // Its log says nothing of addresses either.
      for (const address of made)
        assert.equal(
          pod.lines.some(line => line.includes(address!)),
          false
        )
    }
  })
})

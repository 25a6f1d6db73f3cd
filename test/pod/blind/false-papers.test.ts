import assert from 'node:assert/strict'
import { MuttrError } from '../../../src/base/errors.ts'
import { createAsking } from '../../../src/client/blind/asking.ts'
import type { PodBlind } from '../../../src/client/blind/pod-blind.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { revoke } from '../../../src/keys/revoke.ts'
import { helloAnswer } from '../../../src/wire/pod.ts'
import type { PodPapers } from '../../../src/wire/proof.ts'
import type { Neighbours } from '../../support/federation-world.ts'
import { neighbours } from '../../support/federation-world.ts'
import { hourMs, random } from '../../support/pod-world.ts'
import { renamedHost } from '../../support/renamed-pod.ts'

const signal = new AbortController().signal

describe('papers that a relay shows of another pod', () => {
  let all: Neighbours
  beforeEach(async () => {
    all = await neighbours()
  })
  afterEach(() => all[Symbol.asyncDispose]())

  /** Alice, whose own pods are these; each is her relay, with something in its place. */
  function asker(own: readonly string[], lieOf: (name: string) => Partial<PodBlind> | undefined) {
    const asking = createAsking({
      ...{ clock: all.world.clock, random, crypto: openPgp, keys: all.alice.keys },
      own: () => own,
      identified: async name => ({ ...all.link, blind: { ...all.link.blind, ...lieOf(name) } }),
      fingerprintOf: async () => all.two.person.certificate.pin,
      met: async () => undefined
    })
    const lookup = async () => (await asking.questions('two.test', signal)).lookup('bob')
    return { asking, lookup }
  }

  it('and that are not its own are no word of it: another own pod is asked, that one no more for an hour', async () => {
    const papers = helloAnswer.decode(await all.two.pod.hello())
    const signature = papers.signature.slice()
    signature[signature.byteLength - 1]! ^= 1
    const lies: Record<string, PodPapers | MuttrError> = {
      key: helloAnswer.decode(await all.one.pod.hello()),
      signature: { ...papers, signature },
      record: { ...papers, record: new Uint8Array([0x80]) },
      refusal: new MuttrError('POD_CHANGED', 'of the relay')
    }
    for (const [what, lie] of Object.entries(lies)) {
      const asked: string[] = []
      const shown = (name: string): Partial<PodBlind> => ({
        async papers(hostname) {
          asked.push(name)
          if (name !== 'liar.test') return await all.link.blind.papers(hostname)
          if (lie instanceof MuttrError) throw lie
          return lie
        }
      })
      const { asking, lookup } = asker(['liar.test', 'one.test'], shown)
      assert.equal(asking.relayFor('two.test'), 'liar.test')
      assert(await lookup(), what)
      assert.deepEqual(asked, ['liar.test', 'one.test'])
      assert.deepEqual(
        ['two.test', 'three.test'].map(pod => asking.relayFor(pod)),
        ['one.test', 'liar.test']
      )
      all.world.clock.advance(hourMs)
      assert.equal(asking.relayFor('two.test'), 'liar.test')
      // With nobody else it waits.
      const alone = asker(['liar.test'], shown)
      for (let i = 0; i < 2; i++) await assert.rejects(alone.lookup(), { code: 'RELAY_REFUSED' })
    }
  })

  it('are no word of it where the relay finds no such pod', async () => {
    for (const method of ['pass', 'papers']) {
      const refuse = () => Promise.reject(new MuttrError('POD_UNKNOWN', 'of the relay'))
      const { lookup } = asker(['one.test'], () => ({ [method]: refuse }))
      await assert.rejects(lookup(), { code: 'POD_UNREACHABLE' })
    }
  })

  it('are believed where its key says itself that it is revoked', async () => {
    const { lookup } = asker(['liar.test', 'one.test'], () => ({
      async papers(hostname) {
        const revoked = await revoke(all.two.person, 'compromised', all.world.clock.now())
        return {
          ...(await all.link.blind.papers(hostname)),
          certificate: revoked.bytes
        }
      }
    }))
    await assert.rejects(lookup(), { code: 'POD_CHANGED' })
  })
})

describe('a pod that was renamed', () => {
  it('is no relay to itself, by any of its names', async () => {
    await using all = await neighbours()
    const own = ['new.test', 'one.test']
    const asking = createAsking({
      ...{ clock: all.world.clock, random, crypto: openPgp },
      own: () => own,
      isSame: (...names) => names.every(name => name === 'new.test' || name === 'old.test'),
      identified: async () => all.link,
      fingerprintOf: () => Promise.reject(new Error('nobody asks')),
      met: async () => undefined
    })
    const relays = () => ['old.test', 'new.test', 'one.test', 'two.test'].map(asking.relayFor)
    assert.deepEqual(relays(), ['one.test', 'one.test', 'new.test', 'new.test'])
    own.pop()
    assert.deepEqual(relays(), [undefined, undefined, 'new.test', 'new.test'])
    assert(asking.isOwn('old.test') && !asking.isOwn('two.test'))
  })

  it('does not dial itself under its former name for who asks through it', async () => {
    await using all = await neighbours()
    const hostname = 'new.test'
    const host = await renamedHost(all.world, all.one, { hostname, federation: 'open' })
    const link = await all.alice.enter({ ...host, hostname: 'one.test' })
    await assert.rejects(link.blind.papers('one.test'), { code: 'POD_UNKNOWN' })
    assert((await link.blind.papers('two.test')).record.byteLength > 0)
  })
})

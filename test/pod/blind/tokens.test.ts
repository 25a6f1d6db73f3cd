import assert from 'node:assert/strict'
import { concatBytes } from '../../../src/base/bytes.ts'
import type { ErrorCode } from '../../../src/base/errors.ts'
import { MuttrError } from '../../../src/base/errors.ts'
import { createAsking } from '../../../src/client/blind/asking.ts'
import { openPgp } from '../../../src/keys/crypto.ts'
import { signDetached } from '../../../src/keys/sign.ts'
import { blind, makeTokenKey } from '../../../src/keys/token.ts'
import { blindAnswer, blindOpen } from '../../../src/wire/blind.ts'
import { helloAnswer, nothing, podProtocol, submitAnswer } from '../../../src/wire/pod.ts'
import type { SignedTokenKeys } from '../../../src/wire/token.ts'
import * as wire from '../../../src/wire/token.ts'
import type { NeighbourOptions } from '../../support/federation-world.ts'
import { neighbours, olga } from '../../support/federation-world.ts'
import { inEachStore } from '../../support/pod-stores.ts'
import { dayMs, hourMs, personNamed, random } from '../../support/pod-world.ts'

const signal = new AbortController().signal
const weekMs = 7 * dayMs

/** Alice at `one.test`, who sends to `two.test` with tokens of her pod. */
async function spender(o: NeighbourOptions = {}) {
  const all = await neighbours(o)
  const { pin } = (await personNamed('two.test', [])).certificate
  let link = all.link
  const asking = createAsking({
    ...{ clock: all.world.clock, random, crypto: openPgp, keys: all.alice.keys },
    own: () => ['one.test'],
    identified: async () => link,
    fingerprintOf: async () => pin,
    met: async () => undefined
  })
  /** A token as a client has it signed, but for what is said otherwise. */
  async function token(issuer = 'one.test', target = 'two.test'): Promise<Uint8Array> {
    const { statement } = await link.tokens.keys()
    const { epoch, key } = wire.tokenKeys.decode(statement).keys.at(-1)!
    const challenge = wire.challengeDigest(issuer, target)
    const input = wire.tokenInput(random.bytes(32), challenge, key)
    const { blinded, finish } = await blind(key, input)
    const [signed] = await link.tokens.sign(epoch, [blinded])
    return concatBytes(input, await finish(signed!))
  }
  /** @returns what became of it. */
  async function spend(spent: Uint8Array, notice: Uint8Array, issuer = 'one.test') {
    const frame = wire.tokenSubmit.encode({ token: spent, notice, issuer })
    try {
      submitAnswer.decode(await asking.ask('two.test', 'submit-token', frame, { signal }))
      return 'taken'
    } catch (err) {
      return (err as MuttrError).code
    }
  }
  const notice = async () => (await all.seal()).sealed
  return {
    ...{ all, asking, token, spend, notice },
    use: (other: typeof link) => {
      link = other
    }
  }
}

const changedAt = (token: Uint8Array, at: number): Uint8Array => token.with(at, token[at]! ^ 0xff)

inEachStore('a token of a pod', ({ open }) => {
  it('brings a notice to another, once', async () => {
    await using state = await open()
    const { all, asking, token, spend, notice } = await spender({ stateOfTwo: state })
    await using _all = all
    const [spent, first] = [await token(), await notice()]
    assert.equal(await spend(spent, first), 'taken')
    await all.box.has(1)
    // The answer may have been lost.
    assert.equal(await spend(spent, first), 'taken')
    assert.equal(await spend(spent, await notice()), 'TOKEN_SPENT')
    await all.two.restart()
    assert.equal(await spend(spent, await notice()), 'TOKEN_SPENT')

    const two = await asking.questions('two.test', signal)
    for (let i = 0; i < 9; i++) await two.submit(await notice())
    assert.equal(all.one.pod.usage().queued, 0)
  })

  it('is spent once in all processes of the pod that takes it', async () => {
    await using state = await open()
    const { all, token, spend, notice } = await spender({ stateOfTwo: state })
    await using _all = all
    const [spent, both] = [await token(), [await notice(), await notice()]]
    const results = await Promise.all(both.map(one => spend(spent, one)))
    assert.deepEqual(results.toSorted(), ['TOKEN_SPENT', 'taken'])
    const beside = await all.world.host({
      ...{ hostname: 'two.test', federation: 'open', state: all.two.state, beside: all.two }
    })
    await all.world.network.unplug(all.two.keys.self)
    assert.notEqual(beside.keys.self, all.two.keys.self)
    assert.equal(await spend(spent, await notice()), 'TOKEN_SPENT')
  })

  it('is remembered within the share of its pod, so that none fills what others need', async () => {
    await using state = await open()
    const { all, token, spend, notice, use } = await spender({
      stateOfTwo: state,
      limitsOfTwo: { tokensKeptPerPodMax: 2 }
    })
    await using _all = all
    for (let i = 0; i < 2; i++) assert.equal(await spend(await token(), await notice()), 'taken')
    assert.equal(await spend(await token(), await notice()), 'LIMIT_EXCEEDED')
    use(await all.bob.enter(all.two))
    const ofTwo = await token('two.test')
    use(all.link)
    assert.equal(await spend(ofTwo, await notice(), 'two.test'), 'taken')
  })
})

describe('a token of a pod', () => {
  it('is good for that pod alone, in that pod’s name, and as it was signed', async () => {
    const { all, token, spend, notice } = await spender()
    await using _all = all
    const good = await token()
    const cases: [string, Uint8Array, string, ErrorCode][] = [
      ['for another pod', await token('one.test', 'three.test'), 'one.test', 'TOKEN_INVALID'],
      ['of another', good, 'two.test', 'TOKEN_INVALID'],
      ['changed', changedAt(good, 10), 'one.test', 'TOKEN_INVALID'],
      ['of another key', changedAt(good, 70), 'one.test', 'TOKEN_INVALID'],
      ['signed by nobody', changedAt(good, 200), 'one.test', 'TOKEN_INVALID'],
      ['of no type', changedAt(good, 0), 'one.test', 'TOKEN_INVALID']
    ]
    for (const [what, spent, issuer, code] of cases)
      assert.equal(await spend(spent, await notice(), issuer), code, what)
    assert.equal(
      await spend(await token('nowhere.test'), await notice(), 'nowhere.test'),
      'POD_UNKNOWN'
    )
    assert.equal(await spend(good, await notice()), 'taken')
  })

  it('is taken of those pods alone that the other has to do with, and as many as it takes of them', async () => {
    const limitsOfTwo = { noticesPerPod: { burst: 2, everyMs: hourMs } }
    const { all, token, spend, notice } = await spender({ limitsOfTwo })
    await using _all = all
    for (let i = 0; i < 2; i++) assert.equal(await spend(await token(), await notice()), 'taken')
    assert.equal(await spend(await token(), await notice()), 'LIMIT_EXCEEDED')
    assert.equal((await all.two.state.list('tokens-spent')).length, 2)
    const spent = await token()
    await all.two.pod.peers!.block(olga, 'one.test')
    assert.equal(await spend(spent, await notice()), 'FEDERATION_REFUSED')
  })

  it('is not checked more often than the pod has time for', async () => {
    const limitsOfTwo = { tokensPerRelay: { burst: 2, everyMs: hourMs } }
    const { all, token, spend, notice } = await spender({ limitsOfTwo })
    await using _all = all
    const forged = changedAt(await token(), 200)
    for (let i = 0; i < 2; i++) assert.equal(await spend(forged, await notice()), 'TOKEN_INVALID')
    assert.equal(await spend(await token(), await notice()), 'LIMIT_EXCEEDED')
  })

  it('is good in its week and the next; its key is another each week, and the old ones are gone', async () => {
    const { all, token, spend, notice, use } = await spender()
    await using _all = all
    const first = [await token(), await token(), await token()]
    assert.equal(await spend(first[0]!, await notice()), 'taken')
    const shown = async () =>
      wire.tokenKeys.decode((await all.link.tokens.keys()).statement).keys.map(({ epoch }) => epoch)
    const [epoch] = await shown()
    all.world.clock.advance(weekMs)
    await all.enter()
    use(all.link)
    assert.deepEqual(await shown(), [epoch, epoch! + 1])
    assert.equal(await spend(first[1]!, await notice()), 'taken')
    assert.equal(await spend(await token(), await notice()), 'taken')
    await all.two.pod.sweep()
    assert.equal(await spend(first[0]!, await notice()), 'TOKEN_SPENT')
    all.world.clock.advance(weekMs)
    await all.enter()
    use(all.link)
    assert.equal(await spend(first[2]!, await notice()), 'TOKEN_INVALID')
    for (const { pod } of [all.one, all.two]) await pod.sweep()
    assert.deepEqual(await shown(), [epoch! + 1, epoch! + 2])
    assert.equal((await all.two.state.list('tokens-spent')).length, 1)
  })

  it('is given to people of the pod, so many a day', async () => {
    const { all, token } = await spender({ limits: { tokensPerAccountPerDayMax: 32 } })
    await using _all = all
    const carol = await all.world.device(await personNamed('carol'))
    const stranger = await carol.enter(all.one)
    const { statement } = await stranger.tokens.keys()
    const { epoch } = wire.tokenKeys.decode(statement).keys.at(-1)!
    const blinded = [new Uint8Array(256).fill(1, 1)]
    await assert.rejects(stranger.tokens.sign(epoch, blinded), { code: 'ALIAS_MISSING' })
    await assert.rejects(all.link.tokens.sign(epoch - 1, blinded), { code: 'TOKEN_INVALID' })
    for (let i = 0; i < 2; i++) await token()
    await assert.rejects(token(), { code: 'LIMIT_EXCEEDED' })
    all.world.clock.advance(dayMs)
    await all.one.pod.sweep()
    await token()
    await all.one.pod.office.suspend(olga, 'alice', { reason: 'spam' })
    await assert.rejects(token(), { code: 'ACCOUNT_SUSPENDED' })
  })
})

describe('a pod that shows people other keys for tokens than other pods', () => {
  async function another(clockMs: number): Promise<SignedTokenKeys & { epoch: number }> {
    const epoch = wire.tokenEpochAt(clockMs)
    const keys = [{ epoch, key: (await makeTokenKey()).key }]
    const statement = wire.tokenKeys.encode({ hostname: 'one.test', keys, issuedMs: clockMs })
    const signer = await personNamed('one.test', [])
    const signature = await signDetached(signer, wire.tokenKeysLabel, statement, clockMs)
    return { statement, signature, epoch }
  }

  it('is found out before anything is signed', async () => {
    const { all, asking, use, notice } = await spender()
    await using _all = all
    const mine = await another(all.world.clock.now())
    let signed = 0
    use({
      ...all.link,
      tokens: {
        keys: async () => mine,
        async sign(...asked) {
          signed += 1
          return await all.link.tokens.sign(...asked)
        }
      }
    })
    const two = await asking.questions('two.test', signal)
    await assert.rejects(two.submit(await notice()), { code: 'TOKEN_KEY_FALSE' })
    assert.equal(signed, 0)
  })

  it('or another one to the same pod later is believed the first', async () => {
    const { all, token, spend, notice } = await spender()
    await using _all = all
    assert.equal(await spend(await token(), await notice()), 'taken')
    const mine = await another(all.world.clock.now())
    const hello = await all.one.pod.hello()
    await all.world.network.unplug(all.one.keys.self)
    all.world.network.plug(all.one.keys.self)
    all.world.network.at(all.one.keys.self).accept(podProtocol, session =>
      session.serve(async method => {
        if (method === 'hello') return hello
        if (method === 'introduce') return nothing.encode()
        if (method === 'token-keys') return wire.signedTokenKeys.encode(mine)
        throw new MuttrError('METHOD_UNKNOWN', method)
      })
    )
    await all.two.restart()
    const session = await all.world.network
      .at(all.bob.keys.self)
      .open({ peer: all.two.keys.self, addresses: [] }, podProtocol, { timeoutMs: 1_000 })
    const direct = createAsking({
      ...{ clock: all.world.clock, random, crypto: openPgp },
      own: () => ['three.test'],
      identified: async () => ({
        ...all.link,
        blind: {
          papers: async () => helloAnswer.decode(await all.two.pod.hello()),
          async pass(_, sealed) {
            const frame = blindOpen.encode({ sealed })
            const answer = await session.request('blind-open', frame, { timeoutMs: 1_000 })
            return blindAnswer.decode(answer).sealed
          }
        }
      }),
      fingerprintOf: async () => (await personNamed('two.test', [])).certificate.pin,
      met: async () => undefined
    })
    const asked = wire.tokenKeysRequest.encode({ hostname: 'one.test' })
    await assert.rejects(direct.ask('two.test', 'token-keys', asked, { signal }), {
      code: 'TOKEN_KEY_FALSE'
    })
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ChangingNet } from '../support/changes.ts'

const hourMs = 3_600_000

describe('a clock that is wrong by an hour', () => {
  let world: ChangingNet
  before(async function () {
    this.timeout(180_000)
    world = await ChangingNet.start({ seeds: 6 })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  /** Ends a node and starts it with another clock. */
  async function restart(who: string, offMs: number): Promise<number> {
    const from = world.now
    await world.net.stop(who)
    await world.net.setClock(who, offMs)
    await world.net.start(who)
    return from
  }

  for (const [side, offMs] of [
    ['ahead', hourMs],
    ['behind', -hourMs]
  ] as const)
    it(`${side}: the pod refuses, status and doctor say why, and nothing is lost`, async () => {
      const { net } = world
      const from = await restart('bob', offMs)
      const [pod] = (await world.status('bob')).pods
      assert.equal(pod?.problem?.code, 'CLOCK_WRONG')
      // Behind, it is the pod's own word that is of the future.
      const times = /clock of the pod says .* UTC, that of this device|clock of this machine says/
      assert.match(pod.problem.message, times)
      const { status, checks } = await world.doctor('bob')
      const found = checks.find(({ name }) => name === 'clock')
      assert.deepEqual([status, found?.ok], [2, false])
      assert.match(`${found?.detail} ${found?.hint}`, /clock/)
      const letter = await world.send('alice', 'bob', `${side}, and not lost`)
      assert.equal(letter.state, 'announced')
      await net.setClock('bob', 0)
      await world.opened('bob', letter, from)
    }).timeout(180_000)

  it('of a reader who is connected: a letter from the future waits and is no forgery', async () => {
    const { net } = world
    const from = await restart('bob', 0)
    await net.event('bob', 'listening', from)
    await net.setClock('bob', -hourMs)
    const letter = await world.send('alice', 'bob', 'from the future')
    // Whether his session with the pod outlives the jump is chance: then he hears of the letter and keeps it waiting, else the pod does.
    await world.until(async () => {
      const { inbox, pods } = await world.status('bob')
      return inbox.waiting > 0 || pods[0]?.problem?.code === 'CLOCK_WRONG'
    })
    assert.equal(world.count('bob', 'refused', from), 0)
    await net.setClock('bob', 0)
    await world.opened('bob', letter, from)
  }).timeout(180_000)

  it('of a sender, ahead: the letter is not announced before the clock is right', async () => {
    const { net } = world
    const from = await restart('alice', hourMs)
    const letter = await world.send('alice', 'bob', 'too early')
    assert.equal(letter.state, 'queued')
    assert.equal(letter.waiting?.code, 'CLOCK_WRONG')
    assert.match(letter.waiting.message, /clock of this machine/)
    await net.setClock('alice', 0)
    await net.event('alice', 'announced', from, e => e.letter === letter.id)
    await world.opened('bob', letter, from)
  }).timeout(180_000)

  it('of a sender, behind its own key: it signs nothing and says why; the same letter goes later', async () => {
    const { net } = world
    const from = await restart('alice', -hourMs)
    const refused = await net.muttr('alice', '--json', 'send', 'bob@one.test', 'too late')
    assert.deepEqual([refused.status, JSON.parse(refused.stderr).error.code], [2, 'CLOCK_WRONG'])
    await net.setClock('alice', 0)
    const letter = await world.send('alice', 'bob', 'too late')
    await world.opened('bob', letter, from)
  }).timeout(180_000)

  it('of a seed: behind, blobs go in and out; ahead, none goes in, and it is said why', async () => {
    const file = join(world.net.folder, 'bytes')
    const bytes = randomBytes(2_000)
    await writeFile(file, bytes)
    await restart('alice', -hourMs)
    const put = await world.json<{ key: string; copies: number }>('alice', 'blob', 'put', file)
    assert(put.copies >= 5)
    // A stamp names its hour only, so in the last minutes of each an hour ahead is not seen by others.
    await restart('alice', 2 * hourMs)
    const got = await world.json<{ base64: string }>('alice', 'blob', 'get', put.key)
    assert.equal(got.base64, bytes.toString('base64'))
    const { status, stdout, stderr } = await world.net.muttr('alice', '--json', 'blob', 'put', file)
    assert.equal(status, 2, stdout + stderr)
    assert.equal(JSON.parse(stderr).error.code, 'CLOCK_WRONG')
  }).timeout(180_000)
})

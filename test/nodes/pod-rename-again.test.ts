import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Testnet } from '../support/testnet.ts'

const first = 'one.test'

/** Commands as an operator types them, one after the other, with no start in between. */
describe('a pod that is renamed again before it begins', function () {
  this.timeout(300_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: [first], people: [], seeds: 1 })
    await net.startAll()
    await net.stop(first)
  })
  after(() => net?.[Symbol.asyncDispose]())

  async function rename(...args: string[]): Promise<string[]> {
    const [done] = await net.json<{ hostname: string; former: string[] }>(
      first,
      ...['pod', 'rename', ...args]
    )
    return [done!.hostname, ...done!.former]
  }
  async function listed(): Promise<string[]> {
    const text = await readFile(join(net.home(first), 'network.json'), 'utf8')
    const { pods } = JSON.parse(text) as { pods: { hostname: string }[] }
    return pods.map(({ hostname }) => hostname)
  }

  it('was never called as it did not begin, keeps none that was let go, and stands once in its network file', async () => {
    assert.deepEqual(await listed(), [first])
    assert.deepEqual(await rename('--to', 'next.test'), ['next.test', first])
    assert.deepEqual(await rename('--to', 'after.test'), ['after.test', first])
    assert.deepEqual(await listed(), ['after.test'])
    assert.deepEqual(await rename('--forget', first), ['after.test'])
    await net.start(first)
    await net.stop(first)
    assert.deepEqual(await rename('--to', 'back.test'), ['back.test', 'after.test'])
    assert.deepEqual(await rename('--to', 'after.test'), ['after.test'])
    assert.deepEqual(await listed(), ['after.test'])
    await net.start(first)
    // As one that came out of a backup, and had names since of which it knows nothing.
    await net.stop(first)
    const since = ['--to', 'last.test', '--had', 'two.test', 'one-more.test']
    assert.deepEqual(await rename(...since), [
      'last.test',
      'two.test',
      'one-more.test',
      'after.test'
    ])
    await net.start(first)
  })
})

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CrawlOptions } from '../../src/cli/crawler.ts'
import { crawlNetwork } from '../../src/nodes/crawl.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const options = (changes: Partial<CrawlOptions>): CrawlOptions => ({
  ...{ home: '/nowhere', network: undefined, out: null, watch: undefined },
  bounds: { lastsMs: 60_000, requests: 1_000, peers: 1_000, perSecond: 200 },
  ...{ withIds: true, withEdges: false, onProgress() {} },
  signal: new AbortController().signal,
  ...changes
})

describe('muttr crawl on real nodes', () => {
  it('meets all of them, by real sockets, and stays a stranger', async () => {
    await using folder = await temporaryFolder()
    await using stack = new AsyncDisposableStack()
    const network = { ...{ name: 'six', description: '', pods: [] }, seeds: [] as string[] }
    const parameters = { replicas: 3, quorum: 2 }
    const nodes: Whole[] = []
    const traceFolder = join(folder.path, 'trace')
    const traced = { traceFolder }
    for (let i = 0; i < 6; i++) {
      const init = { folder: folder.path, name: `seed-${i}`, person: false, ...(i === 2 && traced) }
      const node = await wholeNode({ ...init, network: { ...network, parameters } })
      nodes.push(stack.use(node))
      if (i === 0)
        network.seeds.push(`${node.network.contact().addresses[0]}/p2p/${node.network.self}`)
    }
    const file = join(folder.path, 'network.json')
    await writeFile(file, JSON.stringify(network))
    const out = join(folder.path, 'out')
    const done = await crawlNetwork(options({ network: file, out }))
    const value = (of: string) => done.figures.find(({ name }) => name === of)?.value
    assert.deepEqual([done.ended, value('seen'), value('answered')], ['done', 6, 6])
    assert.equal(value('tables read whole'), 1)
    assert(value('rtt ms p50')! < 5_000)
    const [, ...rows] = (await readFile(join(out, 'peers.csv'), 'utf8')).trimEnd().split('\n')
    const met = rows.map(row => row.split(',').at(-2))
    assert.deepEqual(met.toSorted(), nodes.map(({ network }) => network.self).sort())
    for (const { seed, network } of nodes)
      assert(seed.table.contacts().every(({ peer }) => met.includes(peer) && peer !== network.self))

    await nodes[2]![Symbol.asyncDispose]()
    assert.match(
      await readFile(join(traceFolder, 'requests-1.csv'), 'utf8'),
      /,find-node,\d+,[1-9]/
    )

    // A home has a network of its own.
    const { home } = nodes[3]!
    assert.equal((await crawlNetwork(options({ home }))).figures[1]!.value, 5)
  })

  it('says so when nobody can be reached', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'network.json')
    await writeFile(file, JSON.stringify({ name: 'none', seeds: ['/ip4/127.0.0.1/tcp/9'] }))
    await assert.rejects(crawlNetwork(options({ network: file })), {
      code: 'NETWORK_EMPTY',
      message: 'none of the 1 addresses of the network none could be reached'
    })
  })
})

import assert from 'node:assert/strict'
import { createFakeDoors, muttr } from '../support/cli.ts'

describe('muttr crawl', () => {
  it('shows figures, and on the way how much is left', async () => {
    const { status, stdout, stderr } = await muttr('crawl --out /tmp/out --with-ids')
    assert.equal(status, 0)
    assert.match(
      stdout,
      /^local: everybody was asked\n\nfigure +value +unit\nanswered +19 +peers\n/
    )
    assert.match(stdout, /written to \/tmp\/out\n$/)
    assert.equal(stderr, '20 peers, 19 answered, 90 requests, 1 to ask, about 1 s left\n')
  })

  it('gives one object with --json', async () => {
    const ran = await muttr('crawl --json')
    assert.deepEqual(ran.objects()[0]!.figures, [{ name: 'answered', unit: 'peers', value: 19 }])
    assert.equal(ran.stderr, '')
  })

  it('asks for what it was told', async () => {
    let given: unknown
    const doors = createFakeDoors({
      async crawl({ bounds, watch, network }) {
        given = { bounds, watch, network }
        return {
          ...{ network: 'local', startedAt: '', ended: 'stopped', crawls: 3 },
          ...{ figures: [], out: null }
        }
      }
    })
    const line = 'crawl --network x.json --minutes 2 --rate 5 --watch 48 --every 20 --out /tmp/out'
    const { stdout } = await muttr(line, { doors })
    assert.deepEqual(given, {
      bounds: { lastsMs: 120_000, perSecond: 5, requests: 50_000, peers: 20_000 },
      watch: { lastsMs: 48 * 3_600_000, everyMs: 20 * 60_000 },
      network: 'x.json'
    })
    assert.match(
      stdout,
      /^local: stopped before everybody was asked, 3 crawls, figures of the last/
    )
  })

  for (const line of [
    ...['crawl --minutes 0', 'crawl --rate fast', 'crawl --rate 1000', 'crawl --every 5'],
    ...['crawl --watch 5', 'crawl --watch 0 --out /tmp/out', 'crawl now']
  ])
    it(`refuses \`${line}\``, async () => {
      const ran = await muttr(`${line} --json`)
      assert.deepEqual([ran.status, ran.error().code], [1, 'USAGE'])
    })
})

import assert from 'node:assert/strict'
import type { Found } from '../../src/net/reach/standing.ts'
import { Standing } from '../../src/net/reach/standing.ts'

const inside = '/ip4/192.168.1.10/tcp/4420'
const outside = '/ip4/1.2.3.4/tcp/4420'
const six = '/ip6/2a00:1::4/tcp/4420'
const relayed = '/ip4/5.6.7.8/tcp/4420/p2p/12D3KooWRelay/p2p-circuit'
const minuteMs = 60_000

const standing = (own: string[], init: { always?: boolean; announce?: string[] } = {}) => {
  const made = new Standing({ client: false, always: false, announce: [], ...init })
  made.own(own, 0)
  return made
}
const seen = (scope: Found['scope'], ...reached: string[]): Found[] => [
  { peer: 'peer', scope, reached }
]

describe('what a node is to others', () => {
  it('before it has asked: a server as far as its addresses lead', () => {
    const home = standing(['/ip4/127.0.0.1/tcp/4420', inside])
    assert.deepEqual(
      [home.serverTo('machine'), home.serverTo('local'), home.serverTo('public')],
      [true, true, false]
    )
    assert.deepEqual(home.addresses(), [inside])
    assert.equal(standing([outside]).serverTo('public'), true)
    assert.equal(standing([inside], { announce: [outside] }).serverTo('public'), true)
    assert.equal(standing([outside]).reach().how, 'direct')
  })

  it('when nobody could dial it: none, to nobody; then relayed', () => {
    const s = standing([inside])
    s.answered(seen('public'), 0)
    assert.deepEqual([s.serverTo('local'), s.serverTo('public'), s.isHidden], [false, false, true])
    assert.deepEqual(s.to('public'), { server: false, addresses: [] })
    assert.equal(s.reach().how, 'none')
    s.relayed([relayed])
    assert.deepEqual(s.to('public'), { server: false, addresses: [relayed] })
    assert.deepEqual(s.reach(), {
      how: 'relayed',
      reason: 'nobody could dial us; through 1 relays'
    })
  })

  it('says why it has no port of its router', () => {
    const s = standing([inside])
    s.answered(seen('public'), 0)
    s.mapped(undefined, 0, 'no router was found')
    assert.match(s.reach().reason, /^nobody could dial us; no router was found; no relay/)
  })

  it('dialled at an address of its own: direct; nobody outside hears of its house', () => {
    const s = standing(['/ip4/127.0.0.1/tcp/4420', inside, outside])
    s.answered(seen('public', outside), 0)
    assert.equal(s.reach().how, 'direct')
    assert.deepEqual(s.to('public'), { server: true, addresses: [outside] })
    assert.deepEqual(s.to('local').addresses, [outside, inside])
    assert.deepEqual(s.addresses(), [outside], 'what may be published')
  })

  it('dialled through a port of its router, given or forwarded: mapped', () => {
    const s = standing([inside])
    s.answered(seen('public'), 0)
    s.mapped({ by: 'UPnP', address: outside, port: 4420 }, 10)
    assert(s.dueMs <= 10, 'asks again at once')
    s.answered(seen('public', outside), 20)
    assert.deepEqual(s.reach(), {
      how: 'mapped',
      reason: `the router passes on ${outside} (UPnP)`
    })
    s.mapped(undefined, 30)
    s.answered(seen('public', outside), 40)
    assert.match(s.reach().reason, /a port passed on to us/)
  })

  it('names all its addresses of a family that was reached', () => {
    const other = '/ip6/2a00:1::5/tcp/4420'
    const s = standing([outside, six, other])
    s.answered(seen('public', six), 0)
    assert.deepEqual(s.to('public').addresses, [six, other])
  })

  it('does not hide for one bad round, and hides after two', () => {
    const s = standing([outside])
    s.answered(seen('public', outside), 0)
    s.answered(seen('public'), 15 * minuteMs)
    assert.equal(s.isHidden, false)
    assert(s.dueMs <= 16 * minuteMs, 'asks again soon')
    s.answered(seen('public'), 16 * minuteMs)
    assert.equal(s.isHidden, true)
    s.answered(seen('public', outside), 17 * minuteMs)
    assert.equal(s.serverTo('public'), true)
  })

  it('does not hide while others come to it, whatever those it asks say', () => {
    const s = standing([outside])
    s.answered(seen('public', outside), 0)
    for (let minute = 10; minute < 60; minute += 5) {
      s.came('public', (minute - 1) * minuteMs)
      s.answered(seen('public'), minute * minuteMs)
      assert.equal(s.isHidden, false)
    }
    s.answered(seen('public'), 80 * minuteMs)
    assert.equal(s.isHidden, true)
  })

  it('asks less and less often while nothing changes, and at once when it moves', () => {
    const s = standing([inside])
    const waits: number[] = []
    let nowMs = 0
    for (let i = 0; i < 7; i++) {
      s.answered(seen('public'), nowMs)
      waits.push((s.dueMs - nowMs) / minuteMs)
      nowMs = s.dueMs
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 15, 15, 15])
    assert.equal(s.own([inside], nowMs), false)
    assert.equal(s.own(['/ip4/192.168.7.9/tcp/4420'], nowMs), true)
    assert(s.dueMs - nowMs <= 1_000)
  })

  it('forgets where it was dialled when that is gone, and not when another address comes', () => {
    const s = standing([inside, outside])
    s.answered(seen('public', outside), 0)
    s.own([inside, outside, six], 10)
    assert.equal(s.reach().reason, `peers have dialled ${outside}`)
    s.own([inside, six], 20)
    assert.match(s.reach().reason, /nobody was asked/)
    s.answered(seen('public'), 30)
    assert.equal(s.isHidden, true, 'after one round: it has never been dialled here')
    const behind = standing([inside])
    behind.answered(seen('public', outside), 0)
    behind.own([inside, six], 10)
    assert.equal(behind.serverTo('public'), true)
    behind.own(['/ip4/192.168.7.9/tcp/4420'], 20)
    assert.equal(behind.serverTo('public'), false)
  })

  it('asks less often while those it asks have nothing to say, and thinks no worse of itself', () => {
    const s = standing([outside])
    const waits: number[] = []
    let nowMs = 0
    for (let i = 0; i < 7; i++) {
      s.answered([], nowMs)
      waits.push((s.dueMs - nowMs) / 1_000)
      nowMs = s.dueMs
    }
    assert.deepEqual(waits, [20, 40, 80, 160, 320, 640, 900])
    assert.equal(s.serverTo('public'), true)
  })

  it('stays a server where muttr.json says so, and says that nobody could dial it', () => {
    const s = standing([inside], { always: true, announce: [outside] })
    s.answered(seen('public'), 0)
    assert.equal(s.serverTo('public'), true)
    assert.deepEqual(s.to('public').addresses, [outside])
    assert.match(s.reach().reason, /stays a server/)
  })

  it('learns nothing from its own machine', () => {
    const s = standing([inside])
    assert.deepEqual([s.counts('machine'), s.counts('local')], [false, true])
  })

  it('takes the word of those outside over that of its own network', () => {
    const s = standing([inside])
    s.answered(seen('local', inside), 0)
    assert.deepEqual([s.serverTo('local'), s.serverTo('public')], [true, false])
    s.answered(seen('public'), 10)
    assert.equal(s.serverTo('local'), false)
    s.answered(seen('local', inside), 20)
    assert.equal(s.serverTo('local'), true, 'while only its own network is there')
  })
})

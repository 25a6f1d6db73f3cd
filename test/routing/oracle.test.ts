import assert from 'node:assert/strict'
import { sha256 } from '../../src/base/bytes.ts'
import { dice, LookupWorld } from '../support/lookup-world.ts'

describe('a lookup among 10,000 nodes', () => {
  const world = new LookupWorld(10_000)
  const lookups = 1_500

  for (const paths of [1, 3])
    it(`finds the true nearest 20 in at least 999 of 1,000, within 60 requests each, over ${paths} paths`, () => {
      const roll = dice(7)
      let [right, requests] = [0, 0]
      for (let i = 0; i < lookups; i++) {
        const from = world.peers[Math.floor(roll() * world.peers.length)]!
        const target = sha256(Buffer.from(`target ${i}`))
        const found = world.lookup(from, target, 20, { paths })
        const truth = world.trueNearest(target, 20, from)
        if (found.nearest.join() === truth.join()) right += 1
        requests += found.requests
      }
      assert(right >= 0.999 * lookups, `${right} of ${lookups}`)
      assert(requests / lookups <= 60, `${requests / lookups} requests a lookup`)
    })

  it('finds the nearest 8 that live when every fifth node is dead', () => {
    const roll = dice(8)
    const isDead = (peer: string) => Number(peer.split('-')[2]) % 5 === 0
    let right = 0
    const count = 200
    for (let i = 0; i < count; i++) {
      const from = world.peers[Math.floor(roll() * world.peers.length)]!
      const target = sha256(Buffer.from(`faulty ${i}`))
      const { nearest } = world.lookup(from, target, 8, { isDead, paths: 3 })
      const truth = world.trueNearest(target, 20, from).filter(peer => !isDead(peer))
      if (nearest.join() === truth.slice(0, 8).join()) right += 1
    }
    assert(right >= 0.99 * count, `${right} of ${count}`)
  })
})

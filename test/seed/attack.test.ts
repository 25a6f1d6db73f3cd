import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import type { DhtParameters } from '../../src/seed/core.ts'
import { defences } from '../../src/worlds/full/defences.ts'
import { HostileWorld } from '../support/hostile-world.ts'
import { simBlob } from '../support/sim-seeds.ts'

const world = (o: Partial<Parameters<typeof HostileWorld.make>[0]> = {}) =>
  HostileWorld.make({ nodes: 200, hostile: 0, behaviour: 'drop', askers: 4, ...o })

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'found',
    err => err.code
  )

describe('a key around which somebody minted twenty ids', () => {
  it('is lost without defences, whether the letter came first or the ids', async () => {
    const { sim, askers, eclipse } = await openWorld(defences.none)
    const [writer, reader] = [askers[0]!, askers[1]!]
    const late = simBlob(sim)
    await sim.run((await sim.run(writer.seed.dht.put(late))).settled)
    eclipse(late.key)
    assert.equal(await sim.run(codeOf(reader.seed.dht.get(late.key))), 'BLOB_UNKNOWN')
    const early = simBlob(sim)
    eclipse(early.key)
    await sim.run((await sim.run(writer.seed.dht.put(early))).settled)
    assert.equal(await sim.run(codeOf(reader.seed.dht.get(early.key))), 'BLOB_UNKNOWN')
  })

  it('is found with them, and its writer counts holders that nobody minted', async () => {
    const { sim, askers, eclipse, honest } = await openWorld({})
    const [writer, reader] = [askers[0]!, askers[1]!]
    const late = simBlob(sim)
    await sim.run((await sim.run(writer.seed.dht.put(late))).settled)
    eclipse(late.key)
    assert.equal(await sim.run(codeOf(reader.seed.dht.get(late.key))), 'found')

    const early = simBlob(sim)
    eclipse(early.key)
    const before = writer.node.sent.get('put') ?? 0
    const first = await sim.run(writer.seed.dht.put(early))
    const { acknowledgements, wanted } = await sim.run(first.settled)
    const isHonest = ({ holder }: { holder: string }) => honest.some(s => s.node.self === holder)
    assert(first.acknowledgements.filter(isHonest).length >= 5, 'before it says stored')
    assert(acknowledgements.filter(isHonest).length >= 12)
    assert(wanted > 8 && wanted <= 24, `${wanted}`)
    assert((writer.node.sent.get('put') ?? 0) - before <= limits.putRequestsMax + 16)
    assert.equal(await sim.run(codeOf(reader.seed.dht.get(early.key))), 'found')
  })

  async function openWorld(parameters: Partial<DhtParameters>) {
    const made = await world({ parameters })
    const { sim, askers, honest } = made
    return { sim, askers, honest, eclipse: (key: Uint8Array) => made.eclipse(key) }
  }
})

describe('where nobody attacks', () => {
  it('hardly a put goes wider, a get asks one peer, and a miss those around', async () => {
    const { sim, askers } = await world({ seed: 5 })
    let [wider, gets] = [0, 0]
    const sent = (i: number) => askers[i % 4]!.node.sent.get('get') ?? 0
    for (let i = 0; i < 30; i++) {
      const blob = simBlob(sim)
      const { settled } = await sim.run(askers[i % 4]!.seed.dht.put(blob))
      if ((await sim.run(settled)).wanted > 8) wider += 1
      const before = sent(i + 1)
      assert(await sim.run(askers[(i + 1) % 4]!.seed.dht.get(blob.key)))
      gets += sent(i + 1) - before
    }
    assert(wider <= 2, `${wider} puts of 30 went wider`)
    assert(gets <= 3 * 30, `${gets} requests`)
    const before = sent(2)
    assert.equal(await sim.run(codeOf(askers[2]!.seed.dht.get(new Uint8Array(32)))), 'BLOB_UNKNOWN')
    assert(sent(2) - before <= 60)
  })
})

describe('among seeds of which every fifth is hostile', () => {
  for (const behaviour of ['lie', 'stale', 'flood', 'slow'] as const)
    it(`letters are found where those ${behaviour}`, async () => {
      const made = await world({ behaviour, hostile: 0.2, nodes: 100 })
      const { found } = await made.letters(8)
      assert(found > 0.9, `${found}`)
    })
})

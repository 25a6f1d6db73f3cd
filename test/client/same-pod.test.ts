import assert from 'node:assert/strict'
import { createSamePod } from '../../src/client/blind/same-pod.ts'
import type { PodPins } from '../../src/client/pod-pins.ts'
import type { Certificate } from '../../src/keys/certificate.ts'
import { personNamed } from '../support/pod-world.ts'

describe('a pod that one has an alias at, under another of its names', () => {
  /** What is kept of pods, and what of that was read since the start. */
  function world(kept: Record<string, Certificate>, own: string[], isBlind = true) {
    const read = new Map<string, Certificate>()
    const pins: Pick<PodPins, 'of' | 'read'> = {
      async of(hostname) {
        if (kept[hostname]) read.set(hostname, kept[hostname])
        return kept[hostname]
      },
      read: hostname => read.get(hostname)
    }
    const places = new Map([
      ['file.test', { hostname: 'file.test', addresses: [], fingerprint: 'ab'.repeat(20) }]
    ])
    return createSamePod({ places, pins, own: () => own, isBlind })
  }

  it('is asked directly where it is the only own one, and through another where there is one', async () => {
    const { certificate } = await personNamed('one.test', [])
    const { certificate: other } = await personNamed('two.test', [])
    const kept = { 'new.test': certificate, 'old.test': certificate, 'two.test': other }
    const alone = world(kept, ['new.test'])
    const asked = ['old.test', 'new.test', 'two.test', 'file.test', 'nobody.test']
    const blindly = async (of: ReturnType<typeof world>) =>
      await Promise.all(asked.map(hostname => of.isBlindTo(hostname)))
    assert.deepEqual(await blindly(alone), [false, false, true, true, true])
    assert(alone.isSame('old.test', 'new.test') && !alone.isSame('old.test', 'two.test'))
    // Two of which no key is known are two.
    assert(!alone.isSame('nobody.test', 'none.test') && alone.isSame('none.test', 'none.test'))
    const both = world(kept, ['new.test', 'two.test'])
    assert.deepEqual(await blindly(both), [true, true, true, true, true])
    assert.deepEqual(await blindly(world(kept, [])), [true, true, true, true, true])
    assert.deepEqual(
      await blindly(world(kept, ['new.test'], false)),
      asked.map(() => false)
    )
  })
})

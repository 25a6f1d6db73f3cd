import assert from 'node:assert/strict'
import type { Reachability } from '../../src/base/ports.ts'
import { reachChecks } from '../../src/nodes/checks.ts'

const checkOf = async (how: Reachability['how']) => {
  const network = { reach: () => ({ how, reason: 'so it is' }) }
  const [check] = await Promise.all(reachChecks(network, 'server').map(run => run()))
  return check![0]!
}

describe('what doctor says of how a node is reached', () => {
  it('is well where it can be dialled, if only through a relay', async () => {
    for (const how of ['direct', 'mapped', 'relayed'] as const)
      assert.deepEqual(await checkOf(how), {
        name: 'reach',
        ok: true,
        detail: `${how}: so it is`,
        hint: null
      })
  })

  it('says what to do where it cannot', async () => {
    const { ok, hint } = await checkOf('none')
    assert.equal(ok, false)
    assert.match(hint ?? '', /router/)
  })

  it('is nothing for a client', () => {
    const network = { reach: () => ({ how: 'none', reason: '' }) as const }
    assert.deepEqual(reachChecks(network, 'client'), [])
  })
})

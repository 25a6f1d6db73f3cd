import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { SignedNames } from '../../src/base/lookups.ts'
import { formerChecks } from '../../src/nodes/former-checks.ts'
import { memoryState } from '../../src/store/memory.ts'

describe('what the doctor says of former names', () => {
  const judge = async (services: SignedNames['services']) => {
    const asked: string[] = []
    const signed: SignedNames = {
      services(name, signal) {
        asked.push(name)
        return services(name, signal)
      },
      texts: () => Promise.reject(new Error('nobody asks for that'))
    }
    const pod = { hostname: 'new.one.pods', former: ['old.one.pods'] }
    const [check] = formerChecks(memoryState(), pod, signed)
    const found = await check!()
    assert.deepEqual(asked, ['_muttr._tcp.old.one.pods'])
    return found.map(({ detail }) => detail).join()
  }

  it('is asked at the resolver that validates, where there is one', async () => {
    const found = [{ host: 'new.one.pods', port: 4420 }]
    assert.match(await judge(async () => ({ found, isSigned: true })), /it leads to new\.one\.pods/)
    const bogus = new MuttrError('DNS_BOGUS', 'not what its zone has signed')
    assert.match(await judge(() => Promise.reject(bogus)), /DNS_BOGUS/)
  })
})

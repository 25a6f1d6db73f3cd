import assert from 'node:assert/strict'
import { createFakeDoors, muttr } from '../support/cli.ts'

describe('muttr devices and device', () => {
  it('shows them, which one this is, and what the others lack', async () => {
    const { stdout, status } = await muttr('devices')
    assert.equal(status, 0)
    assert.match(stdout, /desk .*this device/)
    assert.match(stdout, /laptop .*heard .*; lacks 2/)
    const [desk, laptop] = (await muttr('devices --json')).objects()
    assert.deepEqual([desk?.own, laptop?.lacks], [true, 2])
  })

  it('calls this one otherwise, and takes another off the list', async () => {
    const doors = createFakeDoors()
    assert.match((await muttr('device rename tower', { doors })).stdout, /tower .*this device/)
    const revoked = await muttr('device revoke laptop', { doors })
    assert.match(revoked.stdout, /laptop .*revoked/)
    assert.match(revoked.stderr, /muttr key revoke --reason compromised/)
    assert.deepEqual(doors.client.calls.slice(-2), [
      ['renameDevice', 'tower'],
      ['revokeDevice', 'laptop']
    ])
    const unknown = await muttr('device revoke phone --json', { doors })
    assert.deepEqual([unknown.status, unknown.error().code], [2, 'DEVICE_UNKNOWN'])
  })
})

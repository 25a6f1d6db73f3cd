import assert from 'node:assert/strict'
import { readConfig } from '../../src/config/config.ts'

const read = (reach: unknown) => readConfig(JSON.stringify({ name: 'alice', reach })).reach

describe('reach in muttr.json', () => {
  it('asks the router and announces nothing unless told', () => {
    assert.deepEqual(read(undefined), { announce: [], mapping: true })
    assert.deepEqual(read({ announce: ['/dns4/pod.example/tcp/443'], relay: true }), {
      announce: ['/dns4/pod.example/tcp/443'],
      mapping: true,
      relay: true
    })
  })

  it('is refused by the name of the field', () => {
    for (const [wrong, message] of [
      [{ server: 'sometimes' }, /reach\.server/],
      [{ announce: ['pod.example:443'] }, /reach\.announce\.0: not a multiaddr/],
      [{ announce: Array(9).fill('/ip4/1.2.3.4/tcp/1') }, /reach\.announce/],
      [{ relays: true }, /unknown field reach\.relays/]
    ] as const)
      assert.throws(() => read(wrong), { code: 'CONFIG_INVALID', message })
  })
})

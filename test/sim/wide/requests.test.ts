import assert from 'node:assert/strict'
import { kind, Requests } from '../../../src/sim/wide/requests.ts'

describe('requests at the scale wide', () => {
  it('are told by method, and what each was for, parts of one summed before they are rounded', () => {
    const requests = new Requests()
    requests.add(kind.have, 7)
    for (let i = 0; i < 3; i++) requests.add(kind['ping, lost'], 0.4)
    requests.add(kind['ping, silent'], 2)
    requests.add(kind['find-node, repair'], 21)
    assert.equal(requests.all, 7 + 1.2 + 2 + 21)
    const { traffic, errands } = requests.tables()
    const of = (rows: (number | string)[][]) => Object.fromEntries(rows)
    assert.deepEqual(of(traffic.rows), { 'find-node': 21, ping: 3, get: 0, put: 0, have: 7 })
    assert.equal(of(errands.rows)['ping, lost'], 1)
    assert.equal(of(errands.rows)['find-node, repair'], 21)
    assert.equal(of(errands.rows).have, undefined)
    requests.clear()
    assert.equal(requests.all, 0)
  })
})

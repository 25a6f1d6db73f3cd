import assert from 'node:assert/strict'
import { limits } from '../../../src/base/limits.ts'
import { Questions } from '../../../src/sim/wide/questions.ts'

describe('what holders ask each other at the scale wide', () => {
  it('is one request for all keys of a round, for each of those who are asked', () => {
    const questions = new Questions(30_000)
    let requests = 0
    for (let key = 0; key < 10; key++)
      for (const asked of [7, 8, 9]) requests += questions.ask(1, asked, 1_000 * key)
    assert.equal(requests, 3)
    assert.equal(questions.ask(7, 1, 9_000), 1, 'the other way round is another one')
    assert.equal(questions.ask(1, 7, 30_001), 1, 'a later round asks anew')
  })

  it('is one more for as many keys as a request has room for', () => {
    const questions = new Questions(30_000)
    let requests = 0
    for (let key = 0; key <= 2 * limits.haveKeysMax; key++) requests += questions.ask(1, 2, 0)
    assert.equal(requests, 3)
  })
})

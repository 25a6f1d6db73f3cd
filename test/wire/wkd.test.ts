import assert from 'node:assert/strict'
import { wkdHash } from '../../src/wire/wkd.ts'

describe('the hash of a Web Key Directory', () => {
  it('is that of the draft, whatever the case', () => {
    assert.equal(wkdHash('Joe.Doe'), 'iy9q119eutrkn8s1mk4r39qejnbu3n5q')
    assert.equal(wkdHash('joe.doe'), 'iy9q119eutrkn8s1mk4r39qejnbu3n5q')
  })
})

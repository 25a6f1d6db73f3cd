import assert from 'node:assert/strict'
import { errorCodes } from '../../src/base/errors.ts'
import { pages, readPage, withTable } from '../support/code-tables.ts'

describe('the pages of codes and limits', () => {
  for (const { path, table } of pages)
    it(`${path} says what the source says (else: node test/support/code-tables.ts)`, () => {
      const page = readPage(path)
      assert.equal(page, withTable(page, table()))
    })

  it('list every code once, and no other', () => {
    const listed = [...readPage('docs/protocol/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)]
    assert.deepEqual(listed.map(([, code]) => code).sort(), Object.keys(errorCodes).sort())
  })
})

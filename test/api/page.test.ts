import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { proofOf, sameSecret } from '../../src/api/proof.ts'
import { testApp } from '../support/api.ts'
import { createFakeClient } from '../support/fake-client.ts'

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

describe('docs/protocol/local-api.md', () => {
  it('has vectors that hold', () => {
    const { proofs } = JSON.parse(read('test/vectors/local-api.json'))
    for (const { token, nonce, proof } of proofs) {
      assert.equal(proofOf(token, nonce), proof)
      assert.equal(sameSecret(proof, proofOf(token, nonce)), true)
      assert.equal(sameSecret(proof, proofOf('f0'.repeat(32), nonce)), false)
    }
    assert.ok(proofs.length >= 3)
  })

  it('names every request there is, and no other', () => {
    const page = read('docs/protocol/local-api.md')
    const offered = testApp(createFakeClient())
      .routes.filter(({ method }) => method !== 'ALL')
      // Those of operators are the same once more, under /admin/api.
      .filter(({ path }) => !path.startsWith('/admin/api/pod/'))
      .map(({ method, path }) => `${method} ${path}`)
    const named = [...page.matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`/gm)].map(
      ([, request]) => request
    )
    assert.deepEqual([...named, 'GET /hello'].sort(), offered.sort())
  })
})

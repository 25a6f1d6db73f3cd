import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCertificate } from '../../src/keys/certificate.ts'
import { makePerson, withFormer } from '../../src/keys/person.ts'
import { withRevocation } from '../../src/keys/revoke.ts'
import { createHome, openPerson, personSaver, readHome } from '../../src/nodes/home.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const network = {
  ...{ name: 'home', description: '', seeds: [], pods: [] },
  parameters: { replicas: 8, quorum: 5 }
}

describe('a home whose person takes another key', () => {
  it('has both in the vault, and the revocation certificate of the new one', async () => {
    await using folder = await temporaryFolder()
    const home = join(folder.path, 'alice')
    await createHome({ home, name: 'alice', person: true, pod: null, network, passphrase: 'pass' })
    const before = await readHome(home)
    const old = await openPerson(before, async () => 'pass')
    const made = await makePerson({ name: 'alice', nowMs: Date.now() })
    const next = withFormer(made, [old!])
    const save = personSaver(before, () => 'pass')
    await save(old!)
    const first = await readFile(before.paths.revocation)
    await withRevocation(old!.certificate, first)
    await save(next)
    await save(next)

    const after = await readHome(home)
    assert.equal(after.certificate?.pin, next.certificate.pin)
    const person = await openPerson(after, async () => 'pass')
    assert.deepEqual(
      person?.former.map(({ certificate }) => certificate.pin),
      [old!.certificate.pin]
    )
    const revocation = await readFile(after.paths.revocation)
    const { bytes } = await withRevocation(next.certificate, revocation)
    assert((await readCertificate(bytes)).revoked)
    // Written once: whoever printed it has the one that counts.
    await personSaver(after, () => 'pass')(person!)
    assert.deepEqual(await readFile(after.paths.revocation), revocation)
  })
})

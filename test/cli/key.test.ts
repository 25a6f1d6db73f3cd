import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { bobsFingerprint } from '../support/fake-letters.ts'

describe('muttr key succeed', () => {
  const people = (answer: boolean | undefined) => ({
    password: async () => 'secret',
    confirm: async () => answer
  })

  it('asks before it does it, and says which pods have the new key', async () => {
    const doors = createFakeDoors()
    const prompts = people(false)
    const left = await muttr('key succeed', { doors, tty: true, prompts })
    assert.equal(left.status, 3)
    assert.match(left.stderr, /nothing was changed/)
    assert.match(left.stderr, /Make a new backup afterwards/)
    assert.match(left.stderr, /These devices get it, too: .*muttr device revoke/)
    assert.deepEqual(doors.client.calls, [])
    const alone = await muttr('key succeed --json', { doors })
    assert.deepEqual([alone.status, alone.error().code], [1, 'USAGE'])

    const done = await muttr('key succeed', { doors, tty: true, prompts: people(true) })
    assert.deepEqual(doors.client.calls, [['succeedKey', undefined]])
    assert.match(done.stdout, /Your key is ABAB .* now\.\nIt succeeded 81B6 /)
    assert.match(done.stdout, /one\.test has given your aliases to it/)
    assert.match(done.stdout, / two\.test has not yet: it is away/)
    assert.match(done.stdout, /muttr backup/)
    const [json] = (await muttr('key succeed --yes --json', { doors })).objects()
    assert.equal(json?.from, bobsFingerprint)
    assert.match((await muttr('key show', { doors })).stdout, /It succeeded/)
    const { succession } = doors.client
    doors.client.succession = async () => ({ ...(await succession())!, devicesTold: false })
    const first = await muttr('key succeed --yes', { doors })
    assert.match(first.stdout, /Your key will be ABAB .* as soon as your other devices/)
    assert.match(first.stdout, /It is to succeed 81B6 .*Your other devices are told first/)
  })

  it('takes a key from a file, and asks for its passphrase when it has one', async () => {
    const doors = createFakeDoors()
    const given: unknown[] = []
    const { succeedKey } = doors.client
    doors.client.succeedKey = async options => {
      given.push(options)
      if (!options?.keyPassphrase) throw new MuttrError('PASSPHRASE_MISSING', 'it is locked')
      return succeedKey(options)
    }
    const stdin = '-----BEGIN PGP PRIVATE KEY BLOCK-----'
    const env = { MUTTR_PASSPHRASE: 'secret' }
    const ran = await muttr('key succeed --import - --yes --json', { doors, stdin, env })
    assert.equal(ran.status, 0, ran.stderr)
    assert.deepEqual(given, [{ secretKey: stdin }, { secretKey: stdin, keyPassphrase: 'secret' }])
    assert.equal((await muttr('key succeed --import none.asc --yes', { doors })).status, 1)
  })
})

describe('muttr contacts, of somebody whose key is another', () => {
  it('says so with the day, until the new key was compared; and that two claim the place', async () => {
    const doors = createFakeDoors()
    const [bob] = doors.client.people
    bob!.succession = { from: 'cd'.repeat(20), atMs: Date.UTC(2026, 1, 3, 9) }
    const listed = await muttr('contacts', { doors })
    assert.match(
      listed.stdout,
      /bob@two\.test changed their key \(.*\): the old one, cdcdcdcd, named the new one/
    )
    bob!.verified = true
    assert.doesNotMatch((await muttr('contacts', { doors })).stdout, /changed their key/)
    bob!.disputed = 'ef'.repeat(20)
    const disputed = await muttr('contacts', { doors })
    assert.match(disputed.stdout, /bob@two\.test .*TWO KEYS/)
    assert.match(
      disputed.stdout,
      /an old key that named two others, one of them EFEF .*Nothing is sent/s
    )
    bob!.disputed = 'cd'.repeat(20)
    assert.match((await muttr('contacts', { doors })).stdout, /took back the old key .* CDCD/)
    const [json] = (await muttr('contacts --json', { doors })).objects()
    assert.deepEqual(json?.succession, bob!.succession)
  })
})

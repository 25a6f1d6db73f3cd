import assert from 'node:assert/strict'
import { agreed, aliceAt, bobAt, related, strangers } from '../support/related.ts'

describe('relationship addresses', () => {
  it('are made by each for the other when both have written, and letters move there by themselves', async () => {
    await using both = await related()
    const { alice, bob, world } = both
    const first = both.places(bobAt!).length
    for (let i = 0; i < 5; i++) await both.write(alice, bob, `to bob ${i}`)
    for (let i = 0; i < 5; i++) await both.write(bob, alice, `to alice ${i}`)
    for (const [alias, pod] of [
      [aliceAt!, 'one.test'],
      [bobAt!, 'two.test']
    ] as const) {
      const later = new Set(both.places(alias).slice(first))
      const [made, ...more] = await world.pod(pod).addresses.made()
      assert.deepEqual([[...later], more], [[made!.address], []], alias)
    }
    assert.equal((await bob.client.inbox()).length, 6)
  })

  it('are not made for a stranger who is never answered, nor where a pod knows none', async () => {
    await using quiet = await strangers()
    for (let i = 0; i < 3; i++) await quiet.write(quiet.alice, quiet.bob)
    assert.deepEqual(await quiet.world.pod('two.test').addresses.made(), [])
    await using old = await strangers('off')
    await old.write(old.alice, old.bob)
    await old.write(old.bob, old.alice)
    await old.write(old.alice, old.bob)
    assert.deepEqual(new Set(old.places(bobAt!)), new Set(['intro']))
    // A new version of the pod is found out, and no letter is needed for it.
    for (const pod of old.world.pods.values()) pod.addresses.mode = 'on'
    old.world.clock.advance(24 * 3_600_000)
    await agreed(old.alice, old.bob)
    await old.write(old.alice, old.bob)
    assert.notEqual(old.places(bobAt!).at(-1), 'intro')
  })

  it('that are handed out take so many first letters, and what comes later is answered the same', async () => {
    await using both = await strangers()
    const { alice, bob, world } = both
    const made = await bob.client.makeAddress({
      uses: 1,
      lifeMs: 30 * 86_400_000,
      note: 'the fair'
    })
    const contact = await alice.client.useAddress(made.link)
    assert.deepEqual([contact.alias, made.usesLeft], [bobAt, 1])
    await both.write(alice, bob)
    assert.deepEqual(both.places(bobAt!), [made.id])
    const [kept] = await bob.client.addresses()
    assert.deepEqual([kept?.id, kept?.usesLeft, kept?.note], [made.id, 0, 'the fair'])
    // Somebody else found the link.
    const carol = await world.join('carol')
    await carol.client.useAddress(made.link)
    const { id } = await carol.client.send({ to: bobAt!, body: 'me too' })
    assert.equal((await carol.sent(id)).state, 'announced')
    assert.deepEqual(both.places(bobAt!), [made.id])
    await bob.client.revokeAddress(made.id.slice(0, 8))
    assert.deepEqual(await bob.client.addresses(), [])
    await assert.rejects(bob.client.revokeAddress(made.id), { code: 'ADDRESS_UNKNOWN' })
    await assert.rejects(bob.client.makeAddress({ alias: 'nobody@two.test' }), {
      code: 'ALIAS_MISSING'
    })
  })

  it('that are handed out are for the key that their link names', async () => {
    await using both = await strangers()
    const { alice, bob, world } = both
    const { link } = await bob.client.makeAddress()
    const account = world.pod('two.test').accounts.get(bobAt!)!
    account.certificate = (await world.join('mallory', { hostname: 'two.test' })).person.certificate
    await assert.rejects(alice.client.useAddress(link), { code: 'KEY_CHANGED' })
    assert.deepEqual(await alice.client.contacts(), [])
  })

  it('hold after a restart, and letters under way keep the way they began', async () => {
    await using both = await related()
    const { alice, bob, world } = both
    await both.write(alice, bob)
    const [place] = [both.places(bobAt!).at(-1)!]
    await Promise.all([alice.restart(), bob.restart()])
    await bob.seen('listening')
    await both.write(alice, bob)
    assert.equal(both.places(bobAt!).at(-1), place)
    world.pod('two.test').down()
    world.pod('one.test').down()
    const { id } = await alice.client.send({ to: bobAt!, body: 'later' })
    await alice.restart({ locked: true })
    world.pod('two.test').up()
    world.pod('one.test').up()
    world.clock.advance(3_600_000)
    await bob.seen('opened', ({ letter }) => letter === id)
    assert.equal(both.places(bobAt!).at(-1), place)
  })
})

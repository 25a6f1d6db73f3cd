import assert from 'node:assert/strict'
import { fromHex } from '../../src/base/bytes.ts'
import type { Person } from '../../src/keys/person.ts'
import type { Letter } from '../../src/wire/letter.ts'
import { decodeLetter, encodeLetter } from '../../src/wire/letter.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import type { People } from '../../src/worlds/people/people.ts'
import type { PeopleWorld } from '../support/people-world.ts'
import { peopleWorld } from '../support/people-world.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** What was broken, and whether the way there was told. */
function whats({ people }: PeopleWorld): string[] {
  for (const { what, chain } of people.post.violations)
    assert(chain.length > 0 || /nobody wrote/.test(what))
  return people.post.violations.map(({ what }) => what)
}

/** Breaks the seal: whoever has a letter reads it, as `change` would have it. */
function openForAnybody(change: (letter: Letter, reader: Person) => Letter) {
  return ({ crypto }: People) => {
    const { open } = crypto
    ;(crypto as Writable<typeof crypto>).open = async (sealed, o) => {
      const fingerprint = Buffer.from(sealed.subarray(32, 52)).toString('hex')
      const certificate = { ...o.reader.certificate, fingerprint }
      const opened = await open(sealed, { ...o, reader: { certificate, former: [] } })
      let letter: Letter
      try {
        letter = decodeLetter(opened.plaintext)
      } catch {
        return opened // a slip
      }
      return { ...opened, plaintext: encodeLetter(change(letter, o.reader)) }
    }
  }
}

describe('letters in a world, and those who watch over them', () => {
  it('arrive once, with their reader, and are called accepted', async () => {
    const world = await peopleWorld()
    const posted = await world.write(0, 1)
    await world.pass(0.1)
    assert(posted.deliveredMs! > posted.sentMs)
    assert(posted.acceptedMs! > posted.deliveredMs!)
    await world.people.close()
    assert.deepEqual(whats(world), [])
  })

  it('that a pod drops in secret expire unread, and that is noticed', async () => {
    const world = await peopleWorld({ lie: 'drop' })
    const posted = await world.write(0, 1, 3)
    await world.pass(4.5)
    assert.equal(posted.acceptedMs, undefined)
    assert.deepEqual(whats(world).length, 1)
    assert.match(whats(world)[0]!, /expired unread, and its reader could be reached/)
    assert.match(world.people.post.violations[0]!.chain.join('\n'), /announced, pod pod-0\.test/)
  })

  it('are no promise where a pod is known to lie, or where nobody could be reached', async () => {
    const lying = await peopleWorld({ lie: 'drop', known: true })
    await lying.write(0, 1, 3)
    await lying.pass(4.5)
    assert.deepEqual(whats(lying), [])
    const away = await peopleWorld()
    away.population.leave(away.people.residents[1]!.member!)
    const posted = await away.write(0, 1, 3)
    await away.pass(4.5)
    assert(posted.expired && posted.deliveredMs === undefined)
    assert.deepEqual(whats(away), [])
  })

  it('are read twice by who lost what it had read, when a pod shows notices again', async () => {
    const world = await peopleWorld({ lie: 'replay' })
    // The network must have it still: nobody releases.
    for (const { seed } of world.population.online)
      Object.assign(seed!.dht, { release: () => new Promise(() => undefined) })
    await world.write(0, 1)
    await world.pass(1.5)
    assert.deepEqual(whats(world), [])
    const { state, member } = world.people.residents[1]!
    for (const table of [
      'mail',
      'mail-text',
      'mail-ids',
      'conversations',
      'conversation-letters',
      'inbox-done',
      'releases'
    ])
      for (const { key } of await state.list(table))
        await state.write([{ type: 'delete', table, key }])
    world.population.leave(member!)
    void world.population.come(member!)
    await world.pass(1.5)
    assert.deepEqual(whats(world).length, 1)
    assert.match(whats(world)[0]!, /is read twice/)
  })

  it('are missed when their writer’s disk has lost them', async () => {
    const world = await peopleWorld()
    world.population.leave(world.people.residents[1]!.member!)
    const posted = await world.write(0, 1)
    await world.people.close()
    assert.deepEqual(whats(world), [])
    const { state, member } = world.people.residents[0]!
    world.population.leave(member!)
    for (const table of ['sent', 'sent-ids'])
      for (const { key } of await state.list(table))
        await state.write([{ type: 'delete', table, key }])
    await world.people.close()
    assert.equal(posted.deliveredMs, undefined)
    assert.deepEqual(whats(world).length, 1)
    assert.match(whats(world)[0]!, /was taken, and its writer's client knows it no more/)
  })

  it('are not read by others, unless the seal is broken', async () => {
    for (const [sabotage, expected] of [
      [undefined, []],
      [
        openForAnybody((letter, { certificate }) => {
          const fingerprint = fromHex(certificate.fingerprint, 20)!
          return { ...letter, recipients: [{ ...letter.recipients[0]!, fingerprint }] }
        }),
        [
          'the letter 2 of person 0 to person 2 is read by person 1',
          'the letter 2 of person 0 to person 2 is called accepted, and its reader does not have it'
        ]
      ]
    ] as const) {
      const world = await peopleWorld({
        lie: 'misdeliver',
        known: true,
        ...(sabotage && { sabotage })
      })
      await world.write(0, 1)
      const posted = await world.write(0, 2)
      await world.pass(0.1)
      assert.equal(posted.deliveredMs, undefined)
      assert.deepEqual(whats(world), expected)
    }
  })

  it('are compared with what was written', async () => {
    const sabotage = openForAnybody(letter => ({ ...letter, body: Buffer.from('other') }))
    const world = await peopleWorld({ sabotage })
    await world.write(0, 1)
    await world.pass(0.1)
    assert.deepEqual(whats(world).length, 1)
    assert.match(whats(world)[0]!, /with another text than was written/)
  })

  it('are not called accepted by anybody but their reader', async () => {
    let accept: Uint8Array | null = null
    const sabotage = ({ crypto }: People) => {
      const { seal } = crypto
      ;(crypto as Writable<typeof crypto>).seal = (plaintext, o) => {
        try {
          accept = decodeLetter(plaintext).accept
        } catch {
          // A slip, or the key of a closet.
        }
        return seal(plaintext, o)
      }
    }
    const world = await peopleWorld({ sabotage })
    world.population.leave(world.people.residents[1]!.member!)
    const posted = await world.write(0, 1)
    const { headerBytes } = await world.blob(posted)
    const tombstone = encodeTombstone({ headerBytes, retract: null, accept, receipt: null })
    const { seed } = world.people.residents[2]!.member!
    await world.world.run(seed!.dht.release(tombstone))
    await world.pass(0.5)
    assert.equal(posted.deliveredMs, undefined)
    assert.deepEqual(whats(world).length, 1)
    assert.match(whats(world)[0]!, /is called accepted, and its reader does not have it/)
  })

  it('are not believed of a client that tells what is not so', async () => {
    const world = await peopleWorld()
    const { post, residents } = world.people
    const read = await world.write(0, 1)
    await world.pass(0.1)
    const letter = post.letters[0]!.id
    post.askedBack(read)
    post.heard(0, { type: 'withdrawn', letter, took: 5, asked: 8 })
    post.retracted(read, 'cancelled')
    residents[1]!.do(client => {
      void client.read(letter).then(shown => post.opened(1, { ...shown, subject: '99' }))
    })
    await world.pass(0.1)
    world.population.leave(residents[1]!.member!)
    const { key } = await world.write(0, 1)
    post.heard(1, { type: 'refused', key: key!, code: 'SEAL_REFUSED' })
    assert.deepEqual(whats(world), [
      'the letter 1 of person 0 to person 1 is called withdrawn, and was accepted before',
      'the letter 1 of person 0 to person 1 is called cancelled before it left, and was read',
      'person 1 reads a letter that nobody wrote',
      'the letter 2 of person 0 to person 1 is refused by its reader: SEAL_REFUSED'
    ])
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import PostalMime from 'postal-mime'
import { composeMessage } from '../../../src/client/mailbox/mail-message.ts'
import { mboxEntry, messagesOf, tooLarge } from '../../../src/client/mailbox/mbox.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld } from '../../support/client-world.ts'

const id = 'ab'.repeat(32)
const text = fc.string({ unit: 'binary', maxLength: 200 }).map(one => one.toWellFormed())
const subject = text.map(one => one.replace(/\p{Cc}/gu, ''))
const messageOf = (about: string, body: string) =>
  composeMessage({
    ...{ id, thread: id, parent: null, from: 'alice@one.test', to: ['bob@one.test'] },
    ...{ sentMs: 1_700_000_000_000, subject: about, mimeType: 'text/plain', body },
    ...{ direction: 'in', attachments: 0 }
  })

/** Readers agree neither on the sign that ends a line, nor on whether the last line has one. */
const lines = (all: string) => all.replace(/\r\n?/g, '\n').replace(/\n$/, '')

describe('mail files', () => {
  it('hold what letters say, as other programs read them', async () => {
    await fc.assert(
      fc.asyncProperty(subject, text, async (about, body) => {
        const mail = await PostalMime.parse(messageOf(about, body))
        assert.equal(lines(mail.text ?? ''), lines(body))
        assert.equal((mail.subject ?? '').trim(), about.trim())
        assert.equal(mail.from?.address, 'alice@one.test')
        assert.equal(mail.messageId, `<${id}@muttr.alt>`)
      }),
      { numRuns: 60, examples: [['', '\r']] }
    )
  })

  it('come apart as they were put together, wherever they are cut', async () => {
    const body = fc.string({ unit: fc.constantFrom('From ', '>', '\n', 'x', ' '), maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          body.map(one => `h: x\n\n${one}x`),
          { minLength: 1, maxLength: 5 }
        ),
        fc.integer({ min: 1, max: 40 }),
        async (bodies, size) => {
          const file = Buffer.concat(bodies.map(one => mboxEntry(one, 1_000)))
          const chunks = Array.from({ length: Math.ceil(file.byteLength / size) }, (_, i) =>
            file.subarray(i * size, (i + 1) * size)
          )
          const parts = await Array.fromAsync(messagesOf(chunks, 10_000))
          assert.deepEqual(
            parts.map(one => (one === tooLarge ? '' : Buffer.from(one).toString().trimEnd())),
            bodies.map(one => one.trimEnd())
          )
        }
      ),
      { numRuns: 100 }
    )
  })

  it('hold nothing of a message that is too large, and go on after it', async () => {
    const large = mboxEntry(`a: b\n\n${'x'.repeat(5_000)}`, 1)
    const parts = await Array.fromAsync(messagesOf([large, mboxEntry('c: d\n\nsmall', 1)], 1_000))
    assert.equal(parts[0], tooLarge)
    assert.match(Buffer.from(parts[1] as Uint8Array).toString(), /small/)
  })
})

describe('export and import', () => {
  let world: ClientWorld
  let alice: Tester
  let carol: Tester

  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
    carol = await world.join('carol')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('bring a mailbox to another client, where it is shown as imported, once', async () => {
    const first = await carol.client.send({ to: 'alice@one.test', subject: 'Früh', body: 'eins' })
    await alice.seen('opened')
    const answer = { to: 'carol@one.test', subject: 'Re', body: 'zwei', parent: first.id }
    await alice.client.send({ ...answer, mimeType: 'text/markdown' })
    const file = Buffer.concat(await Array.fromAsync(alice.client.exportLetters()))
    assert.deepEqual(await alice.client.importLetters(file), {
      ...{ imported: 0, known: 2, refused: 0, filesLeftOut: 0 }
    })
    const bob = await world.join('bob')
    for (const imported of [2, 0])
      assert.deepEqual(await bob.client.importLetters(file), {
        ...{ imported, known: 2 - imported, refused: 0, filesLeftOut: 0 }
      })
    const { conversations } = await bob.client.conversations()
    assert.equal(conversations.length, 1)
    const { letters } = await bob.client.conversation(conversations[0]!.thread)
    const shown = letters.map(one => one.direction === 'in' && [one.body.trim(), one.mimeType])
    assert.deepEqual(shown.toSorted(), [
      ['eins', 'text/plain'],
      ['zwei', 'text/markdown']
    ])
    for (const letter of letters) {
      assert.ok(letter.direction === 'in' && letter.imported && letter.read)
      assert.deepEqual([letter.from.verified, letter.from.fingerprint], [false, ''])
    }
    assert.equal((await bob.client.search('früh')).length, 1)
  })

  it('take nothing on trust: a message that says it is from a contact is imported, and what is no message is refused', async () => {
    const forged = 'From: carol@one.test\nSubject: Pay\u202e me\u0007\nDate: never\n\n<b>now</b>'
    const report = await alice.client.importLetters(Buffer.from(forged))
    assert.deepEqual(report, { imported: 1, known: 0, refused: 0, filesLeftOut: 0 })
    const [letter] = await alice.client.inbox()
    assert.deepEqual(
      [letter?.imported, letter?.from.certifiedByPod, letter?.from.verified],
      [true, false, false]
    )
    for (const bytes of ['', 'no message', '\u0000'.repeat(50)])
      assert.equal((await alice.client.importLetters(Buffer.from(bytes))).imported, 0)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
        await alice.client.importLetters(bytes)
      }),
      { numRuns: 40 }
    )
    const nested = Array.from(
      { length: 60 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`
    ).join('')
    await alice.client.importLetters(Buffer.from(`From: x@y.test\n${nested}`))
    alice.client.lock()
    await assert.rejects(alice.client.importLetters(Buffer.from(forged)), { code: 'VAULT_LOCKED' })
    assert.throws(() => alice.client.exportLetters(), { code: 'VAULT_LOCKED' })
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromHex } from '../../src/base/bytes.ts'
import { decodeProof, encodeProof } from '../../src/wire/proof.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'

const vectors = new URL('../vectors/proof.json', import.meta.url)
const bytesOf = (hex: string) => fromHex(hex, hex.length / 2)!

describe('muttr sent, retract and proof', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-cli-sent-'))
  })
  after(() => rm(folder, { recursive: true }))

  const sentTo = async (alias: string) => {
    const doors = createFakeDoors()
    const ran = await muttr(['send', alias, 'Hello', '--json', '--receipt'], { doors })
    const { id } = ran.objects()[0] as { id: string }
    return { doors, id }
  }

  it('asks for a receipt, and corrects an earlier letter by the beginning of its id', async () => {
    const { doors, id } = await sentTo('bob@two.test')
    assert.deepEqual(doors.client.calls.at(-1), [
      'send',
      { to: 'bob@two.test', body: 'Hello', receipt: true }
    ])
    const line = ['send', 'bob@two.test', 'Hullo', '--corrects', id.slice(0, 8)]
    assert.equal((await muttr(line, { doors })).status, 0)
    const [, draft] = doors.client.calls.findLast(([call]) => call === 'send') as [string, object]
    assert.deepEqual(draft, { to: 'bob@two.test', body: 'Hullo', corrects: id })
    const unknown = ['send', 'bob@two.test', 'x', '--corrects', 'ffff', '--json']
    assert.equal((await muttr(unknown, { doors })).error().code, 'LETTER_UNKNOWN')
  })

  it('shows one letter with what each state rests on', async () => {
    const { doors, id } = await sentTo('reader@two.test')
    const { stdout, status } = await muttr(['sent', id.slice(0, 6)], { doors })
    assert.equal(status, 0)
    for (const words of ['accepted, with receipt', '8 seeds signed', 'not that it delivered'])
      assert.ok(stdout.includes(words), words)
    assert.match((await muttr('sent', { doors })).stdout, /accepted, with receipt/)
    const json = await muttr(['sent', id, '--json'], { doors })
    assert.equal(json.objects()[0]?.state, 'accepted')
    assert.equal((await muttr(['sent', id, '--limit', '3'], { doors })).status, 1)
    assert.equal((await muttr(['sent', id, '--out', 'x'], { doors })).status, 1)
    assert.equal((await muttr(['sent', '--proof'], { doors })).status, 1)
  })

  it('retracts, and tells the truth about it', async () => {
    const early = await sentTo('bob@two.test')
    const withdrawn = await muttr(['retract', early.id.slice(0, 8)], { doors: early.doors })
    assert.match(withdrawn.stdout, /^✓ .* withdrawn\n/)
    const late = await sentTo('reader@two.test')
    const tooLate = await muttr(['retract', late.id], { doors: late.doors })
    assert.equal(tooLate.status, 0)
    assert.match(tooLate.stdout, /too late: it was accepted\n.*is asked to forget it/)
    const json = await muttr(['retract', late.id, '--json'], { doors: late.doors })
    assert.equal(json.objects()[0]?.outcome, 'too-late')
    assert.equal((await muttr('retract 0123', { doors: late.doors })).status, 2)
  })

  it('writes a proof to a file or a pipe, never to a terminal', async () => {
    const { doors, id } = await sentTo('bob@two.test')
    const file = join(folder, 'a.proof')
    const written = await muttr(['sent', id, '--proof', '--out', file, '--json'], { doors })
    assert.deepEqual(written.objects(), [{ id, file, sizeBytes: 3 }])
    assert.deepEqual([...(await readFile(file))], [1, 2, 3])
    const piped = await muttr(['sent', id, '--proof'], { doors })
    assert.deepEqual([...piped.bytes], [1, 2, 3])
    const json = await muttr(['sent', id, '--proof', '--json'], { doors })
    assert.deepEqual(json.objects(), [{ id, sizeBytes: 3, base64: 'AQID' }])
    assert.equal((await muttr(['sent', id, '--proof'], { doors, tty: true })).status, 1)
    const nowhere = ['sent', id, '--proof', '--out', join(folder, 'no', 'such')]
    assert.equal((await muttr(nowhere, { doors })).status, 1)
  })

  it('verifies a proof without opening a home, and says who signed what', async () => {
    const { valid, refused } = JSON.parse(await readFile(vectors, 'utf8'))
    const doors = createFakeDoors()
    const texts: string[] = []
    for (const { frame, state } of valid) {
      const file = join(folder, `${state}.proof`)
      await writeFile(file, bytesOf(frame))
      const { status, stdout } = await muttr(['proof', 'verify', file], { doors })
      assert.equal(status, 0)
      assert.match(stdout, new RegExp(`state +${state}`))
      texts.push(stdout)
    }
    assert.match(texts[0]!, /proves nothing/)
    assert.match(texts.at(-1)!, /Stored: 3 seeds.*Announced: one\.test.*Accepted:/s)
    const { frame } = valid.at(-1)
    const piped = await muttr('proof verify - --json', { doors, stdin: bytesOf(frame) })
    assert.equal(piped.objects()[0]?.state, 'accepted')
    for (const { why, frame } of refused) {
      const ran = await muttr('proof verify - --json', { doors, stdin: bytesOf(frame) })
      assert.deepEqual([ran.status, ran.error().code], [2, 'PROOF_INVALID'], why)
    }
    assert.deepEqual(doors.opened, [])
    assert.equal((await muttr('proof verify /no/such/file')).status, 1)
    const large = new Uint8Array(300_000)
    const ran = await muttr('proof verify - --json', { doors, stdin: large })
    assert.equal(ran.error().code, 'WIRE_TOO_LARGE')
  })

  it('shows nothing in a proof that could lead a terminal astray', async () => {
    const { valid } = JSON.parse(await readFile(vectors, 'utf8'))
    const proof = decodeProof(bytesOf(valid[1].frame))
    const to = 'bob\u001b[2J\u202e@one.test'
    const ran = await muttr('proof verify -', { stdin: encodeProof({ ...proof, to }) })
    assert.equal(ran.status, 0)
    assert.doesNotMatch(ran.stdout, /(?![\n\t])\p{Cc}|\p{Bidi_Control}/u)
  })
})

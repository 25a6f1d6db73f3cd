import assert from 'node:assert/strict'
import decodeQR from 'qr/decode.js'
import { makeJoinLink } from '../../src/config/join-link.ts'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { fakeWords } from '../support/fake-client.ts'
import { bobsFingerprint } from '../support/fake-letters.ts'

describe('muttr verify and card', () => {
  const linkOf = (alias: string) =>
    makeJoinLink({
      ...{ network: null, pod: null, invite: null },
      contact: { alias, fingerprint: bobsFingerprint }
    })

  it('verifies by the words that they read to each other, however they are typed', async () => {
    const words = fakeWords.split(' ')
    for (const told of [words, [fakeWords], [fakeWords.toUpperCase()]]) {
      const doors = createFakeDoors()
      const ran = await muttr(['verify', 'bob@two.test', ...told], { doors })
      const [, alias, shown] = doors.client.calls[0]!
      assert.deepEqual(
        [ran.status, alias, `${shown}`.toLowerCase()],
        [0, 'bob@two.test', fakeWords]
      )
    }
  })

  it("verifies by a card, and by nobody else's", async () => {
    const card = await muttr(['verify', 'bob@two.test', linkOf('bob@two.test'), '--json'])
    assert.equal(card.objects()[0]?.verified, true)
    const other = await muttr(['verify', 'bob@two.test', linkOf('eve@two.test')])
    assert.equal(other.status, 1)
    assert.match(other.stderr, /card of eve@two\.test/)
    const broken = await muttr(['verify', 'bob@two.test', `${linkOf('bob@two.test')}x`, '--json'])
    assert.deepEqual([broken.status, broken.error().code], [1, 'LINK_INVALID'])
  })

  it('shows a card: one line with a link for programs and pipes, on a screen a QR code of it', async () => {
    const plain = await muttr('card')
    assert.match(plain.stdout, /^alice@one\.test {2}[0-9A-F ]+\n\nmuttr:\S+\n$/)
    const { link } = (await muttr('card --json')).objects()[0]!
    const shown = await muttr('card', { tty: true })
    const code = shown.stdout.split('\n').filter(row => /^[█▀▄ ]+$/.test(row) && row.includes('█'))
    assert.equal(decodeQR(bitmapOf(code)), link)
    const unknown = await muttr('card unknown@one.test --json')
    assert.deepEqual([unknown.status, unknown.error().code], [2, 'ALIAS_UNKNOWN'])
  })
})

const scale = 4

/** What a camera sees of half blocks on a dark terminal: each character is two dots, one above the other. */
function bitmapOf(rows: readonly string[]) {
  const dots = rows.flatMap(row => [
    [...row].map(block => block === '█' || block === '▀'),
    [...row].map(block => block === '█' || block === '▄')
  ])
  const width = dots[0]!.length * scale
  const height = dots.length * scale
  const data = new Uint8Array(width * height * 4).fill(255)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (!dots[Math.floor(y / scale)]![Math.floor(x / scale)])
        data.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3)
  return { width, height, data }
}

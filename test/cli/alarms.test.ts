import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { muttr } from '../support/cli.ts'

const vectors = new URL('../vectors/split-view.json', import.meta.url)

describe('muttr alarms --proof', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-cli-alarms-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('writes the proof into a file, or where the output goes', async () => {
    const file = join(folder, 'one.proof')
    const ran = await muttr(['alarms', 'alice@one.test', '--proof', '--out', file])
    assert.deepEqual([ran.status, ran.stdout], [0, `${file}: 3 bytes\n`])
    assert.deepEqual([...(await readFile(file))], [4, 5, 6])
    const json = await muttr('alarms alice@one.test --proof --json')
    assert.deepEqual(json.objects(), [{ alias: 'alice@one.test', sizeBytes: 3, base64: 'BAUG' }])
    const none = await muttr('alarms bob@two.test --proof --json')
    assert.deepEqual([none.status, none.error().code], [2, 'PROOF_UNKNOWN'])
  })

  it('asks for an alias with it, and for nothing without it', async () => {
    for (const line of ['alarms --proof', 'alarms alice@one.test', 'alarms --out x'])
      assert.equal((await muttr(line)).status, 1, line)
    const screen = await muttr('alarms alice@one.test --proof', { tty: true })
    assert.deepEqual([screen.status, screen.stdout], [1, ''])
    assert.equal((await muttr('alarms')).status, 0)
    assert.match((await muttr('alarms answer alice@one.test')).stdout, /Noted/)
  })

  it('is what `proof verify` checks, and says what it proves and what not', async () => {
    const { valid, refused } = JSON.parse(await readFile(vectors, 'utf8'))
    const file = join(folder, 'split.proof')
    const write = (frame: string) => writeFile(file, fromHex(frame, frame.length / 2)!)
    await write(valid[0].frame)
    const { stdout, status } = await muttr(['proof', 'verify', file])
    assert.equal(status, 0)
    for (const words of ['bob@one.test', 'A split view', 'not', 'restored twice', 'forged by'])
      assert(stdout.includes(words), words)
    const json = await muttr(['proof', 'verify', file, '--json'])
    assert.equal(json.objects()[0]?.fingerprint, valid[0].fingerprint)
    await write(refused[0].frame)
    const wrong = await muttr(['proof', 'verify', file, '--json'])
    assert.deepEqual([wrong.status, wrong.error().code], [2, 'PROOF_INVALID'])
    await writeFile(file, new Uint8Array(limits.splitViewBytesMax + 1))
    const large = await muttr(['proof', 'verify', file, '--json'])
    assert.equal(large.error().code, 'WIRE_TOO_LARGE')
  })
})

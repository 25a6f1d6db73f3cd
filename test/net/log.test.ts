import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { MuttrError } from '../../src/base/errors.ts'
import { createLog, openLog } from '../../src/net/log.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const clock = { now: () => Date.UTC(2026, 0, 1) }
const time = '2026-01-01T00:00:00.000Z'

function logged(json: boolean, fields: Record<string, unknown>): string {
  const lines: string[] = []
  createLog({ level: 'info', write: line => lines.push(line), json, clock }).warn('event', fields)
  assert.equal(lines.length, 1)
  return lines[0]!
}

describe('the log', () => {
  it('says what happened, to people and to programs', () => {
    const fields = { count: 3, how: 'two words', none: undefined, big: 2n ** 70n, left: null }
    const text = ' count=3 how="two words" big=1180591620717411303424 left=null'
    assert.equal(logged(false, fields), `${time} warn  event${text}`)
    assert.deepEqual(JSON.parse(logged(true, fields)), {
      ...{ time, level: 'warn', event: 'event', count: 3, how: 'two words' },
      ...{ big: '1180591620717411303424', left: null }
    })
  })

  it('says codes of our errors, whose words may name somebody, and words of others', () => {
    const system = Object.assign(new Error('connect to 10.0.0.7:4420'), { code: 'ECONNREFUSED' })
    const ours = new MuttrError('PEER_UNREACHABLE', 'alice is away', { cause: system })
    const err = (thrown: unknown) => JSON.parse(logged(true, { err: thrown })).err
    assert.equal(err(ours), 'PEER_UNREACHABLE: ECONNREFUSED')
    assert.equal(err(new TypeError('x is not a function')), 'TypeError: x is not a function')
    assert.equal(err(new MuttrError('INTERNAL', 'a mistake')), 'MuttrError: a mistake')
  })

  const peer = '12D3KooWGjBgYqmFbGKkKkUMaXLzVwqRqRGLnCC5L9xgMbXpsQbC'
  const personal = [
    ...[peer, 'alice@pod.example', '203.0.113.7', '2001:db8::7', '::ffff:203.0.113.7'],
    ...['8f3a'.repeat(10), '8F3A'.repeat(4), 'ålice@pod.example', 'b_Zk-9'.repeat(8)]
  ]

  it('says who only as the same as elsewhere, wherever it stands', () => {
    for (const who of personal) {
      const places = { peer: who, err: new Error(`no way to ${who}!`), deep: { in: [who] } }
      const line = logged(true, { ...places, text: `/ip4/${who}/tcp/4420: "${who}"` })
      assert(!line.includes(who) && !line.includes(ascii(who)), line)
      const [first, ...others] = line.match(/~[0-9a-f]{8}/g)!
      assert(others.length >= 4 && others.every(other => other === first), line)
    }
    assert.match(
      logged(false, { alias: 'alice', peers: 3, pod: 'pod.example' }),
      / alias=~[0-9a-f]{8} peers=3 pod=pod\.example$/
    )
    const told = {
      at: '12:30:59',
      path: 'src/pod/pod.ts:12:7',
      code: 'DISK_FULL',
      version: '1.2.3'
    }
    assert.deepEqual(JSON.parse(logged(true, told)), {
      ...told,
      time,
      level: 'warn',
      event: 'event'
    })
  })

  it('shows bytes as somebody', () => {
    assert.match(logged(false, { bytes: Uint8Array.of(1, 255) }), / bytes=~[0-9a-f]{8}$/)
  })

  it('says nothing below its level', () => {
    const lines: string[] = []
    const log = createLog({ level: 'warn', write: line => lines.push(line), clock })
    log.info('quiet')
    log.debug('quiet')
    assert.deepEqual(lines, [])
  })

  it('stays one line of printable ASCII, whatever a stranger has it say', () => {
    const strange = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\n2026 warn forged',
        '\u001b[2J',
        '\u009b31m',
        '\u202etxt.exe',
        '\u2028',
        'a=b "c"'
      )
    )
    fc.assert(
      fc.property(strange, fc.boolean(), (text, json) => {
        const line = logged(json, { text, err: new Error(text) })
        assert.match(line, /^[\x20-\x7e]*$/)
        if (json) assert.equal(Object.keys(JSON.parse(line)).length, 5)
      })
    )
  })

  it('has lost nothing when its process is killed, and goes on in the same file', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'node.log')
    const script = `import { openLog } from ${JSON.stringify(logModule)}
      const log = openLog({ level: 'info', file: ${JSON.stringify(file)} })
      for (let i = 0; i < 1_000; i++) log.info('line', { i })
      process.kill(process.pid, 'SIGKILL')`
    for (const lines of [1_000, 2_000]) {
      const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script])
      assert.equal(signal, 'SIGKILL')
      const kept = (await readFile(file, 'utf8')).trimEnd().split('\n')
      assert.equal(kept.length, lines)
      assert.equal(JSON.parse(kept.at(-1)!).i, 999)
    }
  })

  it('takes a disk that takes nothing', () => {
    using log = openLog({ level: 'info', file: '/dev/full' })
    for (let i = 0; i < 10_000; i++) log.info('into nothing', { i })
  })
})

const logModule = new URL('../../src/net/log.ts', import.meta.url).href
const ascii = (text: string) =>
  text.replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

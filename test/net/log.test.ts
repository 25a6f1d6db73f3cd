import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MuttrError } from '../../src/base/errors.ts'
import { createLog } from '../../src/net/log.ts'

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
    const fields = {
      peer: '12D3',
      count: 3,
      err: new MuttrError('INTERNAL', 'two words'),
      none: undefined
    }
    assert.equal(
      logged(false, fields),
      `${time} warn  event peer=12D3 count=3 err="two words" none=-`
    )
    assert.deepEqual(JSON.parse(logged(true, fields)), {
      time,
      level: 'warn',
      event: 'event',
      peer: '12D3',
      count: 3,
      err: 'two words'
    })
  })

  it('shows bytes in hex and large numbers as they are', () => {
    const line = logged(false, { key: Uint8Array.of(1, 255), big: 2n ** 70n })
    assert.match(line, / key=01ff big=1180591620717411303424$/)
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
        if (json) assert.equal(JSON.parse(line).text, text)
      })
    )
  })
})

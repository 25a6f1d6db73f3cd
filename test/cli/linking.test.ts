import assert from 'node:assert/strict'
import { createFakeDoors, muttr } from '../support/cli.ts'
import { fakeCode } from '../support/fake-link.ts'

describe('muttr device link', () => {
  it('shows the code, as a QR code too on a screen, and tells who came', async () => {
    const screen = await muttr('device link', { tty: true })
    assert.equal(screen.status, 0)
    assert(screen.stdout.includes(`\n${fakeCode}\n`))
    const widest = Math.max(...screen.stdout.split('\n').map(row => [...row].length))
    assert.match(screen.stdout, /█/)
    assert(widest === fakeCode.length || widest <= 80)
    assert.match(screen.stderr, /until 12:10[\s\S]*nobody else[\s\S]*phone is here/)
    assert.match(screen.stdout, /✓.* phone is one of your devices/)
    const piped = await muttr('device link')
    assert.equal(piped.stdout.split('\n')[0], fakeCode)
  })

  it('is a line of JSON for each step', async () => {
    const doors = createFakeDoors()
    const ran = await muttr('device link --json', { doors })
    assert.deepEqual(
      ran.objects().map(({ type }) => type),
      ['code', 'came', 'sent', 'linked']
    )
    assert.deepEqual(doors.client.calls, [['linkDevice', true]])
  })

  it('says how often somebody came with a wrong code, and why it ended', async () => {
    const ran = await muttr('device link --no-history')
    assert.equal(ran.status, 2)
    assert.match(ran.stderr, /2 more may[\s\S]*good for nothing[\s\S]*three came/)
  })
})

describe('muttr link', () => {
  const link = ['link', '--home', '/h', '--no-passphrase']

  it('takes the code from the line, standard input, or a person, who is not shown it', async () => {
    const doors = createFakeDoors()
    const asked: string[] = []
    const prompts = {
      password: async (message: string) => {
        asked.push(message)
        return fakeCode
      },
      confirm: async () => true
    }
    for (const run of [
      { line: [...link, fakeCode] },
      { line: [...link, '-'], stdin: `${fakeCode}\n` },
      { line: link, tty: true, prompts }
    ]) {
      const { line, ...how } = run
      const ran = await muttr(line, { doors, ...how })
      assert.equal(ran.status, 0, ran.stderr)
      assert.match(ran.stdout, /✓.* laptop is a device of alice, in \/h/)
      assert.equal((doors.opened.at(-1)![1].code as string).trim(), fakeCode)
    }
    assert.equal(asked.length, 1)
    assert.equal((await muttr(link, { doors })).status, 1)
  })

  it('passes on the name, and whether letters are wanted', async () => {
    const doors = createFakeDoors()
    await muttr([...link, fakeCode, '--name', 'my phone', '--json'], { doors })
    const { passphrase, history, name } = doors.opened.at(-1)![1]
    assert.deepEqual([passphrase, history, name], [null, true, 'my phone'])
    const unheard = await muttr([...link, fakeCode, '--no-history'], { doors })
    assert.equal(doors.opened.at(-1)![1].history, false)
    assert.match(unheard.stdout, /did not hear/)
  })
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { editJsonc } from '../../src/config/jsonc.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import { peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { readHome } from '../../src/nodes/home.ts'
import { Testnet } from '../support/testnet.ts'

const everybody = ['one.test', 'alice', 'bob']

describe('a pod that is watched', () => {
  let net: Testnet
  let at: string
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 1 })
    const [port] = await freePorts(1, systemRandom)
    const file = join(net.home('one.test'), 'muttr.json')
    await writeFile(file, editJsonc(await readFile(file, 'utf8'), ['pod', 'monitor'], { port }))
    for (const name of everybody) {
      const settings = join(net.home(name), 'muttr.json')
      const loud = editJsonc(await readFile(settings, 'utf8'), ['log'], 'debug')
      await writeFile(settings, editJsonc(loud, ['logFile'], 'node.log'))
    }
    at = `http://127.0.0.1:${port}`
    await net.startAll()
  })
  after(() => net[Symbol.asyncDispose]())

  const ask = async (path: string) => {
    const answer = await fetch(`${at}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  const figure = (text: string, line: string) => {
    const found = text.split('\n').find(one => one.startsWith(`${line} `))
    return Number(found?.slice(line.length + 1))
  }

  it('says that it is well, and counts what is asked of it and what became of that', async () => {
    assert.deepEqual(await ask('/health'), { status: 200, text: '{"ok":true}' })
    assert.deepEqual(await ask('/ready'), { status: 200, text: '{"ok":true}' })
    await net.json('alice', 'register', 'alice@one.test')
    await net.json('bob', 'register', 'bob@one.test')
    const refused = await net.muttr('bob', 'lookup', 'nobody@one.test', '--json')
    assert.equal(JSON.parse(refused.stderr).error.code, 'ALIAS_UNKNOWN')
    const from = net.events.length
    const [sent] = await net.json<{ id: string }>('alice', 'send', 'bob@one.test', 'Watched')
    await net.event('bob', 'opened', from, ({ letter }) => letter === sent!.id)
    const { text } = await ask('/metrics')
    assert.equal(figure(text, 'muttr_pod_accounts'), 2)
    assert.equal(figure(text, 'muttr_pod_requests_total{method="register",outcome="ok"}'), 2)
    assert(figure(text, 'muttr_pod_requests_total{method="lookup",outcome="ALIAS_UNKNOWN"}') >= 1)
    assert(figure(text, 'muttr_pod_notices_pushed_total') >= 1)
    assert(figure(text, 'muttr_pod_sessions') >= 2)
    assert(figure(text, 'muttr_joined') === 1)
  })

  it('says nothing of people', async () => {
    const { text } = await ask('/metrics')
    assert.doesNotMatch(text, /alice|bob|12D3KooW|[0-9a-f]{40}/)
  })

  it('and neither do the logs, at their loudest', async () => {
    const logOf = (name: string) => readFile(join(net.home(name), 'node.log'), 'utf8')
    // What devices did not answer for is played back to them: the pod has more to say.
    await net.kill('bob')
    await net.json('alice', 'send', 'bob@one.test', 'Not there')
    const from = net.events.length
    await net.start('bob')
    await net.event('bob', 'opened', from)
    const nodes = await Promise.all(['alice', 'bob'].map(name => readHome(net.home(name))))
    const keys = net.events.flatMap(({ event }) => ('key' in event ? [String(event.key)] : []))
    const people = [
      ...['alice', 'bob', '127.0.0.1', ...keys],
      ...nodes.flatMap(({ certificate, privateKey }) => [
        ...[certificate!.fingerprint, certificate!.fingerprint.slice(-16), certificate!.pin],
        peerKeys(privateKey).self
      ])
    ]
    assert(keys.length >= 2)
    const logs = (await Promise.all(everybody.map(logOf))).join('')
    for (const line of logs.trimEnd().split('\n')) assert(JSON.parse(line).event, line)
    for (const who of people) assert(!logs.toLowerCase().includes(who.toLowerCase()), who)
    assert.match(logs, /"level":"debug".*~[0-9a-f]{8}/, 'it says something, of somebody')
  })

  it('is read by Prometheus, and its dashboard asks for nothing that is not there', async () => {
    const { text } = await ask('/metrics')
    const said = execFileSync('promtool', ['check', 'metrics'], {
      input: text
        .replaceAll(/^# (HELP|TYPE) (?!muttr).*\n/gm, '')
        .replaceAll(/^(?!muttr|#).*\n/gm, ''),
      encoding: 'utf8'
    })
    assert.equal(said, '')
    const config = join(packageRoot, 'bootstrap/prometheus.yml')
    execFileSync('promtool', ['check', 'config', config], { stdio: 'pipe' })
    const board = await readFile(join(packageRoot, 'bootstrap/grafana-pod.json'), 'utf8')
    const names = board.match(/\b(muttr|process|nodejs)_[a-z0-9_]+/g)!
    assert(names.length > 10)
    for (const name of new Set(names)) assert.match(text, new RegExp(`^${name}\\b`, 'm'), name)
  })
})

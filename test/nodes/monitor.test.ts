import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { editJsonc } from '../../src/config/jsonc.ts'
import { packageRoot } from '../../src/config/package-root.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { Testnet } from '../support/testnet.ts'

describe('a pod that is watched', () => {
  let net: Testnet
  let at: string
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 1 })
    const [port] = await freePorts(1, systemRandom)
    const file = join(net.home('one.test'), 'muttr.json')
    await writeFile(file, editJsonc(await readFile(file, 'utf8'), ['pod', 'monitor'], { port }))
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

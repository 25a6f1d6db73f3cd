import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { MuttrError } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'
import { editConfig, readConfig, readConfigFile, writeConfig } from '../../src/config/config.ts'
import { loadNetwork, readNetwork, writeNetwork } from '../../src/config/network.ts'

const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (err) {
    return `${codeOf(err)} ${(err as Error).message}`
  }
  return 'nothing was thrown'
}

describe('muttr.json', () => {
  it('needs no more than a name', () => {
    const config = readConfig('{"name":"alice"}')
    assert.equal(config.network, 'local')
    assert.equal(config.mode, 'server')
    assert.equal(config.store.capBytes, 2 ** 30)
    assert.equal(config.pod, undefined)
  })

  it('comes back as it was written, without the defaults', () => {
    const file = { name: 'one', pod: { hostname: 'one.test', policy: 'open' as const } }
    assert.deepEqual(JSON.parse(writeConfig(file)), file)
    assert.equal(readConfig(writeConfig(file)).pod?.accountsMax, 10_000)
  })

  it('has a light profile, which the rest of the file overrules', () => {
    const light = readConfig('{"name":"a","profile":"light","store":{"capBytes":1000}}')
    assert.deepEqual(
      [light.store, light.connections.max, light.bandwidth],
      [{ capBytes: 1_000 }, 24, { upBytesPerSecond: 512 * 1024, downBytesPerSecond: 1024 * 1024 }]
    )
    assert.deepEqual(readConfig('{"name":"a"}').bandwidth, {})
  })

  it('gives way to what a start says', () => {
    const text = '{"name":"a","store":{"capBytes":1000},"bandwidth":{"upBytesPerSecond":70000}}'
    const config = readConfig(text, {
      profile: 'light',
      bandwidth: { downBytesPerSecond: 80_000 }
    })
    assert.equal(config.profile, 'light')
    assert.equal(config.store.capBytes, 1_000)
    assert.deepEqual(config.bandwidth, { upBytesPerSecond: 70_000, downBytesPerSecond: 80_000 })
    assert.equal(config.connections.max, 24)
  })

  it('may hold comments, which a change leaves where they are', () => {
    const text = '{ // who\n  "name": "a",\n  /* how */ "log": "warn",\n}\n'
    assert.equal(readConfig(text).log, 'warn')
    const louder = editConfig(text, ['log'], 'debug')
    assert.equal(louder, text.replace('warn', 'debug'))
    const capped = editConfig(louder, ['store', 'capBytes'], 1_000)
    assert.equal(readConfig(capped).store.capBytes, 1_000)
    assert.match(capped, /\/\/ who[\s\S]*\/\* how \*\//)
    assert.deepEqual(
      readConfigFile(editConfig(capped, ['store'], undefined)),
      readConfigFile(louder)
    )
    assert.throws(() => editConfig(text, ['log'], 'loud'), { code: 'CONFIG_INVALID' })
  })

  it('names the known field next to an unknown one', () => {
    const hintOf = (text: string) => {
      try {
        readConfig(text)
      } catch (err) {
        return (err as MuttrError).hint
      }
    }
    const pod = (inside: string) => `{"name":"a","pod":{"hostname":"one.test",${inside}}}`
    assert.equal(hintOf('{"name":"a","lisen":[]}'), 'Did you mean listen?')
    assert.equal(hintOf(pod('"polcy":"open"')), 'Did you mean pod.policy?')
    assert.equal(hintOf(pod('"https":{"httpport":1}')), 'Did you mean pod.https.httpPort?')
    assert.match(hintOf('{"name":"a","colour":"blue"}')!, /Correct the named field/)
    const listed = '{"name":"a","pods":[{"hostname":"a.test","adresses":[]}]}'
    assert.match(hintOf(listed)!, /Correct|addresses/)
  })

  const refused: [string, string][] = [
    ['{"name":"a","bandwidth":{"upBytesPerSecond":1000}}', 'bandwidth.upBytesPerSecond'],
    ['{"name":"a","profile":"light","store":[]}', 'store'],
    ['{"name":"a","profile":"light","__proto__":{}}', 'unknown field __proto__'],
    ['{"name":"a","profile":"slow"}', 'profile'],
    ['{"name":"a","nmae":"b"}', 'unknown field nmae'],
    ['{"name":"a","pod":{"hostname":"one.test","polcy":"open"}}', 'unknown field pod.polcy'],
    ['{"name":"a","pod":{"hostname":"One.Test"}}', 'pod.hostname'],
    ['{"name":"a","pod":{"hostname":"-.test"}}', 'pod.hostname'],
    ['{"name":"a","listen":["tcp:4420"]}', 'listen.0'],
    ['{"name":"a","listen":["/ip4/999.0.0.1/tcp/1"]}', 'listen.0'],
    ['{"name":"a","listen":["/ip4/1.2.3.4/tcp/65536"]}', 'listen.0'],
    ['{"name":"a","store":{"capBytes":-1}}', 'store.capBytes'],
    ['{"name":"a","mode":"both"}', 'mode'],
    ['{"name":"a","dns":{"validating":"192.0.2.1"}}', 'dns.validating'],
    ['{"name":"a","dns":{"validating":"128.0.0.1:53"}}', 'dns.validating'],
    ['{"name":"a","dns":{"validating":"localhost"}}', 'dns.validating'],
    ['{"name":"a","dns":{"validating":"127.0.0.1:0"}}', 'dns.validating'],
    ['{"name":""}', 'name'],
    ['{}', 'name'],
    ['[]', 'the file'],
    ['{"name":"a"', 'not JSON'],
    ['{"name":"a",\n "log" "warn"}', 'line 2, column 8'],
    ['{"name":"a"} {}', 'not JSON'],
    [`{"name":${'['.repeat(100_000)}`, 'not JSON'],
    [
      '{"name":"a","pod":{"hostname":"one.test","https":{"mode":"files"}}}',
      'pod.https.certificate'
    ],
    [`{"name":"a"}${' '.repeat(300_000)}`, 'too large']
  ]
  for (const [text, named] of refused)
    it(`names what is wrong: ${named} in ${text.slice(0, 60)}`, () => {
      const message = messageOf(() => readConfig(text))
      assert.ok(message.startsWith('CONFIG_INVALID '), message)
      assert.ok(message.includes(named), message)
    })

  it('meets any text with a value or CONFIG_INVALID', () => {
    const any = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map(json => `{"name":"a","pod":${json}}`)
    )
    fc.assert(
      fc.property(any, text => {
        try {
          readConfig(text)
        } catch (err) {
          assert.equal(codeOf(err), 'CONFIG_INVALID')
        }
      })
    )
  })
})

describe('a network file', () => {
  it('of the built-in network is good', async () => {
    const local = await loadNetwork('local')
    assert.equal(local.name, 'local')
    assert.ok(local.pods.length >= 2)
    assert.deepEqual(readNetwork(writeNetwork(local)), local)
  })

  it('is found by name or by path, or said not to be there', async () => {
    await assert.rejects(loadNetwork('nowhere'), { code: 'NETWORK_INVALID' })
    await assert.rejects(loadNetwork('/nowhere/net.json'), { code: 'NETWORK_INVALID' })
    await assert.rejects(loadNetwork('../package'), { code: 'NETWORK_INVALID' })
  })

  const pod = '{"hostname":"one.test","addresses":["/ip4/127.0.0.1/tcp/1"]}'
  const refused: [string, string][] = [
    ['{"name":"Net"}', 'name'],
    ['{"name":"net","seeds":["localhost:1"]}', 'seeds.0'],
    ['{"name":"net","seed":[]}', 'unknown field seed'],
    ['{"name":"net","pods":[{"hostname":"one.test","addresses":[]}]}', 'pods.0.addresses'],
    [`{"name":"net","pods":[${pod},${pod}]}`, 'twice'],
    ['{"name":"net","parameters":{"replicas":3,"quorum":5}}', 'parameters.quorum'],
    ['{"name":"net","parameters":{"replicas":0,"quorum":0}}', 'parameters.replicas'],
    [`{"name":"net","pods":[${pod.replace('}', ',"fingerprint":"AB"}')}]}`, 'fingerprint'],
    ['null', 'the file']
  ]
  for (const [text, named] of refused)
    it(`names what is wrong: ${named} in ${text.slice(0, 60)}`, () => {
      const message = messageOf(() => readNetwork(text))
      assert.ok(message.startsWith('NETWORK_INVALID '), message)
      assert.ok(message.includes(named), message)
    })
})

import assert from 'node:assert/strict'
import { editConfig, readConfig, readConfigFile } from '../../src/config/config.ts'
import { podConfigText } from '../../src/config/pod-file.ts'

const file = {
  name: 'one.test',
  network: 'local',
  pod: { hostname: 'one.test', policy: 'open' as const, https: { mode: 'off' as const } }
}

describe("a pod's muttr.json", () => {
  it('says what it was told, and shows the rest as comments', () => {
    const text = podConfigText(file)
    assert.deepEqual(readConfigFile(text), file)
    assert.match(text, /^ {4}\/\/ Who may take an alias: .*\n {4}"policy": "open",$/m)
    assert.match(text, /^ {2}\/\/ "listen": \[$/m)
  })

  it('is good with every comment of a setting taken off', () => {
    const uncommented = podConfigText(file).replaceAll(
      /^( *)\/\/ (?= *(?:"[a-z]+":|"\/|[\]}]))/gim,
      '$1'
    )
    const config = readConfig(uncommented)
    assert.equal(config.connections.max, 1_000)
    assert.deepEqual(config.reach.announce, ['/ip4/198.51.100.7/tcp/4420'])
    assert.equal(config.pod?.ahead.bytes, 4 * 2 ** 30)
  })

  it('keeps its comments when something is changed', () => {
    const text = podConfigText(file)
    const changed = editConfig(text, ['pod', 'policy'], 'closed')
    assert.equal(changed, text.replace('"policy": "open"', '"policy": "closed"'))
    const more = editConfig(text, ['bandwidth', 'upBytesPerSecond'], 100_000)
    assert.equal(readConfig(more).bandwidth.upBytesPerSecond, 100_000)
    assert.equal(more.match(/\/\//g)?.length, text.match(/\/\//g)?.length)
  })

  it('is never written with what the schema refuses', () => {
    const wrong = { ...file, pod: { ...file.pod, hostname: 'No Name' } }
    assert.throws(() => podConfigText(wrong), { code: 'CONFIG_INVALID' })
  })
})

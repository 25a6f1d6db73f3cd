import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readHome } from '../../src/nodes/home.ts'
import { initPod } from '../../src/nodes/init-pod.ts'
import { renamePod } from '../../src/nodes/rename-pod.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { testCa } from '../support/test-ca.ts'

describe('a pod that is made', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let made: number
  before(async () => {
    folder = await temporaryFolder()
    made = 0
  })
  after(() => folder[Symbol.asyncDispose]())

  const path = (name: string) => join(folder.path, name)
  const signal = new AbortController().signal
  const passphrase = async () => null
  const make = async (hostname: string, https: object = {}) => {
    const home = path(`${++made}`)
    const given = { mode: 'off' as const, ...https }
    const pod = await initPod({
      ...{ home, hostname, policy: 'open', https: given, passphrase, signal }
    })
    return { home, pod, network: (await readHome(home)).network }
  }

  it('founds a network of its own, in which no other pod stands', async () => {
    const { network } = await make('pod.example')
    assert.deepEqual([network.name, network.pods, network.seeds], ['pod.example', [], []])
    const long = `${'a'.repeat(60)}.${'b'.repeat(20)}.example`
    assert.equal((await make(long)).network.name, long.slice(0, 64))
  })

  it('takes a hostname as people write it, and nothing at which no alias can stand', async () => {
    for (const [typed, hostname] of [
      ['Pod.Example.', 'pod.example'],
      ['m\u00fcnchen.example', 'xn--mnchen-3ya.example']
    ] as const)
      assert.equal((await make(typed)).pod.hostname, hostname)
    const before = (await readdir(folder.path)).length
    for (const typed of [
      ...['192.0.2.1', '::1', 'https://pod.example', 'pod.example:443', 'alice@pod.example'],
      ...['localhost', 'a.localhost', '-x.example', 'a_b.example', 'a..b', '', '.', 'x'.repeat(300)]
    ])
      await assert.rejects(make(typed), { code: 'USAGE' }, typed)
    assert.equal((await readdir(folder.path)).length, before, 'nothing is left behind')
    const { home } = await make('one.example')
    const what = { to: '192.0.2.1' }
    await assert.rejects(renamePod({ home, what, passphrase, signal, onProgress() {} }), {
      code: 'USAGE'
    })
  })

  it('has files for its door that can open it', async () => {
    const ca = await testCa(folder.path)
    const pair = await ca.issue(['pod.example'])
    const https = { mode: 'files', certificate: path('door.pem'), key: path('door.key') }
    await assert.rejects(make('pod.example', https), { code: 'CERTIFICATE_INVALID' })
    await writeFile(https.certificate, pair.certificate)
    await writeFile(https.key, pair.key)
    assert.equal((await make('pod.example', https)).pod.ports.includes('443/tcp'), true)
    await assert.rejects(make('other.example', https), {
      code: 'CERTIFICATE_INVALID',
      message: `${https.certificate} is not for other.example`
    })
  })
})

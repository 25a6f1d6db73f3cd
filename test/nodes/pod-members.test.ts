import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { editJsonc } from '../../src/config/jsonc.ts'
import { peerKeys } from '../../src/net/peer-key.ts'
import { readHome } from '../../src/nodes/home.ts'
import { initPod } from '../../src/nodes/init-pod.ts'
import { makePodMember } from '../../src/nodes/pod-members.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe('the home of another process of a pod', () => {
  const httpsOf = async (https: object) => {
    await using folder = await temporaryFolder()
    const [home, out] = [join(folder.path, 'pod'), join(folder.path, 'second')]
    await initPod({
      ...{ home, hostname: 'pod.test', policy: 'open', https: { mode: 'off' } },
      passphrase: async () => null,
      signal: new AbortController().signal
    })
    const file = join(home, 'muttr.json')
    const text = editJsonc(await readFile(file, 'utf8'), ['pod', 'https'], https)
    const placed = editJsonc(text, ['listen'], ['/ip4/10.1.2.3/tcp/4420'])
    await writeFile(file, editJsonc(placed, ['pod', 'store'], 'postgres://db.test/muttr'))
    const { doorClosed } = await makePodMember({ home, out })
    const second = await readHome(out)
    const { pod } = second.config
    const [place, ...others] = second.network.pods
    const first = await readHome(home)
    assert.deepEqual([place!.hostname, others], ['pod.test', []])
    assert.equal(place!.fingerprint, first.certificate!.fingerprint)
    assert.deepEqual(place!.addresses, [
      `/ip4/10.1.2.3/tcp/4420/p2p/${peerKeys(first.privateKey).self}`
    ])
    assert.equal((await readHome(home)).config.pod!.https.mode, 'mode' in https && https.mode)
    return { doorClosed, https: pod!.https, store: pod!.store }
  }

  it('has no door where the pod orders its certificate, since the authority would ask another process', async () => {
    const made = await httpsOf({ mode: 'acme', acme: { email: 'olga@pod.test' } })
    assert.deepEqual([made.doorClosed, made.https.mode], [true, 'off'])
    assert.equal(made.https.acme.email, 'olga@pod.test')
    assert.equal(made.store, 'postgres://db.test/muttr')
  })

  it('has the same door else', async () => {
    const made = await httpsOf({ mode: 'proxy', port: 4481 })
    assert.deepEqual([made.doorClosed, made.https.mode, made.https.port], [false, 'proxy', 4481])
  })
})

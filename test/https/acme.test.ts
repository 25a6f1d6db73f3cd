import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { connect } from 'node:tls'
import type { Pair } from '../../src/https/certificate.ts'
import type { Door, DoorFiles } from '../../src/https/open.ts'
import { openDoor } from '../../src/https/open.ts'
import { systemClock } from '../../src/net/clock.ts'
import type { Pebble } from '../support/pebble.ts'
import { pebble, pebbleMissing } from '../support/pebble.ts'
import { random } from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'

const silent = { debug() {}, info() {}, warn() {} }

describe('a certificate from an authority (Pebble)', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa
  let authority: Pebble
  const kept: { pair?: Pair; account?: string } = {}

  before(async () => {
    assert.deepEqual(pebbleMissing(), [])
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
    authority = await pebble(folder.path, ca)
  })
  after(async () => {
    await authority?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const files: DoorFiles = {
    given: () => Promise.reject(new Error('none')),
    trust: async () => ca.certificate,
    ordered: async () => kept.pair,
    async keepOrdered(pair) {
      kept.pair = pair
    },
    async accountKey(make) {
      kept.account ??= await make()
      return kept.account
    }
  }
  const open = async (former: readonly string[] = []): Promise<Door> =>
    (await openDoor({
      https: {
        ...{ mode: 'acme', port: 0, httpPort: authority.httpPort, openpgpkey: true },
        acme: { directory: authority.directory, email: 'operator@pod.test' }
      },
      ...{ hostname: 'pod.test', former, rooms: [], groupLocal: false, files },
      ...{ clock: systemClock, random, log: silent }
    }))!
  const becomes = async (holds: () => boolean) => {
    while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
  }
  const shake = async (door: Door, servername: string): Promise<string> => {
    const { port } = door.status
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      servername,
      ca: await authority.root()
    })
    await once(socket, 'secureConnect')
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }

  it('is ordered, shown for both names, and there again after a restart', async () => {
    let first: string
    {
      await using door = await open()
      await becomes(() => door.status.untilMs !== null || door.status.problem !== null)
      assert.equal(door.status.problem, null)
      first = await shake(door, 'pod.test')
      assert.equal(await shake(door, 'openpgpkey.pod.test'), first)
    }
    const account = kept.account
    await using again = await open()
    assert.ok(again.status.untilMs)
    assert.equal(await shake(again, 'pod.test'), first)
    assert.equal(kept.account, account)
  })

  it('sends http: to https:, and answers no challenge that is not ours', async () => {
    await using _door = await open()
    const base = `http://127.0.0.1:${authority.httpPort}`
    const moved = await fetch(`${base}/pks/lookup?op=get`, { redirect: 'manual' })
    assert.deepEqual(
      [moved.status, moved.headers.get('location')],
      [301, 'https://pod.test/pks/lookup?op=get']
    )
    const challenge = await fetch(`${base}/.well-known/acme-challenge/guessed`)
    assert.equal(challenge.status, 404)
  })

  it('is for the names too that the pod had before, but for those that lead here no more', async () => {
    await authority.fail('gone.test')
    for (const former of [['former.test'], ['gone.test']]) {
      delete kept.pair
      await using door = await open(former)
      await becomes(() => door.status.untilMs !== null || door.status.problem !== null)
      assert.equal(door.status.problem, null)
      await shake(door, 'pod.test')
      if (former[0] === 'former.test') await shake(door, 'former.test')
      else await assert.rejects(shake(door, 'gone.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    }
  })

  it('that is not given is said, and what there is stays', async () => {
    const before = kept.pair!
    delete kept.pair
    await authority.stop()
    {
      await using door = await open()
      await becomes(() => door.status.problem !== null)
      assert.equal(door.status.problem?.code, 'ORDER_FAILED')
      assert.match(door.status.problem.message, /gave no certificate: .*ECONNREFUSED/)
      assert.equal(door.status.untilMs, null)
    }
    kept.pair = before
    await using door = await open()
    assert.ok(door.status.untilMs)
    assert.equal(door.status.problem, null)
  })
})

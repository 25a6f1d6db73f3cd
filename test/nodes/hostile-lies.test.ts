import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Contact } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { encodeBlobHeader, expiryAt, makeBlob } from '../../src/wire/blob.ts'
import * as dht from '../../src/wire/dht.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import { makeNode } from '../support/net-nodes.ts'
import { ed25519Author, recordBy } from '../support/record-authors.ts'
import { keptIn, putFrame, recordPutFrame } from '../support/stamps.ts'
import type { Whole } from '../support/whole-node.ts'
import { wholeNode } from '../support/whole-node.ts'

const soon = { timeoutMs: 30_000 }
const dayMs = 86_400_000
const MiB = 2 ** 20

const network = {
  name: 'lies',
  description: '',
  seeds: [],
  pods: [],
  parameters: { replicas: 8, quorum: 5 }
}

function someBlob(sizeBytes = 500, { lifeMs = dayMs, retract = random.bytes(32) } = {}) {
  const expiryMs = expiryAt(clock.now() + lifeMs)
  const about = { expiryMs, retract: sha256(retract), accept: null }
  return { ...makeBlob(random.bytes(sizeBytes), about), retract }
}
const putOf = ({ headerBytes, sealed }: { headerBytes: Uint8Array; sealed: Uint8Array }) =>
  putFrame({ headerBytes, sealed }, clock.now())

describe('a seed among liars', () => {
  const capBytes = 4 * MiB
  let folder: string
  let seed: Whole
  let mallory: Node
  let to: Contact

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muttr-lies-'))
    seed = await wholeNode({ folder, name: 'seed', person: false, network, capBytes })
    to = seed.network.contact()
    mallory = await makeNode({ mode: 'client' })
  })
  after(async () => {
    await mallory?.[Symbol.asyncDispose]()
    await seed?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = (method: string, frame: Uint8Array) => mallory.request(to, method, frame, soon)
  const usage = async () => (await seed.client.status()).store
  async function refused(method: string, frame: Uint8Array, code: ErrorCode): Promise<void> {
    const before = await usage()
    await assert.rejects(ask(method, frame), { code })
    assert.deepEqual(await usage(), before, 'nothing was stored')
  }

  it('takes no blob but one that is what its header says', async () => {
    const blob = someBlob()
    const other = someBlob()
    await refused('put', putOf({ ...blob, sealed: other.sealed }), 'BLOB_INVALID')
    await refused('put', putOf({ ...blob, headerBytes: other.headerBytes }), 'BLOB_INVALID')
    await refused('put', putOf({ ...blob, sealed: blob.sealed.subarray(1) }), 'BLOB_INVALID')
    const huge = encodeBlobHeader({ ...blob.header, lengthBytes: limits.blobBytesMax + 1 })
    await refused('put', putOf({ ...blob, headerBytes: huge }), 'BLOB_INVALID')
    await refused('put', putOf(someBlob(9, { lifeMs: -2 * dayMs })), 'BLOB_EXPIRED')
    await refused('put', putOf(someBlob(9, { lifeMs: 102 * dayMs })), 'BLOB_EXPIRED')
    const large = someBlob(200_000)
    large.sealed[100_000]! ^= 1
    await refused('put', putOf(large), 'BLOB_INVALID')
  })

  it('takes no record but its author’s, and none older than it has', async () => {
    const [alice, eve] = [ed25519Author(1), ed25519Author(2)]
    const frame = (record: Uint8Array) => recordPutFrame(record, clock.now())
    const put = async (record: Uint8Array) => keptIn(await ask('record-put', frame(record))).record
    const foreign = await recordBy({ author: alice.author, sign: eve.sign }, { sequence: 9 })
    await refused('record-put', frame(foreign.frame), 'RECORD_INVALID')
    const [four, five] = [
      await recordBy(alice, { sequence: 4 }),
      await recordBy(alice, { sequence: 5 })
    ]
    const flipped = five.frame.with(-1, five.frame.at(-1)! ^ 1)
    await refused('record-put', frame(flipped), 'RECORD_INVALID')
    assert.equal(await put(five.frame), null)
    const before = await usage()
    assert.deepEqual(await put(four.frame), five.frame, 'the newer one is shown')
    assert.deepEqual(await usage(), before)
    await assert.rejects(seed.seed.dht.putRecord(four.frame), { code: 'RECORD_STALE' })
    assert.deepEqual(await seed.seed.dht.getRecord(four.key), five.frame)
  })

  it('lets nobody release a blob but who holds its secret', async () => {
    const blob = someBlob()
    await ask('put', putOf(blob))
    const tomb = {
      headerBytes: blob.headerBytes,
      retract: random.bytes(32),
      accept: null,
      receipt: null
    }
    await refused('release', dht.encodeRelease(encodeTombstone(tomb)), 'BLOB_INVALID')
    assert.equal(dht.decodeGetAnswer(await ask('get', dht.encodeGet(blob.key)))[0], 1)
    await ask('release', dht.encodeRelease(encodeTombstone({ ...tomb, retract: blob.retract })))
    await refused('put', putOf(blob), 'BLOB_RELEASED')
  })

  it('forwards no request onward, and to nobody it is not connected to', async () => {
    const stranger = peerKeys(await makePeerKey()).self
    const payload = dht.encodePing(null)
    for (const peer of [stranger, seed.network.self, mallory.self])
      await refused(
        'forward',
        dht.encodeForward({ to: peer, method: 'ping', payload }),
        'PEER_UNREACHABLE'
      )
  })

  it('keeps below its cap whatever is put', async () => {
    const codes = new Set<string | undefined>()
    const flood = async (stampedMs: number) => {
      for (let round = 0; round < 4; round++) {
        const puts = Array.from({ length: 8 }, () =>
          ask('put', putFrame(someBlob(limits.blobBytesMax), stampedMs))
        )
        for (const done of await Promise.allSettled(puts))
          if (done.status === 'rejected') codes.add(codeOf(done.reason))
          else if (dht.decodePutAnswer(done.value)[0] === 1) codes.add('a higher price')
      }
    }
    await flood(clock.now())
    assert.deepEqual([...codes], ['a higher price'])
    assert((await usage()).bytes < capBytes)
    codes.clear()
    const { bytes } = await usage()
    // What was stamped hours ago comes from who repairs, and that is no stranger: a seed that is pressed takes nothing of it.
    await flood(clock.now() - 3 * limits.expiryStepMs)
    assert.deepEqual([...codes], ['a higher price'])
    assert.equal((await usage()).bytes, bytes)
    let onDisk = 0
    for (const file of await readdir(join(seed.home, 'db'), { recursive: true }))
      onDisk += (await stat(join(seed.home, 'db', file)).catch(() => undefined))?.size ?? 0
    assert(onDisk < 6 * capBytes, `${onDisk} bytes on the disk`)
    assert.equal(dht.decodePong(await ask('ping', dht.encodePing(null))), null)
  })

  describe('that name others', () => {
    /** Takes connections and ends them at once; counts them. */
    const trap = createServer(socket => void socket.on('error', () => {}).destroy())
    let dials = 0
    /** Answers of the liar that named others. */
    let answers = 0
    let port: number
    let liar: Node
    before(async () => {
      trap.on('connection', () => dials++)
      trap.listen(0, '0.0.0.0')
      await once(trap, 'listening')
      port = (trap.address() as AddressInfo).port
      const privateKey = await makePeerKey()
      const keys = peerKeys(privateKey)
      liar = await makeNode({ privateKey })
      const names = async (): Promise<Contact[]> => {
        answers++
        return Promise.all(
          Array.from({ length: limits.contactsMax }, async () => ({
            peer: peerKeys(await makePeerKey()).self,
            addresses: Array.from({ length: 8 }, (_, i) => `/ip4/127.0.${i}.1/tcp/${port}`)
          }))
        )
      }
      liar.serve('ping', async frame => {
        const nonce = dht.decodePing(frame)
        return dht.encodePong(nonce && keys.sign(dht.pongBytes(nonce)))
      })
      liar.serve('links', async () => dht.encodeLinks([]))
      liar.serve('find-node', async () => dht.encodeContacts(await names()))
      liar.serve('get', async () => dht.encodeGetAnswer([0, await names()]))
      liar.serve('put', async frame => {
        const { headerBytes } = dht.decodePut(frame)
        const storedMs = clock.now()
        const { expiryMs } = someBlob().header
        const signature = keys.sign(dht.storedBytes(sha256(headerBytes), expiryMs, storedMs))
        const contacts = await names()
        return dht.encodePutAnswer([0, { expiryMs, storedMs, signature, contacts }])
      })
    })
    after(async () => {
      await liar?.[Symbol.asyncDispose]()
      trap.close()
    })

    it('do not send it to its own machine from elsewhere', async () => {
      await seed.network.request(liar.contact(), 'ping', dht.encodePing(null), soon)
      for (const teller of ['/ip4/192.168.7.7/tcp/4420', '/ip4/198.41.0.4/tcp/4420']) {
        const heard = await seed.seed.askNearest({ peer: liar.self, addresses: [teller] })
        assert.equal(heard.length, limits.contactsMax)
        assert(heard.every(({ addresses }) => addresses.length === 0))
      }
      await mallory.request(to, 'ping', dht.encodePing(null), soon)
      assert.equal(dials, 0)
    })

    it('send it to so many addresses and no more, whatever they say', async () => {
      await seed.seed.join([liar.contact()])
      assert(seed.seed.table.has(liar.self))
      dials = answers = 0
      const found = await seed.seed.dht.nearest(random.bytes(32))
      assert.deepEqual(
        found.map(({ peer }) => peer),
        [liar.self]
      )
      // An answer names twenty; each is asked once, and pinged once where it is not shunned yet.
      const most = 2 * limits.contactsMax * limits.hearsayAddressesMax
      assert(dials > 0 && dials <= answers * most, `${dials} dials after ${answers} answers`)
      await assert.rejects(seed.seed.dht.get(random.bytes(32)), { code: 'BLOB_UNKNOWN' })
      assert(dials <= answers * most, `${dials} dials after ${answers} answers`)
      // One for the search of a place; one for a get and some for the region around its key.
      assert(answers <= 6, `${answers} answers`)
    })

    it('are not counted as holders of what they did not sign for', async () => {
      await seed.seed.join([liar.contact()])
      const blob = someBlob(300)
      const done = await seed.seed.dht.put(blob).then(
        ({ settled }) => settled,
        err => ({ acknowledgements: [], code: codeOf(err) })
      )
      for (const { holder } of done.acknowledgements) assert.notEqual(holder, liar.self)
      assert(!seed.seed.table.has(liar.self), 'it is known no more')
      assert.equal(toHex(blob.key).length, 64)
    })
  })
})

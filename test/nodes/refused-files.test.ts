import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { RemoteClient } from '../../src/api/remote.ts'
import { Testnet } from '../support/testnet.ts'

const MiB = 2 ** 20
const fileBytes = 256 * MiB

describe('a file that is refused while it is given to a daemon', () => {
  let net: Testnet
  let alice: RemoteClient
  before(async function () {
    this.timeout(60_000)
    net = await Testnet.lay({ pods: [], people: ['alice'], seeds: 0 })
    const config = join(net.home('alice'), 'muttr.json')
    const said = JSON.parse(await readFile(config, 'utf8'))
    const attachments = { outBytes: 16 * MiB }
    await writeFile(config, JSON.stringify({ ...said, attachments }))
    await net.start('alice')
    alice = await net.client('alice')
  })
  after(async function () {
    this.timeout(30_000)
    await alice[Symbol.asyncDispose]()
    await net[Symbol.asyncDispose]()
  })

  /** A file of zeros, and how much of it was read. */
  function zeros() {
    const read = { bytes: 0, isOver: false }
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (; read.bytes < fileBytes; read.bytes += MiB) yield new Uint8Array(MiB)
      } finally {
        read.isOver = true
      }
    }
    return { source: source(), read }
  }

  async function refused(attaching: Promise<unknown>): Promise<void> {
    await assert.rejects(attaching, (err: { code?: string; hint?: string }) => {
      assert.deepEqual([err.code, (err.hint?.length ?? 0) > 0], ['DISK_FULL', true])
      return true
    })
  }

  /** Resolves when nothing lies in the folder of files any more. */
  async function emptied(): Promise<void> {
    const folder = join(net.home('alice'), 'attachments')
    const watcher = watch(folder)
    for (;;) {
      const changed = once(watcher, 'change')
      if ((await readdir(folder)).length === 0) break
      await changed
    }
    watcher.close()
  }

  /** Nothing of what was refused is left, and the next file is taken. */
  async function unharmed(): Promise<void> {
    assert.deepEqual(await alice.attachments(), [])
    await emptied()
    async function* small(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1_000)
    }
    const { id } = await alice.attach(small(), { name: 'small' })
    await alice.dropAttachment(id)
    await emptied()
  }

  it('by its quota says why, and is not read to its end', async () => {
    const { source, read } = zeros()
    await refused(alice.attach(source, { name: 'zeros' }))
    assert.ok(read.bytes >= 12 * MiB && read.bytes < fileBytes / 2, `${read.bytes} bytes`)
    await unharmed()
  }).timeout(60_000)

  it('is not even begun when it says how large it is', async () => {
    const { source, read } = zeros()
    const from = net.events.length
    await refused(alice.attach(source, { name: 'zeros', sizeBytes: fileBytes }))
    assert.ok(read.bytes < fileBytes / 2, `${read.bytes} bytes were read`)
    const begun = net.events.slice(from).filter(({ event }) => event.type === 'transfer')
    assert.deepEqual(begun, [])
    await unharmed()
  }).timeout(60_000)

  it('by the disk says why, in the middle of a file', async () => {
    const { pid } = net.child('alice')
    const limit = (most: string) =>
      assert.equal(spawnSync('prlimit', ['--pid', `${pid}`, `--fsize=${most}:`]).status, 0)
    limit(`${5 * MiB}`)
    try {
      const { source, read } = zeros()
      await refused(alice.attach(source, { name: 'zeros' }))
      assert.ok(read.bytes >= 5 * MiB && read.bytes < fileBytes / 2, `${read.bytes} bytes`)
    } finally {
      limit('unlimited')
    }
    await unharmed()
  }).timeout(60_000)

  it('is told so also to a program that sends all before it listens', async () => {
    const { url, token } = JSON.parse(await readFile(join(net.home('alice'), 'api.json'), 'utf8'))
    const { hostname, port, host } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) }).pause()
    const head = [
      'POST /attachments?name=zeros HTTP/1.1',
      `Host: ${host}`,
      `Authorization: Bearer ${token}`
    ]
    socket.write(`${[...head, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n`)
    const piece = Buffer.concat([
      Buffer.from('100000\r\n'),
      new Uint8Array(MiB),
      Buffer.from('\r\n')
    ])
    for (let sentBytes = 0; sentBytes < fileBytes; sentBytes += MiB)
      if (!socket.write(piece)) await once(socket, 'drain')
    socket.write('0\r\n\r\n')
    const [answerHead, body] = (await text(socket)).split('\r\n\r\n')
    assert.match(answerHead!, /^HTTP\/1.1 409 /)
    assert.equal(JSON.parse(body!).error.code, 'DISK_FULL')
    await unharmed()
  }).timeout(60_000)

  it('by who sends it, who is gone, leaves nothing', async () => {
    const stop = new AbortController()
    async function* half(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3 * MiB)
      await once(stop.signal, 'abort')
    }
    const from = net.events.length
    const attaching = alice.attach(half(), { name: 'half', signal: stop.signal })
    await net.event('alice', 'transfer', from, e => e.state === 'sealing' && e.doneBytes > 0)
    stop.abort()
    await assert.rejects(attaching, { code: 'CANCELLED' })
    await emptied()
    await unharmed()
  }).timeout(60_000)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Contact } from '../../src/base/ports.ts'
import type { Node } from '../../src/net/node.ts'
import { makeNode } from '../support/net-nodes.ts'

const portOf = (node: Node) => Number(/tcp\/(\d+)/.exec(node.contact().addresses[0]!)![1])

/** A door before `node` whose keeper passes on what `change` makes of the dialler's bytes, in pieces of at most `pieceBytes`. */
async function doorBefore(node: Node, pieceBytes: number, change: (data: Buffer) => void) {
  const server = createServer(dialler => {
    const behind = connect(portOf(node), '127.0.0.1')
    behind.setNoDelay(true)
    dialler.on('data', data => {
      change(data)
      for (let at = 0; at < data.byteLength; at += pieceBytes)
        behind.write(data.subarray(at, at + pieceBytes))
    })
    behind.pipe(dialler)
    for (const [one, other] of [
      [dialler, behind],
      [behind, dialler]
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const contact: Contact = { peer: node.self, addresses: [`/ip4/127.0.0.1/tcp/${port}`] }
  return { contact, [Symbol.dispose]: () => server.close() }
}

describe('net: encryption', () => {
  const soon = { timeoutMs: 5_000 }

  // Below and above the size from which OpenSSL encrypts; 100,000 bytes are several messages of noise.
  for (const size of [500, 5_000, 100_000]) {
    const payload = new Uint8Array(size).fill(7)

    it(`brings ${size} bytes through, however they are cut`, async () => {
      await using b = await makeNode()
      b.serve('echo', async bytes => bytes)
      for (const pieceBytes of [1, 700]) {
        await using a = await makeNode()
        using door = await doorBefore(b, pieceBytes, () => {})
        assert.deepEqual(await a.request(door.contact, 'echo', payload, soon), payload)
      }
    })

    it(`does not believe ${size} bytes that were changed on the way`, async () => {
      await using a = await makeNode()
      await using b = await makeNode()
      let heard = 0
      let spoil = false
      b.serve('echo', async bytes => {
        heard += 1
        return bytes
      })
      using door = await doorBefore(b, size, data => {
        if (spoil) data[data.byteLength >> 1]! ^= 1
      })
      await a.request(door.contact, 'echo', new Uint8Array(1), soon)
      spoil = true
      await assert.rejects(a.request(door.contact, 'echo', payload, soon), { code: 'PEER_CLOSED' })
      assert.equal(heard, 1)
    })
  }
})

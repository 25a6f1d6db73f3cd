import assert from 'node:assert/strict'
import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import type { Datagrams } from '../../src/base/ports.ts'
import { createDatagrams, openDatagramDoor } from '../../src/net/datagrams.ts'
import { countDatagrams } from '../support/fake-datagrams.ts'
import { noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'

const hasIp6 = Object.values(networkInterfaces())
  .flat()
  .some(one => one?.address === '::1')

/** Waits for what comes; datagrams get lost, so what is waited for is sent again. */
async function sendUntil(come: Promise<unknown>, send: () => void): Promise<void> {
  const timer = setInterval(send, 50)
  send()
  try {
    await come
  } finally {
    clearInterval(timer)
  }
}

describe('datagrams, over real sockets', () => {
  let sender: Datagrams & AsyncDisposable
  beforeEach(() => {
    sender = createDatagrams({ allowLocal: true })
  })
  afterEach(() => sender[Symbol.asyncDispose]())

  it('come whole, with the network that they come from, to hosts by address and by name', async () => {
    await using door = await openDatagramDoor({ port: 0 })
    const all: { length: number; network: string }[] = []
    let came = Promise.withResolvers<void>()
    door.accept((bytes, network) => {
      all.push({ length: bytes.byteLength, network })
      came.resolve()
    })
    const to = async (address: string) => {
      came = Promise.withResolvers()
      await sendUntil(came.promise, () => sender.send(address, door.port, new Uint8Array(1_200)))
      return all.at(-1)
    }
    const from4 = { length: 1_200, network: '127.0.0' }
    assert.deepEqual(await to('/ip4/127.0.0.1/tcp/4420'), from4)
    assert.deepEqual(await to('/dns4/localhost/tcp/4420'), from4)
    if (hasIp6) assert.deepEqual(await to('/ip6/::1/tcp/4420'), { length: 1_200, network: '0:0:0' })
  })

  it('go to no private address that a name leads to, unless the network lives there', async () => {
    await using door = await openDatagramDoor({ port: 0 })
    const lengths: number[] = []
    const last = Promise.withResolvers<void>()
    door.accept(({ byteLength }) => {
      lengths.push(byteLength)
      if (byteLength === 3) last.resolve()
    })
    await using strict = createDatagrams({ allowLocal: false })
    strict.send('/dns4/localhost/tcp/1', door.port, new Uint8Array(2))
    strict.send('/dns4/no-such-host.invalid/tcp/1', door.port, new Uint8Array(2))
    strict.send('no multiaddr', door.port, new Uint8Array(2))
    await sendUntil(last.promise, () =>
      strict.send('/ip4/127.0.0.1/tcp/1', door.port, new Uint8Array(3))
    )
    assert(!lengths.includes(2))
  })

  it('need a port that is free', async () => {
    await using door = await openDatagramDoor({ port: 0, host: '127.0.0.1' })
    const again = openDatagramDoor({ port: door.port, host: '127.0.0.1' })
    await assert.rejects(again, { code: 'ADDRESS_IN_USE' })
  })
})

describe('a pod under a flood, over real sockets', () => {
  it('opens what its rates allow, answers nobody, and serves another network', async () => {
    await using door = await openDatagramDoor({ port: 0 })
    await using world = podWorld()
    const counts = countDatagrams()
    const limits = { datagramsPerSubnet: { burst: 20, everyMs: 1_000 } }
    const host = await world.host({ datagrams: { door }, limits, measure: counts.measure })
    const bob = await world.device(await personNamed('bob'))
    const link = await bob.enter(host)
    await link.register('bob', bob.person.certificate)
    const { intro } = await link.lookup('bob')
    const notice = await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now()))

    const flood = createSocket('udp4')
    const answers: unknown[] = []
    flood.on('message', message => answers.push(message)).on('error', err => answers.push(err))
    flood.bind({ address: '127.0.1.1' })
    await once(flood, 'listening')
    // Connected, it would hear of a port that is shut.
    flood.connect(door.port, '127.0.0.1')
    await once(flood, 'connect')
    const noise = new Uint8Array(1_200).fill(7)
    let sent = 0
    const isOver = () => sent >= 100_000
    const flooding = floodWith(
      flood,
      noise,
      () => !isOver(),
      count => (sent += count)
    )
    await using sender = createDatagrams({ allowLocal: true })
    await sendUntil(counts.has('taken', 1), () =>
      sender.send('/ip4/127.0.0.1/tcp/1', door.port, notice)
    )
    await flooding
    // No time passes in this pod: the burst is all that was opened.
    assert(counts.count('invalid') <= 20, `${counts.count('invalid')} opened`)
    assert(counts.count('rate') > 0)
    const judged = counts.count('rate') + counts.count('invalid')
    assert(judged <= 100_000)
    assert.deepEqual(answers, [])
    flood.close()
  })
})

/** A hundred at a time, each hundred when the kernel has the one before. */
async function floodWith(
  socket: Socket,
  bytes: Uint8Array,
  more: () => boolean,
  sent: (count: number) => void
): Promise<void> {
  while (more()) {
    const hundred = Array.from(
      { length: 100 },
      () => new Promise<void>(resolve => socket.send(bytes, () => resolve()))
    )
    await Promise.all(hundred)
    sent(100)
  }
}

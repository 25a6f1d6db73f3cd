import { readFile } from 'node:fs/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { Testnet } from '../support/testnet.ts'
import type { Row } from './table.ts'
import { summary } from './table.ts'

const MiB = 2 ** 20
const pieceBytes = 256 * 1_024
const dayMs = 24 * 3_600_000

async function* zeros(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = sizeBytes; left > 0; left -= pieceBytes)
    yield new Uint8Array(Math.min(left, pieceBytes))
}

/** Highest resident memory of a process from now on, looked at ten times a second, in MiB. */
function watchMemory(pid: number) {
  let most = 0
  const look = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    most = Math.max(most, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024)
  }
  const timer = setInterval(() => void look().catch(() => undefined), 100)
  return {
    look,
    most: () => most,
    [Symbol.dispose]: () => clearInterval(timer)
  }
}

async function residentMiB(pid: number): Promise<number> {
  using memory = watchMemory(pid)
  await memory.look()
  return memory.most()
}

/**
 * A pod, alice, bob and 17 seeds, each a process, on one machine; a file of so many MiB for one day, stored with five copies, then fetched. Beside
 * it, in turns, as many bytes through one plain libp2p stream.
 */
export async function benchAttachment(rounds: number, sizeMiB: number): Promise<Row[]> {
  await using net = await Testnet.lay({ pods: ['one.test'], people: ['alice', 'bob'], seeds: 17 })
  await net.startAll()
  await using alice = await net.client('alice')
  await using bob = await net.client('bob')
  await alice.register('alice@one.test')
  await bob.register('bob@one.test')
  const [out, back, plain]: number[][] = [[], [], []]
  const [outMiB, backMiB]: number[][] = [[], []]
  const rate = (beganMs: number) => (1_000 * sizeMiB) / (performance.now() - beganMs)
  for (let round = 0; round < rounds; round++) {
    const idle = await residentMiB(net.child('alice').pid)
    using ofAlice = watchMemory(net.child('alice').pid)
    let from = net.events.length
    let beganMs = performance.now()
    const how = { name: 'zeros', lifeMs: dayMs }
    const { id } = await alice.attach(zeros(sizeMiB * MiB), how)
    await net.event('alice', 'transfer', from, e => e.id === id && e.state === 'stored')
    out!.push(rate(beganMs))
    outMiB!.push(ofAlice.most() - idle)
    const letter = await alice.send({ to: 'bob@one.test', body: 'x', attachments: [id] })
    await net.event('bob', 'opened', from, e => e.letter === letter.id)
    const idleBob = await residentMiB(net.child('bob').pid)
    using ofBob = watchMemory(net.child('bob').pid)
    from = net.events.length
    beganMs = performance.now()
    await bob.fetchAttachment(letter.id, 0)
    await net.event('bob', 'transfer', from, e => e.id === letter.id && e.state === 'here')
    for await (const _ of await bob.openAttachment(letter.id, 0)) {
      // read as a person would, to the end
    }
    back!.push(rate(beganMs))
    backMiB!.push(ofBob.most() - idleBob)
    await bob.forgetAttachment(letter.id, 0)
    plain!.push(await plainRate(sizeMiB))
  }
  const rival = { name: 'one libp2p stream', ...summary(plain!) }
  const label = `file of ${sizeMiB} MiB`
  return [
    { name: `${label}, attach to stored`, unit: 'MiB/s', ...summary(out!), rival },
    { name: `${label}, fetch to read`, unit: 'MiB/s', ...summary(back!), rival },
    { name: `${label}, sender's memory above idle`, unit: 'MiB', ...summary(outMiB!) },
    { name: `${label}, reader's memory above idle`, unit: 'MiB', ...summary(backMiB!) }
  ]
}

/** Two libp2p nodes of this process and one stream: what nothing that keeps copies can reach. */
async function plainRate(sizeMiB: number): Promise<number> {
  const node = (listen: string[]) =>
    createLibp2p({
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
  const [from, to] = await Promise.all([node([]), node(['/ip4/127.0.0.1/tcp/0'])])
  try {
    const { promise: all, resolve } = Promise.withResolvers<void>()
    let got = 0
    await to.handle('/bench/1', stream => {
      stream.addEventListener('message', event => {
        got += event.data.byteLength
        if (got >= sizeMiB * MiB) resolve()
      })
    })
    const stream = await from.dialProtocol(to.getMultiaddrs(), '/bench/1')
    const beganMs = performance.now()
    for await (const piece of zeros(sizeMiB * MiB)) if (!stream.send(piece)) await stream.onDrain()
    await all
    return (1_000 * sizeMiB) / (performance.now() - beganMs)
  } finally {
    await Promise.all([from.stop(), to.stop()])
  }
}

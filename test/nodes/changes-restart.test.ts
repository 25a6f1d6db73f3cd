import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact } from '../../src/base/ports.ts'
import { readConfigFile } from '../../src/config/config.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { decodeContacts, encodeFindNode } from '../../src/wire/dht.ts'
import { ChangingNet } from '../support/changes.ts'
import { makeNode } from '../support/net-nodes.ts'

const pod = 'one.test'

describe('a pod that falls and comes back', () => {
  let world: ChangingNet
  before(async function () {
    this.timeout(180_000)
    world = await ChangingNet.start({ seeds: 4 })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  it('finds its clients again, who lose no letter, and its registrations', async () => {
    const { net } = world
    await world.opened('bob', await world.send('alice', 'bob', 'to get to know each other'))
    const before = await world.status('bob')
    const from = world.now
    await net.kill(pod)
    const letter = await world.send('alice', 'bob', 'while the pod was dead')
    assert.equal(letter.state, 'stored')
    await world.until(async () => (await world.status('bob')).pods[0]?.connected === false)
    await net.start(pod)
    for (const who of ['alice', 'bob']) await net.event(who, 'listening', from)
    await world.opened('bob', letter, from)
    assert.deepEqual((await world.status('bob')).pods[0]?.aliases, before.pods[0]?.aliases)
    const again = await world.send('bob', 'alice', 'and back')
    await world.opened('alice', again, from)
  }).timeout(180_000)

  it('plays back after its fall what waited before it', async () => {
    const { net } = world
    await net.stop('bob')
    const sent = []
    for (const text of ['one', 'two', 'three']) sent.push(await world.send('alice', 'bob', text))
    assert(sent.every(({ state }) => state === 'announced'))
    await net.kill(pod)
    await net.start(pod)
    const from = world.now
    await net.start('bob')
    for (const letter of sent) await world.opened('bob', letter, from)
    const ways = net.events
      .slice(from)
      .flatMap(({ who, event }) => (who === 'bob' && event.type === 'notified' ? [event.how] : []))
    assert(ways.length >= 3 && ways.every(how => how === 'playback'), `${ways}`)
    const inbox = await net.muttr('bob', '--json', 'inbox')
    const ids = inbox.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).id as string)
    assert.equal(new Set(ids).size, ids.length, 'none is shown twice')
  }).timeout(180_000)
})

describe('a seed that moves', () => {
  let world: ChangingNet
  before(async function () {
    this.timeout(180_000)
    world = await ChangingNet.start({ seeds: 6, pods: [pod, 'two.test'] })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  async function configure(name: string, more: object): Promise<void> {
    const file = join(world.net.home(name), 'muttr.json')
    await writeFile(
      file,
      JSON.stringify({ ...readConfigFile(await readFile(file, 'utf8')), ...more })
    )
  }

  const addressOf = (name: string): string => world.net.child(name).ready.addresses[0]!
  const split = (address: string): Contact => {
    const [at, peer] = address.split('/p2p/') as [string, string]
    return { peer, addresses: [at] }
  }

  /** Starts a stopped seed on another port, as the same peer. @returns its address now. */
  async function move(name: string): Promise<string> {
    const [port] = await freePorts(1, systemRandom)
    await configure(name, { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    await world.net.start(name)
    return `/ip4/127.0.0.1/tcp/${port}`
  }

  it('is named to others where it is now, by all that knew it before', async () => {
    const { net } = world
    const { peer } = split(addressOf('seed-0'))
    const others = ['alice', 'bob', 'seed-1', 'seed-2', 'seed-3', 'seed-4', 'seed-5']
    const asked = others.map(name => split(addressOf(name)))
    await net.kill('seed-0')
    const now = await move('seed-0')
    await using stranger = await makeNode({ mode: 'client' })
    const told = async (by: Contact) => {
      const options = { timeoutMs: 30_000 }
      const frame = encodeFindNode(placeOf(peer))
      const answer = decodeContacts(await stranger.request(by, 'find-node', frame, options))
      return answer.find(contact => contact.peer === peer)?.addresses
    }
    for (const by of asked)
      await world.until(async () => {
        const addresses = await told(by)
        return addresses?.includes(now) === true && addresses.length === 1
      })
  }).timeout(180_000)

  it('finds its way by what it remembers, when nobody of the network file is there', async () => {
    const { net } = world
    await net.stop('seed-1')
    for (const name of [pod, 'two.test']) await net.stop(name)
    await net.start('seed-1')
    await world.until(async () => (await world.status('seed-1')).known >= 4)
    await net.start(pod, 'two.test')
  }).timeout(180_000)

  it('finds its way by the network file, when all it remembers have gone or moved', async () => {
    const { net } = world
    const rest = ['seed-0', 'seed-2', 'seed-3', 'seed-4', 'seed-5', 'alice', 'bob']
    await net.stop('seed-1')
    for (const name of rest) await net.stop(name)
    await Promise.all(rest.slice(3).map(move))
    await net.start('seed-1')
    await world.until(async () => (await world.status('seed-1')).known >= 5)
    const letter = await world.send('alice', 'bob', 'from the new houses')
    await world.opened('bob', letter)
  }).timeout(180_000)

  it('begins anew when everybody is lost while it runs', async () => {
    const { net } = world
    const rest = ['seed-4', 'seed-5', 'alice', 'bob', pod, 'two.test']
    for (const name of rest) await net.kill(name)
    await world.until(async () => (await world.status('seed-1')).neighbours === 0)
    await net.start(pod)
    await world.until(async () => (await world.status('seed-1')).neighbours > 0)
  }).timeout(180_000)
})

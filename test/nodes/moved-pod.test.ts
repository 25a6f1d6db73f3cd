import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SentLetter } from '../../src/client/client.ts'
import { readConfigFile } from '../../src/config/config.ts'
import { readCertificate } from '../../src/keys/certificate.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { decodePerson, personKey } from '../../src/wire/records/person.ts'
import { decodeWhereabouts, whereaboutsKey } from '../../src/wire/records/whereabouts.ts'
import { recordIn } from '../support/record-in.ts'
import { Testnet } from '../support/testnet.ts'

const hostname = 'one.test'

describe('a pod that moves, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: [hostname, 'two.test'], people: ['alice', 'bob'], seeds: 6 })
    await net.startAll()
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
  })

  async function run(who: string, ...args: string[]): Promise<unknown> {
    const { status, stdout, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout)
  }

  async function deliver(body: string): Promise<void> {
    const from = net.events.length
    const sent = (await run('alice', 'send', `bob@${hostname}`, body)) as SentLetter
    await net.event('bob', 'opened', from, e => e.letter === sent.id)
  }

  const through = () => net.child('two.test').ready.addresses[0]!
  const peerOf = (name: string) => net.child(name).ready.addresses[0]!.split('/p2p/')[1]!

  async function configure(name: string, more: object): Promise<void> {
    const file = join(net.home(name), 'muttr.json')
    await writeFile(
      file,
      JSON.stringify({ ...readConfigFile(await readFile(file, 'utf8')), ...more })
    )
  }

  /** Another port in muttr.json; the network files of all others keep the old one. */
  async function move(): Promise<string> {
    const [port] = await freePorts(1, systemRandom)
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    await net.stop(hostname)
    await configure(hostname, { listen })
    await net.start(hostname)
    return listen[0]!
  }

  it('is found again by those who were there, and by those who come later', async () => {
    await run('alice', 'register', `alice@${hostname}`)
    await run('bob', 'register', `bob@${hostname}`)
    await deliver('before')
    const from = net.events.length
    await net.stop('bob')
    const address = await move()
    const where = await recordIn(through(), {
      key: whereaboutsKey(peerOf(hostname))!,
      read: decodeWhereabouts,
      fits: ({ addresses }) => addresses.includes(address)
    })
    assert.deepEqual([where.hostname, where.addresses], [hostname, [address]])
    await net.start('bob')
    await net.event('bob', 'listening', from, e => e.pod === hostname)
    await deliver('after')
  })

  it('is named in the record of a person who wants that', async () => {
    const from = net.events.length
    await net.stop('bob')
    await configure('bob', { publishAliases: true })
    await net.start('bob')
    await net.event('bob', 'listening', from, e => e.pod === hostname)
    const { pin } = await readCertificate(
      new Uint8Array(await readFile(join(net.home('bob'), 'certificate.pgp')))
    )
    const { pods } = await recordIn(through(), { key: personKey(pin), read: decodePerson })
    const seen = pods.map(p => [p.hostname, p.peer, p.names])
    assert.deepEqual(seen, [[hostname, peerOf(hostname), ['bob']]])
  })
})

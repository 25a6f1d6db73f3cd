import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReceivedLetter, SentLetter } from '../../src/client/client.ts'
import { readConfigFile } from '../../src/config/config.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import type { Finding } from '../../src/pod/health.ts'
import { decodeWhereabouts, whereaboutsKey } from '../../src/wire/records/whereabouts.ts'
import { recordIn } from '../support/record-in.ts'
import { Testnet } from '../support/testnet.ts'

const pod = 'one.test'

/** Processes, and commands as an operator types them. */
describe('a pod that goes to another machine', function () {
  this.timeout(600_000)
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({
      pods: [pod, 'two.test'],
      people: ['alice', 'dave', 'bob'],
      seeds: 4
    })
    await net.startAll()
    await net.json('alice', 'register', `alice@${pod}`)
    await net.json('dave', 'register', `dave@${pod}`)
    await net.json('bob', 'register', 'bob@two.test')
  })
  after(() => net?.[Symbol.asyncDispose]())

  async function send(from: string, to: string, body: string): Promise<string> {
    const [letter] = await net.json<SentLetter>(from, 'send', to, body)
    return letter!.id
  }
  async function arrives(who: string, id: string, since: number, body: string): Promise<void> {
    await net.event(who, 'opened', since, ({ letter }) => letter === id)
    const [read] = await net.json<ReceivedLetter>(who, 'read', id)
    assert.equal(read!.body.trim(), body)
  }
  const times = (id: string): number =>
    net.events.filter(({ event }) => event.type === 'opened' && event.letter === id).length
  const oneMachine = async (name: string): Promise<Finding> => {
    const { stdout } = await net.muttr(name, 'pod', 'doctor', '--json')
    const found = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Finding)
    return found.find(({ what }) => what === 'one machine')!
  }

  const other = 'elsewhere'
  let ids: string[]

  it('loses no letter, hands over none twice, and is found by those who know it', async () => {
    const from = net.events.length
    await arrives('bob', await send('alice', 'bob@two.test', 'Hi'), from, 'Hi')
    await net.stop('dave')
    const waits = await send('bob', `dave@${pod}`, 'waits in the pod')
    await net.event('bob', 'announced', from, ({ letter }) => letter === waits)
    await net.stop('two.test')
    const out = await send('alice', 'bob@two.test', 'waits for the other pod')
    await net.event('alice', 'handed', from, ({ letter }) => letter === out)

    const [file, words] = [join(net.folder, 'pod.muttr-backup'), join(net.folder, 'words')]
    const [said] = await net.json<{ words: string[] }>(pod, 'recovery')
    await writeFile(words, said!.words.join(' '))
    await net.json(pod, 'backup', file)
    await net.stop(pod)
    await net.start('two.test')
    await net.event('bob', 'listening', from, e => e.pod === 'two.test')
    const into = await send('bob', `alice@${pod}`, 'waits at the other pod')

    const home = net.adopt(other, 'pod')
    await net.json(other, 'restore', file, '--words-file', words, '--no-passphrase')
    const [port] = await freePorts(1, systemRandom)
    const config = join(home, 'muttr.json')
    const text = JSON.stringify({
      ...readConfigFile(await readFile(config, 'utf8')),
      listen: [`/ip4/127.0.0.1/tcp/${port}`]
    })
    await writeFile(config, text)
    const since = net.events.length
    await net.start(other)
    await net.event('alice', 'listening', since, e => e.pod === pod)
    await arrives('bob', out, since, 'waits for the other pod')
    await arrives('alice', into, since, 'waits at the other pod')
    await net.start('dave')
    await arrives('dave', waits, since, 'waits in the pod')
    const after = await send('bob', `alice@${pod}`, 'and on')
    await arrives('alice', after, since, 'and on')
    ids = [waits, out, into, after]
    for (const id of ids) assert.equal(times(id), 1)
    assert.equal((await oneMachine(other)).level, 'good')
  })

  it('says that its keys are used twice, when the old machine is started again by mistake', async () => {
    const from = net.events.length
    await net.start(pod)
    const [address] = net.child(pod).ready.addresses
    const [where, peer] = address!.split('/p2p/')
    await recordIn(net.child('two.test').ready.addresses[0]!, {
      key: whereaboutsKey(peer!)!,
      read: decodeWhereabouts,
      fits: ({ addresses }) => addresses.includes(where!)
    })
    const seen = await oneMachine(other)
    assert.deepEqual([seen.level, seen.code], ['bad', 'NODE_CHECK'])
    assert.match(seen.detail, new RegExp(`used elsewhere, too: .*${where}`))
    // Who is at the one that was there stays there, and is reached; what was handed over is not handed over again.
    await arrives('alice', await send('dave', `alice@${pod}`, 'here'), from, 'here')
    for (const id of ids) assert.equal(times(id), 1)
    await net.stop(pod)
  })
})

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, OwnMove, Status } from '../../src/client/client.ts'
import type { ConfigFile } from '../../src/config/config.ts'
import { readConfigFile } from '../../src/config/config.ts'
import { systemRandom } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { type Correspondence, createCorrespondence } from '../support/correspondence.ts'
import type { Testnet } from '../support/testnet.ts'

const [old, now, last] = ['one.test', 'new.test', 'last.test']

/** Processes, and commands as an operator types them. */
describe('a pod that gets another name', function () {
  this.timeout(600_000)
  let net: Testnet
  let { ok, send, arrives } = {} as Correspondence
  before(async () => {
    ;({ net, ok, send, arrives } = await createCorrespondence(old))
  })
  after(() => net?.[Symbol.asyncDispose]())

  /** Of the pod. @returns what stood there */
  async function configure(change: (config: ConfigFile) => ConfigFile): Promise<string> {
    const file = join(net.home(old), 'muttr.json')
    const text = await readFile(file, 'utf8')
    await writeFile(file, JSON.stringify(change(readConfigFile(text))))
    return text
  }
  const times = (who: string, id: string): number =>
    net.events.filter(e => e.who === who && e.event.type === 'opened' && e.event.letter === id)
      .length

  it('keeps everybody and every letter: its people go along by themselves, and are followed', async () => {
    const start = net.events.length
    await arrives('alice', await send('bob', `alice@${old}`, 'Hello'), start, 'Hello')
    await arrives('bob', await send('alice', 'bob@two.test', 'Hi'), start, 'Hi')
    await arrives('carol', await send('bob', `carol@${old}`, 'Hello too'), start, 'Hello too')
    // Carol is away all the while; a letter waits for her in the pod, and one for it at the other pod.
    await net.stop('carol')
    const from = net.events.length
    const waits = await send('bob', `carol@${old}`, 'waits in the pod')
    await net.event('bob', 'announced', from, ({ letter }) => letter === waits.id)
    await net.stop(old)
    const queued = await send('bob', `alice@${old}`, 'waits for the pod')

    // What cannot be is refused, and changes nothing.
    assert.equal((await net.muttr(old, 'pod', 'rename')).status, 1)
    assert.equal((await net.muttr(old, 'pod', 'rename', '--to', 'no name')).status, 1)
    const [renamed] = await ok<{ hostname: string; former: string[]; aliases: number }>(
      old,
      ...['pod', 'rename', '--to', now]
    )
    assert.deepEqual([renamed!.hostname, renamed!.former, renamed!.aliases], [now, [old], 2])
    const config = readConfigFile(await readFile(join(net.home(old), 'muttr.json'), 'utf8'))
    assert.equal(config.pod?.hostname, now)
    await net.start(old)

    const left = await net.event('alice', 'left', from)
    assert.deepEqual([left.from, left.to], [`alice@${old}`, `alice@${now}`])
    await net.event('alice', 'agreed', from, e => e.to === `alice@${now}`)
    await arrives('alice', queued, from, 'waits for the pod')
    const [status] = await ok<Status>('alice', 'status')
    assert.deepEqual(
      status!.pods.map(pod => [pod.hostname, pod.identified, pod.aliases]),
      [[now, true, [`alice@${now}`]]]
    )
    const [{ moves }] = (await ok<{ moves: OwnMove[] }>('alice', 'move')) as [{ moves: OwnMove[] }]
    assert.deepEqual(
      moves.map(({ from, to, agreed }) => [from, to, agreed]),
      [[`alice@${old}`, `alice@${now}`, true]]
    )

    const since = net.events.length
    await arrives(
      'bob',
      await send('alice', 'bob@two.test', 'from the new name'),
      since,
      'from the new name'
    )
    const told = await net.event('bob', 'moved', from, e => e.to === `alice@${now}`)
    assert.deepEqual([told.alias, told.agreed], [`alice@${old}`, true])
    const late = await send('bob', `alice@${old}`, 'to the old name')
    assert.equal(late.to, `alice@${now}`)
    await arrives('alice', late, since, 'to the old name')

    // Who was not here is written to under the former name until they come.
    const toCarol = await send('bob', `carol@${old}`, 'still there')
    assert.equal(toCarol.to, `carol@${old}`)
    const refused = await net.muttr(old, 'pod', 'rename', '--forget', old)
    assert.notEqual(refused.status, 0)
    const back = net.events.length
    await net.start('carol')
    await arrives('carol', waits, back, 'waits in the pod')
    await arrives('carol', toCarol, back, 'still there')
    const gone = await net.event('carol', 'left', back)
    assert.deepEqual([gone.from, gone.to], [`carol@${old}`, `carol@${now}`])
    await net.event('carol', 'agreed', back)
    const contacts = await ok<Contact>('bob', 'contacts')
    assert(
      contacts.some(
        ({ alias, moved }) => alias === `alice@${now}` && moved?.from === `alice@${old}`
      )
    )
    for (const [who, id] of [
      ['alice', queued.id],
      ['carol', waits.id],
      ['carol', toCarol.id]
    ] as const)
      assert.equal(times(who, id), 1, 'none comes twice')
  })

  it('answers for the former name no more when nobody is under it', async () => {
    await net.stop(old)
    const [done] = await ok<{ hostname: string; former: string[] }>(
      old,
      ...['pod', 'rename', '--forget', old]
    )
    assert.deepEqual([done!.hostname, done!.former], [now, []])
    const from = net.events.length
    await net.start(old)
    await net.event('alice', 'listening', from, e => e.pod === now)
    await arrives('alice', await send('bob', `alice@${old}`, 'all the same'), from, 'all the same')
  })

  it('is followed when the former name leads nowhere any more, by who met it', async () => {
    await net.stop(old)
    const from = net.events.length
    const queued = await send('bob', `alice@${now}`, 'to a name that is dead')
    await ok(old, 'pod', 'rename', '--to', last)
    // Everybody's network file leads to where nobody is.
    const [port] = await freePorts(1, systemRandom)
    await configure(config => ({ ...config, listen: [`/ip4/127.0.0.1/tcp/${port}`] }))
    await net.start(old)
    for (const who of ['alice', 'carol']) {
      const left = await net.event(who, 'left', from)
      assert.deepEqual([left.from, left.to], [`${who}@${now}`, `${who}@${last}`])
    }
    await arrives('alice', queued, from, 'to a name that is dead')
    const since = net.events.length
    await arrives('bob', await send('alice', 'bob@two.test', 'it is me'), since, 'it is me')
    await net.event('bob', 'moved', from, e => e.to === `alice@${last}`)
    const late = await send('bob', `alice@${old}`, 'by her first name')
    assert.equal(late.to, `alice@${last}`)
    await arrives('alice', late, since, 'by her first name')
    assert.equal(times('alice', queued.id), 1)
  })

  it('does not begin under a name that somebody wrote into muttr.json', async () => {
    await net.stop(old)
    const text = await configure(config => ({
      ...config,
      pod: { ...config.pod!, hostname: 'other.test' }
    }))
    const ran = await net.muttr(old, 'pod', 'up', '--json')
    assert.notEqual(ran.status, 0)
    assert.match(ran.stderr, /CONFIG_INVALID[\s\S]*the pod is last\.test/)
    await configure(() => readConfigFile(text))
  })
})

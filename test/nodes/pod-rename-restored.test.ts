import assert from 'node:assert/strict'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, SentLetter, Status } from '../../src/client/client.ts'
import { decodeWhereabouts, whereaboutsKey } from '../../src/wire/records/whereabouts.ts'
import { type Correspondence, createCorrespondence } from '../support/correspondence.ts'
import { recordIn } from '../support/record-in.ts'
import type { Testnet } from '../support/testnet.ts'

const [old, now] = ['one.test', 'new.test']

/** Processes, and commands as an operator types them. */
describe('a pod that comes out of a backup from before it was renamed', function () {
  this.timeout(600_000)
  let net: Testnet
  let { ok, send, arrives } = {} as Correspondence
  before(async () => {
    ;({ net, ok, send, arrives } = await createCorrespondence(old))
  })
  after(() => net?.[Symbol.asyncDispose]())

  /** What the pod says of itself in the network. */
  async function saidName(fits: (hostname: string) => boolean): Promise<string> {
    const [address] = net.child('two.test').ready.addresses
    const { hostname } = await recordIn(address!, {
      key: whereaboutsKey(peer)!,
      read: decodeWhereabouts,
      fits: said => fits(said.hostname)
    })
    return hostname
  }
  let peer: string
  let waiting: SentLetter
  const [file, words] = ['pod.muttr-backup', 'words']
  const kept = (name: string) => join(net.folder, 'kept', name)

  it('does not begin under its former name, and says what to do', async () => {
    peer = (await ok<{ peer: string }>(old, 'status'))[0]!.peer
    const from = net.events.length
    await arrives('alice', await send('bob', `alice@${old}`, 'Hi'), from, 'Hi')
    await net.stop('carol')
    const waits = await send('bob', `carol@${old}`, 'waits in the pod')
    await net.event('bob', 'announced', from, ({ letter }) => letter === waits.id)
    waiting = waits
    await mkdir(kept(''))
    const [said] = await ok<{ words: string[] }>(old, 'recovery')
    await writeFile(kept(words), said!.words.join(' '))
    await ok(old, 'backup', kept(file))

    await net.stop(old)
    await cp(net.home(old), kept('disk'), { recursive: true })
    await ok(old, 'pod', 'rename', '--to', now)
    await net.start(old)
    await net.event('alice', 'agreed', from, e => e.to === `alice@${now}`)
    assert.equal(await saidName(name => name === now), now)
    const gone = await send('alice', 'bob@two.test', 'from the new name')
    await arrives('bob', gone, from, 'from the new name')
    await net.event('bob', 'moved', from, e => e.to === `alice@${now}`)

    await net.kill(old)
    await rm(net.home(old), { recursive: true })
    await ok(old, 'restore', kept(file), '--words-file', kept(words), '--no-passphrase')
    const ran = await net.muttr(old, 'pod', 'up', '--json')
    assert.notEqual(ran.status, 0)
    assert.match(
      ran.stderr,
      /CONFIG_INVALID[\s\S]*renamed to new\.test[\s\S]*pod rename --to new\.test/
    )
    // Nor the next time, when nobody has to be asked any more; and in the network stands what stood there.
    const again = await net.muttr(old, 'pod', 'up', '--json')
    assert.match(again.stderr, /CONFIG_INVALID[\s\S]*renamed to new\.test/)
    assert.equal(await saidName(() => true), now)
  })

  it('is whole again once it has its name: who had gone along is there, and who had not goes along', async () => {
    const from = net.events.length
    const queued = await send('bob', `alice@${now}`, 'waits for the pod')
    const [done] = await ok<{ hostname: string; former: string[] }>(
      ...([old, 'pod', 'rename', '--to', now] as const)
    )
    assert.deepEqual([done!.hostname, done!.former], [now, [old]])
    await net.start(old)
    // She had gone along; the pod had forgotten it, and is told again with nobody asked.
    await net.event('alice', 'registered', from, ({ alias }) => alias === `alice@${now}`)
    await net.event('alice', 'agreed', from, e => e.to === `alice@${now}`)
    await arrives('alice', queued, from, 'waits for the pod')
    const [status] = await ok<Status>('alice', 'status')
    assert.deepEqual(
      status!.pods.map(pod => [pod.hostname, pod.identified, pod.aliases]),
      [[now, true, [`alice@${now}`]]]
    )
    const since = net.events.length
    await arrives('bob', await send('alice', 'bob@two.test', 'I am here'), since, 'I am here')
    const late = await send('bob', `alice@${old}`, 'to the old name')
    assert.equal(late.to, `alice@${now}`)
    await arrives('alice', late, since, 'to the old name')

    await net.start('carol')
    const left = await net.event('carol', 'left', from)
    assert.deepEqual([left.from, left.to], [`carol@${old}`, `carol@${now}`])
    await net.event('carol', 'agreed', from)
    await arrives('carol', waiting, from, 'waits in the pod')
    const toCarol = await send('bob', `carol@${old}`, 'by her first name')
    await arrives('carol', toCarol, from, 'by her first name')
    const contacts = await ok<Contact>('bob', 'contacts')
    assert(contacts.some(({ alias }) => alias === `alice@${now}`))
    assert.equal(await saidName(() => true), now)
  })

  it('serves under the former name no more once it has seen, where it is a copy of its disk', async () => {
    await net.stop(old)
    await rm(net.home(old), { recursive: true })
    await cp(kept('disk'), net.home(old), { recursive: true })
    const from = net.events.length
    await net.start(old)
    await net.event(old, 'node', from, ({ state }) => state === 'failed')
    const { stderr } = await net.muttr(old, 'status', '--json')
    assert.match(stderr, /CONFIG_INVALID[\s\S]*renamed to new\.test/)
    assert.equal(await saidName(() => true), now)
  })
})

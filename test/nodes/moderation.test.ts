import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact, Status } from '../../src/client/client.ts'
import { editConfig } from '../../src/config/config.ts'
import type { AuditCheck, AuditEntry } from '../../src/pod/office/audit.ts'
import { Testnet } from '../support/testnet.ts'

const pod = 'one.test'

describe('a pod and those it moderates, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: [pod, 'two.test'], people: ['alice', 'bob'], seeds: 6 })
    const file = join(net.home(pod), 'muttr.json')
    const text = editConfig(await readFile(file, 'utf8'), ['pod', 'policy'], 'approval')
    await writeFile(file, editConfig(text, ['pod', 'escrow'], true))
    await net.startAll()
  })
  after(async () => {
    await net[Symbol.asyncDispose]()
  })

  async function run<T>(who: string, ...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout)
  }
  async function refused(who: string, ...args: string[]): Promise<string> {
    const { status, stderr } = await net.muttr(who, '--json', ...args)
    assert.equal(status, 2, args.join(' '))
    return JSON.parse(stderr).error.code
  }
  const podOf = async (who: string) =>
    (await run<Status>(who, 'status')).pods.find(({ hostname }) => hostname === pod)

  it('lets somebody wait for its operator, and their node asks again by itself', async () => {
    const asked = await refused('alice', 'register', `alice@${pod}`, '--note', 'from the choir')
    assert.equal(asked, 'REGISTRATION_WAITS')
    const [waiting] = (await podOf('alice'))!.waiting
    assert.deepEqual([waiting?.alias, waiting?.problem.code], [`alice@${pod}`, asked])
    const request = await run<{ note: string; state: string }>(pod, 'pod', 'requests')
    assert.deepEqual([request.note, request.state], ['from the choir', 'waiting'])

    // It is remembered: whoever was away when it was decided gets it when they are back.
    const from = net.events.length
    await net.stop('alice')
    await run(pod, 'pod', 'approve', 'alice')
    await net.start('alice')
    await net.event('alice', 'registered', from, e => e.alias === `alice@${pod}`)
    assert.deepEqual((await podOf('alice'))?.aliases, [`alice@${pod}`])
    assert.deepEqual((await podOf('alice'))?.waiting, [])
  })

  it('is shown to hold recovery material, to its people and their correspondents', async () => {
    assert.equal((await podOf('alice'))?.escrow, true)
    await run('bob', 'register', 'bob@two.test')
    assert.equal((await run<Contact>('bob', 'lookup', `alice@${pod}`)).escrow, true)
    assert.equal((await run<Contact>('alice', 'lookup', 'bob@two.test')).escrow, false)
    const { stdout } = await net.muttr('bob', 'contacts')
    assert.match(stdout, /! The pod of alice@one\.test holds what recovers the keys/)
  })

  it('tells whom it has suspended, and lets them go on receiving', async () => {
    await run(pod, 'pod', 'account', 'suspend', 'alice', '--reason', 'advertisements')
    let seen = await podOf('alice')
    while (seen?.problem === null) seen = await podOf('alice')
    assert.equal(seen?.problem?.code, 'ACCOUNT_SUSPENDED')
    assert.match(seen?.problem?.message ?? '', /advertisements/)
    const from = net.events.length
    const { id } = await run<{ id: string }>('bob', 'send', `alice@${pod}`, 'are you there?')
    await net.event('alice', 'opened', from, e => e.letter === id)
    await run(pod, 'pod', 'account', 'resume', 'alice')
    while (seen?.problem) seen = await podOf('alice')
  })

  it('takes a name back, and correspondents are told why', async () => {
    await run(pod, 'pod', 'alias', 'revoke', 'alice', '--reason', 'not who they say')
    assert.equal(await refused('bob', 'lookup', `alice@${pod}`), 'ALIAS_REVOKED')
    const contact = await run<Contact>('bob', 'contacts')
    assert.equal(contact.withdrawn?.reason, 'not who they say')
    assert.equal(contact.certifiedByPod, false)
    const { stdout } = await net.muttr('bob', 'contacts')
    assert.match(stdout, /! The pod has taken the name alice@one\.test back .*not who they say/)
  })

  it('has noted all of it', async () => {
    const { stdout } = await net.muttr(pod, '--json', 'pod', 'audit')
    const entries: AuditEntry[] = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(
      entries.map(({ action }) => action),
      ['alias.revoke', 'account.resume', 'account.suspend', 'request.approve']
    )
    const check = await run<AuditCheck>(pod, 'pod', 'audit', '--verify', entries[3]!.hash)
    assert.deepEqual([check.brokenAt, check.found], [null, true])
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { makeJoinLink } from '../../src/config/join-link.ts'
import { loadNetwork } from '../../src/config/network.ts'
import { createHome } from '../../src/nodes/home.ts'
import { addLink, loadJoined, readLink } from '../../src/nodes/link.ts'
import { refusalOf, resultsOf, runMuttr } from '../support/command.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import { Testnet } from '../support/testnet.ts'

const nothing = { network: null, pod: null, invite: null }
const linkTo = (alias: string, fingerprint: string) =>
  makeJoinLink({ ...nothing, contact: { alias, fingerprint } })
const keyOf = (digit: string): string => digit.repeat(40)

describe('a join link that names somebody', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let home: string
  before(async () => {
    folder = await temporaryFolder()
    home = `${folder.path}/home`
    const network = await loadNetwork('local')
    await createHome({ home, name: 'carol', person: true, pod: null, network })
  })
  after(() => folder[Symbol.asyncDispose]())

  it('is refused when that is nobody, before anything is written', async () => {
    const names = ['x', 'bob', 'Bob@two.test', 'bob@Two.test', '__proto__', 'bob@two.test\u001b[2J']
    for (const name of [
      ...names,
      'b\u0443b@two.test',
      'bob@',
      '@two.test',
      `${'b'.repeat(65)}@x`
    ]) {
      const link = linkTo(name, keyOf('a'))
      assert.throws(() => readLink(link), { code: 'LINK_INVALID' }, name)
      assert.deepEqual(await refusalOf(['join', link, '--home', home]), [1, 'LINK_INVALID'], name)
      const other = ['init', '--name', 'd', '--no-passphrase', '--home', `${folder.path}/other`]
      assert.deepEqual(await refusalOf([...other, '--join', link]), [1, 'LINK_INVALID'], name)
    }
    await assert.rejects(readFile(`${home}/joined.json`), { code: 'ENOENT' })
    await resultsOf(['key', 'show', '--home', home])
  })

  it('does not change the key that an earlier link named, and says so', async () => {
    const [first] = await resultsOf(['join', linkTo('bob@two.test', keyOf('a')), '--home', home])
    assert.deepEqual([first.contact, first.contactDiffers], ['bob@two.test', false])
    const second = linkTo('bob@two.test', keyOf('b'))
    const told = await runMuttr(['join', second, '--home', home])
    assert.match(told.stderr, /earlier link named another key for bob@two\.test/)
    assert.equal((await addLink(home, readLink(second))).contactDiffers, true)
    const same = await addLink(home, readLink(linkTo('bob@two.test', keyOf('a'))))
    assert.equal(same.contactDiffers, false)
    const { contacts } = await loadJoined(`${home}/joined.json`)
    assert.deepEqual(contacts, { 'bob@two.test': keyOf('a') })
  })
})

describe('who joins by the link of a friend, over separate processes', () => {
  let net: Testnet
  before(async () => {
    net = await Testnet.lay({ pods: ['one.test'], people: ['alice'], seeds: 1 })
    await net.startAll()
    await net.json('alice', 'register', 'alice@one.test')
  })
  after(() => net[Symbol.asyncDispose]())

  it('knows the friend, and reads the first letter without being asked', async () => {
    const [{ link }] = (await net.json('alice', 'card')) as [{ link: string }]
    const home = net.adopt('carol')
    await resultsOf(['init', '--name', 'c', '--no-passphrase', '--home', home, '--join', link])
    await net.start('carol')
    await net.json('carol', 'register', 'carol@one.test')
    await net.event('carol', 'looked-up')
    const [contact, ...more] = await resultsOf(['contacts', '--home', home])
    assert.deepEqual(more, [])
    assert.deepEqual(
      [contact.alias, contact.invited, contact.policy],
      ['alice@one.test', true, 'pull']
    )
    assert.match((await net.muttr('carol', 'contacts')).stdout, /from your invitation/)
    const [sent] = await net.json<{ id: string }>('alice', 'send', 'carol@one.test', 'Welcome')
    await net.event('carol', 'opened', 0, ({ letter }) => letter === sent!.id)
    assert.deepEqual(await net.json('carol', 'requests'), [])
    const asked = net.events.filter(({ event }) => event.type === 'requested')
    assert.deepEqual(asked, [])
  })
})

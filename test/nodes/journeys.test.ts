import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readNetwork } from '../../src/config/network.ts'
import { systemRandom } from '../../src/net/random.ts'
import type { Child } from '../../src/nodes/child.ts'
import { startChild } from '../../src/nodes/child.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { createHome } from '../../src/nodes/home.ts'
import type { Printed } from '../support/command.ts'
import {
  firstLines,
  goneProcess,
  refusalOf,
  resultsOf,
  runMuttr,
  startMuttr
} from '../support/command.ts'
import { openPgpTools } from '../support/openpgp-tools.ts'
import { Testnet } from '../support/testnet.ts'

describe('journeys, over separate processes', () => {
  let net: Testnet
  const started: Child[] = []

  before(async () => {
    net = await Testnet.lay({ pods: ['one.test', 'two.test'], people: ['alice', 'bob'], seeds: 1 })
    await net.startAll()
    await Promise.all([
      resultsOf(['register', 'alice@one.test', ...home('alice')]),
      resultsOf(['register', 'bob@two.test', ...home('bob')])
    ])
  })
  after(async () => {
    for (const child of started) await child[Symbol.asyncDispose]()
    await net[Symbol.asyncDispose]()
  })

  const home = (name: string): string[] => ['--home', net.home(name)]
  const folder = (name: string): string => join(net.folder, name)
  const networkFile = () => join(net.home('alice'), 'network.json')
  const write = async (name: string, content: Uint8Array | string): Promise<string> => {
    await writeFile(folder(name), content)
    return folder(name)
  }
  async function start(where: string, command: 'up' | 'pod'): Promise<Child> {
    const { signal } = new AbortController()
    const child = await startChild({ home: where, command, signal, onEvent: () => {} })
    started.push(child)
    return child
  }
  /** What a home has in its inbox, the newest first. */
  const inbox = (...where: string[]) => resultsOf(['inbox', ...where])

  /** A pod that asks for invites, and is in nobody's network file. */
  async function invitingPod(): Promise<string[]> {
    const network = readNetwork(await readFile(networkFile(), 'utf8'))
    const [port] = await freePorts(1, systemRandom)
    const pod = { hostname: 'three.test', policy: 'invite' as const }
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    const where = folder('a pod, ünïcode')
    await createHome({ home: where, name: pod.hostname, person: true, pod, network, listen })
    await start(where, 'pod')
    return ['--home', where]
  }

  it('lets newcomers in by a link of a pod that asks for invites, once', async () => {
    const pod = await invitingPod()
    const [made] = await resultsOf(['pod', 'invite', '--expires', '1h', ...pod])
    const [carol, dave] = [folder('carol'), folder('dave')]
    for (const where of [carol, dave])
      await resultsOf([
        'init',
        '--name',
        'c',
        '--no-passphrase',
        '--join',
        made.link,
        '--home',
        where
      ])
    const [alias] = await resultsOf(['register', 'carol@three.test', '--home', carol])
    assert.equal(alias.alias, 'carol@three.test')
    assert.deepEqual(await refusalOf(['register', 'dave@three.test', '--home', dave]), [
      2,
      'INVITE_INVALID'
    ])
    await resultsOf(['register', 'dave@one.test', '--home', dave])
    await pulling(dave)
    // Both use the usual port: the second one takes another.
    await Promise.all([start(carol, 'up'), start(dave, 'up')])
    const [sent] = await resultsOf(['send', 'dave@one.test', 'over the fence', '--home', carol])
    assert.equal(sent.state, 'announced')
    await received(sent.id, '--home', dave)
    const [joined] = await resultsOf(['join', made.link, '--home', await bareHome('erin')])
    assert.deepEqual([joined.pods, joined.invite], [['three.test'], made.code])
  })

  /** Nobody is there to let a first letter in. */
  async function pulling(where: string): Promise<void> {
    const file = join(where, 'muttr.json')
    const config = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...config, requests: 'pull' }))
  }

  async function bareHome(name: string): Promise<string> {
    const network = readNetwork(await readFile(networkFile(), 'utf8'))
    await createHome({
      ...{ home: folder(name), name, person: true, pod: null, network },
      requests: 'pull'
    })
    return folder(name)
  }

  /** Waits for a letter by the events of the daemon of a home. */
  async function received(id: string, ...where: string[]): Promise<void> {
    const { url, token } = JSON.parse(await readFile(join(where[1]!, 'api.json'), 'utf8'))
    const over = new AbortController()
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${url}/events`, { headers, signal: over.signal })
    // It may have come before the stream stood.
    const isThere = (await inbox(...where)).some(letter => letter.id === id)
    let heard = ''
    const decoder = new TextDecoder()
    const chunks = answer.body!.getReader()
    while (!isThere && !heard.includes(id)) {
      const { value, done } = await chunks.read()
      assert(!done, 'the daemon ended')
      heard += decoder.decode(value, { stream: true })
    }
    over.abort()
  }

  it('writes and reads with no daemon, from arguments, a file and a pipe', async () => {
    await net.stop('bob')
    const [first] = await resultsOf([
      ...['--home', net.home('alice'), 'send', 'bob@two.test', 'from an argument'],
      ...['--subject', 'Ünïcode ✓', '--expires', '1h']
    ])
    const file = await write('a letter.txt', 'from a file\n')
    await resultsOf(['send', 'bob@two.test', '--file', file, ...home('alice')])
    await resultsOf(['send', 'bob@two.test', ...home('alice')], { stdin: 'from a pipe' })
    const env = { MUTTR_HOME: net.home('bob') }
    const [read] = await resultsOf(['read', first.id.slice(0, 8)], { env })
    assert.deepEqual([read.body, read.subject], ['from an argument', 'Ünïcode ✓'])
    assert.ok(first.expiryMs - first.sentMs <= 2 * 3_600_000)
    const args = ['send', 'alice@one.test', 'an answer', '--reply-to', first.id.slice(0, 8)]
    const [answer] = await resultsOf(args, { env })
    assert.equal(answer.state, 'announced')
    await received(answer.id, ...home('alice'))
    const [got] = await resultsOf(['read', answer.id, ...home('alice')])
    assert.deepEqual([got.parent, got.thread], [first.id, first.id])
    await net.start('bob')
    const texts = []
    for (const { id } of await resultsOf(['inbox', '--unread'], { env }))
      texts.push((await resultsOf(['read', id], { env }))[0].body)
    assert.deepEqual(texts.sort(), ['from a file\n', 'from a pipe'])
  })

  it('puts raw bytes into the DHT and gets them out, to the byte', async () => {
    for (const sizeBytes of [1, 256 * 1_024]) {
      const bytes = randomBytes(sizeBytes)
      const file = await write('blob', bytes)
      const put = await runMuttr(['blob', 'put', file, ...home('alice')])
      const key = put.stdout.toString().trim()
      assert.match(key, /^[0-9a-f]{64}$/)
      const got = await runMuttr(['blob', 'get', key, ...home('bob')])
      assert.deepEqual([got.status, got.stdout.equals(bytes)], [0, true], `${sizeBytes}`)
    }
    const large = await write('blob', randomBytes(256 * 1_024 + 1))
    const put = ['blob', 'put', ...home('alice')]
    assert.deepEqual(await refusalOf([...put, large]), [2, 'BLOB_TOO_LARGE'])
    assert.deepEqual(await refusalOf([...put, '-']), [2, 'BLOB_INVALID'])
  })

  it('makes keys that GnuPG takes, and takes its own', async () => {
    await using tools = await openPgpTools()
    for (const name of ['alice', 'one.test']) {
      const { stdout } = await runMuttr(['key', 'export', ...home(name)])
      await tools.gpg('--import', await tools.write('key.asc', stdout))
    }
    const { stdout } = await tools.gpg('--with-colons', '--check-sigs', '=alice <alice@one.test>')
    assert.match(stdout.toString(), /^sig:!:(.*:){7}one\.test:/m)
    await tools.gpg('--quick-gen-key', 'Fred <fred@example.org>', 'rsa3072', 'cert,sign', '0')
    const { stdout: listed } = await tools.gpg('--with-colons', '-k', 'fred@example.org')
    const [, fingerprint] = /^fpr:+([0-9A-F]+):/m.exec(listed.toString())!
    await tools.gpg('--quick-add-key', fingerprint!, 'rsa3072', 'encr', '0')
    const { stdout: secret } = await tools.gpg('--export-secret-keys', fingerprint!)
    const key = await tools.write('fred.sec', secret)
    const init = ['init', '--name', 'fred', '--import', key, '--network', networkFile()]
    const fred = ['--home', folder('fred')]
    assert.deepEqual(await refusalOf([...init, '--no-passphrase', ...fred]), [
      2,
      'PASSPHRASE_MISSING'
    ])
    const env = { MUTTR_PASSPHRASE: tools.passphrase }
    const [made] = await resultsOf([...init, '--no-passphrase', ...fred], { env })
    assert.equal(made.fingerprint, fingerprint!.toLowerCase())
    await resultsOf(['register', 'fred@one.test', ...fred])
    const [sent] = await resultsOf(['send', 'alice@one.test', 'from an old key', ...fred])
    assert.equal(sent.state, 'announced')
    await received(sent.id, ...home('alice'))
  })

  it('opens a vault by file, pipe and environment, and by no other word', async () => {
    const word = await write('word', 'a secret word\n')
    const where = ['--home', folder('grace')]
    const network = ['--network', networkFile()]
    const init = ['init', '--name', 'grace', ...where, ...network]
    assert.deepEqual(await refusalOf(init), [2, 'PASSPHRASE_MISSING'])
    await resultsOf([...init, '--passphrase-file', word])
    assert.deepEqual(await refusalOf([...init, '--passphrase-file', word]), [2, 'HOME_EXISTS'])
    assert.deepEqual(await refusalOf(['contacts', ...where]), [2, 'PASSPHRASE_MISSING'])
    const wrong = { MUTTR_PASSPHRASE: 'another word' }
    assert.deepEqual(await refusalOf(['contacts', ...where], { env: wrong }), [
      2,
      'PASSPHRASE_WRONG'
    ])
    const right = { MUTTR_PASSPHRASE: 'a secret word' }
    assert.deepEqual(await resultsOf(['contacts', ...where], { env: right }), [])
    const piped = ['--passphrase-file', '-', 'contacts', ...where]
    assert.deepEqual(await resultsOf(piped, { stdin: 'a secret word\n' }), [])
  })

  it('lets one process run on a home, and goes on after a kill', async () => {
    assert.deepEqual(await refusalOf(['up', ...home('bob')]), [2, 'HOME_IN_USE'])
    assert.deepEqual(await refusalOf(['pod', 'invite', ...home('bob')]), [2, 'POD_UNKNOWN'])
    await net.kill('bob')
    assert.ok(existsSync(join(net.home('bob'), 'api.json')), 'a stale file is there')
    const [status] = await resultsOf(['status', ...home('bob')])
    assert.deepEqual(status.addresses, [], 'a light node answers')
    await net.start('bob')
  })

  const failures: [args: string[], status: number, code: string][] = [
    [['sned'], 1, 'USAGE'],
    [['blob', 'put', '/no/such/file'], 1, 'USAGE'],
    [['join', 'muttr:abc'], 1, 'LINK_INVALID'],
    [['init', '--name', 'x', '--network', '/no/such', '--home', '/tmp/none'], 1, 'NETWORK_INVALID'],
    [['inbox', '--home', '/no/such/home'], 2, 'HOME_MISSING'],
    [['read', 'ffff'], 2, 'LETTER_UNKNOWN'],
    [['send', 'nobody@two.test', 'x'], 2, 'ALIAS_UNKNOWN'],
    [['send', 'bob@nowhere.test', 'x'], 2, 'POD_UNKNOWN'],
    [['send', 'bob', 'x'], 2, 'ALIAS_INVALID'],
    [['register', 'bob@two.test'], 2, 'ALIAS_TAKEN'],
    [['contacts', 'accept', 'nobody@two.test'], 2, 'CONTACT_UNKNOWN'],
    [['blob', 'get', '00'.repeat(32)], 2, 'BLOB_UNKNOWN']
  ]
  it('ends with the status of each kind of failure, its error on standard error', async () => {
    const env = { MUTTR_HOME: net.home('alice') }
    const ends = await Promise.all(failures.map(([args]) => refusalOf(args, { env })))
    assert.deepEqual(
      ends.map((end, i) => [failures[i]![0], ...end]),
      failures
    )
  })

  it('refuses a changed key until it is accepted', async () => {
    const seen = (await resultsOf(['lookup', 'bob@two.test', ...home('alice')]))[0].fingerprint
    assert.equal(
      (await resultsOf(['verify', 'bob@two.test', seen, ...home('alice')]))[0].verified,
      true
    )
    await net.kill('two.test')
    await rm(join(net.home('two.test'), 'db', 'pod'), { recursive: true })
    await net.stop('bob')
    await net.start('two.test')
    const other = ['--home', await bareHome('other bob')]
    await resultsOf(['register', 'bob@two.test', ...other])
    const about = ['bob@two.test', ...home('alice')]
    assert.deepEqual(await refusalOf(['lookup', ...about]), [2, 'KEY_CHANGED'])
    assert.deepEqual(await refusalOf(['send', ...about, 'for bob alone']), [2, 'KEY_CHANGED'])
    const [status] = await resultsOf(['status', ...other])
    const [accepted] = await resultsOf(['contacts', 'accept', ...about])
    assert.deepEqual([accepted.fingerprint, accepted.verified], [status.fingerprint, false])
    const [sent] = await resultsOf(['send', ...about, 'for whoever it is'])
    assert.equal(sent.state, 'announced')
    assert.deepEqual(
      (await inbox(...other)).map(({ id }) => id),
      [sent.id]
    )
  })

  it('keeps a letter while there is no network, says so, and sends it after', async () => {
    await net.stop('alice')
    const file = networkFile()
    const real = await readFile(file, 'utf8')
    const network = readNetwork(real)
    const [nobody] = await freePorts(1, systemRandom)
    const gone = (address: string) => address.replace(/tcp\/\d+/, `tcp/${nobody}`)
    const pods = network.pods.map(pod => ({ ...pod, addresses: pod.addresses.map(gone) }))
    await writeFile(file, JSON.stringify({ ...network, pods }))
    const [sent] = await resultsOf(['send', 'bob@two.test', 'later', ...home('alice')])
    assert.deepEqual([sent.state, sent.waiting.code], ['queued', 'NETWORK_EMPTY'])
    assert.deepEqual(await refusalOf(['lookup', 'bob@two.test', ...home('alice')]), [
      3,
      'POD_UNREACHABLE'
    ])
    assert.equal((await runMuttr(['doctor', ...home('alice')])).status, 2)
    await writeFile(file, real)
    const from = net.events.length
    await net.start('alice')
    await net.event('alice', 'announced', from, ({ letter }) => letter === sent.id)
  })
})

describe('muttr net up', () => {
  let temporary: string
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'muttr-test-'))
  })
  afterEach(() => rm(temporary, { recursive: true, force: true }))

  interface Up {
    child: ChildProcessWithoutNullStreams
    nodes: Printed[]
    pids: number[]
  }
  async function up(pods: number, seeds: number): Promise<Up> {
    const args = ['net', 'up', '--pods', `${pods}`, '--seeds', `${seeds}`, '--json']
    const child = startMuttr(args, { TMPDIR: temporary })
    const nodes = await firstLines(child, pods + seeds)
    const files = nodes.map(node => readFile(join(node.home, 'api.json'), 'utf8'))
    const pids = (await Promise.all(files)).map(text => JSON.parse(text).pid)
    return { child, nodes, pids }
  }
  const nothingIsLeft = async ({ pids }: Up) => {
    await Promise.all(pids.map(goneProcess))
    assert.deepEqual(await readdir(temporary), [])
  }

  it('prints a line for each node, carries letters, and leaves nothing after Ctrl-C', async () => {
    const net = await up(1, 3)
    assert.deepEqual(
      net.nodes.map(({ role, name, aliases }) => [role, name, aliases]),
      [
        ['pod', 'one.test', []],
        ['seed', 'alice', ['alice@one.test']],
        ['seed', 'bob', ['bob@one.test']],
        ['seed', 'seed-3', []]
      ]
    )
    for (const node of net.nodes) {
      const names = ['ready', 'role', 'name', 'home', 'addresses', 'api', 'aliases', 'page']
      const more = node.role === 'pod' ? ['hkp'] : []
      assert.deepEqual(Object.keys(node), [...names, ...more])
      assert.equal(node.ready, true)
      assert.equal(dirname(dirname(node.home)), temporary)
      assert.match(node.addresses[0], /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3Koo\w+$/)
      assert.match(node.api, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.match(node.page.replace(node.api, ''), /^\/#token=[0-9a-f]{64}$/)
    }
    const [pod, alice, bob] = net.nodes
    const server = pod.hkp.replace(/^hkp:/, 'http:')
    const key = await fetch(`${server}/pks/lookup?op=get&options=mr&search=alice@one.test`)
    assert.match(await key.text(), /^-----BEGIN PGP PUBLIC KEY BLOCK-----/)
    const [sent] = await resultsOf(['send', 'bob@one.test', 'hello', '--home', alice.home])
    assert.deepEqual([sent.state, sent.announced.pod], ['announced', 'one.test'])
    assert.equal((await resultsOf(['status', '--home', bob.home]))[0].name, 'bob')
    net.child.kill('SIGINT')
    assert.deepEqual(await once(net.child, 'exit'), [0, null])
    await nothingIsLeft(net)
  })

  it('leaves nothing when it is killed', async () => {
    const net = await up(1, 2)
    net.child.kill('SIGKILL')
    await once(net.child, 'exit')
    await nothingIsLeft(net)
  })
})

import assert from 'node:assert/strict'
import type { PodOperator } from '../../src/api/operator.ts'
import { failureOf } from '../../src/base/failure.ts'
import type { Client } from '../../src/client/client.ts'
import { serveClient } from '../support/api.ts'
import { createFakeClient, fakeWords } from '../support/fake-client.ts'
import { bobsFingerprint } from '../support/fake-letters.ts'
import { createFakeOperator } from '../support/fake-operator.ts'
import { mailboxCalls } from '../support/mailbox-calls.ts'

const kib = (count: number, fill = 7) => new Uint8Array(count * 1024).fill(fill)

/** What a caller sees of one call: its value, or how it was refused. */
async function outcome<T>(call: (client: T) => Promise<unknown>, client: T) {
  try {
    return { value: await call(client) }
  } catch (err) {
    return { refused: failureOf(err) }
  }
}

const aborted = () => ({ signal: AbortSignal.abort() })

const calls: Record<string, (client: Client) => Promise<unknown>> = {
  'send: a letter': c => c.send({ to: 'bob@two.test', body: 'Hello', subject: 'Ça va 你好 🎈' }),
  'send: with everything': c =>
    c.send({ to: 'b@two.test', body: '', mimeType: 'text/markdown', lifeMs: 3, parent: 'ab' }),
  'send: the largest body': c => c.send({ to: 'bob@two.test', body: '\u0001'.repeat(48 * 1024) }),
  'send: waits': c => c.send({ to: 'waiting@two.test', body: 'x' }),
  'send: unknown alias': c => c.send({ to: 'unknown@two.test', body: 'x' }),
  'send: no alias': c => c.send({ to: '', body: 'x' }),
  'send: changed key, own hint': c => c.send({ to: 'changed@two.test', body: 'x' }),
  'invite: for others': c => c.invite({ pod: 'one.test', uses: 2, lifeMs: 9, note: 'n' }),
  'invite: as usual': c => c.invite(),
  'invite: no alias there': c => c.invite({ pod: 'away.test' }),
  'report: somebody': c => c.report('mallory@two.test', { kind: 'spam', text: 'x', letter: 'ab' }),
  'report: nobody': c => c.report('nobody@two.test', { kind: 'abuse' }),
  'send: pod away': c => c.send({ to: 'away@two.test', body: 'x' }),
  'send: aborted before': c => c.send({ to: 'slow@two.test', body: 'x' }, aborted()),
  'sent: after a letter': async c => {
    await c.send({ to: 'bob@two.test', body: 'Hello' })
    return [await c.sent(), await c.sent({}), await c.sent({ limit: 1 })]
  },
  'inbox: all': c => c.inbox(),
  'inbox: unread': c => c.inbox({ unread: true }),
  'inbox: not only unread, limited': c => c.inbox({ unread: false, limit: 1 }),
  'read: marks read': async c => {
    const [first] = await c.inbox({ unread: true })
    return [await c.read(first?.id.slice(0, 6) ?? ''), await c.inbox({ unread: true })]
  },
  'read: unknown': c => c.read('ffff'),
  'read: empty': c => c.read('').catch(err => failureOf(err).code),
  'read: a path': c => c.read('../../status?x=#').catch(err => failureOf(err).code),
  'read: dots': c => c.read('..').catch(err => failureOf(err).code),
  ...mailboxCalls,
  'register: open': c => c.register('alice@one.test'),
  'register: bad invite': c => c.register('alice@one.test', { invite: 'used' }),
  'lookup: a contact': c => c.lookup('bob@two.test'),
  'lookup: unknown': c => c.lookup('unknown@two.test'),
  'lookup: strange text': c => c.lookup('un"\\\u0000\u202e\n%2e@two.test'),
  contacts: c => c.contacts(),
  'acceptKey: known': c => c.acceptKey('bob@two.test'),
  'acceptKey: unknown': c => c.acceptKey('carol@two.test'),
  verification: c => c.verification('bob@two.test'),
  'verification: unknown': c => c.verification('eve@two.test'),
  card: c => c.card(),
  'card: of an alias': c => c.card('alice@one.test'),
  'verify: by words': c => c.verify('bob@two.test', fakeWords),
  'verify: without': c => c.verify('bob@two.test'),
  'verify: the same': c => c.verify('bob@two.test', bobsFingerprint),
  'verify: another': c => c.verify('bob@two.test', '0'.repeat(40)),
  'requests: and an answer': async c => {
    const [request] = await c.requests({ limit: 1 })
    await c.decide(request?.id ?? '', 'once')
    return [request, await c.requests()]
  },
  'decide: unknown': c => c.decide('0'.repeat(64), 'block'),
  'choosePolicy: and what was chosen': async c => [
    await c.choosePolicy('dave@two.test', 'ignore'),
    await c.policies()
  ],
  'choosePolicy: no alias': c => c.choosePolicy('dave', 'pull'),
  exportKey: c => c.exportKey(),
  recovery: c => c.recovery(),
  backup: async c => Buffer.concat(await Array.fromAsync(await c.backup())).toString('hex'),
  networkBackup: c => c.networkBackup(),
  'makeNetworkBackup: and how it stands then': async c => [
    await c.makeNetworkBackup(),
    await c.networkBackup()
  ],
  'cancelNetworkBackup: while it is made': async c => {
    await c.makeNetworkBackup()
    return c.cancelNetworkBackup()
  },
  'linkDevice: to its end': async c => Array.fromAsync(await c.linkDevice()),
  'linkDevice: refused in its midst': async c =>
    Array.fromAsync(await c.linkDevice({ history: false })),
  'linkDevice: aborted before': c => c.linkDevice(aborted()),
  'resend: unknown': c => c.resend('ab'.repeat(32)),
  devices: c => c.devices(),
  renameDevice: c => c.renameDevice('desk'),
  revokeDevice: c => c.revokeDevice('laptop'),
  'revokeDevice: unknown': c => c.revokeDevice('phone'),
  subkeys: c => c.subkeys(),
  revocation: c => c.revocation(),
  revokeKey: c => c.revokeKey({ reason: 'compromised' }),
  'revokeWith: of the own key': c => c.revokeWith(kib(1)),
  'revokeWith: of an alias': c => c.revokeWith(kib(1), 'dave@one.test'),
  'revokeWith: refused': c => c.revokeWith(kib(1, 0)),
  succession: c => c.succession(),
  succeedKey: c => c.succeedKey(),
  'succeedKey: from a file': c => c.succeedKey({ secretKey: 'armored', keyPassphrase: 'secret' }),
  moves: c => c.moves(),
  move: c => c.move('bob@two.test', { from: 'bob@one.test', invite: 'abc', note: 'me' }),
  'move: refused': c => c.move('bob@one.test'),
  'move: aborted before': c => c.move('bob@two.test', aborted()),
  rotateSubkey: c => c.rotateSubkey(),
  'importKey: names itself': c => c.importKey(kib(1)),
  'importKey: under an alias': c => c.importKey(kib(1), 'dave+x & y@one.test'),
  'importKey: refused': c => c.importKey(kib(1, 0)),
  'importKey: the largest': c => c.importKey(kib(64)),
  'putBlob: and back': async c => {
    const bytes = new Uint8Array(Array.from({ length: 256 }, (_, i) => i))
    const { key, ...stored } = await c.putBlob(bytes, { lifeMs: 3_600_000 })
    return { key, stored, bytes: Buffer.from(await c.getBlob(key)).toString('hex') }
  },
  'putBlob: the largest': c => c.putBlob(kib(256)),
  'putBlob: empty': c => c.putBlob(new Uint8Array()),
  'getBlob: unknown': c => c.getBlob('0'.repeat(64)),
  'getBlob: aborted before': c => c.getBlob('f'.repeat(64), aborted()),
  'sentLetter, retract, proof: of a letter sent': async c => {
    const { id } = await c.send({ to: 'bob@two.test', body: 'x', receipt: true })
    const proof = Buffer.from(await c.proof(id)).toString('hex')
    return [await c.sentLetter(id), await c.retract(id), proof]
  },
  'retract: too late': async c => {
    const { id } = await c.send({ to: 'reader@two.test', body: 'x', corrects: 'ab'.repeat(32) })
    return c.retract(id)
  },
  'sentLetter: unknown': c => c.sentLetter('0'.repeat(64)),
  'retract: unknown': c => c.retract('0'.repeat(64)),
  'proof: unknown': c => c.proof('0'.repeat(64)),
  'attach: a file, and what is done with it': async c => {
    async function* pieces() {
      for (let i = 0; i < 40; i++) yield kib(64, i)
    }
    const how = { name: 'Grüße & mehr.pdf', type: 'application/pdf', lifeMs: 3_600_000 }
    const file = await c.attach(pieces(), how)
    const seen = [await c.attachments(), await c.attachment(file.id)]
    const [paused, resumed] = [await c.pauseAttachment(file.id), await c.resumeAttachment(file.id)]
    await c.send({ to: 'bob@two.test', body: '', attachments: [file.id] })
    await c.dropAttachment(file.id)
    return [file, seen, paused.state, resumed.state, await c.attachments()]
  },
  'attach: nothing': c => c.attach((async function* () {})(), { name: 'empty' }),
  'fetchAttachment: and what comes': async c => {
    const id = '3fa9c2d1'
    const states = [await c.fetchAttachment(id, 0), await c.pauseFetch(id, 0)]
    const pieces = await Array.fromAsync(await c.openAttachment(id, 0))
    const file = Buffer.concat(pieces).toString('hex')
    return [states, file, await c.forgetAttachment(id, 0)]
  },
  'fetchAhead: what the pod has': c => c.fetchAhead('3fa9c2d1', 0),
  'fetchAhead: unknown': c => c.fetchAhead('3fa9c2d1', 5),
  'fetchAttachment: unknown': c => c.fetchAttachment('3fa9c2d1', 5),
  'openAttachment: unknown': c => c.openAttachment('3fa9c2d1', 5),
  'attachment: unknown': c => c.attachment('0'.repeat(32)),
  'dropAttachment: unknown': c => c.dropAttachment('..').catch(err => failureOf(err).code),
  status: c => c.status(),
  doctor: c => c.doctor(),
  alarms: c => c.alarms(),
  'alarmProof: against a pod': c => c.alarmProof('alice@one.test'),
  'alarmProof: of nobody': c => c.alarmProof('bob@two.test'),
  'answerAlarms: of an alias': c => c.answerAlarms('alice@one.test'),
  'answerAlarms: no alias': c => c.answerAlarms('alice'),
  'an unforeseen error': c =>
    c.lookup('broken@two.test').catch(err => {
      const { code, message } = failureOf(err)
      return [code, message]
    })
}

const by = 'olga'
const operatorCalls: Record<string, (pod: PodOperator) => Promise<unknown>> = {
  invite: pod => pod.invite({ uses: 3, lifeMs: 9, note: 'n', by }),
  'invite: as usual': pod => pod.invite(),
  invites: pod => pod.invites(),
  revokeInvite: pod => pod.revokeInvite('3fa9', { by }),
  'revokeInvite: unknown': pod => pod.revokeInvite('../x', { by }),
  accounts: pod => pod.accounts({ state: 'suspended', text: 'al', after: 'ab', limit: 1 }),
  'accounts: all': pod => pod.accounts(),
  account: pod => pod.account('mallory@one.test'),
  'account: unknown': pod => pod.account('nobody'),
  suspend: pod => pod.suspend('mallory', { reason: 'spam', lifeMs: 5, by }),
  resume: pod => pod.resume('mallory', { by }),
  remove: pod => pod.remove('mallory', { reason: '', by }),
  setQuota: pod => pod.setQuota('mallory', { notices: 5, aliases: null, by }),
  exportAccount: pod => pod.exportAccount('mallory', { by }),
  revokeAlias: pod => pod.revokeAlias('mallory', { reason: 'why', by }),
  freeAlias: pod => pod.freeAlias('mallory', { by }),
  requests: pod => pod.requests(),
  approve: pod => pod.approve('carol', { by }),
  refuse: pod => pod.refuse('carol', { reason: 'no', by }),
  reports: pod => pod.reports(),
  closeReport: pod => pod.closeReport('fafa', { reason: 'done', by }),
  names: pod => pod.names(),
  reserve: pod => pod.reserve(['mayor', 'council'], { by }),
  allow: pod => pod.allow(['postmaster']),
  rates: pod => pod.rates(),
  setRate: pod => pod.setRate('noticesPerAccount', { burst: 5, perHour: 60, by }),
  resetRate: pod => pod.resetRate('noticesPerAccount', { by }),
  peers: pod => pod.peers(),
  allowPeer: pod => pod.allowPeer('two.test', { by, fingerprint: 'ab'.repeat(20) }),
  blockPeer: pod => pod.blockPeer('two.test', { by }),
  ports: pod => pod.ports(),
  overview: pod => pod.overview(),
  examine: pod => pod.examine(),
  operators: pod => pod.operators(),
  addOperator: pod => pod.addOperator('mona', { role: 'moderator', by }),
  setRole: pod => pod.setRole('olga', { role: 'reader', by }),
  removeOperator: pod => pod.removeOperator('olga', { by }),
  'removeOperator: unknown': pod => pod.removeOperator('../x', { by }),
  resetOperator: pod => pod.resetOperator('olga', { by }),
  loginLink: pod => pod.loginLink({ name: 'olga', by }),
  'loginLink: as usual': pod => pod.loginLink(),
  processes: pod => pod.processes(),
  removeProcess: pod => pod.removeProcess('12D3KooWOther', { by }),
  'removeProcess: itself': pod => pod.removeProcess('12D3KooWFake', { by }),
  certify: pod => pod.certify('x'.repeat(100_000), { lifeMs: 9, by }),
  parent: pod => pod.parent(),
  setParent: pod => pod.setParent('x'.repeat(150_000), { by }),
  'setParent: forged': pod => pod.setParent('forged'),
  removeParent: pod => pod.removeParent({ by }),
  drain: pod => pod.drain({ overMs: 5_000, leave: true, by }),
  'drain: cancelled': pod => pod.drain({ by: 'nobody' }),
  drainState: pod => pod.drainState(),
  serveAgain: pod => pod.serveAgain(),
  audit: pod => pod.audit({ before: 9, limit: 2 }),
  checkAudit: pod => pod.checkAudit('cd'.repeat(32)),
  'checkAudit: no hash': pod => pod.checkAudit()
}

describe('a client over the local API', () => {
  for (const [name, call] of Object.entries(calls))
    it(`is the client itself: ${name}`, async () => {
      await using served = await serveClient(createFakeClient())
      assert.deepEqual(await outcome(call, served.remote), await outcome(call, createFakeClient()))
    })

  it('refuses what is too large with the same code', async () => {
    await using served = await serveClient(createFakeClient())
    const direct = createFakeClient()
    const oversized: ((c: Client) => Promise<unknown>)[] = [
      c => c.send({ to: 'bob@two.test', body: 'x'.repeat(48 * 1024 + 1) }),
      c => c.send({ to: 'bob@two.test', body: 'é'.repeat(24 * 1024 + 1) }),
      c => c.putBlob(kib(256.5)),
      c => c.importKey(kib(65))
    ]
    const code = async (call: (c: Client) => Promise<unknown>, client: Client) =>
      call(client).then(
        () => 'taken',
        err => failureOf(err).code
      )
    for (const call of oversized)
      assert.equal(await code(call, served.remote), await code(call, direct))
  })

  it('passes a cancellation on to the client', async () => {
    const fake = createFakeClient()
    await using served = await serveClient(fake)
    const stop = new AbortController()
    const asked = served.remote.lookup('slow@two.test', stop)
    const until = async (reached: () => boolean) => {
      while (!reached()) await new Promise(setImmediate)
    }
    await until(() => fake.hanging === 1)
    stop.abort(new Error('any reason'))
    await assert.rejects(asked, { code: 'CANCELLED' })
    await until(() => fake.aborted === 1)
  })

  it('says when the daemon went away', async () => {
    const served = await serveClient(createFakeClient())
    await served.server[Symbol.asyncDispose]()
    await assert.rejects(served.remote.status(), { code: 'DAEMON_UNREACHABLE' })
  })

  for (const [name, ask] of Object.entries(operatorCalls))
    it(`hands a pod's operator what it is given and answered: ${name}`, async () => {
      const [direct, served] = [[], []] as [string, Record<string, unknown>][][]
      const pod = createFakeOperator(served)
      const wanted = await outcome(ask, createFakeOperator(direct))
      await using over = await serveClient(createFakeClient(), { pod })
      assert.deepEqual(await outcome(ask, over.remote.pod), wanted)
      assert.deepEqual(served, JSON.parse(JSON.stringify(direct)))
    })

  it('refuses what is for operators where no pod runs', async () => {
    await using bare = await serveClient(createFakeClient())
    await assert.rejects(bare.remote.pod.invite(), { code: 'POD_UNKNOWN' })
  })
})
